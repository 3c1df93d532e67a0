//! Guests that go to another node.

use serde_json::{Map, Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::guests::drive::Drive;
use crate::guests::migrate::MigrateJob;
use crate::guests::{GuestKind, volumes};
use crate::state::Cluster;

use super::{guest, known_node, root_only, target, task};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/qemu/{vmid}/migrate", vm_conditions),
    ("POST", "/nodes/{node}/qemu/{vmid}/migrate", run),
    ("GET", "/nodes/{node}/lxc/{vmid}/migrate", container_conditions),
    ("POST", "/nodes/{node}/lxc/{vmid}/migrate", run),
];

fn run(cluster: &mut Cluster, call: &Call) -> Outcome {
    cluster.require_quorum()?;
    let on = target(call);
    let to = call.required("target").to_owned();
    if to == call.node() {
        return Err(Fault::param("target", "target is local node."));
    }
    known_node(cluster, &to)?;
    if on.kind == GuestKind::Qemu {
        root_only(call, &["force", "migration_type", "migration_network"])?;
    }
    let found = guest(cluster, call)?;
    found.check_lock().map_err(Fault::die)?;
    let online = call.flag("online") == Some(true) || call.flag("restart") == Some(true);
    if found.is_running() && !online {
        return Err(match on.kind {
            GuestKind::Qemu => Fault::die("can't migrate running VM without --online"),
            GuestKind::Lxc => Fault::die("can't migrate running container without --online or --restart"),
        });
    }
    let storage = call.text("targetstorage").or_else(|| call.text("target-storage"));
    let storage = storage.filter(|storage| *storage != "1").map(str::to_owned);
    for pair in storage.iter().flat_map(|list| list.split(',')) {
        let there = pair.rsplit(':').next().unwrap_or(pair);
        cluster.check(&call.caller, &format!("/storage/{there}"), &["Datastore.AllocateSpace"])?;
        cluster.storages.require_on(there, &to).map_err(Fault::die)?;
    }
    let target_storage =
        storage.as_deref().and_then(|list| list.split(',').next()?.rsplit(':').next().map(str::to_owned));
    let job = MigrateJob {
        on,
        target: to,
        online,
        with_local_disks: call.flag("with-local-disks") == Some(true),
        target_storage,
    };
    let kind = if on.kind == GuestKind::Qemu { "qmigrate" } else { "vzmigrate" };
    task(cluster, call, kind, |cluster, node| job.begin(cluster, node))
}

/// The other members that run, and those of them that lack a storage.
fn targets(cluster: &Cluster, call: &Call, needed: &[String]) -> (Vec<String>, Map<String, Value>) {
    let mut allowed = Vec::new();
    let mut refused = Map::new();
    for node in cluster.nodes.iter().filter(|node| node.online && node.name != call.node()) {
        let missing: Vec<&String> = needed
            .iter()
            .filter(|id| !cluster.storages.get(id).is_some_and(|definition| definition.allows_node(&node.name)))
            .collect();
        if missing.is_empty() {
            allowed.push(node.name.clone());
        } else {
            refused.insert(node.name.clone(), json!({ "unavailable_storages": missing }));
        }
    }
    (allowed, refused)
}

fn vm_conditions(cluster: &mut Cluster, call: &Call) -> Outcome {
    let found = guest(cluster, call)?;
    let mut storages: Vec<String> = Vec::new();
    let mut disks = Vec::new();
    for (key, id) in volumes::owned(GuestKind::Qemu, &found.config.current) {
        if !storages.contains(&id.storage) && !key.starts_with("unused") {
            storages.push(id.storage.clone());
        }
        let shared = cluster.storages.get(&id.storage).is_some_and(|definition| definition.is_shared());
        if shared {
            continue;
        }
        let drive = found.config.get(&key).map(Drive::parse);
        let unused = key.starts_with("unused");
        let kept: Map<String, Value> = found
            .config
            .snapshots
            .iter()
            .filter(|(_, section)| volumes::owned(GuestKind::Qemu, section).iter().any(|(_, other)| *other == id))
            .map(|(name, _)| (name.clone(), json!(1)))
            .collect();
        let mut row = json!({
            "volid": id.to_string(),
            "cdrom": u8::from(drive.as_ref().is_some_and(Drive::is_cdrom)),
            "drivename": key,
            "is_attached": u8::from(!unused),
            "is_cloudinit": u8::from(drive.as_ref().is_some_and(Drive::is_cloudinit)),
            "is_tpmstate": u8::from(key == "tpmstate0"),
            "is_unused": u8::from(unused),
            "is_vmstate": 0,
            "replicate": 1,
            "shared": 0,
            "size": cluster.storages.volume(&id, call.node()).map_or(0, |volume| volume.size),
        });
        if !kept.is_empty()
            && let Some(row) = row.as_object_mut()
        {
            row.insert("referenced_in_snapshot".into(), Value::Object(kept));
        }
        disks.push(row);
    }
    let (allowed, refused) = targets(cluster, call, &storages);
    let devices: Vec<&String> = found
        .config
        .current
        .iter()
        .filter(|(key, value)| {
            (key.starts_with("hostpci") || key.starts_with("usb") || key.starts_with("serial"))
                && !value.starts_with("spice")
                && *value != "socket"
        })
        .map(|(key, _)| key)
        .collect();
    let mut refused = refused;
    for name in &allowed {
        refused.insert(name.clone(), json!({}));
    }
    Ok(Reply::data(json!({
        "running": u8::from(found.is_running()),
        "local_disks": disks,
        "local_resources": devices,
        "mapped-resources": [],
        "mapped-resource-info": {},
        "has-dbus-vmstate": 1,
        "allowed_nodes": allowed,
        "not_allowed_nodes": refused,
    })))
}

fn container_conditions(cluster: &mut Cluster, call: &Call) -> Outcome {
    let found = guest(cluster, call)?;
    let storages: Vec<String> =
        volumes::owned(GuestKind::Lxc, &found.config.current).into_iter().map(|(_, id)| id.storage).collect();
    let running = u8::from(found.is_running());
    let (allowed, refused) = targets(cluster, call, &storages);
    Ok(Reply::data(json!({ "running": running, "allowed-nodes": allowed, "not-allowed-nodes": refused })))
}
