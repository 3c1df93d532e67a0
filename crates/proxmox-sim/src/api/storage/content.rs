//! What is on a storage: listing, making, reading about, noting and removing volumes.

use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::guests::sizes;
use crate::state::Cluster;
use crate::storage::job::StorageJob;
use crate::storage::{VolumeId, VolumeName};
use crate::tasks::{NewTask, Plan, SHORT};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/storage/{storage}/content", list),
    ("POST", "/nodes/{node}/storage/{storage}/content", allocate),
    ("GET", "/nodes/{node}/storage/{storage}/content/{*volume}", attributes),
    ("PUT", "/nodes/{node}/storage/{storage}/content/{*volume}", update),
    ("DELETE", "/nodes/{node}/storage/{storage}/content/{*volume}", delete),
];

const ORDER: &[&str] = &["rootdir", "images", "vztmpl", "iso", "backup", "snippets", "import"];

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (id, node) = (call.required("storage"), call.node());
    let definition = cluster.storages.require_on(id, node).map_err(Fault::die)?;
    if !cluster.storages.usage(id, node).active {
        return Err(Fault::die(format!("storage '{id}' is not online")));
    }
    let vmid = call.int("vmid").and_then(|vmid| u32::try_from(vmid).ok());
    let wanted: Vec<&str> = match call.text("content") {
        Some(content) => vec![content],
        None => ORDER.to_vec(),
    };
    let mut rows: Vec<Value> = Vec::new();
    for (volid, volume) in cluster.storages.list(id, node) {
        let owner = volume.vmid.and_then(|vmid| cluster.guests.get(vmid)).map(|guest| guest.kind);
        let row = volume.to_json(&volid.to_string(), owner);
        let content = row.get("content").and_then(Value::as_str).unwrap_or_default().to_owned();
        let shown = wanted.contains(&content.as_str())
            && definition.holds(&content)
            && vmid.is_none_or(|vmid| volume.vmid == Some(vmid));
        if shown && cluster.check_volume_access(&call.caller, None, &volid.to_string(), None).is_ok()
            || (shown
                && cluster.storages.parse(&volid).is_err()
                && cluster.has(&call.caller, &format!("/storage/{id}"), "Datastore.Allocate"))
        {
            rows.push(row);
        }
    }
    Ok(Reply::data(rows))
}

fn allocate(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (id, node) = (call.required("storage"), call.node().to_owned());
    let name = call.required("filename");
    let text = call.required("size");
    // A bare number is KiB.
    let size =
        if text.ends_with(['M', 'G']) { sizes::parse(text) } else { text.parse().ok().map(|kib: u64| kib * 1024) };
    let size = size.unwrap_or(0);
    let format = match name.rsplit_once('.') {
        Some((_, extension)) if ["raw", "qcow2", "vmdk"].contains(&extension) => {
            if let Some(wanted) = call.text("format").filter(|wanted| *wanted != extension) {
                return Err(Fault::param("format", format!("different storage formats ({wanted} != {extension})")));
            }
            extension.to_owned()
        }
        _ => call.text("format").unwrap_or("raw").to_owned(),
    };
    let definition = cluster.storages.require_on(id, &node).map_err(Fault::die)?;
    let path_based = definition.storage_type().is_some_and(crate::storage::types::StorageType::is_path_based);
    let owner = call.vmid();
    let full = if path_based { format!("{owner}/{name}") } else { name.to_owned() };
    let volid = VolumeId::new(id, full);
    if cluster.storages.volume(&volid, &node).is_some() {
        return Err(Fault::die(format!("disk image '{}' already exists", cluster.storages.volume_path(&volid))));
    }
    if cluster.storages.usage(id, &node).available < size {
        let path = cluster.storages.volume_path(&volid);
        return Err(Fault::die(format!("unable to create image: qemu-img: {path}: No space left on device")));
    }
    let now = cluster.now();
    let about =
        VolumeName { content: "images", vmid: Some(owner), file: name.to_owned(), base: None, is_base: false, format };
    let volume = crate::storage::Volume::image(&about, size, now);
    cluster.storages.put(&volid, &node, volume);
    Ok(Reply::data(volid.to_string()))
}

