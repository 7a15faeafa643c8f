-- What needs attention: instances that did not answer, databases that could not
-- be read.

-- +goose Up
ALTER TABLE instance ADD COLUMN sync_error TEXT NOT NULL DEFAULT '';
CREATE INDEX database_unread ON database (instance) WHERE sync_error <> '' AND deleted = 0;
