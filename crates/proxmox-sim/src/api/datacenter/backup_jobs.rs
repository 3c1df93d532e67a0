//! Backup jobs, and what their schedules mean.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::api::sections::{take, text};
use crate::api::{Call, Fault, Handler, Outcome, Reply, split_list};
use crate::guests::property::Property;
use crate::guests::{Guest, GuestKind, volumes};
use crate::state::Cluster;
use crate::state::calendar::CalendarEvent;
use crate::state::sections::Entry;

const KIND: &str = "vzdump";
const NUMBERS: &[&str] = &[
    "all",
    "enabled",
    "repeat-missed",
    "remove",
    "protected",
    "quiet",
    "stdexcludes",
    "zstd",
    "pigz",
    "bwlimit",
    "ionice",
    "lockwait",
    "stopwait",
    "maxfiles",
];

pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![
        ("GET", "/cluster/backup", list),
        ("POST", "/cluster/backup", create),
        ("GET", "/cluster/backup/{id}", get),
        ("PUT", "/cluster/backup/{id}", update),
        ("DELETE", "/cluster/backup/{id}", delete),
        ("GET", "/cluster/backup/{id}/included_volumes", included),
        ("GET", "/cluster/backup-info/not-backed-up", not_backed_up),
        ("GET", "/cluster/jobs/schedule-analyze", analyze),
        ("GET", "/cluster/jobs/realm-sync", |_, _| Ok(Reply::data(json!([])))),
        ("POST", "/cluster/jobs/realm-sync/{id}", realm_sync),
    ]
}

/// A job as the API shows it: what is kept, taken apart.
fn row(id: &str, entry: &Entry) -> Map<String, Value> {
    let mut row = entry.clone();
    row.insert("id".to_owned(), id.into());
    row.insert("type".to_owned(), json!("vzdump"));
    row.entry("enabled").or_insert(json!(1));
    if let Some(keeps) = text(entry, "prune-backups") {
        let parts = keeps.split(',').filter_map(|part| part.split_once('='));
        let keeps: Map<String, Value> = parts.map(|(key, value)| (key.to_owned(), json!(value))).collect();
        row.insert("prune-backups".to_owned(), keeps.into());
    }
    row
}

fn list(cluster: &mut Cluster, _: &Call) -> Outcome {
    let now = cluster.now();
    let rows: Vec<Value> = cluster
        .sections
        .all(KIND)
        .map(|(id, entry)| {
            let mut row = row(id, entry);
            let event = text(entry, "schedule").and_then(CalendarEvent::parse);
            if let Some(next) = event.and_then(|event| event.next_after(now)) {
                row.insert("next-run".to_owned(), next.into());
            }
            row.into()
        })
        .collect();
    Ok(Reply::data(rows))
}

fn find<'c>(cluster: &'c Cluster, call: &Call) -> Result<&'c Entry, Fault> {
    let id = call.required("id");
    cluster.sections.get(KIND, id).ok_or_else(|| Fault::param("id", format!("No such job '{id}'")))
}

fn get(cluster: &mut Cluster, call: &Call) -> Outcome {
    Ok(Reply::data(row(call.required("id"), find(cluster, call)?)))
}

/// A parameter error that is caught and thrown again as text.
fn nested(field: &str, error: &str) -> Fault {
    Fault::die(format!("400 Parameter verification failed.\n{field}: {error}"))
}

/// What is backed up has to be said, once.
fn check_selection(entry: &Entry) -> Result<(), Fault> {
    let all = entry.get("all") == Some(&json!(1));
    if all && entry.contains_key("vmid") {
        return Err(nested("all", "option conflicts with option 'vmid'"));
    }
    if all && entry.contains_key("pool") {
        return Err(nested("all", "option conflicts with option 'pool'"));
    }
    if entry.contains_key("exclude") && entry.contains_key("vmid") {
        return Err(nested("exclude", "option conflicts with option 'vmid'"));
    }
    if !all && !entry.contains_key("vmid") && !entry.contains_key("pool") {
        return Err(nested("vmid", "property is missing"));
    }
    Ok(())
}

fn check_pool(cluster: &Cluster, call: &Call) -> Result<(), Fault> {
    match call.text("pool") {
        Some(pool) if !cluster.pools.contains_key(pool) => {
            Err(Fault::permission(format!("pool '{pool}' does not exist")))
        }
        _ => Ok(()),
    }
}

