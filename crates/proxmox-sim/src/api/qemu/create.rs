//! New VMs, from nothing or from a backup.

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::backup::RestoreJob;
use crate::guests::create::CreateJob;
use crate::guests::nic::{QemuNic, random_mac};
use crate::guests::{GuestJob, Section, options};
use crate::state::Cluster;
use crate::tasks::{NewTask, Plan};

use super::rights::{self, Place};
use super::target;

/// Parameters that are no options of the VM.
const NOT_OPTIONS: &[&str] = &[
    "node",
    "vmid",
    "archive",
    "bwlimit",
    "force",
    "ha-managed",
    "import-working-storage",
    "live-restore",
    "pool",
    "start",
    "storage",
    "unique",
];

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[("POST", "/nodes/{node}/qemu", create)];

/// The options of the VM among the parameters.
fn wanted(call: &Call) -> Section {
    call.params
        .keys()
        .filter(|name| !NOT_OPTIONS.contains(&name.as_str()))
        .filter_map(|name| Some((name.clone(), call.text(name)?.to_owned())))
        .collect()
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let on = target(call);
    let node = call.node().to_owned();
    rights::check_ssh_keys(call.text("sshkeys"))?;
    cluster.require_quorum()?;
    let pool = call.text("pool").map(str::to_owned);
    if let Some(pool) = &pool
        && !cluster.pools.contains_key(pool)
    {
        return Err(Fault::permission(format!("pool '{pool}' does not exist")));
    }
    if let Some(storage) = call.text("storage") {
        cluster.check(&call.caller, &format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    let archive = call.text("archive").map(str::to_owned);
    let force = call.flag("force") == Some(true);
    let replaces = archive.is_some() && force && cluster.guests.on(on.kind, &node, on.vmid).is_some();
    let path = format!("/vms/{}", on.vmid);
    let allocate = cluster.has(&call.caller, &path, "VM.Allocate")
        || pool.as_ref().is_some_and(|pool| cluster.has(&call.caller, &format!("/pool/{pool}"), "VM.Allocate"))
        || (replaces && cluster.has(&call.caller, &path, "VM.Backup"));
    if !allocate {
        return Err(Fault::forbidden());
    }
    let mut set = wanted(call);
    if let Some(archive) = &archive {
        if let Some(key) = set.keys().find(|key| options::is_drive(key)) {
            return Err(Fault::param(key.clone(), "option conflicts with option 'archive'"));
        }
        cluster.check_volume_access(&call.caller, Some(on.vmid), archive, Some("backup"))?;
        let exists =
            crate::storage::VolumeId::parse(archive).is_some_and(|id| cluster.storages.volume(&id, &node).is_some());
        if !exists {
            return Err(Fault::die(format!("volume '{archive}' does not exist")));
        }
    }
    let place = Place { vmid: on.vmid, pool: pool.as_deref() };
    rights::check_storages(cluster, call, place, &set, call.text("storage"))?;
    rights::check_names(cluster, call, place, set.keys())?;
    rights::check_values(cluster, call, place, &set)?;
    prepare(&mut set);
    let user = call.caller.id();
    let storage = call.text("storage").map(str::to_owned);
    let start = call.flag("start") == Some(true);
    if let Some(archive) = archive {
        let unique = call.flag("unique") == Some(true);
        let job = RestoreJob { on, archive, storage, overrides: set, unique, replaces, pool, start };
        return restore(cluster, job, &node, &user);
    }
    cluster.reserve_guest(on, &node).map_err(|text| Fault::die(format!("unable to create VM {} - {text}", on.vmid)))?;
    let job = CreateJob { on, wanted: set, storage, template: None, pool, start };
    let new = NewTask { node: &node, kind: "qmcreate", id: &on.vmid.to_string(), user: &user };
    Ok(Reply::data(cluster.start_task(&new, |_| Ok(Plan::new(200, GuestJob::Create(job))))))
}

/// Brings options into the form they are stored in.
fn prepare(set: &mut Section) {
    for (key, value) in set.iter_mut() {
        if options::numbered(key).is_some_and(|(family, _)| family == "net") {
            let mut nic = QemuNic::parse(value);
            nic.mac.get_or_insert_with(random_mac);
            *value = nic.print();
        } else if key == "cipassword" {
            *value = super::config::hashed_password(value);
        } else if key == "vmgenid" && value == "1" {
            *value = uuid::Uuid::new_v4().to_string();
        }
    }
    if set.get("vmgenid").is_some_and(|value| value == "0") {
        set.remove("vmgenid");
    }
}

fn restore(cluster: &mut Cluster, job: RestoreJob, node: &str, user: &str) -> Outcome {
    let on = job.on;
    let refuse = |text: String| Fault::die(format!("unable to restore VM {} - {text}", on.vmid));
    if let Some(guest) = cluster.guests.get(on.vmid) {
        if !job.replaces {
            return Err(refuse(format!("{} {} already exists on node '{}'", guest.kind.label(), on.vmid, guest.node)));
        }
        if guest.is_running() {
            return Err(refuse(format!("VM {} is running", on.vmid)));
        }
        guest.check_protection(&format!("unable to restore VM {}", on.vmid)).map_err(Fault::die)?;
        guest.check_lock().map_err(refuse)?;
    }
    let new = NewTask { node, kind: "qmrestore", id: &on.vmid.to_string(), user };
    Ok(Reply::data(cluster.start_task(&new, |cluster| job.begin(cluster, node))))
}
