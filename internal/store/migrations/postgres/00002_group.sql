-- Groups of callers. "member" is spelled as in IAM bindings, so that a decision
-- finds the groups of a caller by one index.

-- +goose Up
CREATE TABLE principal_group (
    email       TEXT COLLATE "C" PRIMARY KEY,
    title       TEXT   NOT NULL,
    description TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    revision    BIGINT NOT NULL,
    search      TEXT   NOT NULL
);

CREATE TABLE group_member (
    email  TEXT COLLATE "C" NOT NULL REFERENCES principal_group (email) ON DELETE CASCADE,
    member TEXT COLLATE "C" NOT NULL,
    role   TEXT NOT NULL,
    PRIMARY KEY (email, member)
);
CREATE INDEX group_member_member ON group_member (member, email);
