//! `/nodes/{node}/network`: interfaces, changed in a second file until applied or reverted.

use serde_json::{Value, json};

use crate::state::Cluster;
use crate::state::interfaces::{Interface, Interfaces, NodeNetwork};
use crate::tasks::{NewTask, Plan};

use super::{Call, Fault, Handler, Outcome, Reply, split_list};

/// The calls and their handlers.
pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![
        ("GET", "/nodes/{node}/network", list),
        ("POST", "/nodes/{node}/network", create),
        ("PUT", "/nodes/{node}/network", apply),
        ("DELETE", "/nodes/{node}/network", revert),
        ("GET", "/nodes/{node}/network/{iface}", get),
        ("PUT", "/nodes/{node}/network/{iface}", update),
        ("DELETE", "/nodes/{node}/network/{iface}", delete),
        ("GET", "/nodes/{node}/scan/pbs", scan_backup_server),
    ]
}

fn network<'c>(cluster: &'c mut Cluster, call: &Call) -> &'c mut NodeNetwork {
    let node = call.node().to_owned();
    let address = cluster.nodes.get(&node).map(|node| node.ip.clone()).unwrap_or_default();
    cluster.interfaces.of(&node, &address)
}

fn find<'i>(all: &'i Interfaces, name: &str) -> Option<&'i Interface> {
    all.iter().find(|(known, _)| known == name).map(|(_, interface)| interface)
}

fn missing() -> Fault {
    Fault::param("iface", "interface does not exist")
}

/// Bonds come before bridges, VLANs last: the order in which the file is written.
fn rank(interface: &Interface) -> u8 {
    let text = |key: &str| interface.get(key).and_then(Value::as_str);
    match text("type") {
        Some("eth") => 0,
        Some("bond") => 1,
        Some("unknown") if interface.contains_key("bond_mode") => 1,
        Some("vlan") => 3,
        _ => 2,
    }
}

/// The rows of a list: what is configured, with its place in the file and whether it runs.
fn rows(network: &NodeNetwork) -> Vec<(String, Interface)> {
    let mut all: Vec<&(String, Interface)> = network.configured().iter().collect();
    all.sort_by_key(|(_, interface)| rank(interface));
    // Names before these: the loopback, and the counter's own start.
    let numbered = (3_u64..).zip(all);
    numbered
        .map(|(place, (name, interface))| {
            let mut row = interface.clone();
            row.insert("priority".to_owned(), place.into());
            if find(&network.running, name).is_some_and(|running| running.get("type") == interface.get("type")) {
                row.insert("active".to_owned(), 1.into());
            }
            (name.clone(), row)
        })
        .collect()
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let wanted = call.text("type");
    let any_bridge = matches!(wanted, Some("any_bridge" | "any_local_bridge" | "include_sdn"));
    let network = network(cluster, call);
    let changes = network.staged.is_some().then(|| difference(network));
    let fits = |row: &Interface| {
        let kind = row.get("type").and_then(Value::as_str);
        match wanted {
            None | Some("include_sdn") => true,
            Some("any_bridge" | "any_local_bridge") => matches!(kind, Some("bridge" | "OVSBridge")),
            Some(wanted) => kind == Some(wanted),
        }
    };
    let mut found: Vec<Value> = rows(network)
        .into_iter()
        .filter(|(_, row)| fits(row))
        .map(|(name, mut row)| {
            row.insert("iface".to_owned(), name.into());
            row.into()
        })
        .collect();
    if any_bridge && wanted != Some("any_local_bridge") {
        found.extend(vnets(cluster, call));
    }
    let mut reply = Reply::data(found);
    reply.changes = changes;
    Ok(reply)
}

/// Running virtual networks, which guests use as bridges.
fn vnets(cluster: &Cluster, call: &Call) -> Vec<Value> {
    let sdn = &cluster.sdn;
    let zone_of = |vnet: &serde_json::Map<String, Value>| vnet.get("zone").and_then(Value::as_str).map(str::to_owned);
    sdn.all_running("vnet")
        .filter_map(|(id, vnet)| {
            let zone = zone_of(vnet)?;
            let path = format!("/sdn/zones/{zone}/{id}");
            cluster.check_any(&call.caller, &path, &["SDN.Audit", "SDN.Use"]).ok()?;
            let ipam = sdn.running.get("zone")?.get(&zone)?.contains_key("ipam");
            Some(json!({
                "iface": id, "type": "vnet", "active": "1", "comments": vnet.get("alias"),
                "vlanaware": vnet.get("vlanaware").cloned().unwrap_or(json!(0)), "ipam": u8::from(ipam),
            }))
        })
        .collect()
}

