//! Recorded conversations played against the simulator (or a real server), and the differences found.
//!
//! A transcript is a file of exchanges recorded on a real server: requests with the answers they got. [`run`] starts a fresh simulator in
//! the state that the recording started from, sends every request and compares the answers: status, reason phrase, error texts,
//! keys and their types, and values, except those that cannot repeat (ids of processes, times, secrets, digests). Used by `cargo xtask replay` and by
//! this crate's tests.

mod captured;
mod client;
mod compare;
mod run;
mod text;
mod transcript;

pub use client::ClientError;
pub use run::{Difference, Outcome, Report, Target, run, run_against};
pub use transcript::{Exception, Exchange, Header, Line, Scenario, TranscriptError, exceptions, load, load_dir};
