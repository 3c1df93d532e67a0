//! `cargo xtask fuzz --target names`
#![no_main]

#[path = "../targets/names.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::names(data));
