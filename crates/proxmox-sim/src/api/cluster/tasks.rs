//! `GET /cluster/tasks`: the latest tasks of all nodes, as they told each other.

use serde_json::{Map, Value, json};

use crate::api::{Call, Outcome, Reply, Simulated};
use crate::state::Cluster;
use crate::tasks::{BROADCAST, Task};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[("GET", "/cluster/tasks", list)];

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let everything = cluster.has(&call.caller, "/", "Sys.Audit");
    // Each node's own list as it told it, one after the other.
    let mut rows: Vec<Value> = Vec::new();
    for node in cluster.nodes.iter() {
        let mut of_node: Vec<&Task> = cluster.tasks.iter().filter(|task| task.upid.node() == node.name).collect();
        of_node.sort_by_key(|task| std::cmp::Reverse(task.order()));
        let told = cluster.last_told(node) / 1000;
        let running = of_node.iter().take_while(|task| task.status().is_none()).count();
        for (index, task) in of_node.iter().take(running + BROADCAST).enumerate() {
            // The user of a token's task is told without the token, so a token never finds its own.
            if everything || task.user() == call.caller.id() {
                let fresh = index == 0 && task.ended_at().is_some_and(|ended| ended >= told);
                rows.push(row(task, fresh));
            }
        }
    }
    Ok(Reply::data(rows))
}

fn row(task: &Task, fresh: bool) -> Value {
    let about = task.upid.task();
    let mut row = Map::new();
    row.insert("upid".into(), json!(task.upid.as_str()));
    row.insert("node".into(), json!(about.node));
    row.insert("starttime".into(), json!(about.start_time));
    row.insert("type".into(), json!(about.kind));
    row.insert("id".into(), json!(about.id));
    row.insert("user".into(), json!(task.user()));
    if let Some(token) = task.token() {
        row.insert("tokenid".into(), json!(token));
    }
    match (task.status(), task.ended_at()) {
        (Some(status), Some(ended)) => {
            row.insert("status".into(), json!(status));
            row.insert("endtime".into(), json!(ended));
            // A number when the worker has just written it, text once the list was read back from its file.
            row.insert("saved".into(), if fresh { json!(1) } else { json!("1") });
        }
        _ => {
            row.insert("pid".into(), json!(about.pid));
        }
    }
    Value::Object(row)
}
