-- What the last canary of an account found; it has to be known for longer than the operation that found it is kept.
CREATE TABLE account_canaries (
    account_id  TEXT    NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    at          INTEGER NOT NULL,
    report_json TEXT    NOT NULL
) STRICT;
