//! `/version`, `/ping` and the lists of what is below a path.

use serde_json::{Value, json};

use crate::pbs::call::{Answer, Call, Outcome};
use crate::pbs::rights::Permission;
use crate::pbs::schema::Param;
use crate::pbs::state::Pbs;
use crate::pbs::table::{Endpoint, call};

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    let mut all = vec![
        call("GET", "/version", version),
        call("GET", "/ping", |_, _| Ok(Answer::data(json!({ "pong": true })))).permission(Permission::World),
        call("GET", "/", |_, _| {
            names(&[
                "access", "admin", "backup", "config", "nodes", "ping", "pull", "reader", "status", "tape", "version",
            ])
        }),
        call("GET", "/access", |_, _| {
            names(&["acl", "domains", "openid", "password", "permissions", "roles", "tfa", "ticket", "users"])
        }),
        call("GET", "/admin", |_, _| names(&["datastore", "gc", "prune", "sync", "traffic-control", "verify"])),
        call("GET", "/config", |_, _| {
            names(&["access", "acme", "datastore", "prune", "remote", "sync", "traffic-control", "verify"])
        }),
        call("GET", "/status", |_, _| names(&["datastore-usage"])),
        call("GET", "/nodes", |_, _| Ok(Answer::data(json!([{ "node": "localhost" }]))))
            .permission(Permission::Superuser),
    ];
    let below_store = call("GET", "/admin/datastore/{store}", |_, _| {
        names(&[
            "active-operations",
            "catalog",
            "change-owner",
            "download",
            "download-decoded",
            "files",
            "gc",
            "group-notes",
            "groups",
            "namespace",
            "notes",
            "protected",
            "prune",
            "prune-datastore",
            "pxar-file-download",
            "rrd",
            "snapshots",
            "status",
            "upload-backup-log",
            "verify",
        ])
    });
    all.push(below_store.params([super::store()]));
    let below_node = call("GET", "/nodes/{node}", |_, _| {
        names(&[
            "apt",
            "certificates",
            "config",
            "disks",
            "dns",
            "journal",
            "network",
            "report",
            "rrd",
            "services",
            "status",
            "subscription",
            "syslog",
            "tasks",
            "termproxy",
            "time",
            "vncwebsocket",
        ])
    });
    all.push(below_node.params([node_param()]));
    all
}

pub(super) fn node_param() -> Param {
    crate::pbs::schema::text("node", 0, usize::MAX, crate::pbs::schema::node)
}

pub(super) fn names(names: &[&str]) -> Outcome {
    let rows: Vec<Value> = names.iter().map(|name| json!({ "subdir": name })).collect();
    Ok(Answer::data(rows))
}

fn version(pbs: &mut Pbs, _: &Call) -> Outcome {
    let mut parts = pbs.version.splitn(3, '.');
    let (major, minor, release) = (parts.next(), parts.next(), parts.next());
    let version = format!("{}.{}", major.unwrap_or("0"), minor.unwrap_or("0"));
    Ok(Answer::data(json!({ "version": version, "release": release.unwrap_or("0"), "repoid": "unknown" })))
}
