-- What was done to a database, the rollouts of all projects together, and how
-- far a rollout is.

-- +goose Up
CREATE INDEX task_target ON task (instance, name, id);
CREATE INDEX task_tally ON task (plan, environment, status, updated);
CREATE INDEX rollout_time ON rollout (created, plan);
