//! `cargo xtask fuzz --target users_table`
#![no_main]

#[path = "../targets/users_table.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::users_table(data));
