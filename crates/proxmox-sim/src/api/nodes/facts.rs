//! Settings of a node that are kept and shown as they are: name resolution, hosts, notes, subscription, available templates.

use serde_json::{Map, Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated, split_list};
use crate::state::Cluster;
use crate::state::digest::{assert_unmodified, sha1_hex};
use crate::storage::job::StorageJob;
use crate::storage::{Volume, VolumeId};
use crate::tasks::{NewTask, Plan};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/dns", dns),
    ("PUT", "/nodes/{node}/dns", set_dns),
    ("GET", "/nodes/{node}/hosts", hosts),
    ("POST", "/nodes/{node}/hosts", set_hosts),
    ("GET", "/nodes/{node}/aplinfo", templates),
    ("POST", "/nodes/{node}/aplinfo", fetch_template),
    ("GET", "/nodes/{node}/subscription", subscription),
    ("GET", "/nodes/{node}/netstat", netstat),
];

impl Cluster {
    /// A setting of a node.
    pub(in crate::api) fn fact(&self, node: &str, name: &str) -> Option<Value> {
        self.nodes.get(node)?.facts.get(name).cloned()
    }

    /// Sets one.
    pub(in crate::api) fn set_fact(&mut self, node: &str, name: &str, value: Value) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.facts.insert(name.to_owned(), value);
        }
    }
}

fn dns(cluster: &mut Cluster, call: &Call) -> Outcome {
    Ok(Reply::data(cluster.fact(call.node(), "dns").unwrap_or_else(|| json!({}))))
}

fn set_dns(cluster: &mut Cluster, call: &Call) -> Outcome {
    let mut dns = Map::new();
    for key in ["search", "dns1", "dns2", "dns3"] {
        if let Some(value) = call.text(key) {
            dns.insert(key.into(), json!(value));
        }
    }
    cluster.set_fact(call.node(), "dns", Value::Object(dns));
    Ok(Reply::null())
}

fn hosts_file(cluster: &Cluster, node: &str) -> String {
    match cluster.fact(node, "hosts").as_ref().and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => {
            let mut text = "127.0.0.1 localhost\n".to_owned();
            for node in cluster.nodes.iter() {
                text.push_str(&format!("{} {}.lab.local {}\n", node.ip, node.name, node.name));
            }
            text
        }
    }
}

fn hosts(cluster: &mut Cluster, call: &Call) -> Outcome {
    let text = hosts_file(cluster, call.node());
    Ok(Reply::data(json!({ "digest": sha1_hex(&text), "data": text })))
}

fn set_hosts(cluster: &mut Cluster, call: &Call) -> Outcome {
    let current = sha1_hex(&hosts_file(cluster, call.node()));
    assert_unmodified(&current, call.text("digest"))?;
    let text = call.required("data").to_owned();
    if split_list(&text).next().is_none() {
        return Err(Fault::die("hosts file would be empty"));
    }
    cluster.set_fact(call.node(), "hosts", json!(text));
    Ok(Reply::null())
}

fn templates(cluster: &mut Cluster, call: &Call) -> Outcome {
    Ok(Reply::data(cluster.fact(call.node(), "aplinfo").unwrap_or_else(|| json!([]))))
}

/// Puts a template of the list on a storage. What the list says of it is all that is known of its content.
fn fetch_template(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (node, storage, name) =
        (call.node().to_owned(), call.required("storage").to_owned(), call.required("template"));
    let listed = cluster.fact(&node, "aplinfo").unwrap_or_default();
    let rows = listed.as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(found) = rows.iter().find(|row| row.get("template").and_then(Value::as_str) == Some(name)) else {
        return Err(Fault::param("template", format!("no such template '{name}'")));
    };
    let definition = cluster.storages.require_on(&storage, &node).map_err(Fault::die)?;
    if !definition.holds("vztmpl") {
        return Err(Fault::die(format!("cannot download to storage '{storage}', it does not support templates")));
    }
    let location = found.get("location").and_then(Value::as_str).unwrap_or(name).to_owned();
    let id = VolumeId::new(&storage, format!("vztmpl/{name}"));
    let volume = Volume::file("vztmpl", name, 64 << 20, cluster.now());
    let job = StorageJob::TakeIn { id, volume: Box::new(volume), temporary: location };
    let user = call.caller.id();
    let new = NewTask { node: &node, kind: "download", id: name, user: &user };
    Ok(Reply::data(cluster.start_task(&new, |_| Ok(Plan::new(2000, job)))))
}

fn subscription(cluster: &mut Cluster, call: &Call) -> Outcome {
    let none = || {
        json!({
            "status": "notfound",
            "message": "There is no subscription key",
            "serverid": sha1_hex(call.node()).to_uppercase().get(..32),
            "url": "https://www.proxmox.com/en/proxmox-virtual-environment/pricing",
        })
    };
    Ok(Reply::data(cluster.fact(call.node(), "subscription").unwrap_or_else(none)))
}

fn netstat(cluster: &mut Cluster, call: &Call) -> Outcome {
    let mut rows: Vec<Value> = Vec::new();
    for guest in cluster.guests.iter().filter(|guest| guest.node == call.node() && guest.is_running()) {
        for key in guest.config.current.keys() {
            let card = crate::guests::options::numbered(key).filter(|(family, _)| *family == "net");
            if card.is_some() {
                rows.push(json!({ "vmid": guest.vmid.to_string(), "dev": key, "in": "0", "out": "0" }));
            }
        }
    }
    Ok(Reply::data(rows))
}
