//! `--sim`: the suite against simulators that it starts itself, and a look at what it leaves alone and leaves behind.

use std::path::Path;

use proxmox_client::pve::guests::QemuOptions;
use proxmox_client::pve::qemu::CreateQemu;
use proxmox_client::{PoolId, Vmid};

use super::estates::ESTATES;
use super::{Args, client, interrupted, scratch, suite};
use crate::simulator::{self, Simulator};

/// Secret of the tokens.
const SECRET: &str = "5c1b1d0e-2f5e-4b55-9f0c-4e1d2a3b4c5d";
/// The pool, as on a real server.
const POOL: &str = "bnna-integration";

/// Every estate, then what is there already, then signals.
pub async fn run(record: bool) -> Result<(), String> {
    let binary = simulator::build()?;
    for estate in &ESTATES {
        say!("\n=== {}", estate.what);
        let simulator = start(&binary, "200")?;
        let args = args(&simulator);
        estate.prepare(&client(&args)?).await?;
        let seen = suite(&args).await?;
        if record {
            // What is lacking elsewhere is compared with this.
            return seen.observations.record();
        }
        estate.judge(&seen)?;
    }
    say!("\n=== what is there already");
    refusals(&args(&start(&binary, "200")?)).await?;
    for interruption in &interrupted::INTERRUPTIONS {
        // Slow enough that tasks are under way.
        let simulator = start(&binary, "2")?;
        interruption.check(&args(&simulator)).await?;
    }
    Ok(())
}

fn start(binary: &Path, speed: &str) -> Result<Simulator, String> {
    let args = ["--port", "0", "--pbs-port", "0", "--nodes", "2", "--speed", speed, "--auth-delay", "0"];
    Simulator::start(binary, &args, &[("PROXMOX_SIM_SECRET", SECRET)])
}

fn args(simulator: &Simulator) -> Args {
    let token = format!("root@pam!lab={SECRET}");
    Args {
        sim: false,
        url: Some(simulator.address.clone()),
        token: Some(token.clone()),
        fingerprint: Some(simulator.fingerprint.clone()),
        ca: None,
        pbs: simulator.backup.clone(),
        pbs_token: Some(token),
        pbs_fingerprint: simulator.backup_fingerprint.clone(),
        pbs_datastore: Some("ds1".to_owned()),
        vmid_from: Some(7000),
        vmid_to: Some(7009),
        pool: POOL.to_owned(),
        node: None,
        record: false,
    }
}

/// What is there already is not touched: the suite refuses to begin, and leaves it as it is.
async fn refusals(args: &Args) -> Result<(), String> {
    let (pve, pool) = (client(args)?, args.pool.parse::<PoolId>().map_err(|error| error.to_string())?);
    pve.pools().create(&pool, Some("somebody's")).await.map_err(|error| error.to_string())?;
    refuses(args, "there is a pool").await?;
    let kept = pve.pools().get(&pool).await.map_err(|error| error.to_string())?;
    if kept.is_none_or(|pool| pool.comment.as_deref() != Some("somebody's")) {
        return Err("the pool that was there is not as it was".to_owned());
    }
    pve.pools().delete(&pool).await.map_err(|error| error.to_string())?;

    // A guest anywhere in the range, also where the suite would not come.
    let last = Vmid::new(args.vmid_to.unwrap_or_default().into()).map_err(|error| error.to_string())?;
    let node =
        pve.nodes().list().await.map_err(|error| error.to_string())?.into_iter().next().ok_or("there is no node")?.node;
    let create = CreateQemu::new(last, QemuOptions::default());
    let task = pve.node(&node).create_qemu(&create).await.map_err(|error| error.to_string())?;
    task.succeed(scratch::patience()).await.map_err(|error| error.to_string())?;
    refuses(args, "there are guests in the range").await?;
    pve.qemu(&node, last).config().await.map_err(|error| format!("the guest that was there: {error}"))?;
    Ok(())
}

async fn refuses(args: &Args, why: &str) -> Result<(), String> {
    match suite(args).await {
        Err(refusal) if refusal.starts_with("refused: ") && refusal.contains(why) => {
            say!("  {refusal}");
            Ok(())
        }
        Err(other) => Err(format!("it fails with {other:?}, not because {why}")),
        Ok(_) => Err(format!("it does not refuse although {why}")),
    }
}
