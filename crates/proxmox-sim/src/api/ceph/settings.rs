//! Ceph's configuration, map of places and log, and whether a daemon may go.

use serde_json::{Value, json};

use super::{MONITOR, address, ceph, up};
use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/ceph/cfg/db", database),
    ("GET", "/nodes/{node}/ceph/cfg/raw", file),
    ("GET", "/nodes/{node}/ceph/crush", map),
    ("GET", "/nodes/{node}/ceph/log", log),
    ("GET", "/nodes/{node}/ceph/cmd-safety", safety),
];

/// What the monitors keep, which is what an installation leaves.
fn database(cluster: &mut Cluster, _: &Call) -> Outcome {
    ceph(cluster)?;
    let row = |section: &str, name: &str, value: &str| json!({ "section": section, "name": name, "value": value, "level": "advanced", "mask": "", "can_update_at_runtime": 1 });
    Ok(Reply::data(json!([
        row("mon", "auth_allow_insecure_global_id_reclaim", "false"),
        row("osd", "osd_pool_default_size", "3"),
    ])))
}

fn file(cluster: &mut Cluster, _: &Call) -> Outcome {
    let ceph = ceph(cluster)?;
    let monitors: Vec<String> = ceph
        .nodes
        .iter()
        .map(|node| address(cluster, node, MONITOR).split(':').next().unwrap_or_default().to_owned())
        .collect();
    let mut text = format!(
        "[global]\n\tauth_client_required = cephx\n\tauth_cluster_required = cephx\n\tauth_service_required = cephx\n\tfsid = {}\n\tmon_host = {}\n\tosd_pool_default_min_size = 2\n\tosd_pool_default_size = 3\n",
        ceph.fsid,
        monitors.join(" ")
    );
    for (node, address) in ceph.nodes.iter().zip(&monitors) {
        text.push_str(&format!("\n[mon.{node}]\n\tpublic_addr = {address}\n"));
    }
    Ok(Reply::data(text))
}

fn map(cluster: &mut Cluster, _: &Call) -> Outcome {
    let ceph = ceph(cluster)?;
    let mut text = "# begin crush map\n\n# devices\n".to_owned();
    for id in 0..ceph.nodes.len() {
        text.push_str(&format!("device {id} osd.{id} class ssd\n"));
    }
    text.push_str("\n# buckets\n");
    for (id, node) in ceph.nodes.iter().enumerate() {
        text.push_str(&format!("host {node} {{\n\titem osd.{id} weight 1.00000\n}}\n"));
    }
    text.push_str("\n# end crush map\n");
    Ok(Reply::data(text))
}

/// The log of the cluster: what the flags and pools are now is all that there was to say.
fn log(cluster: &mut Cluster, call: &Call) -> Outcome {
    let ceph = ceph(cluster)?;
    let mut lines: Vec<String> = ceph.pools.iter().map(|pool| format!("pool '{}' created", pool.name)).collect();
    lines.extend(ceph.flags.iter().map(|flag| format!("{flag} flag(s) set")));
    let number = |key: &str, default| call.int(key).and_then(|n| usize::try_from(n).ok()).unwrap_or(default);
    let total = lines.len() as u64;
    let rows = lines.into_iter().enumerate().skip(number("start", 0)).take(number("limit", 50));
    let rows: Vec<Value> = rows.map(|(index, text)| json!({ "n": index + 1, "t": text })).collect();
    Ok(Reply::data(rows).in_order().with_total(total))
}

fn safety(cluster: &mut Cluster, call: &Call) -> Outcome {
    let ceph = ceph(cluster)?;
    let (service, id) = (call.required("service"), call.required("id"));
    let known = match service {
        "osd" => id.parse::<usize>().is_ok_and(|id| id < ceph.nodes.len()),
        _ => ceph.nodes.iter().any(|node| node == id),
    };
    if !known {
        return Err(Fault::die(format!("{service}.{id} does not exist")));
    }
    // One may go when all are there and two of three copies remain; data is safe only when it is nowhere else to be made.
    let whole = ceph.nodes.iter().all(|node| up(cluster, node)) && ceph.nodes.len() > 2;
    let safe = whole && (call.required("action") == "stop" || service != "osd");
    let mut answer = json!({ "safe": u8::from(safe) });
    if !safe {
        crate::api::set_key(&mut answer, "status", format!("{service}.{id} cannot be spared"));
    }
    Ok(Reply::data(answer))
}
