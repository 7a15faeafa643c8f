-- A search for releases reads this index alone, newest first.

-- +goose Up
CREATE INDEX release_recent ON release (created, id, project, category, deleted);
