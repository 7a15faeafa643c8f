-- What a project does about versions that come late, and after how many failures
-- it stops.

-- +goose Up
ALTER TABLE project ADD COLUMN max_failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE project ADD COLUMN out_of_order TEXT NOT NULL DEFAULT '';