fn get(cluster: &mut Cluster, call: &Call) -> Outcome {
    let wanted = call.required("iface");
    let found = rows(network(cluster, call)).into_iter().find(|(name, _)| name == wanted);
    found.map(|(_, row)| Reply::data(row)).ok_or_else(missing)
}

/// Takes the settings of a call into an interface, and works out what follows from them.
fn take(call: &Call, name: &str, interface: &mut Interface) {
    for (key, value) in &call.params {
        if matches!(key.as_str(), "node" | "iface" | "delete") {
            continue;
        }
        let super::ParamValue::Text(text) = value else { continue };
        let number = matches!(key.as_str(), "autostart" | "bridge_vlan_aware");
        let value = if number { json!(text.parse::<i64>().unwrap_or(0)) } else { json!(text) };
        interface.insert(key.clone(), value);
    }
    if let Some((address, bits)) = call.text("cidr").and_then(|cidr| cidr.split_once('/')) {
        interface.insert("address".to_owned(), address.into());
        interface.insert("netmask".to_owned(), bits.into());
    }
    // What is not sent counts as not there: an interface whose address is left out is set up by hand.
    let given = |key: &str| call.params.contains_key(key);
    let has4 = given("address") || given("cidr");
    let has6 = given("address6") || given("cidr6");
    interface.insert("method".to_owned(), json!(if has4 { "static" } else { "manual" }));
    interface.insert("method6".to_owned(), json!(if has6 { "static" } else { "manual" }));
    interface.insert("families".to_owned(), if has6 { json!(["inet", "inet6"]) } else { json!(["inet"]) });
    if let Some(comments) = call.text("comments") {
        let ended =
            if comments.is_empty() || comments.ends_with('\n') { comments.to_owned() } else { format!("{comments}\n") };
        interface.insert("comments".to_owned(), json!(ended));
    }
    let default = |interface: &mut Interface, key: &str, value: &str| {
        interface.entry(key).or_insert(json!(value));
    };
    match call.required("type") {
        "bridge" => {
            for (key, value) in [("bridge_ports", ""), ("bridge_stp", "off"), ("bridge_fd", "0")] {
                default(interface, key, value);
            }
        }
        "bond" => {
            for key in ["bridge_ports", "bridge_fd"] {
                interface.remove(key);
            }
            for (key, value) in [("slaves", ""), ("bond_mode", "balance-rr"), ("bond_miimon", "100")] {
                default(interface, key, value);
            }
            if !name.starts_with("bond") {
                interface.insert("type".to_owned(), json!("unknown"));
            }
        }
        "vlan" => {
            interface.insert("exists".to_owned(), Value::Null);
            let id = name.rsplit_once('.').map(|(_, id)| id).or_else(|| name.strip_prefix("vlan"));
            if let Some(id) = id.filter(|id| id.bytes().all(|b| b.is_ascii_digit())) {
                default(interface, "vlan-id", id);
            }
        }
        _ => {}
    }
}

