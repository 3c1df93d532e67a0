//! Groups of nodes: before PVE 9, which has [`super::rules`] in their place and says so. The words of before are those of its source; no recording
//! has them.

use serde_json::Value;

use crate::api::sections::{row, take, text, unmodified};
use crate::api::{Call, Fault, Handler, Outcome, Reply, split_list};
use crate::state::Cluster;
use crate::state::sections::Entry;

const KIND: &str = "ha-group";
const NUMBERS: &[&str] = &["restricted", "nofailback"];
/// The first version without groups.
const MIGRATED: (u32, u32) = (9, 0);

pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![
        ("GET", "/cluster/ha/groups", list),
        ("POST", "/cluster/ha/groups", create),
        ("GET", "/cluster/ha/groups/{group}", get),
        ("PUT", "/cluster/ha/groups/{group}", update),
        ("DELETE", "/cluster/ha/groups/{group}", delete),
    ]
}

/// Whether the cluster has groups, not rules.
pub(super) fn are_there(cluster: &Cluster) -> bool {
    cluster.version.pair() < MIGRATED
}

/// Whether a resource can be put into this group.
pub(super) fn has(cluster: &Cluster, group: &str) -> bool {
    cluster.sections.get(KIND, group).is_some()
}

fn not_migrated(cluster: &Cluster, what: &str) -> Result<(), Fault> {
    match are_there(cluster) {
        true => Ok(()),
        false => Err(Fault::die(format!("cannot {what}: ha groups have been migrated to rules"))),
    }
}

fn no_such(group: &str) -> Fault {
    Fault::die(format!("no such ha group '{group}'"))
}

fn list(cluster: &mut Cluster, _: &Call) -> Outcome {
    not_migrated(cluster, "index groups")?;
    let all = cluster.sections.all(KIND);
    let rows: Vec<Value> = all.map(|(id, entry)| row(cluster, KIND, Some("group"), id, entry).into()).collect();
    Ok(Reply::data(rows))
}

fn get(cluster: &mut Cluster, call: &Call) -> Outcome {
    not_migrated(cluster, "read group")?;
    let id = call.required("group");
    let entry = cluster.sections.get(KIND, id).ok_or_else(|| no_such(id))?;
    Ok(Reply::data(Value::from(row(cluster, KIND, Some("group"), id, entry))))
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    not_migrated(cluster, "create group")?;
    let id = call.required("group");
    if has(cluster, id) {
        return Err(Fault::die(format!("create ha group failed: ha group ID '{id}' already defined")));
    }
    cluster.require_quorum()?;
    let mut entry = Entry::new();
    take(call, &mut entry, &["group", "type"], NUMBERS);
    entry.insert("type".to_owned(), "group".into());
    cluster.sections.put(KIND, id, entry);
    Ok(Reply::null())
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    const PREFIX: &str = "update ha group failed: ";
    not_migrated(cluster, "update group")?;
    let id = call.required("group");
    unmodified(cluster, call, KIND).map_err(|fault| fault.prefixed(PREFIX))?;
    let mut entry = cluster.sections.get(KIND, id).cloned().ok_or_else(|| no_such(id).prefixed(PREFIX))?;
    for key in split_list(call.text("delete").unwrap_or_default()) {
        if !["restricted", "nofailback", "comment"].contains(&key) {
            return Err(Fault::die(format!("{PREFIX}no such option '{key}'")));
        }
        entry.remove(key);
    }
    take(call, &mut entry, &["group"], NUMBERS);
    cluster.require_quorum()?;
    cluster.sections.put(KIND, id, entry);
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    not_migrated(cluster, "delete group")?;
    let id = call.required("group");
    let user = cluster.sections.all("ha-resource").find(|(_, entry)| text(entry, "group") == Some(id));
    if let Some((sid, _)) = user {
        return Err(Fault::die(format!("delete ha group failed: ha group is used by service '{sid}'")));
    }
    cluster.require_quorum()?;
    cluster.sections.remove(KIND, id);
    Ok(Reply::null())
}
