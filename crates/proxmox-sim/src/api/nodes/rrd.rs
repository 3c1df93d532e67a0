//! Figures over time. Samples that were not taken have only their time.

use serde_json::{Value, json};

use crate::api::{Call, Outcome, Reply, Simulated};
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[("GET", "/nodes/{node}/rrddata", data)];

/// Seconds between two points of a chart, and how many points there are. Since 9.0 samples are kept much finer.
fn resolution(version: (u32, u32), timeframe: &str) -> (i64, i64) {
    match timeframe {
        "hour" if version >= (9, 0) => (60, 59),
        "day" if version >= (9, 0) => (60, 1439),
        "week" if version >= (9, 0) => (30 * 60, 335),
        "month" if version >= (9, 0) => (30 * 60, 1439),
        "year" if version >= (9, 0) => (6 * 3600, 1459),
        "hour" => (60, 70),
        "day" => (30 * 60, 70),
        "week" => (3 * 3600, 70),
        "month" => (12 * 3600, 70),
        "decade" => (7 * 86_400, 569),
        _ => (7 * 86_400, 70),
    }
}

/// The points in time of a chart, with what `sample` says about each that is not before `since` (Unix seconds). The last is the last
/// complete one.
pub(in crate::api) fn rows(
    cluster: &Cluster,
    timeframe: &str,
    since: i64,
    sample: impl Fn(i64) -> Option<Value>,
) -> Vec<Value> {
    let (step, count) = resolution(cluster.version.pair(), timeframe);
    let now = cluster.now();
    let last = now - now.rem_euclid(step) - step;
    (0..count)
        .map(|index| last - (count - 1 - index) * step)
        .map(|time| {
            let mut row = if time >= since { sample(time) } else { None }.unwrap_or_else(|| json!({}));
            if let Some(row) = row.as_object_mut() {
                row.insert("time".into(), json!(time));
            }
            row
        })
        .collect()
}

fn data(cluster: &mut Cluster, call: &Call) -> Outcome {
    let Some(node) = cluster.nodes.get(call.node()) else { return Ok(Reply::data(Vec::<Value>::new())) };
    let disk = cluster.storages.usage("local", call.node());
    let used = cluster.node_memory_used(call.node());
    let rows = rows(cluster, call.required("timeframe"), node.booted, |_| {
        Some(json!({
            "cpu": 0.02, "maxcpu": node.cpus, "iowait": 0.0003, "loadavg": 0.05,
            "memtotal": node.memory, "memused": used, "memavailable": node.memory - used, "arcsize": 0,
            "swaptotal": 0, "swapused": 0, "roottotal": disk.total, "rootused": disk.used, "netin": 0, "netout": 0,
            "pressurecpusome": 0.1, "pressureiosome": 0, "pressureiofull": 0, "pressurememorysome": 0, "pressurememoryfull": 0,
        }))
    });
    Ok(Reply::data(rows))
}
