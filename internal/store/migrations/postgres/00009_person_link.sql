-- Whom an identity provider's subject is here. An address can be given to
-- somebody else; a subject never is.

-- +goose Up
CREATE TABLE person_link (
    email   TEXT COLLATE "C" PRIMARY KEY REFERENCES person (email),
    issuer  TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    linked  BIGINT NOT NULL,
    UNIQUE (issuer, subject)
);
