//! Files of snapshots, as they are stored and as they were before.
//!
//! Small files (`*.blob`) are kept and read back whole. Of archives only the size is known: what is read is the head of an index without
//! chunks.

use crate::pbs::call::{Answer, Call, Outcome, Refusal};
use crate::pbs::datastore::{BackupFile, Snapshot};
use crate::pbs::schema::{safe_id, text};
use crate::pbs::state::Pbs;
use crate::pbs::table::{Endpoint, call};
use crate::pbs::tasks::zulu;

use super::datastores::Use;
use super::groups::find;

/// What a stored file that is neither compressed nor encrypted begins with.
const BLOB: [u8; 8] = [66, 171, 56, 7, 190, 131, 112, 161];
/// What the index of an archive of files begins with.
const DYNAMIC_INDEX: [u8; 8] = [28, 145, 78, 165, 25, 186, 179, 205];
/// What the index of a disk begins with.
const FIXED_INDEX: [u8; 8] = [47, 127, 65, 237, 145, 253, 15, 205];
/// Bytes of the head of an index.
const INDEX_HEAD: usize = 4096;

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    let file = || text("file-name", 0, usize::MAX, safe_id);
    vec![
        call("GET", "/admin/datastore/{store}/download", stored).params(super::snapshot()).params([file()]),
        call("GET", "/admin/datastore/{store}/download-decoded", decoded).params(super::snapshot()).params([file()]),
    ]
}

/// The file that a call names, with its snapshot.
fn open(pbs: &mut Pbs, call: &Call) -> Result<(Snapshot, BackupFile), Refusal> {
    let time = call.int("backup-time").unwrap_or_default();
    let group = find(pbs, call, &["Datastore.Read"], &["Datastore.Backup"], Use::Read)?.ok_or_else(Refusal::enoent)?;
    let snapshot = group.snapshots.get(&time).ok_or_else(Refusal::enoent)?;
    let name = call.required("file-name");
    let file = snapshot.files.iter().find(|file| file.name == name);
    let file = file.ok_or_else(|| {
        let place = format!("{}/{}", call.group(), zulu(time));
        Refusal::bad(format!("unable to open {place}/{name:?} - No such file or directory (os error 2)"))
    })?;
    Ok((snapshot.clone(), file.clone()))
}

/// What a small file holds.
fn content(snapshot: &Snapshot, file: &BackupFile) -> Vec<u8> {
    match file.name.as_str() {
        "pct.conf.blob" | "qemu-server.conf.blob" => snapshot.config.clone().into_bytes(),
        "index.json.blob" => {
            let files = snapshot.files.iter().filter_map(|file| Some((&file.name, file.size?)));
            let files: Vec<serde_json::Value> =
                files.map(|(name, size)| serde_json::json!({ "filename": name, "size": size })).collect();
            serde_json::json!({ "files": files, "unprotected": { "notes": snapshot.comment } }).to_string().into_bytes()
        }
        _ => Vec::new(),
    }
}

fn is_blob(file: &BackupFile) -> bool {
    file.name.ends_with(".blob")
}

fn stored(pbs: &mut Pbs, call: &Call) -> Outcome {
    let (snapshot, file) = open(pbs, call)?;
    let mut bytes = Vec::new();
    if is_blob(&file) {
        let content = content(&snapshot, &file);
        let mut sum = flate2::Crc::new();
        sum.update(&content);
        bytes.extend_from_slice(&BLOB);
        bytes.extend_from_slice(&sum.sum().to_le_bytes());
        bytes.extend_from_slice(&content);
    } else {
        bytes.extend_from_slice(if file.name.ends_with(".fidx") { &FIXED_INDEX } else { &DYNAMIC_INDEX });
        bytes.resize(INDEX_HEAD, 0);
    }
    Ok(Answer::file(bytes))
}

fn decoded(pbs: &mut Pbs, call: &Call) -> Outcome {
    let (snapshot, file) = open(pbs, call)?;
    if !is_blob(&file) {
        let kept = format!("cannot decode '{}' - its chunks are not kept here", file.name);
        return Err(Refusal::bad(kept));
    }
    Ok(Answer::file(content(&snapshot, &file)))
}
