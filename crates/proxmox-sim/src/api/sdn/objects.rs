//! Controllers, ipams and name servers; and what all kinds of objects have in common when they are changed.

use serde_json::{Map, Value, json};

use crate::api::{Call, Fault, Handler, Outcome, Reply};
use crate::state::Cluster;
use crate::state::digest::assert_unmodified;

use super::{nested, row_of, rows_of, take};

pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![
        ("GET", "/cluster/sdn/controllers", |cluster, call| list(cluster, call, "controller")),
        ("POST", "/cluster/sdn/controllers", |cluster, call| create(cluster, call, "controller")),
        ("GET", "/cluster/sdn/controllers/{controller}", |cluster, call| get(cluster, call, "controller")),
        ("PUT", "/cluster/sdn/controllers/{controller}", |cluster, call| update(cluster, call, "controller")),
        ("DELETE", "/cluster/sdn/controllers/{controller}", |cluster, call| delete(cluster, call, "controller")),
        ("GET", "/cluster/sdn/ipams", |cluster, call| list(cluster, call, "ipam")),
        ("POST", "/cluster/sdn/ipams", |cluster, call| create(cluster, call, "ipam")),
        ("GET", "/cluster/sdn/ipams/{ipam}", |cluster, call| get(cluster, call, "ipam")),
        ("PUT", "/cluster/sdn/ipams/{ipam}", |cluster, call| update(cluster, call, "ipam")),
        ("DELETE", "/cluster/sdn/ipams/{ipam}", |cluster, call| delete(cluster, call, "ipam")),
        ("GET", "/cluster/sdn/ipams/{ipam}/status", status),
        ("GET", "/cluster/sdn/dns", |cluster, call| list(cluster, call, "dns")),
        ("POST", "/cluster/sdn/dns", |cluster, call| create(cluster, call, "dns")),
        ("GET", "/cluster/sdn/dns/{dns}", |cluster, call| get(cluster, call, "dns")),
        ("PUT", "/cluster/sdn/dns/{dns}", |cluster, call| update(cluster, call, "dns")),
        ("DELETE", "/cluster/sdn/dns/{dns}", |cluster, call| delete(cluster, call, "dns")),
    ]
}

fn path_of(kind: &str, id: &str) -> String {
    match kind {
        "zone" => format!("/sdn/zones/{id}"),
        "dns" => format!("/sdn/dns/{id}"),
        kind => format!("/sdn/{kind}s/{id}"),
    }
}

/// The list of a kind, without what the caller may not see.
pub(super) fn list(cluster: &mut Cluster, call: &Call, kind: &str) -> Outcome {
    let seen = |id: &str| cluster.check_any(&call.caller, &path_of(kind, id), &["SDN.Audit", "SDN.Allocate"]).is_ok();
    let wanted = |row: &Map<String, Value>| {
        call.text("type").is_none_or(|kind| row.get("type").and_then(Value::as_str) == Some(kind))
    };
    let rows: Vec<Value> = rows_of(cluster, call, kind)
        .into_iter()
        .filter(|(id, row)| seen(id) && wanted(row))
        .map(|(_, row)| row.into())
        .collect();
    Ok(Reply::data(rows))
}

pub(super) fn get(cluster: &mut Cluster, call: &Call, kind: &str) -> Outcome {
    let id = call.required(kind);
    row_of(cluster, call, kind, id).map(Reply::data).ok_or_else(|| no_such(id))
}

fn no_such(id: &str) -> Fault {
    Fault::die(format!("sdn '{id}' does not exist"))
}

/// Makes an object after the checks that are its kind's own.
pub(super) fn create(cluster: &mut Cluster, call: &Call, kind: &str) -> Outcome {
    let id = call.required(kind);
    check_type(kind, call.required("type"), call)?;
    let prefix = format!("create sdn {kind} object failed: ");
    if cluster.sdn.get(kind, id).is_some() {
        return Err(Fault::die(format!("{prefix}sdn {kind} object ID '{id}' already defined")));
    }
    let mut object = Map::new();
    take(call, &mut object, &[kind]);
    check_object(cluster, kind, &object, &prefix)?;
    cluster.require_quorum()?;
    cluster.sdn.put(kind, id, object);
    Ok(Reply::null())
}

