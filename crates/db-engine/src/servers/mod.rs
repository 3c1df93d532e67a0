//! Private database servers on loopback, from the distribution's packages: for tests, benchmarks and the demo.
//!
//! Each has a fresh directory below the system's temporary one, a port of its own and certificates of its own, asks for passwords,
//! and never touches a system-wide instance. A server ends with its guard, and with the process however that ends
//! (`setpriv --pdeathsig KILL`, from a thread that lives as long as the guard). [`proxy`] stands in front of one and cuts the wire
//! at a chosen message; [`ToolWitness`] sees how the engine's tools are started.

mod certificates;
mod mariadb;
mod postgres;
mod process;
pub mod proxy;
mod witness;

pub use certificates::Certificates;
pub use mariadb::{MariaDbOptions, MariaDbServer};
pub use postgres::{PostgresOptions, PostgresServer};
pub use process::ServerError;
pub use witness::{ToolRun, ToolWitness};
