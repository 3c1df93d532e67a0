//! The jobs of the crate's guide, as programs: `cargo run -p proxmox-client --example guide -- list-guests`.
//!
//! The address, token, secret and fingerprint come from `PVE_ADDRESS`, `PVE_TOKEN`, `PVE_SECRET` and `PVE_FINGERPRINT`. The tests of proxmox-sim
//! run the same files against the simulator.

#![allow(clippy::print_stdout, reason = "programs for people to run")]

mod back_up_and_restore;
mod change_configuration;
mod create_container;
mod least_privilege_token;
mod list_guests;
mod pin_fingerprint;
mod rules_of_errors;
mod why_permission;

use std::error::Error;

const JOBS: &str =
    "list-guests, create-container, change-configuration, back-up-and-restore, least-privilege-token, why, errors";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let of = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let pve =
        pin_fingerprint::connect(&of("PVE_ADDRESS")?, &of("PVE_TOKEN")?, of("PVE_SECRET")?, &of("PVE_FINGERPRINT")?)?;
    let job = std::env::args().nth(1).unwrap_or_default();
    match job.as_str() {
        "list-guests" => list_guests::run(pve).await?,
        "create-container" => create_container::run(pve).await?,
        "change-configuration" => change_configuration::run(pve).await?,
        "back-up-and-restore" => back_up_and_restore::run(pve).await?,
        "least-privilege-token" => least_privilege_token::run(pve).await?,
        "errors" => rules_of_errors::run(pve).await?,
        "why" => why_permission::run(pve).await?,
        _ => return Err(format!("which job? There are: {JOBS}").into()),
    }
    Ok(())
}
