//! Backups of guests: making archives, keeping as many as a policy says, and making guests from them again.

mod notify;
mod restore;
pub mod run;
pub mod server;
mod story;

pub use notify::Notify;
pub use restore::RestoreJob;
pub use run::BackupJob;
pub use server::BackupServers;
