//! The bnna API server
fn main() {}
