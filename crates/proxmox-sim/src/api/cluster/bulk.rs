//! `/cluster/bulk-action`: the same for many guests, wherever they are.

use crate::api::{Call, Fault, Outcome, Reply, Simulated, index_reply};
use crate::guests::power::{BulkJob, BulkVerb};
use crate::state::Cluster;
use crate::tasks::NewTask;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/cluster/bulk-action", |_, _| Ok(index_reply("name", &["guest"]))),
    ("GET", "/cluster/bulk-action/guest", |_, _| Ok(index_reply("name", &["start", "shutdown", "migrate", "suspend"]))),
    ("POST", "/cluster/bulk-action/guest/start", start),
    ("POST", "/cluster/bulk-action/guest/shutdown", shutdown),
    ("POST", "/cluster/bulk-action/guest/suspend", suspend),
    ("POST", "/cluster/bulk-action/guest/migrate", migrate),
];

/// Refuses a caller that has the privilege neither everywhere nor on each of the guests.
pub(in crate::api) fn allowed(
    cluster: &Cluster,
    call: &Call,
    only: Option<&[u32]>,
    privilege: &str,
) -> Result<(), Fault> {
    if cluster.has(&call.caller, "/", privilege) {
        return Ok(());
    }
    match only {
        Some(only) if !only.is_empty() => {
            only.iter().try_for_each(|vmid| cluster.check(&call.caller, &format!("/vms/{vmid}"), &[privilege]))
        }
        _ => Err(Fault::permission(format!("/, {privilege}"))),
    }
}

/// The guests that the call names.
pub(in crate::api) fn named(call: &Call) -> Option<Vec<u32>> {
    call.list("vms").map(|list| list.iter().filter_map(|text| text.parse().ok()).collect())
}

fn run(cluster: &mut Cluster, call: &Call, kind: &str, privilege: &str, verb: BulkVerb) -> Outcome {
    let only = named(call);
    allowed(cluster, call, only.as_deref(), privilege)?;
    let user = call.caller.id();
    let node = call.entry.clone();
    let job = BulkJob::new(verb, true, only, true);
    let new = NewTask { node: &node, kind, id: "", user: &user };
    Ok(Reply::data(cluster.start_task(&new, |cluster| job.begin(cluster, &node, &user))))
}

fn start(cluster: &mut Cluster, call: &Call) -> Outcome {
    run(cluster, call, "bulk-start", "VM.PowerMgmt", BulkVerb::Start)
}

fn shutdown(cluster: &mut Cluster, call: &Call) -> Outcome {
    let timeout = call.int("timeout").and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(180);
    let force = call.flag("force-stop").unwrap_or(true);
    run(cluster, call, "bulk-shutdown", "VM.PowerMgmt", BulkVerb::Shutdown { timeout, force })
}

fn suspend(cluster: &mut Cluster, call: &Call) -> Outcome {
    let to_disk = call.flag("to-disk").unwrap_or(false);
    run(cluster, call, "bulk-suspend", "VM.PowerMgmt", BulkVerb::Suspend { to_disk })
}

fn migrate(cluster: &mut Cluster, call: &Call) -> Outcome {
    let target = call.required("target").to_owned();
    if cluster.nodes.get(&target).is_none() {
        return Err(Fault::die(format!("no such cluster node '{target}'")));
    }
    let with_local_disks = call.flag("with-local-disks").unwrap_or(false);
    run(cluster, call, "bulk-migrate", "VM.Migrate", BulkVerb::Migrate { target, with_local_disks })
}
