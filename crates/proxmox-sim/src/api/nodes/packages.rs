//! The packages of a node: which are installed, which could be newer, where they come from.

use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::state::Cluster;
use crate::state::digest::of;
use crate::tasks::{NewTask, Plan};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/apt/versions", versions),
    ("GET", "/nodes/{node}/apt/update", updates),
    ("POST", "/nodes/{node}/apt/update", refresh),
    ("GET", "/nodes/{node}/apt/changelog", changelog),
    ("GET", "/nodes/{node}/apt/repositories", repositories),
    ("POST", "/nodes/{node}/apt/repositories", change_repository),
    ("PUT", "/nodes/{node}/apt/repositories", add_repository),
];

/// Package, section, title.
const PACKAGES: &[(&str, &str, &str)] = &[
    ("proxmox-ve", "admin", "Proxmox Virtual Environment"),
    ("pve-manager", "admin", "Proxmox Virtual Environment Management Tools"),
    ("pve-cluster", "admin", "\"pmxcfs\" distributed cluster filesystem for Proxmox Virtual Environment."),
    ("pve-container", "admin", "Proxmox VE Container management tool"),
    ("pve-firewall", "admin", "Proxmox VE Firewall"),
    ("pve-ha-manager", "admin", "Proxmox VE HA Manager"),
    ("pve-qemu-kvm", "admin", "Full virtualization on x86 hardware"),
    ("qemu-server", "admin", "Qemu Server Tools"),
    ("libpve-storage-perl", "perl", "Proxmox VE storage management library"),
    ("libpve-access-control", "perl", "Proxmox VE access control library"),
    ("corosync", "admin", "cluster engine daemon and utilities"),
    ("lxc-pve", "admin", "Linux containers userspace tools"),
];

fn package(cluster: &Cluster, name: &str, section: &str, title: &str) -> Value {
    let version = &cluster.version.version;
    let mut row = json!({
        "Package": name, "Title": title, "Description": title, "Section": section, "Priority": "optional",
        "Arch": "amd64", "Origin": "Proxmox", "Version": version, "OldVersion": version, "CurrentState": "Installed",
    });
    match name {
        "proxmox-ve" => crate::api::set_key(&mut row, "RunningKernel", "6.17.4-1-pve"),
        "pve-manager" => {
            let text = format!("{version}/{}", cluster.version.repoid);
            crate::api::set_key(&mut row, "ManagerVersion", text);
        }
        _ => {}
    }
    row
}

fn versions(cluster: &mut Cluster, call: &Call) -> Outcome {
    let known = || PACKAGES.iter().map(|(name, section, title)| package(cluster, name, section, title)).collect();
    Ok(Reply::data(cluster.fact(call.node(), "packages").unwrap_or_else(|| Value::Array(known()))))
}

/// A fresh node is up to date.
fn updates(cluster: &mut Cluster, call: &Call) -> Outcome {
    Ok(Reply::data(cluster.fact(call.node(), "updates").unwrap_or_else(|| json!([]))))
}

fn refresh(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (node, user) = (call.node().to_owned(), call.caller.id());
    let new = NewTask { node: &node, kind: "aptupdate", id: "", user: &user };
    let plan = Plan::nothing().line("starting apt-get update");
    Ok(Reply::data(cluster.start_task(&new, |_| Ok(plan))))
}

fn changelog(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.required("name");
    if !PACKAGES.iter().any(|(known, ..)| *known == name) {
        return Err(Fault::die(format!("apt-get changelog failed: E: Unable to locate package {name}")));
    }
    let version = call.text("version").unwrap_or(&cluster.version.version);
    Ok(Reply::data(format!("{name} ({version}) stable; urgency=medium\n\n  * see the release notes\n")))
}

/// The repositories that Proxmox knows by name: handle, name, component, what it is.
const STANDARD: &[(&str, &str, &str, &str)] = &[
    (
        "enterprise",
        "Enterprise",
        "pve-enterprise",
        "This is the default, stable, and recommended repository, available for all Proxmox subscription users.",
    ),
    (
        "no-subscription",
        "No-Subscription",
        "pve-no-subscription",
        "This is the recommended repository for testing and non-production use. Its packages are not as heavily tested and validated as the \
         production ready enterprise repository. You don't need a subscription key to access this repository.",
    ),
    (
        "test",
        "Test",
        "pve-test",
        "This repository contains the latest packages and is primarily used for test labs and by developers to test new features.",
    ),
];

