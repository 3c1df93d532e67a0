-- What an account's group held when its pool was adopted: the rights that suspending takes away and enabling restores.
CREATE TABLE account_rights (
    account_id TEXT    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    cluster    TEXT    NOT NULL,
    path       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    ugid       TEXT    NOT NULL,
    propagate  INTEGER NOT NULL CHECK (propagate IN (0, 1)),
    PRIMARY KEY (account_id, cluster, path, role, ugid)
) STRICT;

-- Groups that were on the cluster before the account: forgotten with it, not deleted.
CREATE TABLE account_groups (
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    cluster    TEXT NOT NULL,
    groupid    TEXT NOT NULL,
    PRIMARY KEY (account_id, cluster)
) STRICT;

-- Proxmox users that disabling the account switched off: only these are switched on again.
CREATE TABLE account_held_users (
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    cluster    TEXT NOT NULL,
    userid     TEXT NOT NULL,
    PRIMARY KEY (account_id, cluster, userid)
) STRICT;
