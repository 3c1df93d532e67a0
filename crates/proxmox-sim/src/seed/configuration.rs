//! Options, networks, firewalls, jobs and high availability: what the answers show is made again by the calls that would make it, as root.
//!
//! What such a call refuses is left out, and named in [`super::Seed::left_out`].

use serde_json::{Map, Value};

use super::answers::{Answers, field, text};
use crate::api::{Caller, RawParams, Request, Table, dispatch};
use crate::state::Cluster;
use crate::state::interfaces::NodeNetwork;

/// Keys that servers add to what they were told.
const ADDED: &[&str] =
    &["digest", "state", "pending", "pos", "ipversion", "next-run", "families", "priority", "exists"];

/// Makes calls on a cluster.
struct Maker<'a> {
    cluster: &'a mut Cluster,
    table: Table,
    left_out: Vec<String>,
}

impl Maker<'_> {
    /// One call with the settings of a row, but for those keys.
    fn make(&mut self, method: &str, path: &str, row: &Value, without: &[&str]) {
        let mut params = RawParams::default();
        for (key, value) in row.as_object().into_iter().flatten() {
            let plain = match value {
                Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
                Value::Object(_) => continue,
                other => text(other),
            };
            if !ADDED.contains(&key.as_str()) && !without.contains(&key.as_str()) && !plain.is_empty() {
                params.set(key.clone(), Value::from(plain));
            }
        }
        if method == "PUT" && params.iter().next().is_none() {
            return;
        }
        let entry = self.cluster.nodes.iter().next().map(|node| node.name.clone()).unwrap_or_default();
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            caller: Caller::User("root@pam".to_owned()),
            entry,
            client: String::new(),
            params,
            upload: None,
        };
        if let Err(fault) = dispatch(self.cluster, &self.table, request) {
            self.left_out.push(format!("{method} {path}: {}", fault.message.trim()));
        }
    }

    fn make_all<'r>(&mut self, path: &str, rows: impl Iterator<Item = &'r Value>, without: &[&str]) {
        for row in rows {
            self.make("POST", path, row, without);
        }
    }

    /// Rules go in above those that are there: the last comes first.
    fn rules(&mut self, answers: &Answers, path: &str) {
        let rows: Vec<&Value> = answers.rows(path).collect();
        self.make_all(path, rows.into_iter().rev(), &[]);
    }

    fn firewall(&mut self, answers: &Answers, base: &str) {
        self.make_all(&format!("{base}/aliases"), answers.rows(&format!("{base}/aliases")), &[]);
        for set in answers.rows(&format!("{base}/ipset")) {
            let path = format!("{base}/ipset/{}", field(set, "name"));
            self.make("POST", &format!("{base}/ipset"), set, &[]);
            self.make_all(&path, answers.rows(&path), &[]);
        }
        for group in answers.rows(&format!("{base}/groups")) {
            self.make("POST", &format!("{base}/groups"), group, &[]);
            self.rules(answers, &format!("{base}/groups/{}", field(group, "group")));
        }
        self.rules(answers, &format!("{base}/rules"));
        if let Some(options) = answers.get(&format!("{base}/options")) {
            self.make("PUT", &format!("{base}/options"), options, &[]);
        }
    }
}

/// Fills in what the answers show; what was left out.
pub(super) fn fill(cluster: &mut Cluster, answers: &Answers) -> Vec<String> {
    interfaces(cluster, answers);
    let log = cluster.log.clone();
    let mut maker = Maker { cluster, table: Table::pve(), left_out: Vec::new() };
    if let Some(options) = answers.get("/cluster/options") {
        // Which tags there are follows from the guests.
        maker.make("PUT", "/cluster/options", options, &["allowed-tags"]);
    }
    maker.firewall(answers, "/cluster/firewall");
    let nodes: Vec<String> = maker.cluster.nodes.iter().map(|node| node.name.clone()).collect();
    for node in &nodes {
        maker.firewall(answers, &format!("/nodes/{node}/firewall"));
        if let Some(dns) = answers.get(&format!("/nodes/{node}/dns")) {
            maker.make("PUT", &format!("/nodes/{node}/dns"), dns, &[]);
        }
    }
    let guests: Vec<String> = maker
        .cluster
        .guests
        .iter()
        .map(|guest| format!("/nodes/{}/{}/{}/firewall", guest.node, guest.kind.api(), guest.vmid))
        .collect();
    for base in &guests {
        maker.firewall(answers, base);
    }
    maker.make_all("/cluster/sdn/zones", answers.rows("/cluster/sdn/zones"), &[]);
    for vnet in answers.rows("/cluster/sdn/vnets") {
        maker.make("POST", "/cluster/sdn/vnets", vnet, &[]);
        let path = format!("/cluster/sdn/vnets/{}/subnets", field(vnet, "vnet"));
        for subnet in answers.rows(&path) {
            let mut told = subnet.as_object().cloned().unwrap_or_default();
            told.insert("subnet".to_owned(), subnet.get("cidr").cloned().unwrap_or_default());
            maker.make("POST", &path, &Value::Object(told), &["cidr", "id", "network", "mask", "zone", "vnet"]);
        }
    }
    maker.make_all("/cluster/ha/resources", answers.rows("/cluster/ha/resources"), &["type"]);
    maker.make_all("/cluster/ha/rules", answers.rows("/cluster/ha/rules"), &["order"]);
    maker.make_all("/cluster/backup", answers.rows("/cluster/backup"), &["type"]);
    let left_out = maker.left_out;
    cluster.log = log;
    left_out
}

/// Interfaces are taken over as they are; whether changes were waiting cannot be seen.
fn interfaces(cluster: &mut Cluster, answers: &Answers) {
    let nodes: Vec<(String, String)> = cluster.nodes.iter().map(|node| (node.name.clone(), node.ip.clone())).collect();
    for (node, address) in nodes {
        let rows: Vec<(String, Map<String, Value>)> = answers
            .rows(&format!("/nodes/{node}/network"))
            .filter(|row| row.get("method").is_some())
            .filter_map(|row| {
                let mut settings = row.as_object()?.clone();
                settings.retain(|key, _| !["iface", "active", "priority", "exists"].contains(&key.as_str()));
                Some((field(row, "iface"), settings))
            })
            .collect();
        if !rows.is_empty() {
            *cluster.interfaces.of(&node, &address) = NodeNetwork { running: rows, staged: None };
        }
    }
}
