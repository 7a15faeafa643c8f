-- Groups of callers. "member" is spelled as in IAM bindings, so that a decision
-- finds the groups of a caller by one index.

-- +goose Up
CREATE TABLE principal_group (
    email       TEXT PRIMARY KEY,
    title       TEXT   NOT NULL,
    description TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    revision    BIGINT NOT NULL,
    search      TEXT   NOT NULL
);

CREATE TABLE group_member (
    email  TEXT NOT NULL REFERENCES principal_group (email) ON DELETE CASCADE,
    member TEXT NOT NULL,
    role   TEXT NOT NULL,
    PRIMARY KEY (email, member)
);
CREATE INDEX group_member_member ON group_member (member, email);
