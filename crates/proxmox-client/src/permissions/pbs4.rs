//! The privileges and predefined roles of Proxmox Backup Server 4.
//!
//! Data only: read by [`super::Access::new`].

/// Every privilege, in the order of the alphabet.
pub const PRIVILEGES: &[&str] = &[
    "Datastore.Allocate",
    "Datastore.Audit",
    "Datastore.Backup",
    "Datastore.Modify",
    "Datastore.Prune",
    "Datastore.Read",
    "Datastore.Verify",
    "Permissions.Modify",
    "Realm.Allocate",
    "Remote.Audit",
    "Remote.DatastoreBackup",
    "Remote.DatastoreModify",
    "Remote.DatastorePrune",
    "Remote.Modify",
    "Remote.Read",
    "Sys.Audit",
    "Sys.Console",
    "Sys.Modify",
    "Sys.PowerManagement",
    "Tape.Audit",
    "Tape.Modify",
    "Tape.Read",
    "Tape.Write",
];

/// The predefined roles and their privileges.
pub const ROLES: &[(&str, &[&str])] = &[
    ("Admin", PRIVILEGES),
    ("Audit", &["Datastore.Audit", "Sys.Audit"]),
    (
        "DatastoreAdmin",
        &[
            "Datastore.Audit",
            "Datastore.Backup",
            "Datastore.Modify",
            "Datastore.Prune",
            "Datastore.Read",
            "Datastore.Verify",
        ],
    ),
    ("DatastoreAudit", &["Datastore.Audit"]),
    ("DatastoreBackup", &["Datastore.Backup"]),
    ("DatastorePowerUser", &["Datastore.Backup", "Datastore.Prune"]),
    ("DatastoreReader", &["Datastore.Audit", "Datastore.Read", "Datastore.Verify"]),
    ("NoAccess", &[]),
    ("RemoteAdmin", &["Remote.Audit", "Remote.Modify", "Remote.Read"]),
    ("RemoteAudit", &["Remote.Audit"]),
    (
        "RemoteDatastoreAdmin",
        &["Remote.Audit", "Remote.DatastoreBackup", "Remote.DatastoreModify", "Remote.DatastorePrune"],
    ),
    ("RemoteDatastorePowerUser", &["Remote.Audit", "Remote.DatastoreBackup", "Remote.DatastorePrune"]),
    ("RemoteSyncOperator", &["Remote.Audit", "Remote.Read"]),
    ("RemoteSyncPushOperator", &["Remote.Audit", "Remote.DatastoreBackup"]),
    ("TapeAdmin", &["Tape.Audit", "Tape.Modify", "Tape.Read", "Tape.Write"]),
    ("TapeAudit", &["Tape.Audit"]),
    ("TapeOperator", &["Tape.Audit", "Tape.Read", "Tape.Write"]),
    ("TapeReader", &["Tape.Audit", "Tape.Read"]),
];
