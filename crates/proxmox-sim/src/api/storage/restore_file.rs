//! Single files out of backups on a backup server. What a simulated backup holds of a guest's files is its configuration and the name of its host.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::guests::GuestKind;
use crate::guests::config::parse_section;
use crate::state::Cluster;
use crate::storage::Archive;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/storage/{storage}/file-restore/list", list),
    ("GET", "/nodes/{node}/storage/{storage}/file-restore/download", download),
];

/// The files of a backup: path and content, the name of its archive first in the path.
fn files(archive: &Archive) -> Vec<(String, String)> {
    let (name, host) = match archive.kind {
        GuestKind::Lxc => ("root.pxar.didx", "hostname"),
        GuestKind::Qemu => ("drive-scsi0.img.fidx/part/1", "name"),
    };
    let config = parse_section(&archive.config);
    let host = config.get(host).map_or("localhost", String::as_str);
    vec![
        (format!("/{name}/etc/hostname"), format!("{host}\n")),
        (format!("/{name}/etc/pve.conf"), archive.config.clone()),
    ]
}

/// The archive of a call, and the path asked for.
fn asked(cluster: &Cluster, call: &Call) -> Result<(Archive, String), Fault> {
    let (id, kind) = super::inside::volume(cluster, call)?;
    if kind != "pbs" {
        return Err(Fault::param("storage", "Only PBS storages supported for file-restore."));
    }
    let found = cluster.storages.volume(&id, call.node()).and_then(|volume| volume.archive.clone());
    let Some(archive) = found else { return Err(Fault::die(format!("volume '{id}' does not exist"))) };
    let path = call.required("filepath");
    let path = match BASE64.decode(path).ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(decoded) if path != "/" => decoded,
        _ => path.to_owned(),
    };
    Ok((archive, path.trim_end_matches('/').to_owned()))
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (archive, path) = asked(cluster, call)?;
    let mut rows: Vec<Value> = Vec::new();
    for (file, content) in files(&archive) {
        let Some(below) = file.strip_prefix(&format!("{path}/")) else { continue };
        let (name, leaf) = match below.split_once('/') {
            Some((directory, _)) => (directory, false),
            None => (below, true),
        };
        if rows.iter().any(|row| row.get("text").and_then(Value::as_str) == Some(name)) {
            continue;
        }
        let kind = match (path.is_empty(), leaf) {
            (true, _) => "v",
            (false, true) => "f",
            (false, false) => "d",
        };
        let mut row = json!({
            "filepath": BASE64.encode(format!("{path}/{name}")),
            "text": name,
            "type": kind,
            "leaf": u8::from(leaf),
        });
        if leaf {
            crate::api::set_key(&mut row, "size", content.len());
        }
        rows.push(row);
    }
    Ok(Reply::data(rows))
}

fn download(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (archive, path) = asked(cluster, call)?;
    match files(&archive).into_iter().find(|(file, _)| *file == path) {
        Some((_, content)) => {
            let mut reply = Reply::null();
            reply.download = Some(("application/octet-stream".to_owned(), content));
            Ok(reply)
        }
        None => Err(Fault::die(format!("proxmox-file-restore failed: Error: no such file '{path}'"))),
    }
}