/// Old jobs have a time and days instead of a schedule.
fn modernise(entry: &mut Entry) {
    if let Some(time) = text(entry, "starttime").map(str::to_owned) {
        let days = text(entry, "dow").map(|days| format!("{days} ")).unwrap_or_default();
        entry.insert("schedule".to_owned(), json!(format!("{days}{time}")));
    }
    entry.remove("starttime");
    entry.remove("dow");
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    check_pool(cluster, call)?;
    if call.text("starttime").is_none() && call.text("schedule").is_none() {
        return Err(Fault::param("schedule", "neither 'starttime' nor 'schedule' were set"));
    }
    let id = call.text("id").map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
    if cluster.sections.get(KIND, &id).is_some() {
        return Err(Fault::die(format!("Job '{id}' already exists")));
    }
    let mut entry = Entry::new();
    take(call, &mut entry, &["id"], NUMBERS);
    keep_node(call, &mut entry);
    modernise(&mut entry);
    check_selection(&entry)?;
    cluster.cfs_lock("jobs_cfg")?;
    entry.entry("enabled").or_insert(json!(1));
    cluster.sections.put(KIND, &id, entry);
    Ok(Reply::null())
}

/// Here `node` is a setting.
fn keep_node(call: &Call, entry: &mut Entry) {
    if let Some(node) = call.text("node") {
        entry.insert("node".to_owned(), node.into());
    }
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    check_pool(cluster, call)?;
    let id = call.required("id");
    let Some(mut entry) = cluster.sections.get(KIND, id).cloned() else { return Err(Fault::die("no such vzdump job")) };
    for key in call.list("delete").unwrap_or_default() {
        const KNOWN: &[&str] = &[
            "all",
            "bwlimit",
            "comment",
            "compress",
            "enabled",
            "exclude",
            "exclude-path",
            "fleecing",
            "ionice",
            "lockwait",
            "mailnotification",
            "mailto",
            "mode",
            "node",
            "notes-template",
            "notification-mode",
            "notification-policy",
            "notification-target",
            "pbs-change-detection-mode",
            "performance",
            "pigz",
            "pool",
            "protected",
            "prune-backups",
            "remove",
            "repeat-missed",
            "script",
            "stdexcludes",
            "stopwait",
            "storage",
            "tmpdir",
            "vmid",
            "zstd",
        ];
        if !KNOWN.contains(&key.as_str()) {
            return Err(nested("delete", &format!("unknown option '{key}'")));
        }
        entry.remove(&key);
    }
    take(call, &mut entry, &["id"], NUMBERS);
    keep_node(call, &mut entry);
    modernise(&mut entry);
    // A new selection replaces the old one.
    let selections: [(&str, &[&str]); 3] =
        [("all", &["vmid", "pool"]), ("vmid", &["all", "pool", "exclude"]), ("pool", &["vmid", "all", "exclude"])];
    for (given, others) in selections {
        if call.params.contains_key(given) {
            for other in others.iter().filter(|other| !call.params.contains_key(**other)) {
                entry.remove(*other);
            }
        }
    }
    check_selection(&entry)?;
    cluster.cfs_lock("jobs_cfg")?;
    cluster.sections.put(KIND, id, entry);
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("id");
    if cluster.sections.get(KIND, id).is_none() {
        return Err(nested("id", &format!("No such job '{id}'")));
    }
    cluster.cfs_lock("jobs_cfg")?;
    cluster.sections.remove(KIND, id);
    Ok(Reply::null())
}

/// The guests that a job backs up.
fn selected(cluster: &Cluster, entry: &Entry) -> Result<Vec<u32>, Fault> {
    let numbers = |key: &str| -> Vec<u32> {
        text(entry, key).map(|list| split_list(list).filter_map(|id| id.parse().ok()).collect()).unwrap_or_default()
    };
    if let Some(pool) = text(entry, "pool") {
        let Some(found) = cluster.pools.get(pool) else {
            return Err(Fault::die(format!("pool '{pool}' does not exist")));
        };
        return Ok(found.vms.iter().copied().filter(|vmid| cluster.guests.get(*vmid).is_some()).collect());
    }
    if entry.get("all") == Some(&json!(1)) {
        let out = numbers("exclude");
        return Ok(cluster.guests.iter().map(|guest| guest.vmid).filter(|vmid| !out.contains(vmid)).collect());
    }
    Ok(numbers("vmid").into_iter().filter(|vmid| cluster.guests.get(*vmid).is_some()).collect())
}

