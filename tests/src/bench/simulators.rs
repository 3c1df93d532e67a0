//! The simulated clusters in a process of their own: `bench simulators CLUSTERS GUESTS`. It prints a `[[clusters]]` table for each,
//! then an empty line, and does what it is told on standard input until that ends: `slow SECONDS`, `well`.

use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use proxmox_sim::{Cluster, FaultKind, FaultRule, Sim, SimBuilder, synthetic};

/// The secret of the token that bnpd has on each.
const SECRET: &str = "5ec2e700-0000-4000-8000-0000000be2c4";

/// The account that a guest belongs to, as slug and pool.
#[must_use]
pub fn account(number: u32) -> String {
    format!("account-{number:06}")
}

/// Runs them.
///
/// # Errors
/// One does not start.
pub async fn run(clusters: usize, guests: u32) -> Result<(), Box<dyn std::error::Error>> {
    let mut sims = Vec::new();
    let mut text = String::new();
    let count = u32::try_from(clusters)?;
    for number in 0..count {
        let sim = start(guests / count, number, count).await?;
        let addresses: Vec<String> = sim.addresses().values().map(ToString::to_string).collect();
        let pins: Vec<String> = sim.addresses().keys().filter_map(|node| sim.fingerprint(node)).collect();
        text.push_str(&format!(
            "\n[[clusters]]\nhost = \"sim-{number:02}\"\naddresses = {addresses:?}\nfingerprints = {pins:?}\n\
             token_id = \"root@pam!bench\"\ntoken_secret = {SECRET:?}\nbase_domain = \"bench.test\"\n"
        ));
        sims.push(sim);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}\nready")?;
    out.flush()?;
    drop(out);
    tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            for sim in &sims {
                sim.clear_faults();
                if let Some(seconds) = line.strip_prefix("slow ").and_then(|seconds| seconds.parse().ok()) {
                    let latency = FaultKind::Latency(Duration::from_secs(seconds));
                    sim.inject(FaultRule::always(latency).on("POST", "/"));
                }
            }
        }
    })
    .await?;
    Ok(())
}

async fn start(guests: u32, cluster: u32, clusters: u32) -> Result<Sim, proxmox_sim::SimError> {
    let builder = SimBuilder::from_state(Cluster::fresh(&["n1", "n2", "n3"])).root_token("bench", Some(SECRET));
    let sim = builder.state(|state| fill(state, guests, |place| place * clusters + cluster)).start().await?;
    Ok(sim)
}

/// Guests, five in the pool of each account; the accounts are dealt out to the clusters.
fn fill(cluster: &mut Cluster, guests: u32, account_at: impl Fn(u32) -> u32) {
    synthetic::add_guests(cluster, guests);
    let numbers: Vec<u32> = cluster.guests.iter().map(|guest| guest.vmid).collect();
    for (number, vmid) in (0..).zip(numbers) {
        let pool = account(account_at(number / 5));
        cluster.pools.entry(pool.clone()).or_default();
        cluster.join_pool(vmid, Some(&pool));
    }
}
