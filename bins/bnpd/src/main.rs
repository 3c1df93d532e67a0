//! The bnna API server.

mod config;

fn main() {}
