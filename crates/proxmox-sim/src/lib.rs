//! A stateful simulator of Proxmox VE clusters that speaks the real wire protocol over TLS.
//!
//! It exists so that software written against Proxmox can be tested, and shown, without hardware. It is built
//! from answers recorded on real servers and refuses what they refuse, word for word: the reason phrase of the
//! status line, the `errors` object, the order of the checks. What is not simulated says so with Proxmox's own
//! `501 Method '…' not implemented`; nothing is answered "yes" by default.
//!
//! # Layers, from the socket inwards
//!
//! - [`wire`] accepts TLS connections (one listener per node, each node is an entry point), applies the HTTP
//!   rules of the real API server and renders answers. It knows nothing about users or guests.
//! - [`api`] holds the table of endpoints as data, finds the one that is meant, and runs the checks in the order of
//!   the real server: token allowed, route, duplicate parameters, permission, relay to another node, parameter verification,
//!   handler. How to add an endpoint is written there.
//! - [`verify`] checks parameters against their descriptions with Proxmox's words.
//! - [`state`] is everything that a cluster remembers: one serialisable struct behind one lock.
//!
//! [`Sim`] ties them together for embedding; the binary of this crate is a thin shell around it.
//!
//! ```no_run
//! # async fn example() -> Result<(), proxmox_sim::SimError> {
//! let sim = proxmox_sim::SimBuilder::new().node("pve1").node("pve2").root_token("lab", None).start().await?;
//! println!("{} pin {}", sim.url("pve1").unwrap_or_default(), sim.fingerprint("pve1").unwrap_or_default());
//! sim.with_state(|cluster| cluster.set_node_online("pve2", false));
//! sim.shutdown().await;
//! # Ok(())
//! # }
//! ```

pub mod api;
pub mod backup;
pub mod guests;
pub mod pbs;
pub mod replay;
pub mod seed;
mod sim;
pub mod state;
pub mod storage;
pub mod synthetic;
pub mod tasks;
pub mod verify;
pub mod wire;

pub use sim::{RootToken, Sim, SimBuilder, SimError};
pub use state::Cluster;
pub use wire::faults::{Endless, FaultKind, FaultRule, Moment, Seen, Watcher};
