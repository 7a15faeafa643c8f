-- PostgreSQL looks at the row itself for what is not equal or greater, so that
-- the index of SQLite's migration would never be read here.

-- +goose Up
SELECT 1;
