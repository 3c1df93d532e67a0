//! What a node's QEMU can do.

use serde_json::{Value, json};

use crate::api::{Call, Outcome, Reply, Simulated, index_reply};
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/capabilities", |_, _| Ok(index_reply("name", &["qemu"]))),
    ("GET", "/nodes/{node}/capabilities/qemu", |_, _| Ok(index_reply("name", &["cpu", "machines", "migration"]))),
    ("GET", "/nodes/{node}/capabilities/qemu/cpu", models),
    ("GET", "/nodes/{node}/capabilities/qemu/cpu-flags", flags),
    ("GET", "/nodes/{node}/capabilities/qemu/machines", machines),
    ("GET", "/nodes/{node}/capabilities/qemu/migration", migration),
];

fn models(_: &mut Cluster, _: &Call) -> Outcome {
    let rows: Vec<Value> = crate::verify::cpu_models()
        .iter()
        .map(|name| {
            let vendor = match *name {
                name if name.starts_with("EPYC")
                    || name.starts_with("Opteron")
                    || matches!(name, "athlon" | "phenom") =>
                {
                    "AuthenticAMD"
                }
                name if name.starts_with("x86-64")
                    || matches!(name, "host" | "max" | "qemu32" | "qemu64" | "kvm32" | "kvm64") =>
                {
                    "default"
                }
                _ => "GenuineIntel",
            };
            json!({ "name": name, "custom": 0, "vendor": vendor })
        })
        .collect();
    Ok(Reply::data(rows))
}

/// Flags that can be set on processors of VMs, and what they do.
const FLAGS: &[(&str, &str)] = &[
    (
        "nested-virt",
        "Controls nested virtualization, namely 'svm' for AMD CPUs and 'vmx' for Intel CPUs. Live migration still only works if it's the \
         same flag on both sides. Use a CPU model similar to the host, with the same vendor, not x86-64-vX!",
    ),
    ("md-clear", "Required to let the guest OS know if MDS is mitigated correctly."),
    ("pcid", "Meltdown fix cost reduction on Westmere, Sandy-, and IvyBridge Intel CPUs."),
    ("spec-ctrl", "Allows improved Spectre mitigation with Intel CPUs."),
    ("ssbd", "Protection for 'Speculative Store Bypass' for Intel models."),
    ("ibpb", "Allows improved Spectre mitigation with AMD CPUs."),
    ("virt-ssbd", "Basis for 'Speculative Store Bypass' protection for AMD models."),
    ("amd-ssbd", "Improves Spectre mitigation performance with AMD CPUs, best used with 'virt-ssbd'."),
    ("amd-no-ssb", "Notifies guest OS that host is not vulnerable for Spectre on AMD CPUs."),
    ("pdpe1gb", "Allow guest OS to use 1GB size pages, if host HW supports it."),
    ("hv-tlbflush", "Improve performance in overcommitted Windows guests. May lead to guest bluescreens on old CPUs."),
    ("hv-evmcs", "Improve performance for nested virtualization. Only supported on Intel CPUs."),
    ("aes", "Activate AES instruction set for HW acceleration."),
];

fn flags(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(Reply::data(FLAGS.iter().map(|(name, about)| json!({ "name": name, "description": about })).collect::<Vec<_>>()))
}

/// Versions of the machine types that QEMU 10.0 has.
const MACHINES: &[&str] = &[
    "10.0", "9.2", "9.1", "9.0", "8.2", "8.1", "8.0", "7.2", "7.1", "7.0", "6.2", "6.1", "6.0", "5.2", "5.1", "5.0",
    "4.2", "4.1", "4.0", "3.1", "3.0", "2.12", "2.11", "2.10", "2.9", "2.8", "2.7", "2.6", "2.5", "2.4",
];

/// Revisions that Proxmox made of some of them, and what they change.
const REVISIONS: &[(&str, &str)] = &[
    ("10.0+pve1", "Set host_mtu vNIC option even with default value for migration compat."),
    ("9.2+pve1", "Disables S3/S4 power states by default."),
    ("4.1+pve2", "Increases the number of SCSI drives supported."),
    ("4.1+pve1", "Introduction of pveX versioning, no changes."),
];

fn machines(_: &mut Cluster, _: &Call) -> Outcome {
    let mut rows = Vec::new();
    for (family, kind) in [("pc-i440fx", "i440fx"), ("pc-q35", "q35")] {
        for version in MACHINES {
            rows.push(json!({ "id": format!("{family}-{version}"), "type": kind, "version": version }));
        }
        for (version, changes) in REVISIONS {
            let id = format!("{family}-{version}");
            rows.push(json!({ "id": id, "type": kind, "version": version, "changes": changes }));
        }
    }
    Ok(Reply::data(rows))
}

fn migration(cluster: &mut Cluster, _: &Call) -> Outcome {
    Ok(Reply::data(json!({ "has-dbus-vmstate": cluster.behaviour.dbus_vmstate })))
}