/// The volume that the path names: a bare name belongs to the storage of the path.
fn named(cluster: &Cluster, call: &Call) -> Result<(VolumeId, VolumeName), Fault> {
    let text = call.required("volume");
    let storage = call.required("storage");
    let id = match VolumeId::parse(text) {
        Some(id) if id.storage != storage && !storage.is_empty() => {
            return Err(Fault::param("volume", format!("storage ID mismatch ({} != {storage})\n", id.storage)));
        }
        Some(id) => id,
        None => VolumeId::new(storage, text),
    };
    let name = cluster.storages.parse(&id).map_err(Fault::die)?;
    Ok((id, name))
}

fn attributes(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (id, name) = named(cluster, call)?;
    cluster.check_volume_access(&call.caller, None, &id.to_string(), None)?;
    let path = cluster.storages.volume_path(&id);
    let Some(volume) = cluster.storages.volume(&id, call.node()) else {
        return Err(Fault::die(format!("volume_size_info on '{id}' failed - no format")));
    };
    if let Some(path) = cluster.backup_path(&id) {
        return Ok(Reply::data(json!({
            "path": path, "size": volume.size, "used": volume.size, "format": volume.format,
            "notes": volume.notes.clone().unwrap_or_default(), "protected": volume.protected,
        })));
    }
    let format = if name.content == "images" { volume.format.as_str() } else { "raw" };
    let mut out = json!({
        "path": path,
        "size": if name.content == "images" { volume.size } else { volume.size.next_multiple_of(512) },
        "used": if name.content == "images" { volume.used } else { volume.size.next_multiple_of(4096) },
        "format": format,
    });
    if let Some(out) = out.as_object_mut() {
        if name.content == "backup" {
            out.insert("notes".into(), json!(volume.notes.clone().unwrap_or_default()));
            out.insert("protected".into(), json!(u8::from(volume.protected)));
        }
        if let Some(parent) = &volume.parent {
            out.insert("parent".into(), json!(parent));
        }
    }
    Ok(Reply::data(out))
}

/// Refuses a caller that may not change or remove a volume.
fn check_change(cluster: &Cluster, call: &Call, id: &VolumeId, name: &VolumeName) -> Result<(), Fault> {
    let path = format!("/storage/{}", id.storage);
    match name.vmid {
        Some(owner) if name.content == "backup" => {
            if cluster.has(&call.caller, &path, "Datastore.Allocate") {
                return Ok(());
            }
            cluster.check(&call.caller, &path, &["Datastore.AllocateSpace"])?;
            cluster.check(&call.caller, &format!("/vms/{owner}"), &["VM.Backup"])
        }
        _ => cluster.check(&call.caller, &path, &["Datastore.Allocate"]),
    }
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (id, name) = named(cluster, call)?;
    cluster.check_volume_access(&call.caller, None, &id.to_string(), None)?;
    if call.text("protected").is_some() {
        check_change(cluster, call, &id, &name)?;
    }
    if call.text("notes").is_some() && name.content != "backup" {
        return Err(Fault::die("only backups can have notes"));
    }
    if call.text("protected").is_some() && name.content != "backup" {
        return Err(Fault::die("only backups can be protected"));
    }
    let path = cluster.storages.volume_path(&id);
    if let Some(outcome) = cluster.update_backup(&id, call.text("notes"), call.flag("protected")) {
        outcome.map_err(Fault::die)?;
    }
    let Some(volume) = cluster.storages.volume_mut(&id, call.node()) else {
        return Err(Fault::die(format!("unable to stat '{path}' - No such file or directory")));
    };
    if let Some(notes) = call.text("notes") {
        volume.notes = (!notes.is_empty()).then(|| notes.to_owned());
    }
    if let Some(protected) = call.flag("protected") {
        volume.protected = protected;
    }
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (id, name) = named(cluster, call)?;
    check_change(cluster, call, &id, &name)?;
    let node = call.node().to_owned();
    let task_id = match name.vmid {
        Some(vmid) => format!("{vmid}@{}", id.storage),
        None => id.storage.clone(),
    };
    let user = call.caller.id();
    let new = NewTask { node: &node, kind: "imgdel", id: &task_id, user: &user };
    Ok(Reply::data(cluster.start_task(&new, |_| Ok(Plan::new(SHORT, StorageJob::Remove { id })))))
}
