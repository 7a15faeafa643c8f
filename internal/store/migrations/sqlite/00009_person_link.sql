-- Whom an identity provider's subject is here. An address can be given to
-- somebody else; a subject never is.

-- +goose Up
CREATE TABLE person_link (
    email   TEXT PRIMARY KEY REFERENCES person (email),
    issuer  TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    linked  BIGINT NOT NULL,
    UNIQUE (issuer, subject)
);