fn repository(uri: &str, suites: &[&str], component: &str) -> Value {
    json!({
        "Types": ["deb"], "URIs": [uri], "Suites": suites, "Components": [component], "Enabled": 1, "FileType": "sources",
        "Comment": "",
        "Options": [{ "Key": "Signed-By", "Values": ["/usr/share/keyrings/debian-archive-keyring.gpg"] }],
    })
}

/// The files with repositories: what was changed, else those of a fresh installation.
fn files(cluster: &Cluster, node: &str) -> Vec<Value> {
    let fresh = || {
        vec![json!({
            "path": "/etc/apt/sources.list.d/debian.sources",
            "file-type": "sources",
            "repositories": [
                repository("http://deb.debian.org/debian", &["trixie", "trixie-updates"], "main"),
                repository("http://security.debian.org/debian-security", &["trixie-security"], "main"),
            ],
        })]
    };
    cluster.fact(node, "repositories").and_then(|files| files.as_array().cloned()).unwrap_or_else(fresh)
}

fn rows<'v>(file: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    file.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn repositories(cluster: &mut Cluster, call: &Call) -> Outcome {
    let mut files = files(cluster, call.node());
    let digest = of(&files);
    let mut infos = Vec::new();
    for file in &files {
        for (index, _) in rows(file, "repositories").enumerate() {
            infos.push(json!({ "path": file.get("path"), "index": index, "kind": "origin", "message": "Debian" }));
        }
    }
    let standard: Vec<Value> = STANDARD
        .iter()
        .map(|(handle, name, component, description)| {
            let mut row = json!({ "handle": handle, "name": name, "description": description });
            let mut all = files.iter().flat_map(|file| rows(file, "repositories"));
            if let Some(found) = all.find(|found| rows(found, "Components").any(|text| text == *component)) {
                let enabled = found.get("Enabled").cloned().unwrap_or_default();
                crate::api::set_key(&mut row, "status", enabled);
            }
            row
        })
        .collect();
    for file in &mut files {
        let sum = ring::digest::digest(&ring::digest::SHA256, file.to_string().as_bytes());
        crate::api::set_key(file, "digest", json!(sum.as_ref()));
    }
    Ok(Reply::data(
        json!({ "files": files, "digest": digest, "errors": [], "infos": infos, "standard-repos": standard }),
    ))
}

fn change_repository(cluster: &mut Cluster, call: &Call) -> Outcome {
    let mut files = files(cluster, call.node());
    crate::state::digest::assert_unmodified(&of(&files), call.text("digest"))?;
    let path = call.required("path");
    let found = files.iter_mut().find(|file| file.get("path").and_then(Value::as_str) == Some(path));
    let Some(file) = found else { return Err(Fault::die(format!("invalid path - {path}"))) };
    let index = call.int("index").and_then(|index| usize::try_from(index).ok());
    let all = file.get_mut("repositories").and_then(Value::as_array_mut);
    let Some(repository) = all.zip(index).and_then(|(all, index)| all.get_mut(index)) else {
        return Err(Fault::die(format!("invalid index - {}", call.required("index"))));
    };
    if let Some(enabled) = call.flag("enabled") {
        crate::api::set_key(repository, "Enabled", u8::from(enabled));
    }
    cluster.set_fact(call.node(), "repositories", json!(files));
    Ok(Reply::null())
}

fn add_repository(cluster: &mut Cluster, call: &Call) -> Outcome {
    let mut files = files(cluster, call.node());
    crate::state::digest::assert_unmodified(&of(&files), call.text("digest"))?;
    let handle = call.required("handle");
    let Some((_, _, component, _)) = STANDARD.iter().find(|(name, ..)| *name == handle) else {
        return Err(Fault::die(format!("unknown repository handle '{handle}'")));
    };
    let known = files.iter().flat_map(|file| rows(file, "repositories"));
    if known.into_iter().any(|found| rows(found, "Components").any(|text| text == *component)) {
        return Err(Fault::die(format!("standard repository '{handle}' is already configured")));
    }
    files.push(json!({
        "path": format!("/etc/apt/sources.list.d/{component}.sources"),
        "file-type": "sources",
        "repositories": [repository("http://download.proxmox.com/debian/pve", &["trixie"], component)],
    }));
    cluster.set_fact(call.node(), "repositories", json!(files));
    Ok(Reply::null())
}
