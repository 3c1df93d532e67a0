//! bnpd, as a library that its binary and the workspace's suites compose: configuration, start, demo, and the small commands.

pub mod backup;
pub mod cli;
pub mod compose;
pub mod config;
pub mod demo;
pub mod init;
pub mod logging;
pub mod record;
mod tls;

pub use compose::{Daemon, StartError};
