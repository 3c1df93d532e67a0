//! Guests under high availability.

use serde_json::{Value, json};

use crate::api::sections::{row, take, text, unmodified};
use crate::api::{Call, Fault, Handler, Outcome, Reply};
use crate::guests::GuestKind;
use crate::state::Cluster;
use crate::state::sections::Entry;

use super::groups;

const KIND: &str = "ha-resource";
const NUMBERS: &[&str] = &["max_restart", "max_relocate", "failback", "auto-rebalance"];

pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![
        ("GET", "/cluster/ha/resources", list),
        ("POST", "/cluster/ha/resources", create),
        ("GET", "/cluster/ha/resources/{sid}", get),
        ("PUT", "/cluster/ha/resources/{sid}", update),
        ("DELETE", "/cluster/ha/resources/{sid}", delete),
        ("POST", "/cluster/ha/resources/{sid}/migrate", request_move),
        ("POST", "/cluster/ha/resources/{sid}/relocate", request_move),
    ]
}

/// `vm:100` out of `vm:100` or `100`; a number alone is the guest that has it.
fn sid(cluster: &Cluster, call: &Call) -> Result<String, Fault> {
    let sent = call.required("sid");
    let Some((kind, id)) = sent.split_once(':') else {
        let vmid: u32 = sent.parse().map_err(|_| Fault::die("invalid VMID"))?;
        let kind = cluster.guests.get(vmid).map(|guest| if guest.kind == GuestKind::Qemu { "vm" } else { "ct" });
        return kind
            .map(|kind| format!("{kind}:{vmid}"))
            .ok_or_else(|| Fault::die(format!("unable to find VM '{vmid}'")));
    };
    if !matches!(kind, "vm" | "ct") {
        return Err(Fault::die(format!("unknown section type '{kind}'")));
    }
    if id.parse::<u32>().is_err() {
        return Err(Fault::die("invalid VMID"));
    }
    Ok(sent.to_owned())
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let rows: Vec<Value> = cluster
        .sections
        .all(KIND)
        .filter(|(_, entry)| call.text("type").is_none_or(|kind| text(entry, "type") == Some(kind)))
        .map(|(sid, entry)| row(cluster, KIND, Some("sid"), sid, entry).into())
        .collect();
    Ok(Reply::data(rows))
}

fn get(cluster: &mut Cluster, call: &Call) -> Outcome {
    let sid = sid(cluster, call)?;
    let entry = cluster.sections.get(KIND, &sid).ok_or_else(|| no_such(&sid))?;
    Ok(Reply::data(row(cluster, KIND, Some("sid"), &sid, entry)))
}

fn no_such(sid: &str) -> Fault {
    Fault::die(format!("no such resource '{sid}'"))
}

/// `enabled` is an old word for `started`.
fn modernise(entry: &mut Entry) {
    if text(entry, "state") == Some("enabled") {
        entry.insert("state".to_owned(), json!("started"));
    }
}

/// A group has to be there, where there are groups.
fn check_group(cluster: &Cluster, call: &Call) -> Result<(), Fault> {
    match call.text("group") {
        Some(_) if !groups::are_there(cluster) => {
            Err(Fault::die("create resource failed: invalid parameter 'group': ha groups have been migrated to rules"))
        }
        Some(group) if !groups::has(cluster, group) => {
            Err(Fault::die(format!("create resource failed: ha group '{group}' does not exist")))
        }
        _ => Ok(()),
    }
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let sid = sid(cluster, call)?;
    let (kind, id) = sid.split_once(':').unwrap_or((&sid, ""));
    let guest = id.parse::<u32>().ok().and_then(|vmid| cluster.guests.get(vmid));
    let Some(guest) = guest else { return Err(Fault::die(format!("resource '{sid}' does not exist in cluster"))) };
    let (fits, what) = match kind {
        "vm" => (guest.kind == GuestKind::Qemu, "virtual machine"),
        _ => (guest.kind == GuestKind::Lxc, "container"),
    };
    if !fits {
        return Err(Fault::die(format!("resource '{sid}' - guest with ID {id} is not a {what}")));
    }
    check_group(cluster, call)?;
    if cluster.sections.get(KIND, &sid).is_some() {
        return Err(Fault::die(format!("create resource failed: resource ID '{sid}' already defined")));
    }
    cluster.require_quorum()?;
    let mut entry = Entry::new();
    take(call, &mut entry, &["sid", "type"], NUMBERS);
    modernise(&mut entry);
    entry.insert("type".to_owned(), kind.into());
    cluster.sections.put(KIND, &sid, entry);
    Ok(Reply::null())
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    const PREFIX: &str = "update resources config failed: ";
    let sid = sid(cluster, call)?;
    unmodified(cluster, call, KIND).map_err(|fault| fault.prefixed(PREFIX))?;
    let mut entry = cluster.sections.get(KIND, &sid).cloned().ok_or_else(|| no_such(&sid).prefixed(PREFIX))?;
    for key in call.list("delete").unwrap_or_default() {
        const KNOWN: &[&str] =
            &["state", "comment", "max_restart", "max_relocate", "failback", "group", "auto-rebalance"];
        if !KNOWN.contains(&key.as_str()) {
            return Err(Fault::die(format!("{PREFIX}no such option '{key}'")));
        }
        entry.remove(&key);
    }
    take(call, &mut entry, &["sid"], NUMBERS);
    modernise(&mut entry);
    cluster.require_quorum()?;
    cluster.sections.put(KIND, &sid, entry);
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let sid = sid(cluster, call)?;
    if cluster.sections.get(KIND, &sid).is_none() {
        return Err(Fault::die(format!("cannot delete service '{sid}', not HA managed!")));
    }
    cluster.require_quorum()?;
    if call.flag("purge").unwrap_or(true) {
        cluster.sections.purge_ha(&sid);
    } else {
        cluster.sections.remove(KIND, &sid);
    }
    Ok(Reply::null())
}

/// Only a request: a manager would act on it.
fn request_move(cluster: &mut Cluster, call: &Call) -> Outcome {
    let sid = sid(cluster, call)?;
    if cluster.sections.get(KIND, &sid).is_none() {
        return Err(Fault::die(format!("resource '{sid}' is not HA managed")));
    }
    Ok(Reply::data(json!({ "sid": sid, "requested-node": call.required("node") })))
}
