-- Times are microseconds since 1970 UTC, 0 standing for never; yes and no are
-- 1 and 0; "search" is what people search in, in lower case.

-- +goose Up
CREATE TABLE canary (
    id     INTEGER PRIMARY KEY,
    sealed BLOB NOT NULL
);

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
);

CREATE TABLE person (
    email            TEXT PRIMARY KEY,
    title            TEXT    NOT NULL,
    phone            TEXT    NOT NULL,
    deleted          INTEGER NOT NULL,
    created          BIGINT  NOT NULL,
    last_login       BIGINT  NOT NULL,
    password_changed BIGINT  NOT NULL,
    password_hash    TEXT    NOT NULL,
    must_reset       INTEGER NOT NULL,
    search           TEXT    NOT NULL
);

CREATE TABLE service_account (
    email    TEXT PRIMARY KEY,
    title    TEXT    NOT NULL,
    project  TEXT    NOT NULL,
    deleted  INTEGER NOT NULL,
    created  BIGINT  NOT NULL,
    key_hash TEXT    NOT NULL,
    search   TEXT    NOT NULL
);
CREATE INDEX service_account_project ON service_account (project, email);

CREATE TABLE workload_identity (
    email    TEXT PRIMARY KEY,
    title    TEXT    NOT NULL,
    project  TEXT    NOT NULL,
    deleted  INTEGER NOT NULL,
    created  BIGINT  NOT NULL,
    trust    TEXT    NOT NULL,
    revision BIGINT  NOT NULL,
    search   TEXT    NOT NULL
);
CREATE INDEX workload_identity_project ON workload_identity (project, email);

CREATE TABLE role (
    id          TEXT PRIMARY KEY,
    title       TEXT NOT NULL,
    description TEXT NOT NULL,
    permissions TEXT NOT NULL
);

CREATE TABLE policy (
    resource TEXT PRIMARY KEY,
    bindings TEXT   NOT NULL,
    etag     BIGINT NOT NULL
);

CREATE TABLE session (
    hash       TEXT PRIMARY KEY,
    email      TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    created    BIGINT  NOT NULL,
    expires    BIGINT  NOT NULL,
    used       BIGINT  NOT NULL,
    web        INTEGER NOT NULL,
    ip         TEXT    NOT NULL,
    user_agent TEXT    NOT NULL
);
CREATE INDEX session_email ON session (email);

CREATE TABLE signing_key (
    id      TEXT PRIMARY KEY,
    sealed  BLOB   NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE exchange (
    reference  TEXT PRIMARY KEY,
    time       BIGINT  NOT NULL,
    identity   TEXT    NOT NULL,
    allowed    INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    checks     TEXT    NOT NULL,
    claims     TEXT    NOT NULL,
    token_id   TEXT    NOT NULL,
    job        TEXT    NOT NULL,
    ip         TEXT    NOT NULL,
    user_agent TEXT    NOT NULL,
    latency    BIGINT  NOT NULL
);
CREATE INDEX exchange_time ON exchange (time, reference);
CREATE INDEX exchange_allowed ON exchange (allowed, time, reference);
CREATE INDEX exchange_identity ON exchange (identity, time, reference);
CREATE INDEX exchange_identity_allowed ON exchange (identity, allowed, time, reference);

-- Every filter of the audit log finds its rows by an index that ends with
-- (time, id), the order of the list, so no list sorts or reads much more than
-- it shows.
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    time       BIGINT  NOT NULL,
    caller     TEXT    NOT NULL,
    title      TEXT    NOT NULL,
    job        TEXT    NOT NULL,
    ip         TEXT    NOT NULL,
    user_agent TEXT    NOT NULL,
    method     TEXT    NOT NULL,
    permission TEXT    NOT NULL,
    resource   TEXT    NOT NULL,
    project    TEXT    NOT NULL,
    request    TEXT    NOT NULL,
    response   TEXT    NOT NULL,
    failed     INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    message    TEXT    NOT NULL,
    latency    BIGINT  NOT NULL,
    reference  TEXT    NOT NULL
);
CREATE INDEX audit_time ON audit (time, id);
CREATE INDEX audit_caller ON audit (caller, time, id);
CREATE INDEX audit_method ON audit (method, time, id);
CREATE INDEX audit_permission ON audit (permission, time, id);
CREATE INDEX audit_project ON audit (project, time, id);
CREATE INDEX audit_failed ON audit (failed, time, id);

-- One row for the resource of an audit entry and for each that it is part of.
CREATE TABLE audit_resource (
    resource TEXT   NOT NULL,
    time     BIGINT NOT NULL,
    audit    BIGINT NOT NULL REFERENCES audit (id) ON DELETE CASCADE,
    PRIMARY KEY (resource, time, audit)
) WITHOUT ROWID;
CREATE INDEX audit_resource_audit ON audit_resource (audit);

CREATE TABLE project (
    id       TEXT PRIMARY KEY,
    title    TEXT    NOT NULL,
    deleted  INTEGER NOT NULL,
    labels   TEXT    NOT NULL,
    created  BIGINT  NOT NULL,
    parallel INTEGER NOT NULL,
    search   TEXT    NOT NULL
);
INSERT INTO project (id, title, deleted, labels, created, parallel, search)
VALUES ('default', 'Default project', 0, 'null', CAST(strftime('%s', 'now') AS INTEGER) * 1000000, 0, 'default' || char(10) || 'default project');