pub(super) fn update(cluster: &mut Cluster, call: &Call, kind: &str) -> Outcome {
    let id = call.required(kind);
    let prefix = format!("update sdn {kind} object failed: ");
    let failed = |fault: Fault| fault.prefixed(&prefix);
    assert_unmodified(&cluster.sdn.digest(kind), call.text("digest")).map_err(failed)?;
    let Some(mut object) = cluster.sdn.get(kind, id).cloned() else { return Err(failed(no_such(id))) };
    let kind_of_object = object.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    for key in call.list("delete").unwrap_or_default() {
        if !known_options(kind, &kind_of_object).is_some_and(|all| all.contains(&key.as_str())) {
            return Err(failed(Fault::die(format!("no such option '{key}'"))));
        }
        object.remove(&key);
    }
    take(call, &mut object, &[kind]);
    check_object(cluster, kind, &object, &prefix)?;
    cluster.require_quorum()?;
    cluster.sdn.put(kind, id, object);
    Ok(Reply::null())
}

pub(super) fn delete(cluster: &mut Cluster, call: &Call, kind: &str) -> Outcome {
    let id = call.required(kind);
    let prefix = format!("delete sdn {kind} object failed: ");
    if cluster.sdn.get(kind, id).is_none() {
        return Err(no_such(id).prefixed(&prefix));
    }
    let text = |object: &Map<String, Value>, key: &str| object.get(key).and_then(Value::as_str) == Some(id);
    match kind {
        "zone" => {
            if let Some((vnet, _)) = cluster.sdn.all("vnet").find(|(_, vnet)| text(vnet, "zone")) {
                return Err(Fault::die(format!(
                    "{prefix}zone {id} is used by vnet {vnet} at /usr/share/perl5/PVE/Network/SDN/Zones/Plugin.pm line 160."
                )));
            }
        }
        "controller" | "ipam" | "dns" => {
            if let Some((zone, _)) = cluster.sdn.all("zone").find(|(_, zone)| text(zone, kind)) {
                return Err(Fault::die(format!("{prefix}{kind} {id} is used by {zone}")));
            }
        }
        _ => {}
    }
    cluster.require_quorum()?;
    cluster.sdn.remove(kind, id);
    Ok(Reply::null())
}

/// Refers to things that have to exist.
fn check_object(cluster: &Cluster, kind: &str, object: &Map<String, Value>, prefix: &str) -> Result<(), Fault> {
    if kind != "zone" {
        return Ok(());
    }
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    if text("type") == Some("vxlan") && text("peers").is_some() == text("fabric").is_some() {
        let both = "must have exactly one of peers / fabric defined";
        return Err(nested(prefix, "fabric", &format!("{both}\npeers: {both}")));
    }
    for reference in ["ipam", "dns", "reversedns"] {
        let kind = if reference == "ipam" { "ipam" } else { "dns" };
        if let Some(id) = text(reference)
            && cluster.sdn.get(kind, id).is_none()
        {
            return Err(nested(prefix, reference, &format!("{id} not existing")));
        }
    }
    if let Some(id) = text("controller")
        && cluster.sdn.get("controller", id).is_none()
    {
        return Err(nested(prefix, "controller", &format!("controller {id} does not exist or is not evpn type")));
    }
    Ok(())
}

