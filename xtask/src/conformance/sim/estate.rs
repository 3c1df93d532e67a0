//! The simulators that the scripted lives run against: the demo's cluster with everything that a typed call can ask for, and a backup server.

use std::time::Duration;

use proxmox_client::{Pbs, Product, Pve, Trust};
use proxmox_sim::pbs::{PbsBuilder, PbsSim, Snapshot};
use proxmox_sim::state::Clock;
use proxmox_sim::state::ceph::Ceph;
use proxmox_sim::storage::Definition;
use proxmox_sim::{Sim, SimBuilder, seed};

/// What the lives are lived in: the Unix time at which the clocks stand.
const NOW: i64 = 1_795_300_000;
/// Password of `root@pam`.
const PASSWORD: &str = "labroot123";

/// The simulators.
pub struct Estate {
    sim: Sim,
    server: PbsSim,
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Estate {
    /// Starts both; they say that they are of the schema's release.
    pub async fn start(product: Product, release: (u16, u16)) -> Result<Self, String> {
        let server = PbsBuilder::new("pbs1")
            .version("4.2.6")
            .clock(Clock::manual(NOW))
            .password("root@pam", PASSWORD)
            .root_token("lab", Some("s3cret"))
            .token("pve@pbs!pve1", Some("s3cret"), &[("/datastore/ds1", "DatastoreAdmin")])
            .snapshot(
                "ds1",
                "",
                "ct/900",
                "pve@pbs!pve1",
                NOW - 90_000,
                Snapshot::container("arch: amd64\n", 1_989_098),
            )
            .snapshot("ds1", "", "ct/900", "pve@pbs!pve1", NOW - 3_600, Snapshot::container("arch: amd64\n", 1_989_098))
            .start()
            .await
            .map_err(text)?;
        let version =
            if product == Product::Pve { format!("{}.{}.3", release.0, release.1) } else { "9.2.3".to_owned() };
        let (link, fingerprint) = (server.link(), server.fingerprint());
        let sim = SimBuilder::from_state(seed::demo_cluster().map_err(text)?)
            .version(&version)
            .clock(Clock::manual(NOW))
            .password("root@pam", PASSWORD)
            .root_token("lab", Some("s3cret"))
            .state(|cluster| {
                cluster.backup_servers.attach("pbs1", link);
                let options = [
                    ("server", "pbs1"),
                    ("datastore", "ds1"),
                    ("username", "pve@pbs!pve1"),
                    ("password", "s3cret"),
                    ("fingerprint", fingerprint.as_str()),
                    ("content", "backup"),
                ];
                let options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
                cluster.storages.define("pbs", Definition::new("pbs", options));
                let nodes: Vec<String> = cluster.nodes.iter().map(|node| node.name.clone()).collect();
                cluster.ceph = Some(Ceph::on(&nodes));
            })
            .start()
            .await
            .map_err(text)?;
        Ok(Self { sim, server })
    }

    /// Lets time pass on both.
    pub fn pass(&self, time: Duration) {
        self.server.with_state(|pbs| pbs.clock.advance(time));
        self.sim.with_state(|cluster| cluster.clock.advance(time));
    }

    /// A client of the cluster, with root's token or a ticket.
    pub fn pve(&self, ticket: bool) -> Result<Pve, String> {
        let address = self.sim.address("alpha").ok_or("the demo has no node alpha")?;
        let fingerprint = self.sim.fingerprint("alpha").unwrap_or_default();
        let trust = Trust::pinned([fingerprint.as_str()]).map_err(text)?;
        let builder = Pve::builder().address(address.to_string()).trust(trust);
        if ticket { builder.password("root@pam", PASSWORD) } else { builder.token("root@pam!lab", "s3cret") }
            .build()
            .map_err(text)
    }

    /// A client of the backup server, with root's token or a ticket.
    pub fn pbs(&self, ticket: bool) -> Result<Pbs, String> {
        let trust = Trust::pinned([self.server.fingerprint().as_str()]).map_err(text)?;
        let builder = Pbs::builder().address(self.server.address().to_string()).trust(trust);
        if ticket { builder.password("root@pam", PASSWORD) } else { builder.token("root@pam!lab", "s3cret") }
            .build()
            .map_err(text)
    }

    /// Stops both.
    pub async fn shutdown(self) {
        self.sim.shutdown().await;
        self.server.shutdown().await;
    }
}
