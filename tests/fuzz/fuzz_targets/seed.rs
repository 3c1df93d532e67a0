//! `cargo xtask fuzz --target seed`
#![no_main]

#[path = "../targets/seed.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::seed(data));
