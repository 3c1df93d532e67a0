//! New containers, from a template or from a backup.

use std::collections::BTreeMap;

use crate::api::guests::target;
use crate::api::qemu::check_ssh_keys;
use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::backup::RestoreJob;
use crate::guests::change::normal_tags;
use crate::guests::create::{CreateJob, complete_container};
use crate::guests::nic::{LxcNic, random_mac};
use crate::guests::{GuestJob, GuestKind, OnGuest, Section, options};
use crate::state::Cluster;
use crate::tasks::{NewTask, Plan};

use super::rights::{self, Place};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[("POST", "/nodes/{node}/lxc", create)];

/// Parameters that are no options of the container.
const NOT_OPTIONS: &[&str] = &[
    "node",
    "vmid",
    "ostemplate",
    "password",
    "ssh-public-keys",
    "storage",
    "force",
    "restore",
    "pool",
    "start",
    "unique",
    "bwlimit",
    "ignore-unpack-errors",
    "ha-managed",
];

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    cluster.require_quorum()?;
    let on = target(call);
    let node = call.node().to_owned();
    let restore = call.flag("restore") == Some(true);
    if call.flag("unique") == Some(true) && !restore {
        return Err(Fault::param("unique", "'unique' only makes sense in combination with 'restore'."));
    }
    let same = cluster.guests.on(GuestKind::Lxc, &node, on.vmid).is_some();
    let replaces = restore && call.flag("force") == Some(true) && same;
    if let Some(existing) = cluster.guests.get(on.vmid) {
        if !replaces {
            return Err(Fault::die(format!(
                "{} {} already exists on node '{}'",
                existing.kind.label(),
                on.vmid,
                existing.node
            )));
        }
        existing.check_protection(&format!("unable to restore CT {}", on.vmid)).map_err(Fault::die)?;
        if existing.is_running() {
            return Err(Fault::die("can't overwrite running container"));
        }
    }
    if let Some(keys) = call.text("ssh-public-keys") {
        let encoded = percent_encoding::utf8_percent_encode(keys, percent_encoding::NON_ALPHANUMERIC).to_string();
        check_ssh_keys(Some(&encoded))?;
    }
    let pool = call.text("pool").map(str::to_owned);
    if let Some(pool) = &pool
        && !cluster.pools.contains_key(pool)
    {
        return Err(Fault::permission(format!("pool '{pool}' does not exist")));
    }
    let path = format!("/vms/{}", on.vmid);
    let allowed = cluster.has(&call.caller, &path, "VM.Allocate")
        || pool.as_ref().is_some_and(|pool| cluster.has(&call.caller, &format!("/pool/{pool}"), "VM.Allocate"))
        || (replaces && cluster.has(&call.caller, &path, "VM.Backup"));
    if !allowed {
        return Err(Fault::forbidden());
    }
    let mut set = wanted(call);
    let unprivileged = set.get("unprivileged").map_or(!restore, |value| value == "1");
    let place = Place { vmid: on.vmid, pool: pool.as_deref(), unprivileged };
    rights::check(cluster, call, place, &set, &[])?;
    check_source(cluster, call, &set, restore)?;
    if !restore && !unprivileged && !call.caller.is_root() {
        cluster.check(&call.caller, "/", &["Sys.Modify"])?;
    }
    prepare(&mut set);
    let start = call.flag("start") == Some(true);
    if restore {
        return begin_restore(cluster, call, on, set, replaces, pool, start);
    }
    let storage = call.text("storage").unwrap_or("local").to_owned();
    set.entry("rootfs".into()).or_insert_with(|| format!("{storage}:4"));
    complete_container(&mut set, on.vmid);
    cluster.reserve_guest(on, &node).map_err(|text| Fault::die(format!("unable to create CT {} - {text}", on.vmid)))?;
    let template = call.text("ostemplate").map(str::to_owned);
    let job = CreateJob { on, wanted: set, storage: Some(storage), template, pool, start };
    Ok(Reply::data(run(cluster, call, "vzcreate", on.vmid, |_, _| Ok(Plan::new(2500, GuestJob::Create(job))))))
}

fn run(
    cluster: &mut Cluster,
    call: &Call,
    kind: &str,
    vmid: u32,
    begin: impl FnOnce(&mut Cluster, &str) -> Result<Plan, String>,
) -> String {
    let (node, user, id) = (call.node().to_owned(), call.caller.id(), vmid.to_string());
    let new = NewTask { node: &node, kind, id: &id, user: &user };
    cluster.start_task(&new, |cluster| begin(cluster, &node))
}

fn begin_restore(
    cluster: &mut Cluster,
    call: &Call,
    on: OnGuest,
    overrides: Section,
    replaces: bool,
    pool: Option<String>,
    start: bool,
) -> Outcome {
    let job = RestoreJob {
        on,
        archive: call.required("ostemplate").to_owned(),
        storage: call.text("storage").map(str::to_owned),
        overrides,
        unique: call.flag("unique") == Some(true),
        replaces,
        pool,
        start,
    };
    Ok(Reply::data(run(cluster, call, "vzrestore", on.vmid, |cluster, node| job.begin(cluster, node))))
}

/// The options of the container among the parameters.
fn wanted(call: &Call) -> Section {
    call.params
        .keys()
        .filter(|name| !NOT_OPTIONS.contains(&name.as_str()))
        .filter_map(|name| Some((name.clone(), call.text(name)?.to_owned())))
        .collect()
}

/// What the container is made from and where it goes.
fn check_source(cluster: &Cluster, call: &Call, set: &Section, restore: bool) -> Result<(), Fault> {
    let source = call.required("ostemplate");
    if source == "-" {
        return Err(Fault::die("pipe requires cli environment"));
    }
    let content = if restore { "backup" } else { "vztmpl" };
    cluster.check_volume_access(&call.caller, Some(call.vmid()), source, Some(content))?;
    let mounts: BTreeMap<&String, &String> = set.iter().filter(|(key, _)| options::is_mount(key)).collect();
    if !mounts.is_empty() && !set.contains_key("rootfs") {
        return Err(Fault::die("mount points configured, but 'rootfs' not set - aborting"));
    }
    if mounts.is_empty() || call.text("storage").is_some() {
        let storage = call.text("storage").unwrap_or("local");
        if !restore || call.text("storage").is_some() {
            rights::holds_containers(cluster, call, storage)?;
            cluster.check(&call.caller, &format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
        }
    }
    rights::check_storages(cluster, call, set)
}

/// Fills in what the server makes up, and puts values into their stored form.
fn prepare(set: &mut Section) {
    for (key, value) in set.iter_mut() {
        if options::numbered(key).is_some_and(|(family, _)| family == "net") {
            let mut nic = LxcNic::parse(value);
            nic.complete(random_mac);
            *value = nic.print();
        } else if key == "tags" {
            *value = normal_tags(value);
        }
    }
}
