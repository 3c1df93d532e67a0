//! `/nodes/{node}/qemu/{vmid}/cloudinit`: what cloud-init gives a VM at its next start.

use serde_json::{Map, Value, json};

use crate::api::guests::guest;
use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::guests::{Guest, GuestKind};
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/qemu/{vmid}/cloudinit", pending),
    ("PUT", "/nodes/{node}/qemu/{vmid}/cloudinit", regenerate),
    ("GET", "/nodes/{node}/qemu/{vmid}/cloudinit/dump", dump),
];

fn is_cloudinit_option(key: &str) -> bool {
    matches!(
        key,
        "cicustom"
            | "cipassword"
            | "citype"
            | "ciuser"
            | "ciupgrade"
            | "nameserver"
            | "searchdomain"
            | "sshkeys"
            | "name"
    ) || key.starts_with("ipconfig")
}

fn pending(cluster: &mut Cluster, call: &Call) -> Outcome {
    let guest = guest(cluster, call)?;
    let rows: Vec<Value> = guest
        .config
        .pending_json(GuestKind::Qemu)
        .into_iter()
        .filter(|row| {
            row.get("key").and_then(Value::as_str).is_some_and(|key| is_cloudinit_option(key) && key != "name")
        })
        .map(|row| {
            let mut out = Map::new();
            for key in ["key", "value"] {
                if let Some(value) = row.get(key) {
                    out.insert(key.into(), value.clone());
                }
            }
            Value::Object(out)
        })
        .collect();
    Ok(Reply::data(rows))
}

fn regenerate(cluster: &mut Cluster, call: &Call) -> Outcome {
    guest(cluster, call)?.check_lock().map_err(Fault::die)?;
    Ok(Reply::null())
}

fn dump(cluster: &mut Cluster, call: &Call) -> Outcome {
    let guest = guest(cluster, call)?;
    let text = match call.required("type") {
        "user" => user_data(guest),
        "meta" => format!("instance-id: {}\n", guest.config.digest()),
        _ => network_data(guest),
    };
    Ok(Reply::data(json!(text)))
}

fn user_data(guest: &Guest) -> String {
    let config = &guest.config;
    let name = guest.name();
    let host = name.split('.').next().unwrap_or_default();
    let mut out = format!("#cloud-config\nhostname: {host}\nmanage_etc_hosts: true\n");
    if name.contains('.') || !host.is_empty() {
        out.push_str(&format!("fqdn: {name}\n"));
    }
    if let Some(user) = config.get("ciuser") {
        out.push_str(&format!("user: {user}\n"));
    }
    if let Some(password) = config.get("cipassword") {
        out.push_str(&format!("password: {password}\n"));
    }
    if let Some(keys) = config.get("sshkeys") {
        let decoded = percent_encoding::percent_decode_str(keys).decode_utf8_lossy().into_owned();
        out.push_str("ssh_authorized_keys:\n");
        for key in decoded.lines().map(str::trim).filter(|line| !line.is_empty()) {
            out.push_str(&format!("  - {key}\n"));
        }
    }
    out.push_str("chpasswd:\n  expire: False\n");
    if config.get("ciuser") != Some("root") {
        out.push_str("users:\n  - default\n");
    }
    if config.get("ciupgrade") != Some("0") {
        out.push_str("package_upgrade: true\n");
    }
    out
}

fn network_data(guest: &Guest) -> String {
    let mut out = String::from("version: 1\nconfig:\n");
    for (key, value) in guest.config.current.iter().filter(|(key, _)| key.starts_with("ipconfig")) {
        let number = key.trim_start_matches("ipconfig");
        let Some(nic) = guest.config.get(&format!("net{number}")).map(crate::guests::nic::QemuNic::parse) else {
            continue;
        };
        let mac = nic.mac.unwrap_or_default().to_lowercase();
        out.push_str(&format!(
            "    - type: physical\n      name: eth{number}\n      mac_address: '{mac}'\n      subnets:\n"
        ));
        let address = crate::guests::property::Property::parse(value, "ip");
        match address.get("ip") {
            Some("dhcp") => out.push_str("      - type: dhcp4\n"),
            Some(ip) => out.push_str(&format!("      - type: static\n        address: '{ip}'\n")),
            None => {}
        }
    }
    out
}
