//! The backup server of the recorded network.

use crate::SimError;
use crate::pbs::{PbsBuilder, PbsSim};
use crate::state::Cluster;

/// The backup server of a scenario.
pub(super) struct Backup {
    pub(super) sim: PbsSim,
    pub(super) secret: String,
}

/// Address of the backup server in the recorded network.
const BACKUP_ADDRESS: &str = "10.99.0.3";

/// The backup server of the recorded network: one datastore, and the user and token that the cluster backs up with.
pub(super) async fn backup_server(version: &str) -> Result<Backup, SimError> {
    let grants = [("/datastore/ds1", "DatastoreBackup"), ("/datastore/ds1", "DatastoreAudit")];
    let sim = PbsBuilder::new("pbs1")
        .version(if version.starts_with('3') { version } else { "3.2.4" })
        .password("root@pam", "labroot123")
        .datastore("ds1")
        .root_token("lab", None)
        .token("pve@pbs!pve1", None, &grants)
        .start()
        .await?;
    let secret = sim.root_token().map(|token| token.secret.clone()).unwrap_or_default();
    Ok(Backup { sim, secret })
}

impl Backup {
    /// Makes the server reachable from a cluster, as a storage of it.
    pub(super) fn attach(&self, cluster: &mut Cluster) {
        let (secret, fingerprint) = self.sim.with_state(|pbs| {
            let token = pbs.tokens.get("pve@pbs!pve1").map(|token| token.secret.0.clone());
            (token.unwrap_or_default(), pbs.fingerprint.to_ascii_uppercase())
        });
        cluster.backup_servers.attach(BACKUP_ADDRESS, self.sim.link());
        let options = [
            ("content", "backup"),
            ("datastore", "ds1"),
            ("fingerprint", fingerprint.as_str()),
            ("password", secret.as_str()),
            ("server", BACKUP_ADDRESS),
            ("username", "pve@pbs!pve1"),
        ];
        let options = options.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        cluster.storages.define("pbs", crate::storage::Definition::new("pbs", options));
    }
}
