//! A client that trusts one certificate, by its fingerprint.

use std::time::Duration;

use proxmox_client::{BuildError, Pve, Timeouts, Trust};

pub(crate) fn connect(address: &str, token: &str, secret: String, fingerprint: &str) -> Result<Pve, BuildError> {
    Pve::builder()
        .address(address)
        .token(token, secret)
        .trust(Trust::pinned([fingerprint])?)
        .timeouts(Timeouts { connect: Duration::from_secs(3), ..Timeouts::default() })
        .build()
}
