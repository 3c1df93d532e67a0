//! What is inside of volumes: files of backups, guests of foreign formats.

use serde_json::json;

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::state::Cluster;
use crate::storage::{VolumeId, volid};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/storage/{storage}/file-restore/list", files),
    ("GET", "/nodes/{node}/storage/{storage}/import-metadata", import_metadata),
];

/// The volume that is meant, with or without its storage's name, and the type of the storage.
fn volume(cluster: &Cluster, call: &Call) -> Result<(VolumeId, String), Fault> {
    let (storage, text) = (call.required("storage"), call.required("volume"));
    let definition = cluster.storages.require(storage).map_err(Fault::die)?;
    let name = text.strip_prefix(&format!("{storage}:")).unwrap_or(text);
    volid::parse_name(&definition.kind, name).map_err(Fault::die)?;
    let id = VolumeId::new(storage, name);
    cluster.check_volume_access(&call.caller, None, &id.to_string(), None)?;
    Ok((id, definition.kind.clone()))
}

/// The archives of a backup; what is inside of them is not simulated.
fn files(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (id, kind) = volume(cluster, call)?;
    if kind != "pbs" {
        return Err(Fault::param("storage", "Only PBS storages supported for file-restore."));
    }
    let Some(found) = cluster.storages.volume(&id, call.node()) else {
        return Err(Fault::die(format!("volume '{id}' does not exist")));
    };
    if call.required("filepath") != "/" {
        return Err(Fault::not_implemented(&call.method, &call.path));
    }
    let archive = if found.format == "pbs-vm" { "drive-scsi0.img.fidx" } else { "root.pxar.didx" };
    let path = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("/{archive}"));
    Ok(Reply::data(vec![json!({ "filepath": path, "text": archive, "type": "v", "leaf": 0 })]))
}

/// What a foreign guest would become is not simulated; only what is wrong with the volume is.
fn import_metadata(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (id, _) = volume(cluster, call)?;
    if cluster.storages.volume(&id, call.node()).is_none() {
        return Err(Fault::die(format!("unable to parse directory volume name '{id}'")));
    }
    Err(Fault::not_implemented(&call.method, &call.path))
}
