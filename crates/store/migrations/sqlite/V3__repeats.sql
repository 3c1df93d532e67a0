-- A key is claimed by one attempt of one process; its answer is sealed, because answers hold secrets. Keys of before were never
-- looked at by anybody.
DROP TABLE idempotency;
CREATE TABLE idempotency (
    key           TEXT    NOT NULL,
    principal     TEXT    NOT NULL,
    route         TEXT    NOT NULL,
    body_hash     BLOB    NOT NULL,
    claim         TEXT    NOT NULL UNIQUE,
    owner         TEXT    NOT NULL,
    request_id    TEXT    NOT NULL,
    operation_id  TEXT,
    answer_sealed BLOB,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (principal, route, key)
) STRICT;
CREATE INDEX idempotency_created ON idempotency (created_at);
