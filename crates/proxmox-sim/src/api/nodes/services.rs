//! The services of a node, as its init system knows them.

use serde_json::{Value, json};

use crate::api::{Call, Outcome, Reply, Simulated};
use crate::state::Cluster;
use crate::tasks::{NewTask, Plan};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/services", list),
    ("GET", "/nodes/{node}/services/{service}/state", state),
    ("POST", "/nodes/{node}/services/{service}/start", |cluster, call| command(cluster, call, "srvstart")),
    ("POST", "/nodes/{node}/services/{service}/stop", |cluster, call| command(cluster, call, "srvstop")),
    ("POST", "/nodes/{node}/services/{service}/restart", |cluster, call| command(cluster, call, "srvrestart")),
    ("POST", "/nodes/{node}/services/{service}/reload", |cluster, call| command(cluster, call, "srvreload")),
];

/// Service and what it is for.
const SERVICES: &[(&str, &str)] = &[
    ("chrony", "chrony, an NTP client/server"),
    ("corosync", "Corosync Cluster Engine"),
    ("cron", "Regular background program processing daemon"),
    ("ksmtuned", "Kernel Samepage Merging (KSM) Tuning Daemon"),
    ("lxcfs", "FUSE filesystem for LXC"),
    ("postfix", "Postfix Mail Transport Agent (main/default instance)"),
    ("proxmox-firewall", "Proxmox nftables firewall"),
    ("pve-cluster", "The Proxmox VE cluster filesystem"),
    ("pve-firewall", "Proxmox VE firewall"),
    ("pve-ha-crm", "PVE Cluster HA Resource Manager Daemon"),
    ("pve-ha-lrm", "PVE Local HA Resource Manager Daemon"),
    ("pvedaemon", "PVE API Daemon"),
    ("pvefw-logger", "Proxmox VE firewall logger"),
    ("pveproxy", "PVE API Proxy Server"),
    ("pvescheduler", "Proxmox VE scheduler"),
    ("pvestatd", "PVE Status Daemon"),
    ("qmeventd", "PVE Qemu Event Daemon"),
    ("spiceproxy", "PVE SPICE Proxy Server"),
    ("sshd", "OpenBSD Secure Shell server"),
    ("syslog", "System Logging Service"),
    ("systemd-journald", "Journal Service"),
];

/// A fact of a node that says that a service was stopped.
fn stopped(service: &str) -> String {
    format!("stopped service {service}")
}

fn row(cluster: &Cluster, node: &str, service: &str, about: &str) -> Value {
    let alone = service == "corosync" && cluster.name.is_none();
    let running = !alone && cluster.fact(node, &stopped(service)) != Some(json!(true));
    let missing = service == "chrony" || service == "syslog";
    json!({
        "service": service,
        "name": service,
        "desc": about,
        "state": if running && !missing { "running" } else { "dead" },
        "active-state": if running && !missing { "active" } else { "inactive" },
        "unit-state": if missing { "not-found" } else { "enabled" },
    })
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let services = SERVICES.iter().filter(|_| cluster.behaviour.init_system);
    let rows = services.map(|(service, about)| row(cluster, call.node(), service, about));
    Ok(Reply::data(rows.collect::<Vec<_>>()))
}

fn state(cluster: &mut Cluster, call: &Call) -> Outcome {
    let service = call.required("service");
    let known = SERVICES.iter().find(|(name, _)| *name == service && cluster.behaviour.init_system);
    Ok(Reply::data(match known {
        Some((service, about)) => row(cluster, call.node(), service, about),
        None => json!({
            "service": service, "name": null, "desc": null,
            "state": "unknown", "active-state": "unknown", "unit-state": "unknown",
        }),
    }))
}

fn command(cluster: &mut Cluster, call: &Call, kind: &str) -> Outcome {
    let service = call.required("service").to_owned();
    let (node, user) = (call.node().to_owned(), call.caller.id());
    cluster.set_fact(&node, &stopped(&service), json!(kind == "srvstop"));
    let new = NewTask { node: &node, kind, id: &service, user: &user };
    Ok(Reply::data(cluster.start_task(&new, |_| Ok(Plan::nothing()))))
}