/// What has to fit together in the whole file.
fn check(all: &Interfaces) -> Result<(), Fault> {
    for (name, interface) in all {
        let text = |key: &str| interface.get(key).and_then(Value::as_str);
        match text("type") {
            Some("bond") => {
                for slave in split_list(text("slaves").unwrap_or_default()) {
                    let kind = find(all, slave).and_then(|slave| slave.get("type")).and_then(Value::as_str);
                    if !matches!(kind, Some("eth" | "bond")) {
                        return Err(Fault::die(format!(
                            "bond '{name}' - wrong interface type on slave '{slave}' ('{}' != 'eth or bond')",
                            kind.unwrap_or_default()
                        )));
                    }
                }
            }
            Some("vlan") => {
                let parent = name.rsplit_once('.').map(|(parent, _)| parent).or_else(|| text("vlan-raw-device"));
                let Some(parent) = parent else {
                    let place = "/usr/share/perl5/PVE/INotify.pm line 1693.";
                    return Err(Fault::die(format!("missing vlan-raw-device option at {place}")));
                };
                if find(all, parent).is_none() {
                    return Err(Fault::die(format!("vlan '{name}' - unable to find parent '{parent}'")));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn refuse_ovs(call: &Call) -> Result<(), Fault> {
    if call.required("type").starts_with("OVS") {
        return Err(Fault::die("Open VSwitch is not installed (need package 'openvswitch-switch')"));
    }
    Ok(())
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.required("iface").to_owned();
    let network = network(cluster, call);
    let mut all = network.configured().clone();
    if find(&all, &name).is_some() {
        return Err(Fault::param("iface", "interface already exists"));
    }
    refuse_ovs(call)?;
    let mut interface = Interface::new();
    take(call, &name, &mut interface);
    all.push((name, interface));
    check(&all)?;
    network.staged = Some(all);
    Ok(Reply::null())
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.required("iface").to_owned();
    let network = network(cluster, call);
    let mut all = network.configured().clone();
    let Some((_, interface)) = all.iter_mut().find(|(known, _)| *known == name) else { return Err(missing()) };
    refuse_ovs(call)?;
    for key in call.list("delete").unwrap_or_default() {
        interface.remove(&key);
        if key == "cidr" {
            interface.remove("address");
            interface.remove("netmask");
        }
    }
    take(call, &name, interface);
    check(&all)?;
    network.staged = Some(all);
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.required("iface").to_owned();
    let network = network(cluster, call);
    let mut all = network.configured().clone();
    let before = all.len();
    all.retain(|(known, _)| *known != name);
    if all.len() == before {
        return Err(missing());
    }
    check(&all)?;
    network.staged = Some(all);
    Ok(Reply::null())
}

fn revert(cluster: &mut Cluster, call: &Call) -> Outcome {
    network(cluster, call).staged = None;
    Ok(Reply::null())
}

fn apply(cluster: &mut Cluster, call: &Call) -> Outcome {
    let network = network(cluster, call);
    if let Some(staged) = network.staged.take() {
        network.running = staged;
    }
    let (user, node) = (call.caller.id(), call.node().to_owned());
    let new = NewTask { node: &node, kind: "srvreload", id: "networking", user: &user };
    Ok(Reply::data(cluster.start_task(&new, |_| Ok(Plan::nothing()))))
}

/// The file as it would be written.
fn written(all: &Interfaces) -> Vec<String> {
    let mut lines = vec!["auto lo".to_owned(), "iface lo inet loopback".to_owned(), String::new()];
    for (name, interface) in all {
        let text = |key: &str| interface.get(key).and_then(Value::as_str).filter(|value| !value.is_empty());
        if interface.get("autostart") == Some(&json!(1)) {
            lines.push(format!("auto {name}"));
        }
        lines.push(format!("iface {name} inet {}", text("method").unwrap_or("manual")));
        for (key, shown) in
            [("cidr", "address"), ("gateway", "gateway"), ("vlan-raw-device", "vlan-raw-device"), ("mtu", "mtu")]
        {
            lines.extend(text(key).map(|value| format!("\t{shown} {value}")));
        }
        if interface.contains_key("bridge_ports") {
            lines.push(format!("\tbridge-ports {}", text("bridge_ports").unwrap_or("none")));
            lines.push(format!("\tbridge-stp {}", text("bridge_stp").unwrap_or("off")));
            lines.push(format!("\tbridge-fd {}", text("bridge_fd").unwrap_or("0")));
        }
        if let Some(mode) = text("bond_mode") {
            lines.push(format!("\tbond-slaves {}", text("slaves").unwrap_or("none")));
            lines.push(format!("\tbond-miimon {}", text("bond_miimon").unwrap_or("100")));
            lines.push(format!("\tbond-mode {mode}"));
        }
        lines.extend(text("comments").into_iter().flat_map(str::lines).map(|line| format!("#{line}")));
        lines.push(String::new());
    }
    lines
}

/// What applying would change, as a unified difference of the two files in one piece.
fn difference(network: &NodeNetwork) -> String {
    let (old, new) = (written(&network.running), written(network.configured()));
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let mut out = String::from("--- /etc/network/interfaces\n+++ /etc/network/interfaces.new\n");
    out.push_str(&format!("@@ -1,{} +1,{} @@\n", old.len(), new.len()));
    let mut push = |sign: char, lines: &[String]| {
        for line in lines {
            out.push(sign);
            out.push_str(line);
            out.push('\n');
        }
    };
    push(' ', old.get(..same).unwrap_or_default());
    push('-', old.get(same..).unwrap_or_default());
    push('+', new.get(same..).unwrap_or_default());
    out
}

/// The datastores of a backup server that is not configured yet.
fn scan_backup_server(cluster: &mut Cluster, call: &Call) -> Outcome {
    let options = ["server", "port", "username", "password", "fingerprint"];
    let options = options.iter().filter_map(|key| Some(((*key).to_owned(), call.text(key)?.to_owned())));
    let definition = crate::storage::Definition::new("pbs", options.collect());
    Ok(Reply::data(cluster.scan_backup_server(&definition).map_err(Fault::die)?))
}
