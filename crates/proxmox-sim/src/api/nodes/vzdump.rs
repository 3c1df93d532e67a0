//! Backups on a node.

use serde_json::{Map, Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::backup::{BackupJob, Notify};
use crate::state::Cluster;
use crate::storage::VolumeId;
use crate::tasks::NewTask;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("POST", "/nodes/{node}/vzdump", start),
    ("GET", "/nodes/{node}/vzdump/defaults", defaults),
    ("GET", "/nodes/{node}/vzdump/extractconfig", extract),
];

/// What the caller may not say.
fn check_options(cluster: &Cluster, call: &Call) -> Result<(), Fault> {
    if call.caller.is_root() {
        return Ok(());
    }
    for name in ["dumpdir", "tmpdir", "script", "job-id"] {
        if call.text(name).is_some() {
            return Err(Fault::param(name, "Only root may set this option."));
        }
    }
    if ["bwlimit", "ionice", "performance"].iter().any(|name| call.text(name).is_some()) {
        cluster.check(&call.caller, "/", &["Sys.Modify"])?;
    }
    if call.text("prune-backups").is_some() {
        let storage = call.text("storage").unwrap_or("local");
        cluster.check(&call.caller, &format!("/storage/{storage}"), &["Datastore.Allocate"])?;
    }
    Ok(())
}

fn check_combination(call: &Call) -> Result<(), Fault> {
    let conflict = |name: &str, other: &str| Err(Fault::param(name, format!("option conflicts with option '{other}'")));
    let all = call.flag("all") == Some(true);
    if all && call.text("vmid").is_some() {
        return conflict("all", "vmid");
    }
    if call.text("pool").is_some() && call.text("vmid").is_some() {
        return conflict("pool", "vmid");
    }
    if call.text("exclude").is_some() && call.text("vmid").is_some() {
        return conflict("exclude", "vmid");
    }
    let named = call.text("vmid").is_some() || call.text("pool").is_some() || call.text("exclude").is_some();
    if !named && !all && call.flag("stop") != Some(true) {
        return Err(Fault::param("vmid", "property is missing"));
    }
    Ok(())
}

/// The guests of this node that are meant; those that exist nowhere are among them and will fail visibly.
fn included(cluster: &Cluster, call: &Call, node: &str) -> Result<(Vec<u32>, bool), Fault> {
    if let Some(pool) = call.text("pool") {
        let pool = cluster.pools.get(pool).ok_or_else(|| Fault::die(format!("pool '{pool}' does not exist")))?;
        let here = |vmid: &u32| cluster.guests.get(*vmid).is_none_or(|guest| guest.node == node);
        return Ok((pool.vms.iter().copied().filter(here).collect(), false));
    }
    if let Some(list) = call.list("vmid") {
        let mut vmids: Vec<u32> = list.iter().filter_map(|text| text.parse().ok()).collect();
        vmids.retain(|vmid| cluster.guests.get(*vmid).is_none_or(|guest| guest.node == node));
        return Ok((vmids, false));
    }
    let excluded: Vec<u32> =
        call.list("exclude").unwrap_or_default().iter().filter_map(|text| text.parse().ok()).collect();
    if call.flag("all") == Some(true) || !excluded.is_empty() {
        let here = cluster.guests.iter().filter(|guest| guest.node == node && !excluded.contains(&guest.vmid));
        return Ok((here.map(|guest| guest.vmid).collect(), true));
    }
    Ok((Vec::new(), false))
}

