//! What holds for every route because of what it is: who may call it, what a dry run of it does, what a repeated call gets, what
//! a tenant can learn of others. Each test walks the route table: a new route is a row in `calls`, or fails here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod authorization;
mod bad_input;
mod calls;
mod dry_run;
mod furnished;
mod repeats;
mod unseen;
