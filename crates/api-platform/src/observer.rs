//! Calls to clusters as `timings` of the request they are made for.

use bnna_api_kit::record_timing;
use proxmox_client::{CallRecord, Observer};

/// Records every call that a request waits for as `pve:<host>` or `pbs:<host>`. Calls of operations, which no request waits for
/// itself, are not recorded. Given to the platform as its clients' observer.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimingObserver;

impl Observer for TimingObserver {
    fn call(&self, record: &CallRecord<'_>) {
        let product = match record.product {
            proxmox_client::Product::Pve => "pve",
            proxmox_client::Product::Pbs => "pbs",
        };
        record_timing(&format!("{product}:{}", record.host), record.duration);
    }
}
