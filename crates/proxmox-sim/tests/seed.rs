//! A simulator started from a real estate answers as the estate did.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::path::Path;

use proxmox_client::{Method, Params, Pve, Trust};
use proxmox_sim::SimBuilder;
use proxmox_sim::seed::Seed;
use serde_json::Value;

/// What cannot be the same, and why: the path begins and ends so.
const OTHERWISE: &[(&str, &str, &str)] = &[
    ("/cluster/resources", "", "figures of the moment; rows are compared in the workspace's own suite"),
    ("/cluster/status", "", "addresses of the entry point"),
    ("/cluster/tasks", "", "tasks that ran are kept without what was measured"),
    ("/cluster/nextid", "", "the recording's token saw a number that was free then"),
    ("/cluster/config/nodes", "", "the ring's addresses are not state"),
    ("/cluster/ha/status/current", "", "the daemons' words"),
    ("/cluster/sdn/ipams", "", "the built-in address book is not written down there"),
    ("/nodes", "", "figures of the moment"),
    ("/nodes/", "/status", "figures of the moment"),
    ("/nodes/", "/status/current", "figures of the moment"),
    ("/nodes/", "/time", "the moment"),
    ("/nodes/", "/tasks", "tasks that ran are kept without what was measured"),
    ("/nodes/", "/services", "an init system was not recorded"),
    ("/nodes/", "/subscription", "serials are of the machine"),
    ("/nodes/", "/aplinfo", "what is offered is a list of the machine"),
    ("/nodes/", "/hosts", "a file of the machine"),
    ("/nodes/", "/certificates/info", "certificates are made anew"),
    ("/nodes/", "/capabilities/qemu/cpu", "processors of the machine"),
    ("/nodes/", "/capabilities/qemu/machines", "what the emulator can be"),
    ("/nodes/", "/lxc", "figures of the moment"),
    ("/nodes/", "/qemu", "figures of the moment"),
    ("/nodes/", "/storage", "figures of the moment"),
    ("/nodes/", "/version", "the build"),
    ("/nodes/pve2/storage/archive/content", "", "a directory that the configuration calls shared, and is not"),
    ("/version", "", "the build"),
    ("/pools", "", "members carry figures of the moment"),
    ("/access/roles", "", "predefined roles are of the version that is simulated"),
    ("/access/permissions", "", "privileges are of the version that is simulated"),
];

/// Without digests, which differ by how a file is written, and in an order.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| !["digest", "expire", "tokens", "priority", "active"].contains(&key.as_str()))
            .map(|(key, value)| {
                let list = value.as_str().filter(|_| ["content", "nodes", "groups"].contains(&key.as_str()));
                let sorted = list.map(|text| {
                    let mut parts: Vec<&str> = text.split(',').collect();
                    parts.sort_unstable();
                    Value::from(parts.join(","))
                });
                (key.clone(), sorted.unwrap_or_else(|| plain(value)))
            })
            .collect(),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(plain).collect();
            items.sort_by_key(ToString::to_string);
            Value::Array(items)
        }
        Value::Number(number) => Value::from(number.to_string()),
        other => other.clone(),
    }
}

#[tokio::test]
async fn every_recorded_answer_is_given_again_or_explained() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contract/seeds/pve-9.1.6-two-nodes");
    if !directory.exists() {
        eprintln!("SKIPPED: answers of a real estate: there is no {}", directory.display());
        return;
    }
    let seed = Seed::load(&directory).unwrap();
    assert!(seed.left_out.is_empty(), "{:#?}", seed.left_out);
    let sim = SimBuilder::from_state(seed.cluster).root_token("lab", None).start().await.unwrap();
    let token = sim.root_token().unwrap();
    let pve = Pve::builder()
        .address(sim.address("pve1").unwrap().to_string())
        .token(&token.id, token.secret.clone())
        .trust(Trust::pinned([sim.fingerprint("pve1").unwrap().as_str()]).unwrap())
        .build()
        .unwrap();
    let index: Vec<Value> = serde_json::from_slice(&std::fs::read(directory.join("INDEX.json")).unwrap()).unwrap();
    let (mut same, mut explained, mut different) = (0, 0, Vec::new());
    for line in &index {
        let path = line["path"].as_str().unwrap();
        let recorded: Value =
            serde_json::from_slice(&std::fs::read(directory.join(line["file"].as_str().unwrap())).unwrap()).unwrap();
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let template = format!("/{}", vec!["{x}"; segments.len()].join("/"));
        let query = line["query"].as_object().cloned().unwrap_or_default();
        let params: Params =
            query.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap_or("1").to_owned())).collect();
        let answer = pve.call(Method::Get, &template, &segments, &params).await;
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        if plain(&answer) == plain(&recorded["data"]) {
            same += 1;
        } else if OTHERWISE.iter().any(|(begin, end, _)| {
            if end.is_empty() {
                path == *begin || path.starts_with(&format!("{begin}/")) && *begin == "/access/roles"
            } else {
                path.starts_with(begin) && path.ends_with(end)
            }
        }) {
            explained += 1;
        } else {
            different.push(format!(
                "{path} {query:?}:\n  here {}\n  real {}",
                plain(&answer),
                plain(&recorded["data"])
            ));
        }
    }
    println!("{same} answers are the same, {explained} are explained");
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    sim.shutdown().await;
}