CREATE TABLE instance (
    id          TEXT PRIMARY KEY,
    title       TEXT    NOT NULL,
    engine      TEXT    NOT NULL,
    version     TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    link        TEXT    NOT NULL,
    deleted     INTEGER NOT NULL,
    labels      TEXT    NOT NULL,
    created     BIGINT  NOT NULL,
    synced      BIGINT  NOT NULL,
    sources     TEXT    NOT NULL,
    search      TEXT    NOT NULL
);

CREATE TABLE database (
    instance    TEXT    NOT NULL REFERENCES instance (id),
    name        TEXT    NOT NULL,
    project     TEXT    NOT NULL REFERENCES project (id),
    environment TEXT    NOT NULL,
    labels      TEXT    NOT NULL,
    deleted     INTEGER NOT NULL,
    synced      BIGINT  NOT NULL,
    sync_error  TEXT    NOT NULL,
    release     TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    PRIMARY KEY (instance, name)
);
CREATE INDEX database_project ON database (project, instance, name);

CREATE TABLE revision (
    instance TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    version  TEXT   NOT NULL,
    path     TEXT   NOT NULL,
    sha256   TEXT   NOT NULL,
    text_sha TEXT   NOT NULL,
    release  TEXT   NOT NULL,
    task_run TEXT   NOT NULL,
    applied  BIGINT NOT NULL,
    took     BIGINT NOT NULL,
    deleted  BIGINT NOT NULL,
    deleter  TEXT   NOT NULL,
    PRIMARY KEY (instance, name, id)
);
CREATE INDEX revision_applied ON revision (instance, name, applied, id);

CREATE TABLE sheet (
    project TEXT   NOT NULL REFERENCES project (id),
    sha256  TEXT   NOT NULL,
    content BLOB   NOT NULL,
    PRIMARY KEY (project, sha256)
);

CREATE TABLE release (
    project   TEXT    NOT NULL REFERENCES project (id),
    id        TEXT    NOT NULL,
    category  TEXT    NOT NULL,
    files     TEXT    NOT NULL,
    vcs_type  TEXT    NOT NULL,
    vcs_url   TEXT    NOT NULL,
    creator   TEXT    NOT NULL,
    job       TEXT    NOT NULL,
    created   BIGINT  NOT NULL,
    deleted   INTEGER NOT NULL,
    digest    TEXT    NOT NULL,
    train     TEXT    NOT NULL,
    iteration INTEGER NOT NULL,
    PRIMARY KEY (project, id),
    UNIQUE (project, train, iteration)
);
CREATE INDEX release_created ON release (project, created, id);
CREATE INDEX release_digest ON release (project, digest, created, id);
CREATE INDEX release_category ON release (project, category, created, id);

CREATE TABLE plan (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    project     TEXT   NOT NULL REFERENCES project (id),
    title       TEXT   NOT NULL,
    description TEXT   NOT NULL,
    specs       TEXT   NOT NULL,
    creator     TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    updated     BIGINT NOT NULL,
    digest      TEXT   NOT NULL
);
CREATE INDEX plan_project ON plan (project, id);
CREATE INDEX plan_digest ON plan (project, digest, id);

CREATE TABLE rollout (
    plan    BIGINT PRIMARY KEY REFERENCES plan (id),
    project TEXT   NOT NULL,
    title   TEXT   NOT NULL,
    stages  TEXT   NOT NULL,
    creator TEXT   NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX rollout_created ON rollout (project, created, plan);

CREATE TABLE task (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    plan           BIGINT NOT NULL REFERENCES rollout (plan),
    project        TEXT   NOT NULL,
    spec           TEXT   NOT NULL,
    environment    TEXT   NOT NULL,
    instance       TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    release        TEXT   NOT NULL,
    status         TEXT   NOT NULL,
    skipped_reason TEXT   NOT NULL,
    updated        BIGINT NOT NULL
);
CREATE INDEX task_plan ON task (plan, id);

CREATE TABLE task_run (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    task       BIGINT  NOT NULL REFERENCES task (id),
    attempt    INTEGER NOT NULL,
    status     TEXT    NOT NULL,
    detail     TEXT    NOT NULL,
    failure    TEXT    NOT NULL,
    creator    TEXT    NOT NULL,
    job        TEXT    NOT NULL,
    created    BIGINT  NOT NULL,
    updated    BIGINT  NOT NULL,
    started    BIGINT  NOT NULL,
    run_time   BIGINT  NOT NULL,
    holder     TEXT    NOT NULL,
    fence      BIGINT  NOT NULL,
    expires    BIGINT  NOT NULL,
    session    TEXT    NOT NULL,
    files_done INTEGER NOT NULL,
    files_all  INTEGER NOT NULL,
    cancel     INTEGER NOT NULL,
    log_size   INTEGER NOT NULL,
    UNIQUE (task, attempt)
);
CREATE UNIQUE INDEX task_run_active ON task_run (task) WHERE status IN ('PENDING', 'RUNNING');
CREATE INDEX task_run_owed ON task_run (id) WHERE status IN ('PENDING', 'RUNNING');

CREATE TABLE task_run_log (
    run   BIGINT  NOT NULL REFERENCES task_run (id),
    seq   INTEGER NOT NULL,
    entry TEXT    NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;
