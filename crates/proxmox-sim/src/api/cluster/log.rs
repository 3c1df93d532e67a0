//! `GET /cluster/log`: the latest lines of all nodes.

use serde_json::{Value, json};

use crate::api::{Call, Outcome, Reply, Simulated};
use crate::state::Cluster;
use crate::state::log::{ClusterLog, Note, Priority};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[("GET", "/cluster/log", list)];

impl Cluster {
    /// Writes into the log that a call did something.
    pub(in crate::api) fn log_call(&mut self, call: &Call, message: String) {
        let (user, time) = (call.caller.id(), self.now());
        self.log.write(Note {
            node: call.node(),
            pid: ClusterLog::DAEMON,
            priority: Priority::Info,
            time,
            user: &user,
            message,
        });
    }

    /// Writes into the log that a user logged in.
    pub(in crate::api) fn log_login(&mut self, user: &str, node: &str) {
        let (message, time) = (format!("successful auth for user '{user}'"), self.now());
        self.log.write(Note { node, pid: ClusterLog::DAEMON, priority: Priority::Info, time, user, message });
    }
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let everything = cluster.has(&call.caller, "/", "Sys.Audit");
    let user = call.caller.id();
    let most = call.int("max").and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0);
    let mut rows: Vec<Value> = cluster
        .log
        .newest_first()
        .filter(|line| everything || line.user == user)
        .map(|line| {
            json!({
                "id": format!("{}:{}", line.number, line.node),
                "uid": line.number.to_string(),
                "node": line.node,
                "pid": line.pid,
                "pri": line.priority.number(),
                "tag": "pvedaemon",
                "time": line.time,
                "user": line.user,
                "msg": line.message,
            })
        })
        .collect();
    if everything {
        rows.extend(cluster.nodes.iter().map(|node| {
            json!({
                "id": format!("1:{}", node.name),
                "uid": "1",
                "node": node.name,
                "pid": 83,
                "pri": Priority::Info.number(),
                "tag": "cluster",
                "time": node.booted,
                "user": "root",
                "msg": "starting cluster log",
            })
        }));
    }
    rows.truncate(most.unwrap_or(usize::MAX));
    Ok(Reply::data(rows).in_order())
}
