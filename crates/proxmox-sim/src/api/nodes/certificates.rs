//! `GET /nodes/{node}/certificates/info`: the cluster's authority and the node's own certificate.

use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::state::Cluster;
use crate::state::access::Secret;
use crate::wire::tls::{Identity, NOT_AFTER, NOT_BEFORE, fingerprint, server_config};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/certificates/info", info),
    ("POST", "/nodes/{node}/certificates/custom", upload),
    ("DELETE", "/nodes/{node}/certificates/custom", remove),
];

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
    let mut rows = vec![
        row("pve-root-ca.pem", &authority, &authority, &[], &cluster.nodes.authority),
        row("pve-ssl.pem", &own, &authority, &[name, "localhost", "127.0.0.1"], &node.identity),
    ];
    rows.extend(node.custom.as_ref().map(custom));
    Ok(Reply::data(rows))
}

/// What is known of an uploaded certificate without reading it.
fn custom(identity: &Identity) -> Value {
    json!({
        "filename": "pveproxy-ssl.pem",
        "fingerprint": fingerprint(&identity.certificate).unwrap_or_default(),
        "pem": identity.certificate,
    })
}

fn upload(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.node().to_owned();
    let Some(node) = cluster.nodes.get_mut(&name) else { return Err(Fault::die(format!("no such node '{name}'"))) };
    let key = match (call.text("key"), &node.custom) {
        (Some(key), _) => Secret(key.to_owned()),
        (None, Some(known)) => known.key.clone(),
        (None, None) => {
            return Err(Fault::param("key", "Attempted to upload custom certificate without (existing) key."));
        }
    };
    if node.custom.is_some() && call.flag("force") != Some(true) {
        return Err(Fault::param("certificates", "Custom certificate exists but 'force' is not set."));
    }
    let identity = Identity { certificate: call.required("certificates").to_owned(), key };
    if server_config(&identity).is_err() {
        return Err(Fault::die("unable to verify certificate and key: they do not belong together"));
    }
    let shown = custom(&identity);
    node.custom = Some(identity);
    Ok(Reply::data(shown))
}

fn remove(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.node().to_owned();
    if let Some(node) = cluster.nodes.get_mut(&name) {
        node.custom = None;
    }
    Ok(Reply::null())
}
