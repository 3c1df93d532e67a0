//! `cargo xtask fuzz --target configuration`
#![no_main]

// The module alone: building all of bnpd takes longer than a run.
#[allow(dead_code, unused_imports)]
#[path = "../../../bins/bnpd/src/config/mod.rs"]
mod config;
#[path = "../targets/configuration.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::configuration(data));
