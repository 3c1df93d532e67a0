//! Subnets of a vnet, and the addresses handed out in them.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::api::{Call, Fault, Handler, Outcome, Reply};
use crate::state::Cluster;
use crate::state::digest::assert_unmodified;
use crate::verify::network_formats::Network;

use super::vnets::require;
use super::{nested, row_of, rows_of, take};

pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    let one = "/cluster/sdn/vnets/{vnet}/subnets/{subnet}";
    vec![
        ("GET", "/cluster/sdn/vnets/{vnet}/subnets", list),
        ("POST", "/cluster/sdn/vnets/{vnet}/subnets", create),
        ("GET", one, get),
        ("PUT", one, update),
        ("DELETE", one, delete),
        ("POST", "/cluster/sdn/vnets/{vnet}/ips", add_address),
        ("PUT", "/cluster/sdn/vnets/{vnet}/ips", add_address),
        ("DELETE", "/cluster/sdn/vnets/{vnet}/ips", remove_address),
    ]
}

const READ: &[&str] = &["SDN.Audit", "SDN.Allocate"];

/// `10.0.0.0/24` out of `zone-10.0.0.0-24`.
fn network_of(id: &str) -> Option<(&str, &str, &str)> {
    let (zone, rest) = id.split_once('-')?;
    let (network, mask) = rest.rsplit_once('-')?;
    Some((zone, network, mask))
}

/// The row with what follows from the id, and its ranges taken apart.
fn shown(id: &str, mut row: Map<String, Value>) -> Map<String, Value> {
    let ranges = row.get("dhcp-range").and_then(Value::as_array).cloned().unwrap_or_default();
    let ranges: Vec<Value> = ranges
        .iter()
        .filter_map(Value::as_str)
        .map(|range| {
            let parts = range.split(',').filter_map(|part| part.split_once('='));
            Value::Object(parts.map(|(key, value)| (key.to_owned(), json!(value))).collect())
        })
        .collect();
    row.insert("dhcp-range".to_owned(), ranges.into());
    row.insert("id".to_owned(), id.into());
    if let Some((zone, network, mask)) = network_of(id) {
        row.insert("zone".to_owned(), zone.into());
        row.insert("network".to_owned(), network.into());
        row.insert("mask".to_owned(), mask.into());
        row.insert("cidr".to_owned(), format!("{network}/{mask}").into());
    }
    // What the subnet is of cannot change.
    if let Some(Value::Object(pending)) = row.get_mut("pending") {
        pending.remove("vnet");
    }
    row
}

fn of_vnet(row: &Map<String, Value>, vnet: &str) -> bool {
    row.get("vnet").and_then(Value::as_str) == Some(vnet)
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    require(cluster, call, READ)?;
    let vnet = call.required("vnet");
    let rows: Vec<Value> = rows_of(cluster, call, "subnet")
        .into_iter()
        .filter(|(_, row)| of_vnet(row, vnet))
        .map(|(id, row)| shown(&id, row).into())
        .collect();
    Ok(Reply::data(rows))
}

fn no_such(id: &str) -> Fault {
    Fault::die(format!("sdn subnet '{id}' does not exist"))
}

fn get(cluster: &mut Cluster, call: &Call) -> Outcome {
    require(cluster, call, READ)?;
    let id = call.required("subnet");
    let row = row_of(cluster, call, "subnet", id).ok_or_else(|| no_such(id))?;
    Ok(Reply::data(shown(id, row)))
}