/// The options that an object of a type may have; an exclamation mark before one that it has to have.
fn options(kind: &str, of_type: &str) -> Option<&'static [&'static str]> {
    Some(match (kind, of_type) {
        ("zone", "simple") => &["nodes", "mtu", "dns", "reversedns", "dnszone", "ipam", "dhcp"],
        ("zone", "vlan") => {
            &["nodes", "mtu", "!bridge", "bridge-disable-mac-learning", "dns", "reversedns", "dnszone", "ipam"]
        }
        ("zone", "qinq") => &[
            "nodes",
            "mtu",
            "!bridge",
            "!tag",
            "vlan-protocol",
            "bridge-disable-mac-learning",
            "dns",
            "reversedns",
            "dnszone",
            "ipam",
        ],
        ("zone", "vxlan") => &["nodes", "mtu", "peers", "fabric", "vxlan-port", "dns", "reversedns", "dnszone", "ipam"],
        ("zone", "evpn") => &[
            "nodes",
            "mtu",
            "!controller",
            "!vrf-vxlan",
            "exitnodes",
            "exitnodes-local-routing",
            "exitnodes-primary",
            "advertise-subnets",
            "disable-arp-nd-suppression",
            "bridge-disable-mac-learning",
            "mac",
            "rt-import",
            "secondary-controllers",
            "dns",
            "reversedns",
            "dnszone",
            "ipam",
        ],
        ("zone", "faucet") => &["nodes", "mtu", "controller", "dp-id", "dns", "reversedns", "dnszone", "ipam"],
        ("controller", "evpn") => &["!asn", "peers", "fabric"],
        ("controller", "bgp") => {
            &["!node", "!asn", "peers", "bgp-multipath-as-path-relax", "ebgp", "ebgp-multihop", "loopback"]
        }
        ("controller", "isis") => &["!node", "!isis-domain", "!isis-net", "isis-ifaces", "loopback"],
        ("ipam", "pve") => &[],
        ("ipam", "netbox") => &["!url", "!token", "fingerprint"],
        ("ipam", "phpipam") => &["!url", "!token", "!section", "fingerprint"],
        ("dns", "powerdns") => &["!url", "!key", "ttl", "reversemaskv6", "reversev6mask", "fingerprint"],
        _ => return None,
    })
}

fn known_options(kind: &str, of_type: &str) -> Option<Vec<&'static str>> {
    Some(options(kind, of_type)?.iter().map(|option| option.trim_start_matches('!')).collect())
}

/// What the plugin of a type does not take, and what it cannot do without.
fn check_type(kind: &str, of_type: &str, call: &Call) -> Result<(), Fault> {
    let Some(all) = options(kind, of_type) else { return Ok(()) };
    let known = known_options(kind, of_type).unwrap_or_default();
    let fixed = [kind, "type", "lock-token"];
    if let Some(unexpected) =
        call.params.keys().find(|key| !fixed.contains(&key.as_str()) && !known.contains(&key.as_str()))
    {
        return Err(Fault::die(format!("unexpected property '{unexpected}'")));
    }
    let mut required: Vec<&str> = all.iter().filter_map(|option| option.strip_prefix('!')).collect();
    required.sort_unstable();
    match required.iter().find(|option| !call.params.contains_key(**option)) {
        Some(missing) => Err(Fault::die(format!("missing value for required option '{missing}'"))),
        None => Ok(()),
    }
}

fn status(cluster: &mut Cluster, call: &Call) -> Outcome {
    let ipam = call.required("ipam");
    if cluster.sdn.get("ipam", ipam).is_none() {
        return Err(no_such(ipam));
    }
    let mut rows = Vec::new();
    for (vnet, addresses) in &cluster.sdn.addresses {
        let Some(zone) = cluster.sdn.get("vnet", vnet).and_then(|vnet| vnet.get("zone")?.as_str()) else { continue };
        let path = format!("/sdn/zones/{zone}/{vnet}");
        if cluster.check_any(&call.caller, &path, &["SDN.Audit", "SDN.Allocate"]).is_err() {
            continue;
        }
        for (ip, mac) in addresses {
            let subnet = super::subnets::subnet_of(cluster, vnet, ip).unwrap_or_default();
            rows.push(json!({ "zone": zone, "vnet": vnet, "subnet": subnet, "ip": ip, "mac": mac }));
        }
    }
    Ok(Reply::data(rows))
}
