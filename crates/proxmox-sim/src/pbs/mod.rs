//! A simulated Proxmox Backup Server.
//!
//! Its API is a dialect of its own: tokens are written with a colon, refusals are plain text with status 400, booleans are JSON booleans,
//! keys have hyphens. So it has its own wire, verifier and table of calls; TLS, faults and the clock are shared with the
//! PVE side. PVE clusters reach a server through a [`BackupLink`], as their nodes would through the backup client.
//!
//! ```no_run
//! # async fn example() -> Result<(), proxmox_sim::SimError> {
//! use proxmox_sim::pbs::{PbsBuilder, Snapshot};
//! let pbs = PbsBuilder::new("pbs1")
//!     .datastore("ds1")
//!     .root_token("lab", None)
//!     .token("pve@pbs!pve1", None, &[("/datastore/ds1", "DatastoreBackup")])
//!     .snapshot("ds1", "", "ct/200", "pve@pbs!pve1", 1_795_226_833, Snapshot::container("arch: amd64\n", 1_989_098))
//!     .start()
//!     .await?;
//! println!("{} pin {}", pbs.url(), pbs.fingerprint());
//! # Ok(())
//! # }
//! ```

mod api;
mod call;
mod certificate;
pub mod datastore;
mod http;
mod link;
mod rights;
mod schema;
mod server;
pub mod state;
mod table;
pub mod tasks;

pub use datastore::{BackupFile, Datastore, Group, Snapshot};
pub use link::{BackupLink, LinkError, Listed, NewBackup, Repository};
pub use server::{PbsBuilder, PbsSim};
pub use state::Pbs;

/// Every call that a simulated backup server answers: verb, path template, first major version that has it (0 for all).
#[must_use]
pub fn calls() -> Vec<(&'static str, &'static str, u32)> {
    table::Table::new().all().map(|call| (call.method, call.template, call.since)).collect()
}