/// What the plugin checks: the gateway lies in the subnet, unless that is for one address only.
fn check(id: &str, subnet: &Map<String, Value>, prefix: &str) -> Result<(), Fault> {
    let network = network_of(id).and_then(|(_, network, mask)| Network::parse(&format!("{network}/{mask}")));
    let gateway = subnet.get("gateway").and_then(Value::as_str).and_then(|text| text.parse::<IpAddr>().ok());
    if let (Some(network), Some(gateway)) = (network, gateway)
        && !network.holds(gateway)
        && !matches!(network.bits, 31 | 32 | 127 | 128)
    {
        return Err(nested(
            prefix,
            "gateway",
            &format!("{gateway} is not in subnet {}/{}", network.address, network.bits),
        ));
    }
    Ok(())
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    const PREFIX: &str = "create sdn subnet object failed: ";
    let vnet = require(cluster, call, &["SDN.Allocate"])?;
    let zone = vnet.get("zone").and_then(Value::as_str).unwrap_or_default();
    let id = format!("{zone}-{}", call.required("subnet").replace('/', "-"));
    if cluster.sdn.get("subnet", &id).is_some() {
        return Err(Fault::die(format!("{PREFIX}sdn subnet object ID '{id}' already defined")));
    }
    let mut subnet = Map::new();
    take(call, &mut subnet, &["subnet"]);
    check(&id, &subnet, PREFIX)?;
    cluster.require_quorum()?;
    cluster.sdn.put("subnet", &id, subnet);
    Ok(Reply::null())
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    const PREFIX: &str = "update sdn subnet object failed: ";
    require(cluster, call, &["SDN.Allocate"])?;
    let id = call.required("subnet");
    assert_unmodified(&cluster.sdn.digest("subnet"), call.text("digest")).map_err(|fault| fault.prefixed(PREFIX))?;
    let Some(mut subnet) = cluster.sdn.get("subnet", id).cloned() else {
        return Err(Fault::die(format!("{PREFIX}sdn '{id}' does not exist")));
    };
    for key in call.list("delete").unwrap_or_default() {
        const KNOWN: &[&str] = &["gateway", "snat", "dhcp-range", "dhcp-dns-server", "dnszoneprefix"];
        if !KNOWN.contains(&key.as_str()) {
            return Err(Fault::die(format!("{PREFIX}no such option '{key}'")));
        }
        subnet.remove(&key);
    }
    take(call, &mut subnet, &["subnet"]);
    check(id, &subnet, PREFIX)?;
    cluster.require_quorum()?;
    cluster.sdn.put("subnet", id, subnet);
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    require(cluster, call, &["SDN.Allocate"])?;
    let id = call.required("subnet");
    cluster.require_quorum()?;
    if !cluster.sdn.remove("subnet", id) {
        return Err(Fault::die(format!("delete sdn subnet object failed: sdn '{id}' does not exist")));
    }
    Ok(Reply::null())
}

/// The running subnet of a vnet that an address lies in.
pub(super) fn subnet_of(cluster: &Cluster, vnet: &str, ip: &str) -> Option<String> {
    let ip: IpAddr = ip.parse().ok()?;
    let mut all = cluster.sdn.all_running("subnet").filter(|(_, subnet)| of_vnet(subnet, vnet));
    all.find(|(id, _)| {
        let network = network_of(id).and_then(|(_, network, mask)| Network::parse(&format!("{network}/{mask}")));
        network.is_some_and(|network| network.holds(ip))
    })
    .map(|(id, _)| id.clone())
}

fn require_subnet(cluster: &Cluster, call: &Call) -> Result<String, Fault> {
    let ip = call.required("ip");
    subnet_of(cluster, call.required("vnet"), ip).ok_or_else(|| {
        let place = "/usr/share/perl5/PVE/Network/SDN/Subnets.pm line 115.";
        Fault::die(format!("can't find any subnet for ip {ip} at {place}"))
    })
}

fn add_address(cluster: &mut Cluster, call: &Call) -> Outcome {
    require_subnet(cluster, call)?;
    let mac = call.text("mac").unwrap_or_default().to_ascii_lowercase();
    let addresses = cluster.sdn.addresses.entry(call.required("vnet").to_owned()).or_default();
    addresses.insert(call.required("ip").to_owned(), mac);
    Ok(Reply::null())
}

fn remove_address(cluster: &mut Cluster, call: &Call) -> Outcome {
    // Here the message is passed on with a second line.
    require_subnet(cluster, call).map_err(|fault| Fault::die(&fault.message))?;
    if let Some(addresses) = cluster.sdn.addresses.get_mut(call.required("vnet")) {
        addresses.remove(call.required("ip"));
    }
    Ok(Reply::null())
}
