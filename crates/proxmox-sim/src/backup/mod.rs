//! Backups of guests: making archives, keeping as many as a policy says, and making guests from them again.

mod restore;
pub mod run;
pub mod server;

pub use restore::RestoreJob;
pub use run::BackupJob;
pub use server::BackupServers;
