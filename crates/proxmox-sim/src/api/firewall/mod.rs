//! Firewalls of the cluster, of nodes, guests and virtual networks: the same calls below four paths.

mod aliases;
mod groups;
mod ipsets;
mod options;
mod rules;
mod verify;

use serde_json::{Value, json};

use crate::state::Cluster;
use crate::state::firewall::Scope;

use super::{Call, Fault, Handler, Outcome, Reply, index_reply};

/// The paths that firewalls lie below.
const BASES: [&str; 5] = [
    "/cluster/firewall",
    "/nodes/{node}/firewall",
    "/nodes/{node}/qemu/{vmid}/firewall",
    "/nodes/{node}/lxc/{vmid}/firewall",
    "/cluster/sdn/vnets/{vnet}/firewall",
];

/// Verb, path below a firewall's own, handler.
type Below = (&'static str, &'static str, Handler);

/// The calls that are there (not every level has all of them: the table knows).
pub(super) fn calls() -> Vec<(&'static str, String, Handler)> {
    let mut below: Vec<Below> =
        vec![("GET", "", index), ("GET", "/log", log), ("GET", "/macros", macros), ("GET", "/refs", refs)];
    below.extend(rules::calls());
    below.extend(aliases::calls());
    below.extend(ipsets::calls());
    below.extend(groups::calls());
    below.extend(options::calls());
    let on = |base: &str| {
        below.iter().map(|(verb, path, handler)| (*verb, format!("{base}{path}"), *handler)).collect::<Vec<_>>()
    };
    BASES.iter().flat_map(|base| on(base)).collect()
}

/// The firewall that a call is about. Virtual networks check here who may.
fn scope(cluster: &Cluster, call: &Call) -> Result<Scope, Fault> {
    if let Some(vnet) = call.text("vnet") {
        let zone = cluster.sdn.get("vnet", vnet).and_then(|found| found.get("zone")).and_then(Value::as_str);
        let Some(zone) = zone else { return Err(Fault::die(format!("sdn vnet '{vnet}' does not exist"))) };
        let privileges: &[&str] = if call.method == "GET" { &["SDN.Audit", "SDN.Allocate"] } else { &["SDN.Allocate"] };
        cluster.check_any(&call.caller, &format!("/sdn/zones/{zone}/{vnet}"), privileges)?;
        return Ok(Scope::Vnet(vnet.to_owned()));
    }
    if call.text("vmid").is_some() {
        return Ok(Scope::Guest(call.vmid()));
    }
    if call.path.starts_with("/cluster") {
        return Ok(Scope::Cluster);
    }
    Ok(Scope::Node(call.node().to_owned()))
}

/// Refuses a change made against an older configuration.
fn unmodified(cluster: &Cluster, call: &Call, scope: &Scope) -> Result<(), Fault> {
    crate::state::digest::assert_unmodified(&cluster.firewall.digest(scope), call.text("digest"))
}

/// Takes the lock of a firewall's file, which needs quorum.
fn lock(cluster: &Cluster, scope: &Scope) -> Result<(), Fault> {
    cluster.lock(&match scope {
        Scope::Cluster => "firewall-cluster".to_owned(),
        Scope::Node(node) => format!("firewall-host-{node}"),
        Scope::Guest(vmid) => format!("firewall-vm-{vmid}"),
        Scope::Vnet(vnet) => format!("firewall-vnet-{vnet}"),
    })
}

fn index(_: &mut Cluster, call: &Call) -> Outcome {
    let names: &[&str] = if call.text("vmid").is_some() {
        &["rules", "aliases", "ipset", "refs", "options"]
    } else if call.text("vnet").is_some() {
        &["options", "rules"]
    } else if call.path.starts_with("/cluster") {
        &["aliases", "rules", "options", "groups", "ipset", "macros", "refs"]
    } else {
        &["rules", "options", "log"]
    };
    Ok(index_reply("name", names))
}

fn log(_: &mut Cluster, _: &Call) -> Outcome {
    // The firewall's daemon does not run here, so there is no log.
    let line = json!([{ "n": 1, "t": "unable to open file - No such file or directory" }]);
    Ok(Reply::data(line).with_total(1))
}

/// Known macros with their descriptions.
fn known_macros() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("macros.txt").lines().filter_map(|line| line.split_once('\t'))
}

fn macros(_: &mut Cluster, _: &Call) -> Outcome {
    let rows: Vec<Value> = known_macros().map(|(name, about)| json!({ "macro": name, "descr": about })).collect();
    Ok(Reply::data(rows))
}

/// What rules can refer to from here.
fn refs(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    let mut levels = vec![("dc", cluster.firewall.level(&Scope::Cluster))];
    if scope != Scope::Cluster {
        levels.push(("guest", cluster.firewall.level(&scope)));
    }
    let mut rows = Vec::new();
    for (name_of_scope, level) in levels {
        if call.text("type") != Some("ipset") {
            for alias in level.aliases.values() {
                let mut row = json!({
                    "type": "alias", "name": alias.name, "ref": alias.name, "scope": name_of_scope,
                });
                commented(&mut row, alias.comment.as_deref());
                rows.push(row);
            }
        }
        if call.text("type") != Some("alias") {
            for (name, set) in &level.ipsets {
                let mut row = json!({
                    "type": "ipset", "name": name, "ref": format!("+{name}"), "scope": name_of_scope,
                });
                commented(&mut row, set.comment.as_deref());
                rows.push(row);
            }
        }
    }
    Ok(Reply::data(rows))
}

/// Adds a comment to a row if there is one.
fn commented(row: &mut Value, comment: Option<&str>) {
    if let (Some(row), Some(comment)) = (row.as_object_mut(), comment.filter(|comment| !comment.is_empty())) {
        row.insert("comment".to_owned(), comment.into());
    }
}

/// 4 or 6.
fn ip_version(cidr: &str) -> u8 {
    if cidr.contains(':') { 6 } else { 4 }
}
