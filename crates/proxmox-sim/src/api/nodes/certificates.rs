//! `GET /nodes/{node}/certificates/info`: the cluster's authority and the node's own certificate.

use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::state::Cluster;
use crate::wire::tls::{Identity, NOT_AFTER, NOT_BEFORE, fingerprint};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[("GET", "/nodes/{node}/certificates/info", info)];

fn row(filename: &str, subject: &str, issuer: &str, san: &[&str], identity: &Identity) -> Value {
    json!({
        "filename": filename,
        "fingerprint": fingerprint(&identity.certificate).unwrap_or_default(),
        "subject": subject,
        "issuer": issuer,
        "san": san,
        "notbefore": NOT_BEFORE,
        "notafter": NOT_AFTER,
        "public-key-type": "id-ecPublicKey",
        "public-key-bits": 256,
        "pem": identity.certificate,
    })
}

fn info(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.node();
    let Some(node) = cluster.nodes.get(name) else { return Err(Fault::die(format!("no such node '{name}'"))) };
    let unit = cluster.name.as_deref().unwrap_or(name);
    let authority = format!("/CN=Proxmox Virtual Environment/OU={unit}/O=PVE Cluster Manager CA");
    let own = format!("/OU=PVE Cluster Node/O=Proxmox Virtual Environment/CN={name}");
    Ok(Reply::data(vec![
        row("pve-root-ca.pem", &authority, &authority, &[], &cluster.nodes.authority),
        row("pve-ssl.pem", &own, &authority, &[name, "localhost", "127.0.0.1"], &node.identity),
    ]))
}
