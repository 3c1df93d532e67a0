-- The first shape of the store. Conventions, the same for every engine:
--   ids are UUIDv7 as text; a time is UTC in milliseconds since 1970 as an integer; a flag is 0 or 1; JSON is text.
-- STRICT and the CHECKs make the engine refuse what the row structs could not read back.

CREATE TABLE accounts (
    id           TEXT    NOT NULL PRIMARY KEY,
    slug         TEXT    NOT NULL UNIQUE,
    display_name TEXT    NOT NULL,
    email        TEXT    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('active', 'suspended', 'disabled')),
    pool         TEXT    NOT NULL,
    adopted      INTEGER NOT NULL CHECK (adopted IN (0, 1)),
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    suspended_at INTEGER,
    disabled_at  INTEGER
) STRICT;
CREATE INDEX accounts_status ON accounts (status, slug);

-- Which cluster holds an account, and under which pool there. A pool belongs to one account.
CREATE TABLE account_clusters (
    account_id TEXT    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    cluster    TEXT    NOT NULL,
    pool       TEXT    NOT NULL,
    adopted    INTEGER NOT NULL CHECK (adopted IN (0, 1)),
    state      TEXT    NOT NULL,
    PRIMARY KEY (account_id, cluster),
    UNIQUE (cluster, pool)
) STRICT;

CREATE TABLE account_settings (
    account_id TEXT    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    key        TEXT    NOT NULL,
    value_json TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT    NOT NULL,
    PRIMARY KEY (account_id, key)
) STRICT;

CREATE TABLE clusters (
    host                TEXT    NOT NULL PRIMARY KEY,
    name                TEXT    NOT NULL,
    addresses_json      TEXT    NOT NULL,
    trust_json          TEXT    NOT NULL,
    token_id            TEXT    NOT NULL,
    token_secret_sealed BLOB    NOT NULL,
    token_rotated_at    INTEGER,
    token_expires_at    INTEGER,
    base_domain         TEXT,
    supernets_json      TEXT    NOT NULL,
    default_node        TEXT,
    default_storage     TEXT,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL
) STRICT;

-- What is known of a guest beside what Proxmox says of it. Outlives its account when that is only forgotten.
CREATE TABLE instances (
    id         TEXT    NOT NULL PRIMARY KEY,
    cluster    TEXT    NOT NULL,
    vmid       INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    account_id TEXT REFERENCES accounts (id) ON DELETE SET NULL,
    bunch      TEXT,
    name       TEXT    NOT NULL,
    adopted    INTEGER NOT NULL CHECK (adopted IN (0, 1)),
    created_at INTEGER NOT NULL,
    gone_since INTEGER,
    UNIQUE (cluster, vmid)
) STRICT;
CREATE INDEX instances_account ON instances (account_id, cluster, vmid);
CREATE INDEX instances_vmid ON instances (vmid);

CREATE TABLE tenant_tokens (
    id           TEXT    NOT NULL PRIMARY KEY,
    hash         BLOB    NOT NULL UNIQUE,
    account_id   TEXT    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    role_id      TEXT,
    label        TEXT    NOT NULL,
    subject      TEXT,
    issuer       TEXT,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX tenant_tokens_account ON tenant_tokens (account_id, id);

-- Slugs and not references: what happened outlives the account that it happened to.
CREATE TABLE audit (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT    NOT NULL UNIQUE,
    at            INTEGER NOT NULL,
    actor_kind    TEXT    NOT NULL,
    actor         TEXT    NOT NULL,
    credential_id TEXT    NOT NULL,
    remote_addr   TEXT,
    action        TEXT    NOT NULL,
    target_kind   TEXT    NOT NULL,
    target        TEXT    NOT NULL,
    account       TEXT,
    request_id    TEXT    NOT NULL,
    operation_id  TEXT,
    detail_json   TEXT    NOT NULL,
    outcome       TEXT,
    outcome_at    INTEGER,
    error         TEXT
) STRICT;
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_account ON audit (account, seq);
CREATE INDEX audit_actor ON audit (actor, seq);
CREATE INDEX audit_action ON audit (action, seq);
CREATE INDEX audit_target ON audit (target_kind, target, seq);
CREATE INDEX audit_request ON audit (request_id);
CREATE INDEX audit_operation ON audit (operation_id);

CREATE TABLE operations (
    id             TEXT    NOT NULL PRIMARY KEY,
    kind           TEXT    NOT NULL,
    params_json    TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN
        ('pending', 'running', 'cancelling', 'undoing', 'done', 'failed', 'undone', 'stuck')),
    account        TEXT,
    subject        TEXT    NOT NULL,
    actor          TEXT    NOT NULL,
    request_id     TEXT    NOT NULL,
    cancel         INTEGER NOT NULL CHECK (cancel IN (0, 1)),
    steps_done     INTEGER NOT NULL,
    steps_total    INTEGER NOT NULL,
    current_step   TEXT,
    error_json     TEXT,
    result_json    TEXT,
    remains_json   TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    finished_at    INTEGER,
    lease_owner    TEXT,
    lease_until    INTEGER,
    fence          INTEGER NOT NULL
) STRICT;
CREATE INDEX operations_account ON operations (account, id);
CREATE INDEX operations_kind ON operations (kind, id);
CREATE INDEX operations_state ON operations (state, id);
CREATE INDEX operations_open ON operations (id) WHERE finished_at IS NULL;

-- Append only: what was begun and how it ended, in the order it happened.
CREATE TABLE operation_steps (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    operation_id TEXT    NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
    step         INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    phase        TEXT    NOT NULL CHECK (phase IN ('do', 'undo')),
    state        TEXT    NOT NULL CHECK (state IN ('started', 'done', 'failed', 'unknown')),
    output_json  TEXT,
    error_json   TEXT,
    fence        INTEGER NOT NULL,
    at           INTEGER NOT NULL
) STRICT;
CREATE INDEX operation_steps_operation ON operation_steps (operation_id, seq);

-- What an unfinished operation holds alone, such as `account:acme`.
CREATE TABLE operation_keys (
    key          TEXT NOT NULL PRIMARY KEY,
    operation_id TEXT NOT NULL REFERENCES operations (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX operation_keys_operation ON operation_keys (operation_id);

CREATE TABLE proxmox_tasks (
    upid         TEXT    NOT NULL PRIMARY KEY,
    cluster      TEXT    NOT NULL,
    node         TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    vmid         INTEGER,
    account_id   TEXT,
    started_by   TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    exitstatus   TEXT,
    operation_id TEXT
) STRICT;
CREATE INDEX proxmox_tasks_started ON proxmox_tasks (started_at, upid);
CREATE INDEX proxmox_tasks_account ON proxmox_tasks (account_id, started_at, upid);
CREATE INDEX proxmox_tasks_operation ON proxmox_tasks (operation_id);

-- Data keys, sealed under the master key file. Never a key in clear.
CREATE TABLE sealing_keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;
CREATE INDEX sealing_keys_purpose ON sealing_keys (purpose, id);

-- A claimed key without a status is a request that is still running (or was cut off).
CREATE TABLE idempotency (
    key           TEXT    NOT NULL,
    principal     TEXT    NOT NULL,
    route         TEXT    NOT NULL,
    body_hash     BLOB    NOT NULL,
    status        INTEGER,
    response_json TEXT,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (principal, route, key)
) STRICT;
CREATE INDEX idempotency_created ON idempotency (created_at);

-- One row that a health probe rewrites to learn whether the store can be written again.
CREATE TABLE store_probe (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