fn start(cluster: &mut Cluster, call: &Call) -> Outcome {
    let node = call.node().to_owned();
    check_options(cluster, call)?;
    check_combination(call)?;
    let (vmids, all) = included(cluster, call, &node)?;
    if vmids.is_empty() && !all {
        return Ok(Reply::data("OK"));
    }
    let storage = call.text("storage").unwrap_or("local").to_owned();
    if call.text("dumpdir").is_none() {
        cluster.check(&call.caller, &format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    let id =
        if vmids.len() == 1 && !all { vmids.first().map(u32::to_string).unwrap_or_default() } else { String::new() };
    let job = BackupJob {
        vmids,
        all,
        storage,
        compress: call.text("compress").unwrap_or("0").to_owned(),
        notes_template: call.text("notes-template").map(str::to_owned),
        protected: call.flag("protected").unwrap_or(false),
        prune: call.text("prune-backups").map(str::to_owned),
        remove: call.flag("remove").unwrap_or(true),
        mode: call.text("mode").unwrap_or("snapshot").to_owned(),
        own_tmpdir: call.text("tmpdir").is_some(),
        notify: notify(call),
    };
    let headline = headline(call, &node);
    let user = call.caller.id();
    let new = NewTask { node: &node, kind: "vzdump", id: &id, user: &user };
    let caller = call.caller.clone();
    Ok(Reply::data(cluster.start_task(&new, |cluster| job.begin(cluster, &caller, &node, headline))))
}

/// Whom the caller wants to be told.
fn notify(call: &Call) -> Notify {
    let mailto = call.list("mailto").filter(|mailto| !mailto.is_empty());
    match (call.text("notification-mode").unwrap_or("auto"), mailto) {
        ("legacy-sendmail", None) => Notify::Nobody,
        ("legacy-sendmail" | "auto", Some(mailto)) => Notify::Mail(mailto),
        _ => Notify::Matchers,
    }
}

fn headline(call: &Call, node: &str) -> String {
    let mut text = "INFO: starting new backup job: vzdump".to_owned();
    if let Some(list) = call.list("vmid") {
        text.push_str(&format!(" {}", list.join(" ")));
    }
    text.push_str(&format!(" --node {node}"));
    for name in call.params.keys().filter(|name| !matches!(name.as_str(), "vmid" | "node")) {
        if let Some(value) = call.text(name) {
            text.push_str(&format!(" --{name} {}", quoted(value)));
        }
    }
    text
}

/// A value as a shell takes it.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,@%+".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "'\"'\"'"))
}

fn defaults(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.text("storage").unwrap_or("local");
    let readable =
        cluster.check_any(&call.caller, &format!("/storage/{id}"), &["Datastore.Audit", "Datastore.AllocateSpace"]);
    if call.text("storage").is_some() {
        readable?;
    }
    let definition = cluster.storages.require(id).map_err(Fault::die)?;
    let mut out: Map<String, Value> = Map::from_iter(
        [
            ("all", json!(0)),
            ("bwlimit", json!(0)),
            ("compress", json!("0")),
            ("fleecing", json!({ "enabled": 0 })),
            ("ionice", json!(7)),
            ("lockwait", json!(180)),
            ("mailnotification", json!("always")),
            ("mode", json!("snapshot")),
            ("notification-mode", json!("auto")),
            ("performance", json!({ "max-workers": 16, "pbs-entries-max": 1_048_576 })),
            ("pigz", json!(0)),
            ("prune-backups", json!(definition.get("prune-backups").unwrap_or("keep-all=1"))),
            ("quiet", json!(0)),
            ("remove", json!(1)),
            ("stdexcludes", json!(1)),
            ("stop", json!(0)),
            ("stopwait", json!(10)),
            ("storage", json!(id)),
            ("zstd", json!(1)),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    if cluster.has(&call.caller, "/", "Sys.Modify")
        && let Some(path) = definition.path(id)
    {
        out.insert("dumpdir".into(), json!(format!("{path}/dump")));
    } else {
        out.remove("ionice");
    }
    Ok(Reply::data(Value::Object(out)))
}

fn extract(cluster: &mut Cluster, call: &Call) -> Outcome {
    let text = call.required("volume");
    cluster.check_volume_access(&call.caller, None, text, Some("backup"))?;
    let missing = || Fault::die(format!("volume '{text}' does not exist"));
    let id = VolumeId::parse(text).ok_or_else(missing)?;
    if let Some(outcome) = cluster.read_backup(&id) {
        outcome.map_err(Fault::die)?;
    }
    let volume = cluster.storages.volume(&id, call.node()).ok_or_else(missing)?;
    let archive =
        volume.archive.as_ref().ok_or_else(|| Fault::die(format!("unable to extract configuration from '{text}'")))?;
    Ok(Reply::data(archive.config.clone()))
}
