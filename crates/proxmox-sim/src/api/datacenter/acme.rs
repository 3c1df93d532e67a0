//! `/cluster/acme`: how certificates are asked for at a public authority. Accounts cannot be made here: no authority answers.

use serde_json::{Value, json};

use crate::api::sections::{row, take};
use crate::api::{Call, Fault, Handler, Outcome, Reply};
use crate::state::Cluster;
use crate::state::sections::Entry;

/// The calls and their handlers.
pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![
        ("GET", "/cluster/acme/plugins", list_plugins),
        ("POST", "/cluster/acme/plugins", create_plugin),
        ("GET", "/cluster/acme/plugins/{id}", read_plugin),
        ("DELETE", "/cluster/acme/plugins/{id}", delete_plugin),
        ("GET", "/cluster/acme/account", |_, _| Ok(Reply::data(json!([])))),
        ("GET", "/cluster/acme/directories", directories),
        ("GET", "/cluster/acme/challenge-schema", schemas),
    ]
}

fn directories(_: &mut Cluster, _: &Call) -> Outcome {
    let row = |name: &str, host: &str| json!({ "name": name, "url": format!("https://{host}/directory") });
    Ok(Reply::data(vec![
        row("Let's Encrypt V2", "acme-v02.api.letsencrypt.org"),
        row("Let's Encrypt V2 Staging", "acme-staging-v02.api.letsencrypt.org"),
    ]))
}

/// Id, name, and what has to be given with its description.
type Service = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Some of the DNS services that can answer a challenge.
const SERVICES: &[Service] = &[
    (
        "cf",
        "Cloudflare Managed DNS",
        &[
            ("CF_Account_ID", "The new Cloudflare API Account ID"),
            ("CF_Email", "The Cloudflare Account EMail-Address"),
            ("CF_Key", "The Cloudflare Global API Key"),
            ("CF_Token", "The new Cloudflare API Token"),
        ],
    ),
    ("hetzner", "Hetzner", &[("HETZNER_Token", "The API token")]),
    ("nsupdate", "nsupdate", &[("NSUPDATE_KEY", "The path of the key file"), ("NSUPDATE_SERVER", "The name server")]),
    (
        "ovh",
        "OVH",
        &[("OVH_AK", "The application key"), ("OVH_AS", "The application secret"), ("OVH_CK", "The consumer key")],
    ),
    ("pdns", "PowerDNS", &[("PDNS_Token", "The API token"), ("PDNS_Url", "The URL of the API")]),
];

fn schemas(_: &mut Cluster, _: &Call) -> Outcome {
    let dns = SERVICES.iter().map(|(id, name, fields)| {
        let fields: Entry = fields
            .iter()
            .map(|(key, about)| ((*key).to_owned(), json!({ "type": "string", "description": about })))
            .collect();
        json!({ "id": id, "name": name, "type": "dns", "schema": { "name": name, "fields": fields } })
    });
    let standalone = json!({ "id": "standalone", "name": "standalone", "type": "standalone", "schema": {} });
    Ok(Reply::data(dns.chain(std::iter::once(standalone)).collect::<Vec<Value>>()))
}

const PLUGINS: &str = "acme-plugin";

fn list_plugins(cluster: &mut Cluster, _: &Call) -> Outcome {
    let builtin = json!({ "plugin": "standalone", "type": "standalone", "digest": cluster.sections.digest(PLUGINS) });
    let own = cluster.sections.all(PLUGINS).map(|(id, entry)| row(cluster, PLUGINS, Some("plugin"), id, entry).into());
    Ok(Reply::data(std::iter::once(builtin).chain(own).collect::<Vec<Value>>()))
}

fn create_plugin(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("id");
    if id == "standalone" || cluster.sections.get(PLUGINS, id).is_some() {
        return Err(Fault::die(format!("ACME plugin ID '{id}' already exists")));
    }
    cluster.cfs_lock("priv_acme_plugins_cfg")?;
    let mut entry = Entry::new();
    take(call, &mut entry, &["id"], &[]);
    cluster.sections.put(PLUGINS, id, entry);
    Ok(Reply::null())
}

fn read_plugin(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("id");
    match cluster.sections.get(PLUGINS, id) {
        Some(entry) => Ok(Reply::data(Value::Object(row(cluster, PLUGINS, Some("plugin"), id, entry)))),
        None if id == "standalone" => {
            let digest = cluster.sections.digest(PLUGINS);
            Ok(Reply::data(json!({ "plugin": id, "type": id, "digest": digest })))
        }
        None => Err(Fault::die(format!("ACME plugin '{id}' not defined"))),
    }
}

fn delete_plugin(cluster: &mut Cluster, call: &Call) -> Outcome {
    cluster.cfs_lock("priv_acme_plugins_cfg")?;
    cluster.sections.remove(PLUGINS, call.required("id"));
    Ok(Reply::null())
}
