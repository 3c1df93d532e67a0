//! Directories of the API: calls that only name what lies below them. Where names depend on anything, the subject's own file answers.

use crate::state::Cluster;

use super::{Call, Outcome, Reply, Simulated, index_reply};

/// Names under `name`, the usual key.
fn named(names: &[&str]) -> Outcome {
    Ok(index_reply("name", names))
}

fn below(names: &[&str]) -> Outcome {
    Ok(index_reply("subdir", names))
}

/// Nothing is there (yet), as a list.
pub(super) fn empty(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(Reply::data(Vec::<serde_json::Value>::new()))
}

/// The directories.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/cluster/acme", |_, _| named(&["plugins", "account", "tos", "meta", "directories", "challenge-schema"])),
    ("GET", "/cluster/backup-info", |_, _| below(&["not-backed-up"])),
    ("GET", "/cluster/ceph", |_, _| named(&["metadata", "status", "flags"])),
    ("GET", "/cluster/config", |_, _| named(&["nodes", "totem", "join", "qdevice", "apiversion"])),
    ("GET", "/cluster/jobs", |_, _| below(&["schedule-analyze", "realm-sync"])),
    ("GET", "/cluster/metrics", |_, _| named(&["server"])),
    ("GET", "/cluster/qemu", |_, _| named(&["cpu-flags", "custom-cpu-models"])),
    ("GET", "/nodes/{node}/apt", |_, _| Ok(index_reply("id", &["changelog", "repositories", "update", "versions"]))),
    ("GET", "/nodes/{node}/ceph", |_, _| {
        named(&[
            "cmd-safety",
            "cfg",
            "crush",
            "fs",
            "init",
            "log",
            "mds",
            "mgr",
            "mon",
            "osd",
            "pool",
            "restart",
            "rules",
            "start",
            "status",
            "stop",
        ])
    }),
    ("GET", "/nodes/{node}/ceph/cfg", |_, _| named(&["raw", "db", "value"])),
    ("GET", "/nodes/{node}/ceph/osd/{osdid}", |_, _| named(&["in", "lv-info", "metadata", "out", "scrub"])),
    ("GET", "/nodes/{node}/ceph/pool/{name}", |_, _| named(&["status"])),
    ("GET", "/nodes/{node}/certificates", |_, _| named(&["acme", "custom", "info"])),
    ("GET", "/nodes/{node}/certificates/acme", |_, _| named(&["certificate"])),
    ("GET", "/nodes/{node}/disks", |_, _| {
        named(&["list", "initgpt", "smart", "lvm", "lvmthin", "directory", "wipedisk", "zfs"])
    }),
    ("GET", "/nodes/{node}/hardware", |_, _| Ok(index_reply("type", &["pci", "usb"]))),
    ("GET", "/nodes/{node}/hardware/pci/{pci-id-or-mapping}", |_, _| Ok(index_reply("method", &["mdev"]))),
    ("GET", "/nodes/{node}/replication/{id}", |_, _| named(&["schedule_now", "log", "status"])),
    ("GET", "/nodes/{node}/scan", |_, _| Ok(index_reply("method", &["cifs", "iscsi", "lvm", "nfs", "pbs", "zfs"]))),
    ("GET", "/nodes/{node}/sdn", |_, _| named(&["fabrics", "vnets", "zones"])),
    ("GET", "/nodes/{node}/sdn/fabrics/{fabric}", |_, _| below(&["neighbors", "routes"])),
    ("GET", "/nodes/{node}/sdn/vnets/{vnet}", |_, _| below(&["mac-vrf"])),
    ("GET", "/nodes/{node}/services/{service}", |_, _| below(&["state", "start", "stop", "restart", "reload"])),
];
