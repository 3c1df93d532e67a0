//! A namespace on the backup server, where one is given.

use proxmox_client::Pbs;
use proxmox_client::pbs::namespaces::{Namespace, NamespaceFilter};

use super::scratch::{Scratch, words};

async fn has(server: &Pbs, datastore: &str, name: &str) -> Result<bool, String> {
    let filter = NamespaceFilter { parent: Namespace::root(), max_depth: Some(1) };
    let rows = server.datastore(datastore).namespaces(&filter).await.map_err(|error| error.to_string())?;
    Ok(rows.iter().any(|row| row.ns.to_string() == name))
}

/// Refuses a namespace that is there.
pub async fn look(server: &Pbs, datastore: &str, name: &str) -> Result<(), String> {
    let version = server.version().await.map_err(|error| error.to_string())?;
    say!("Proxmox Backup Server {} as it says", version.version);
    if has(server, datastore, name).await? {
        return Err(format!("there is a namespace {name} in {datastore} already"));
    }
    Ok(())
}

pub async fn part(scratch: &mut Scratch) -> Result<(), String> {
    say!("\nbackup server");
    let Some((server, datastore)) = scratch.backup_server.clone() else {
        scratch.skip("the backup server: none is given (--pbs)");
        return Ok(());
    };
    let name = scratch.pool.as_str().to_owned();
    let namespace: Namespace = name.parse().map_err(|error| format!("{error}"))?;
    scratch.namespace_made = true;
    let store = server.datastore(&datastore);
    store.create_namespace(&namespace).await.map_err(|error| error.to_string())?;
    let again = store.create_namespace(&namespace).await;
    scratch.observations.note("namespace made twice", &again.map_or_else(|error| words(&error), |()| "OK".to_owned()));
    let there = has(&server, &datastore, &name).await?;
    scratch.observations.note("the namespace is there", &there.to_string());
    let groups = store.groups(&namespace).await.map_err(|error| error.to_string())?;
    scratch.observations.note("groups in it", &groups.len().to_string());
    Ok(())
}
