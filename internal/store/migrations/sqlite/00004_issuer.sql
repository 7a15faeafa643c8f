-- Which issuers are in use, without reading the trust of every identity.

-- +goose Up
ALTER TABLE workload_identity ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
UPDATE workload_identity SET issuer = COALESCE(json_extract(trust, '$.issuer'), '');
CREATE INDEX workload_identity_issuer ON workload_identity (issuer, deleted);
