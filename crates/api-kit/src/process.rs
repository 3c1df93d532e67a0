//! What the system says of this process. Linux tells it under `/proc/self`; elsewhere there is nothing to show.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{describe_gauge, gauge};

const MEMORY: &str = "process_resident_memory_bytes";
const FILES: &str = "process_open_fds";
const STARTED: &str = "process_start_time_seconds";

/// Tells the recorder what each name means, and since when this process records.
pub(crate) fn describe() {
    describe_gauge!(MEMORY, "Memory of the process that is in RAM, bytes.");
    describe_gauge!(FILES, "Open files and sockets.");
    describe_gauge!(STARTED, "When it was started, Unix seconds.");
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    gauge!(STARTED).set(since.as_secs_f64());
}

/// Sets what changes.
pub(crate) fn measure() {
    if let Some(kib) = resident_kib() {
        gauge!(MEMORY).set(f64::from(kib) * 1024.0);
    }
    let files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    gauge!(FILES).set(f64::from(u32::try_from(files).unwrap_or(u32::MAX)));
}

fn resident_kib() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
