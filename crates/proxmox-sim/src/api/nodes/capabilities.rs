//! What a node's QEMU can do.

use serde_json::{Value, json};

use crate::api::{Call, Outcome, Reply, Simulated, index_reply};
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/capabilities", |_, _| Ok(index_reply("name", &["qemu"]))),
    ("GET", "/nodes/{node}/capabilities/qemu", |_, _| {
        Ok(index_reply("name", &["cpu", "cpu-flags", "machines", "migration"]))
    }),
    ("GET", "/nodes/{node}/capabilities/qemu/cpu", models),
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

fn machines(_: &mut Cluster, _: &Call) -> Outcome {
    let mut rows = Vec::new();
    for (id, kind) in [("pc", "i440fx"), ("pc-q35", "q35")] {
        for version in ["10.1", "10.0", "9.2", "9.1", "9.0", "8.2", "8.1", "8.0"] {
            let family = if kind == "i440fx" { "pc-i440fx" } else { id };
            rows.push(json!({ "id": format!("{family}-{version}"), "type": kind, "version": version }));
        }
    }
    Ok(Reply::data(rows))
}

fn migration(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(Reply::data(json!({ "has-dbus-vmstate": 1 })))
}
