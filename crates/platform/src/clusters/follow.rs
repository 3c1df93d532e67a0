//! What another bnpd over the same store changes of a cluster, taken into use here: its token above all, of which the old one is deleted
//! soon after.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bnna_store::clusters as rows;
use secrecy::ExposeSecret as _;

use super::Cluster;
use super::view::opened;
use crate::Platform;
use crate::error::Error;
use crate::estate::Estate;

/// How often the store is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// How long others may take to notice a change: after that long what it replaced may go.
pub(super) const NOTICED: Duration = Duration::from_secs(3);

/// Follows the store. Ends when the platform does.
pub(crate) async fn keep_up(platform: impl Fn() -> Option<Platform> + Send + 'static) {
    let mut told = BTreeMap::new();
    loop {
        let Some(alive) = platform() else { return };
        let ended = alive.ended();
        drop(alive);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = ended.cancelled_owned() => return,
        }
        let Some(alive) = platform() else { return };
        let trouble = follow(alive.estate()).await;
        // Said once, and not every second for as long as it lasts.
        for (cluster, error) in trouble.iter().filter(|(cluster, error)| told.get(*cluster) != Some(*error)) {
            tracing::warn!(cluster, error, "what another process has changed of clusters could not be taken into use");
        }
        told = trouble;
    }
}

/// Takes into use what stands in the store and is not in use. What could not be, by cluster: the others are followed all the same.
async fn follow(estate: &Estate) -> BTreeMap<String, String> {
    // First what is in use, then the rows: a change of our own is in its row before it is in use. So a row that differs is newer
    // than what was in use, and what came into use since is left alone.
    let in_use: BTreeMap<String, Arc<Cluster>> =
        estate.clusters.all().into_iter().map(|cluster| (cluster.host.clone(), cluster)).collect();
    let rows = match estate.store.read(rows::list).await {
        Ok(rows) => rows,
        Err(error) => return BTreeMap::from([(String::new(), error.to_string())]),
    };
    let taken = rows.into_iter().map(|row| (row.host.clone(), take(estate, in_use.get(&row.host), row)));
    taken.filter_map(|(host, taken)| Some((host, taken.err()?.to_string()))).collect()
}

/// Takes a cluster into use as its row says.
fn take(estate: &Estate, before: Option<&Arc<Cluster>>, row: rows::Cluster) -> Result<(), Error> {
    let (settings, secret) = opened(&estate.sealer, row)?;
    let same = before.is_some_and(|cluster| {
        cluster.settings == settings && cluster.token().1.expose_secret() == secret.expose_secret()
    });
    if same {
        return Ok(());
    }
    let cluster = Arc::new(estate.clusters.candidate(settings, secret)?);
    if estate.clusters.replace(before, &cluster) {
        tracing::info!(cluster = %cluster.host, "another process has changed a cluster; it is in use as it is now");
    }
    Ok(())
}
