//! Seeds: a cluster is rebuilt from a real one's answers, and what is recorded from it rebuilds it again.

use std::path::{Path, PathBuf};

use bnna_tests::install_provider;
use proxmox_client::{Pve, Trust};
use proxmox_sim::seed::{Seed, demo_cluster, load, record};
use proxmox_sim::{Cluster, Sim, SimBuilder};

fn shared_seed() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/contract/seeds/pve-9.1.6-two-nodes");
    if !path.exists() {
        eprintln!("SKIPPED: the recorded seed, {} is not there", path.display());
        return None;
    }
    Some(path)
}

async fn start(cluster: Cluster) -> (Sim, Pve) {
    install_provider();
    let sim = SimBuilder::from_state(cluster).root_token("test", None).start().await.unwrap();
    let pins: Vec<String> = sim.addresses().keys().filter_map(|node| sim.fingerprint(node)).collect();
    let root = sim.root_token().unwrap();
    let mut builder = Pve::builder()
        .token(&root.id, root.secret.clone())
        .trust(Trust::pinned(pins.iter().map(String::as_str)).unwrap());
    for address in sim.addresses().values() {
        builder = builder.address(address.to_string());
    }
    let pve = builder.build().unwrap();
    (sim, pve)
}

/// What has to survive a recording, as text.
fn essence(cluster: &Cluster) -> Vec<String> {
    let mut lines = Vec::new();
    for guest in ids(cluster) {
        let guest = cluster.guests.get(guest).unwrap();
        lines.push(format!("{} {} {:?} {:?}", guest.vmid, guest.node, guest.config, guest.runtime.is_some()));
    }
    for (id, pool) in &cluster.pools {
        lines.push(format!("pool {id} {pool:?}"));
    }
    for (id, group) in &cluster.access.groups {
        lines.push(format!("group {id} {group:?}"));
    }
    for (path, node) in cluster
        .access
        .acl
        .iter()
        .filter(|(_, node)| !(node.users.is_empty() && node.groups.is_empty() && node.tokens.is_empty()))
    {
        lines.push(format!("acl {path} {node:?}"));
    }
    for (id, user) in &cluster.access.users {
        let tokens: Vec<&String> = user.tokens.keys().filter(|name| *name != "test").collect();
        lines.push(format!("user {id} {} {} {} {tokens:?}", user.enable, user.email, user.comment));
    }
    for (id, privileges) in &cluster.access.roles {
        lines.push(format!("role {id} {privileges:?}"));
    }
    for (id, definition) in cluster.storages.all() {
        // A server lists what a storage may hold in any order.
        let mut options = definition.options.clone();
        if let Some(content) = options.get_mut("content") {
            let mut kinds: Vec<&str> = content.split(',').collect();
            kinds.sort_unstable();
            *content = kinds.join(",");
        }
        lines.push(format!("storage {id} {} {options:?}", definition.kind));
    }
    lines
}

fn ids(cluster: &Cluster) -> Vec<u32> {
    cluster.guests.iter().map(|guest| guest.vmid).collect()
}

#[tokio::test]
async fn what_is_recorded_rebuilds_the_same_cluster() {
    let mut clusters = vec![demo_cluster().unwrap()];
    clusters.extend(shared_seed().map(|path| load(&path).unwrap()));
    for cluster in clusters {
        let before = essence(&cluster);
        let (sim, pve) = start(cluster).await;
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("seed");
        let recorded = record(&pve, &out).await.unwrap();
        assert!(recorded.answers > 20, "{recorded:?}");
        assert!(record(&pve, &out).await.is_err(), "a recording overwrites nothing");
        sim.shutdown().await;
        let again = load(&out).unwrap();
        for (a, b) in before.iter().zip(essence(&again)) {
            assert_eq!(*a, b, "left out: {:?}", recorded.missing);
        }
    }
}

#[tokio::test]
async fn a_recorded_seed_answers_as_the_real_cluster_did() {
    let Some(path) = shared_seed() else { return };
    let seed = Seed::load(&path).unwrap();
    assert!(seed.tokens.iter().any(|(id, _)| id == "ann@pve!ci"), "tokens get new secrets, and it is said which");
    let (sim, pve) = start(seed.cluster).await;
    let guests = pve.cluster().resources(None).await.unwrap();
    let real: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path.join("GET__cluster__resources.json")).unwrap()).unwrap();
    for row in real["data"].as_array().unwrap().iter().filter(|row| row["vmid"].is_number()) {
        let ours =
            guests.iter().find(|guest| guest.vmid.map(|vmid| u64::from(vmid.get())) == row["vmid"].as_u64()).unwrap();
        assert_eq!(ours.name.as_deref(), row["name"].as_str());
        assert_eq!(ours.node.as_deref(), row["node"].as_str());
        assert_eq!(ours.status.as_deref(), row["status"].as_str());
        assert_eq!(ours.pool.as_ref().map(ToString::to_string).as_deref(), row["pool"].as_str());
        assert_eq!(u64::from(ours.template), row["template"].as_u64().unwrap_or_default());
    }
    sim.shutdown().await;
}
