//! What hardware a node has: disks and what was made of them, PCI and USB devices. A node shows what its facts say, else one disk
//! that the system is on and the devices of a small virtual machine.

use serde_json::{Value, json};

use crate::api::directories::empty;
use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/disks/list", disks),
    ("GET", "/nodes/{node}/disks/smart", smart),
    ("GET", "/nodes/{node}/disks/directory", empty),
    ("GET", "/nodes/{node}/disks/lvm", |_, _| Ok(Reply::data(json!({ "leaf": 0, "children": [] })))),
    ("GET", "/nodes/{node}/disks/lvmthin", empty),
    ("GET", "/nodes/{node}/disks/zfs", empty),
    ("GET", "/nodes/{node}/disks/zfs/{name}", |_, call| {
        Err(Fault::die(format!("cannot open '{}': no such pool", call.required("name"))))
    }),
    ("GET", "/nodes/{node}/hardware/pci", pci),
    ("GET", "/nodes/{node}/hardware/usb", usb),
];

fn known_disks(cluster: &Cluster, node: &str) -> Vec<Value> {
    let system_disk = || {
        let size = cluster.storages.usage("local", node).total;
        vec![json!({
            "devpath": "/dev/sda", "by_id_link": "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_drive-scsi0",
            "size": size, "gpt": 1, "used": "BIOS boot", "type": "unknown", "vendor": "QEMU", "model": "QEMU_HARDDISK",
            "serial": "drive-scsi0", "wwn": "unknown", "health": "UNKNOWN", "wearout": "N/A", "rpm": -1, "mounted": 0, "osdid": -1,
            "osdid-list": [],
        })]
    };
    cluster.fact(node, "disks").and_then(|disks| disks.as_array().cloned()).unwrap_or_else(system_disk)
}

fn disks(cluster: &mut Cluster, call: &Call) -> Outcome {
    let unused = |disk: &Value| disk.get("used").is_none_or(Value::is_null);
    let rows: Vec<Value> = known_disks(cluster, call.node())
        .into_iter()
        .filter(|disk| call.text("type").is_none() || unused(disk))
        .collect();
    Ok(Reply::data(rows))
}

fn smart(cluster: &mut Cluster, call: &Call) -> Outcome {
    let wanted = call.required("disk");
    let disks = known_disks(cluster, call.node());
    let Some(disk) = disks.iter().find(|disk| disk.get("devpath").and_then(Value::as_str) == Some(wanted)) else {
        return Err(Fault::die(format!("failed to get a valid disk from: {wanted}")));
    };
    let health = disk.get("health").and_then(Value::as_str).unwrap_or("UNKNOWN");
    if call.flag("healthonly") == Some(true) {
        return Ok(Reply::data(json!({ "health": health })));
    }
    Ok(Reply::data(json!({ "health": health, "type": "text", "text": "\nSMART support is: Unavailable\n" })))
}

/// The devices of a virtual machine: vendor Red Hat, by device number and class.
const VIRTUAL: &[(&str, &str)] = &[
    ("0x1045", "0xffff00"),
    ("0x1042", "0x018000"),
    ("0x1041", "0x020000"),
    ("0x1053", "0xffff00"),
    ("0x1044", "0xffff00"),
];

/// Classes of devices that nobody passes through: memory controllers, bridges, processors.
const PLAIN_CLASSES: &[&str] = &["05", "06", "0b"];

fn pci(cluster: &mut Cluster, call: &Call) -> Outcome {
    let virtual_ones = || {
        let device = |(number, (device, class)): (usize, &(&str, &str))| {
            json!({
                "id": format!("0000:00:{:02x}.0", number + 1), "class": class, "vendor": "0x1af4", "device": device,
                "subsystem_vendor": "0x1af4", "subsystem_device": device, "iommugroup": -1,
            })
        };
        VIRTUAL.iter().enumerate().map(device).collect::<Vec<_>>()
    };
    let all = cluster.fact(call.node(), "pci").and_then(|rows| rows.as_array().cloned()).unwrap_or_else(virtual_ones);
    let listed = call.text("pci-class-blacklist").map(|text| crate::api::split_list(text).collect::<Vec<_>>());
    let hidden = listed.as_deref().unwrap_or(PLAIN_CLASSES);
    let class = |row: &Value| row.get("class").and_then(Value::as_str).unwrap_or_default().to_owned();
    let rows: Vec<Value> = all
        .into_iter()
        .filter(|row| !hidden.iter().any(|prefix| class(row).trim_start_matches("0x").starts_with(prefix)))
        .collect();
    Ok(Reply::data(rows))
}

fn usb(cluster: &mut Cluster, call: &Call) -> Outcome {
    Ok(Reply::data(cluster.fact(call.node(), "usb").unwrap_or_else(|| json!([]))))
}
