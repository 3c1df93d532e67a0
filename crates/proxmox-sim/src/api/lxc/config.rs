//! Reading and changing the configuration of a container.

use serde_json::Value;

use crate::api::guests::{guest, target};
use crate::api::{Call, Fault, Outcome, Reply, Simulated, split_list};
use crate::guests::change::{self, Change};
use crate::guests::config::section_json;
use crate::guests::nic::{LxcNic, random_mac};
use crate::guests::{GuestKind, Section, options};
use crate::state::Cluster;

use super::rights::{self, Place};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/lxc/{vmid}/config", read),
    ("PUT", "/nodes/{node}/lxc/{vmid}/config", update),
    ("GET", "/nodes/{node}/lxc/{vmid}/pending", pending),
];

fn read(cluster: &mut Cluster, call: &Call) -> Outcome {
    let guest = guest(cluster, call)?;
    let out = match call.text("snapshot") {
        None => guest.config.to_json(GuestKind::Lxc, call.flag("current") == Some(true)),
        Some(name) => {
            let section = guest.config.snapshots.get(name);
            let section = section.ok_or_else(|| Fault::die(format!("snapshot '{name}' does not exist")))?;
            let mut out = section_json(GuestKind::Lxc, section);
            out.insert("digest".into(), Value::String(guest.config.digest()));
            out
        }
    };
    Ok(Reply::data(Value::Object(out)))
}

fn pending(cluster: &mut Cluster, call: &Call) -> Outcome {
    Ok(Reply::data(guest(cluster, call)?.config.pending_json(GuestKind::Lxc)))
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let mut set: Section = call
        .params
        .keys()
        .filter(|name| !matches!(name.as_str(), "node" | "vmid" | "delete" | "revert" | "digest"))
        .filter_map(|name| Some((name.clone(), call.text(name)?.to_owned())))
        .collect();
    let list = |name: &str| split_list(call.text(name).unwrap_or_default()).map(str::to_owned).collect::<Vec<String>>();
    let (delete, revert) = (list("delete"), list("revert"));
    if set.is_empty() && delete.is_empty() && revert.is_empty() {
        return Err(Fault::die("no options specified"));
    }
    for (name, keys) in [("delete", &delete), ("revert", &revert)] {
        for key in keys {
            if set.contains_key(key) {
                return Err(Fault::param(name, format!("you can't use '-{key}' and '-{name} {key}' at the same time")));
            }
            if !options::exists(GuestKind::Lxc, key) {
                return Err(Fault::param(name, format!("unknown option '{key}'")));
            }
        }
    }
    let on = target(call);
    let found = guest(cluster, call)?;
    found.check_lock().map_err(Fault::die)?;
    let digest = call.text("digest").map(str::to_owned);
    if digest.as_ref().is_some_and(|digest| *digest != found.config.digest()) {
        return Err(Fault::die("detected modified configuration - file changed by other user? Try again."));
    }
    let place = Place { vmid: on.vmid, pool: None, unprivileged: rights::is_unprivileged(cluster, on.vmid) };
    rights::check(cluster, call, place, &Section::new(), &delete)?;
    rights::check(cluster, call, place, &set, &[])?;
    rights::check_storages(cluster, call, &set)?;
    for (key, value) in &mut set {
        if options::numbered(key).is_some_and(|(family, _)| family == "net") {
            let mut nic = LxcNic::parse(value);
            nic.complete(random_mac);
            *value = nic.print();
        }
    }
    cluster.log_call(call, format!("update CT {}:{}", on.vmid, parameters(call)));
    let change = Change { set, delete, revert, digest, ..Change::default() };
    let at = cluster.clock.now_ms();
    change::apply(cluster, on, call.node(), &change, at, &mut Vec::new())?;
    Ok(Reply::null())
}

/// What was sent, as the log shows it.
fn parameters(call: &Call) -> String {
    let shown = call.params.keys().filter(|name| !matches!(name.as_str(), "node" | "vmid" | "digest"));
    shown.map(|name| format!(" -{name} {}", call.text(name).unwrap_or_default())).collect()
}