fn name_of(guest: &Guest) -> Value {
    json!(guest.config.current.get("name").or_else(|| guest.config.current.get("hostname")))
}

/// Whether a volume of a guest is backed up, and why.
fn is_included(guest: &Guest, key: &str) -> (bool, &'static str) {
    let value = Property::parse(guest.config.get(key).unwrap_or_default(), "volume");
    match (guest.kind, key) {
        (GuestKind::Lxc, "rootfs") => (true, "rootfs"),
        (GuestKind::Lxc, _) if value.is_on("backup", false) => (true, "enabled"),
        (GuestKind::Lxc, _) => (false, "disabled"),
        (GuestKind::Qemu, "efidisk0") if guest.config.get("bios") != Some("ovmf") => {
            (false, "efidisk but no OMVF BIOS")
        }
        (GuestKind::Qemu, _) if value.is_on("backup", true) => (true, "backup=yes"),
        (GuestKind::Qemu, _) => (false, "backup=no"),
    }
}

fn included(cluster: &mut Cluster, call: &Call) -> Outcome {
    let entry = find(cluster, call)?;
    let mut children = Vec::new();
    for vmid in selected(cluster, entry)? {
        let Some(guest) = cluster.guests.get(vmid) else { continue };
        let owned = volumes::owned(guest.kind, &guest.config.current);
        let below: Vec<Value> = owned
            .iter()
            .filter(|(key, _)| !key.starts_with("unused"))
            .map(|(key, id)| {
                let (included, reason) = is_included(guest, key);
                let key = format!("{vmid}:{key}");
                json!({ "id": key, "name": id.to_string(), "included": u8::from(included), "reason": reason, "leaf": 1 })
            })
            .collect();
        let leaf = u8::from(below.is_empty());
        children.push(json!({
            "id": vmid, "name": name_of(guest), "type": guest.kind.api(), "children": below, "leaf": leaf,
        }));
    }
    Ok(Reply::data(json!({ "children": children })))
}

fn not_backed_up(cluster: &mut Cluster, call: &Call) -> Outcome {
    let mut covered = std::collections::BTreeSet::new();
    for (_, entry) in cluster.sections.all(KIND) {
        covered.extend(selected(cluster, entry)?);
    }
    let seen = |vmid: u32| cluster.check(&call.caller, &format!("/vms/{vmid}"), &["VM.Audit"]).is_ok();
    let rows: Vec<Value> = cluster
        .guests
        .iter()
        .filter(|guest| !covered.contains(&guest.vmid) && seen(guest.vmid))
        .map(|guest| json!({ "vmid": guest.vmid, "type": guest.kind.api(), "name": name_of(guest) }))
        .collect();
    Ok(Reply::data(rows))
}

fn analyze(cluster: &mut Cluster, call: &Call) -> Outcome {
    let Some(event) = CalendarEvent::parse(call.required("schedule")) else { return Ok(Reply::data(json!([]))) };
    let mut at = call.int("starttime").unwrap_or_else(|| cluster.now());
    let mut rows = Vec::new();
    for _ in 0..call.int("iterations").unwrap_or(10).clamp(1, 100) {
        let Some(next) = event.next_after(at) else { break };
        rows.push(json!({ "timestamp": next, "utc": written(next) }));
        at = next;
    }
    Ok(Reply::data(rows))
}

/// `Wed Nov 15 22:00:00 2023`.
fn written(at: i64) -> String {
    let format = time::macros::format_description!(
        "[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]"
    );
    OffsetDateTime::from_unix_timestamp(at).ok().and_then(|time| time.format(&format).ok()).unwrap_or_default()
}

fn realm_sync(cluster: &mut Cluster, call: &Call) -> Outcome {
    if call.text("scope").is_none() {
        return Err(Fault::die("missing value for required option 'scope'"));
    }
    let realm = call.required("realm");
    if !cluster.access.realms.contains_key(realm) {
        return Err(Fault::die(format!("domain '{realm}' does not exist")));
    }
    Err(Fault::not_implemented(&call.method, &call.path))
}
