//! Starting, stopping, suspending and moving all guests of a node.

use crate::api::cluster::bulk::{allowed, named};
use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::guests::power::{BulkJob, BulkVerb};
use crate::state::Cluster;
use crate::tasks::NewTask;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("POST", "/nodes/{node}/startall", start),
    ("POST", "/nodes/{node}/stopall", stop),
    ("POST", "/nodes/{node}/suspendall", suspend),
    ("POST", "/nodes/{node}/migrateall", migrate),
];

fn run(cluster: &mut Cluster, call: &Call, kind: &str, verb: BulkVerb, all: bool) -> Outcome {
    let privilege = if kind == "migrateall" { "VM.Migrate" } else { "VM.PowerMgmt" };
    let only = named(call);
    allowed(cluster, call, only.as_deref(), privilege)?;
    let user = call.caller.id();
    let node = call.node().to_owned();
    let job = BulkJob::new(verb, false, only, all);
    let new = NewTask { node: &node, kind, id: "", user: &user };
    Ok(Reply::data(cluster.start_task(&new, |cluster| job.begin(cluster, &node, &user))))
}

fn start(cluster: &mut Cluster, call: &Call) -> Outcome {
    let force = call.flag("force").unwrap_or(false);
    run(cluster, call, "startall", BulkVerb::Start, force)
}

fn stop(cluster: &mut Cluster, call: &Call) -> Outcome {
    let timeout = call.int("timeout").and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(180);
    let force = call.flag("force-stop").unwrap_or(true);
    run(cluster, call, "stopall", BulkVerb::Shutdown { timeout, force }, true)
}

fn suspend(cluster: &mut Cluster, call: &Call) -> Outcome {
    run(cluster, call, "suspendall", BulkVerb::Suspend { to_disk: true }, true)
}

fn migrate(cluster: &mut Cluster, call: &Call) -> Outcome {
    let target = call.required("target").to_owned();
    allowed(cluster, call, named(call).as_deref(), "VM.Migrate")?;
    if target == call.node() {
        return Err(Fault::param("target", "target is local node."));
    }
    if cluster.nodes.get(&target).is_none() {
        return Err(Fault::die(format!("no such cluster node '{target}'")));
    }
    if call.int("maxworkers").is_none() && call.int("max-workers").is_none() {
        return Err(Fault::die("either 'max-workers' parameter or max_workers in datacenter.cfg must be set!"));
    }
    let with_local_disks = call.flag("with-local-disks").unwrap_or(false);
    run(cluster, call, "migrateall", BulkVerb::Migrate { target, with_local_disks }, true)
}
