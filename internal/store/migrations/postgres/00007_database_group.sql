-- Conditions that stand for databases of a project.

-- +goose Up
CREATE TABLE database_group (
    project TEXT COLLATE "C" NOT NULL REFERENCES project (id),
    id      TEXT COLLATE "C" NOT NULL,
    title   TEXT   NOT NULL,
    expr    TEXT   NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (project, id)
);
