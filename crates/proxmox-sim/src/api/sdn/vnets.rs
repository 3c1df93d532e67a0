//! Virtual networks of a zone.

use serde_json::{Map, Value, json};

use crate::api::{Call, Fault, Handler, Outcome, Reply};
use crate::state::Cluster;
use crate::state::digest::assert_unmodified;

use super::{nested, row_of, rows_of, take};

pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![
        ("GET", "/cluster/sdn/vnets", list),
        ("POST", "/cluster/sdn/vnets", create),
        ("GET", "/cluster/sdn/vnets/{vnet}", get),
        ("PUT", "/cluster/sdn/vnets/{vnet}", update),
        ("DELETE", "/cluster/sdn/vnets/{vnet}", delete),
    ]
}

fn zone_of(row: &Map<String, Value>) -> Option<&str> {
    let pending = row.get("pending").and_then(|pending| pending.get("zone"));
    row.get("zone").or(pending).and_then(Value::as_str)
}

/// The vnet of a call, if the caller has one of these privileges on it.
pub(super) fn require<'c>(
    cluster: &'c Cluster,
    call: &Call,
    privileges: &[&str],
) -> Result<&'c Map<String, Value>, Fault> {
    let id = call.required("vnet");
    let missing = || Fault::die(format!("sdn vnet '{id}' does not exist"));
    let sdn = &cluster.sdn;
    let vnet = sdn.get("vnet", id).or_else(|| sdn.running.get("vnet")?.get(id)).ok_or_else(missing)?;
    let zone = zone_of(vnet).unwrap_or_default();
    cluster.check_any(&call.caller, &format!("/sdn/zones/{zone}/{id}"), privileges)?;
    Ok(vnet)
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let rows: Vec<Value> = rows_of(cluster, call, "vnet")
        .into_iter()
        .filter(|(id, row)| {
            let path = format!("/sdn/zones/{}/{id}", zone_of(row).unwrap_or_default());
            cluster.check_any(&call.caller, &path, &["SDN.Audit", "SDN.Allocate"]).is_ok()
        })
        .map(|(_, row)| row.into())
        .collect();
    Ok(Reply::data(rows))
}

fn get(cluster: &mut Cluster, call: &Call) -> Outcome {
    require(cluster, call, &["SDN.Audit", "SDN.Allocate"])?;
    let id = call.required("vnet");
    row_of(cluster, call, "vnet", id)
        .map(Reply::data)
        .ok_or_else(|| Fault::die(format!("sdn vnet '{id}' does not exist")))
}

/// What the zone says about a vnet.
fn check(cluster: &Cluster, id: &str, vnet: &Map<String, Value>, prefix: &str) -> Result<(), Fault> {
    let zone = vnet.get("zone").and_then(Value::as_str).unwrap_or_default();
    let kind = cluster.sdn.get("zone", zone).and_then(|zone| zone.get("type")).and_then(Value::as_str);
    let Some(kind) = kind else {
        return Err(Fault::die(format!(
            "{prefix}cannot lookup undefined type! at /usr/share/perl5/PVE/API2/Network/SDN/Vnets.pm line 326."
        )));
    };
    let tag = vnet.get("tag").and_then(Value::as_i64);
    match (kind, tag) {
        ("simple", Some(_)) => return Err(nested(prefix, "tag", "vlan tag is not allowed on simple zone")),
        ("vlan" | "qinq", None) => return Err(nested(prefix, "tag", "missing vlan tag")),
        ("vxlan" | "evpn", None) => return Err(nested(prefix, "tag", "missing vxlan tag")),
        ("vlan" | "qinq", Some(tag)) if tag > 4096 => {
            return Err(nested(prefix, "tag", "vlan tag max value is 4096"));
        }
        _ => {}
    }
    let Some(tag) = tag else { return Ok(()) };
    let same = |(other, found): &(&String, &Map<String, Value>)| {
        *other != id
            && found.get("zone").and_then(Value::as_str) == Some(zone)
            && found.get("tag").and_then(Value::as_i64) == Some(tag)
    };
    match cluster.sdn.all("vnet").find(same) {
        Some((other, _)) => Err(nested(prefix, "tag", &format!("tag {tag} already exist in vnet {other}"))),
        None => Ok(()),
    }
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    const PREFIX: &str = "create sdn vnet object failed: ";
    let id = call.required("vnet");
    if cluster.sdn.get("vnet", id).is_some() {
        return Err(Fault::die(format!("{PREFIX}sdn vnet object ID '{id}' already defined")));
    }
    let mut vnet = Map::from_iter([("type".to_owned(), json!("vnet"))]);
    take(call, &mut vnet, &["vnet"]);
    check(cluster, id, &vnet, PREFIX)?;
    cluster.require_quorum()?;
    cluster.sdn.put("vnet", id, vnet);
    Ok(Reply::null())
}

fn has_subnets(cluster: &Cluster, id: &str) -> bool {
    // What is removed but still runs counts, too.
    let sdn = &cluster.sdn;
    let of_vnet = |(_, subnet): (&String, &Map<String, Value>)| subnet.get("vnet").and_then(Value::as_str) == Some(id);
    sdn.all("subnet").any(of_vnet)
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    const PREFIX: &str = "update sdn vnet object failed: ";
    let id = call.required("vnet");
    let mut vnet = require(cluster, call, &["SDN.Allocate"])?.clone();
    assert_unmodified(&cluster.sdn.digest("vnet"), call.text("digest")).map_err(|fault| fault.prefixed(PREFIX))?;
    for key in call.list("delete").unwrap_or_default() {
        const KNOWN: &[&str] = &["tag", "alias", "vlanaware", "isolate-ports"];
        if !KNOWN.contains(&key.as_str()) {
            return Err(Fault::die(format!("{PREFIX}no such option '{key}'")));
        }
        vnet.remove(&key);
    }
    let moves = call.text("zone").is_some_and(|zone| vnet.get("zone").and_then(Value::as_str) != Some(zone));
    take(call, &mut vnet, &["vnet"]);
    if moves && has_subnets(cluster, id) {
        return Err(nested(PREFIX, "zone", "can't change zone if subnets exist"));
    }
    check(cluster, id, &vnet, PREFIX)?;
    cluster.require_quorum()?;
    cluster.sdn.put("vnet", id, vnet);
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    const PREFIX: &str = "delete sdn vnet object failed: ";
    let id = call.required("vnet");
    require(cluster, call, &["SDN.Allocate"])?;
    if has_subnets(cluster, id) {
        return Err(nested(PREFIX, "vnet", "Can't delete vnet if subnets exists"));
    }
    cluster.require_quorum()?;
    if !cluster.sdn.remove("vnet", id) {
        return Err(Fault::die(format!("{PREFIX}sdn '{id}' does not exist")));
    }
    Ok(Reply::null())
}
