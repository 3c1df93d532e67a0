//! What a retention policy says about the backups on a storage, and doing it.

use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::backup::run;
use crate::guests::GuestKind;
use crate::state::Cluster;
use crate::storage::job::StorageJob;
use crate::storage::prune::Policy;
use crate::tasks::{NewTask, Plan, SHORT};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/storage/{storage}/prunebackups", dry_run),
    ("DELETE", "/nodes/{node}/storage/{storage}/prunebackups", prune),
];

/// The policy: the call's, or the storage's own.
fn policy(cluster: &Cluster, call: &Call) -> Result<String, Fault> {
    let definition = cluster.storages.require_on(call.required("storage"), call.node()).map_err(Fault::die)?;
    let text = call.text("prune-backups").or_else(|| definition.get("prune-backups"));
    Ok(text.unwrap_or("keep-all=1").to_owned())
}

fn selection(call: &Call) -> (Option<GuestKind>, Option<u32>) {
    (call.text("type").and_then(GuestKind::from_api), call.int("vmid").and_then(|vmid| u32::try_from(vmid).ok()))
}

fn dry_run(cluster: &mut Cluster, call: &Call) -> Outcome {
    let policy = policy(cluster, call)?;
    let (kind, vmid) = selection(call);
    let storage = call.required("storage");
    if let Some(Err(_)) = cluster.may_prune_backups(storage) {
        return Err(Fault::die("error pruning backups - check log"));
    }
    let mut rows: Vec<Value> = Vec::new();
    for (id, mark) in run::marks(cluster, storage, call.node(), Policy::parse(&policy), kind, vmid) {
        let Some(volume) = cluster.storages.volume(&id, call.node()) else { continue };
        let mut row = json!({ "volid": id.to_string(), "ctime": volume.ctime, "mark": mark });
        if let Some(row) = row.as_object_mut() {
            let kind = volume.archive.as_ref().map_or("unknown", |archive| archive.kind.api());
            row.insert("type".into(), json!(kind));
            if let Some(vmid) = volume.vmid {
                row.insert("vmid".into(), json!(vmid));
            }
        }
        rows.push(row);
    }
    Ok(Reply::data(rows))
}

fn prune(cluster: &mut Cluster, call: &Call) -> Outcome {
    let storage = call.required("storage").to_owned();
    let (kind, vmid) = selection(call);
    let path = format!("/storage/{storage}");
    if let Some(vmid) = vmid {
        if !cluster.has(&call.caller, &path, "Datastore.Allocate") {
            cluster.check(&call.caller, &path, &["Datastore.AllocateSpace"])?;
            cluster.check(&call.caller, &format!("/vms/{vmid}"), &["VM.Backup"])?;
        }
    } else {
        cluster.check(&call.caller, &path, &["Datastore.Allocate"])?;
    }
    let policy = policy(cluster, call)?;
    let id = vmid.map_or_else(|| storage.clone(), |vmid| format!("{vmid}@{storage}"));
    let user = call.caller.id();
    let node = call.node().to_owned();
    let new = NewTask { node: &node, kind: "prunebackups", id: &id, user: &user };
    let job = StorageJob::Prune { storage, policy, kind, vmid };
    Ok(Reply::data(cluster.start_task(&new, |_| Ok(Plan::new(SHORT, job)))))
}
