//! What is inside of volumes: guests of foreign formats.

use crate::api::{Call, Fault, Outcome, Simulated};
use crate::state::Cluster;
use crate::storage::{VolumeId, volid};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[("GET", "/nodes/{node}/storage/{storage}/import-metadata", import_metadata)];

/// The volume that is meant, with or without its storage's name, and the type of the storage.
pub(super) fn volume(cluster: &Cluster, call: &Call) -> Result<(VolumeId, String), Fault> {
    let (storage, text) = (call.required("storage"), call.required("volume"));
    let definition = cluster.storages.require(storage).map_err(Fault::die)?;
    let name = text.strip_prefix(&format!("{storage}:")).unwrap_or(text);
    volid::parse_name(&definition.kind, name).map_err(Fault::die)?;
    let id = VolumeId::new(storage, name);
    cluster.check_volume_access(&call.caller, None, &id.to_string(), None)?;
    Ok((id, definition.kind.clone()))
}

/// What a foreign guest would become is not simulated; only what is wrong with the volume is.
fn import_metadata(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (id, _) = volume(cluster, call)?;
    if cluster.storages.volume(&id, call.node()).is_none() {
        return Err(Fault::die(format!("unable to parse directory volume name '{id}'")));
    }
    Err(Fault::not_implemented(&call.method, &call.path))
}
