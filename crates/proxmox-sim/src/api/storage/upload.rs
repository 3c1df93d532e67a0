//! Uploads of ISO images, container templates and images to import.

use ring::digest;

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::state::Cluster;
use crate::storage::job::StorageJob;
use crate::storage::{Volume, VolumeId, volid};
use crate::tasks::{NewTask, Plan};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[("POST", "/nodes/{node}/storage/{storage}/upload", upload)];

/// A name as it is stored: directories dropped, blanks and the like replaced.
pub(super) fn plain_name(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
    file.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.+=".contains(c) { c } else { '_' }).collect()
}

/// Where a file of this content goes.
///
/// # Errors
/// That its name has the wrong ending.
pub(super) fn place(storage: &str, content: &str, name: &str) -> Result<VolumeId, Fault> {
    let extensions: &[&str] = match content {
        "iso" => &[".iso", ".img"],
        "vztmpl" => &[".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tar"],
        _ => &[".ova", ".ovf", ".qcow2", ".raw", ".vmdk"],
    };
    if !volid::has_extension(name, extensions) {
        return Err(Fault::param("filename", "wrong file extension"));
    }
    Ok(VolumeId::new(storage, format!("{content}/{name}")))
}

fn upload(cluster: &mut Cluster, call: &Call) -> Outcome {
    let storage = call.required("storage").to_owned();
    let node = call.node().to_owned();
    let definition = cluster.storages.require_on(&storage, &node).map_err(Fault::die)?;
    let content = call.required("content").to_owned();
    let name = plain_name(call.required("filename"));
    if !definition.storage_type().is_some_and(crate::storage::types::StorageType::is_path_based) {
        return Err(Fault::die("can't upload to storage type '".to_owned() + &definition.kind + "'"));
    }
    let id = place(&storage, &content, &name)?;
    if !definition.holds(&content) {
        return Err(Fault::die(format!("storage '{storage}' does not support '{content}' content")));
    }
    let bytes = call.upload.as_ref().map(|upload| upload.bytes.clone()).unwrap_or_default();
    let temporary = format!("/var/tmp/pveupload-{}", uuid::Uuid::new_v4().simple());
    let volume = Box::new(Volume::file(&content, &name, bytes.len() as u64, cluster.now()));
    let sum = call.text("checksum-algorithm").zip(call.text("checksum"));
    let mut log = vec![format!("starting file import from: {temporary}")];
    let wrong = sum.and_then(|(algorithm, expected)| {
        let got = checksum(algorithm, &bytes)?;
        (!got.eq_ignore_ascii_case(expected)).then(|| format!("checksum mismatch: got '{got}' != expect '{expected}'"))
    });
    if sum.is_some() {
        log.push(
            if wrong.is_some() { "calculating checksum..." } else { "calculating checksum...OK, checksum verified" }
                .into(),
        );
    }
    let user = call.caller.id();
    let new = NewTask { node: &node, kind: "imgcopy", id: "", user: &user };
    let upid = cluster.start_task(&new, |_| {
        if let Some(text) = wrong {
            return Err(text);
        }
        let mut plan = Plan::new(200, StorageJob::TakeIn { id, volume, temporary });
        plan.log = log;
        Ok(plan)
    });
    Ok(Reply::data(upid))
}

/// A checksum in hexadecimal; `None` for algorithms that are not checked here.
fn checksum(algorithm: &str, bytes: &[u8]) -> Option<String> {
    let algorithm = match algorithm {
        "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => &digest::SHA256,
        "sha384" => &digest::SHA384,
        "sha512" => &digest::SHA512,
        _ => return None,
    };
    Some(hex::encode(digest::digest(algorithm, bytes)))
}
