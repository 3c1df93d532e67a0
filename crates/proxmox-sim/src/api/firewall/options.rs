//! Options of a firewall.

use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply};
use crate::state::Cluster;
use crate::state::firewall::Scope;

use super::{Below, lock, scope, unmodified};

pub(super) fn calls() -> Vec<Below> {
    vec![("GET", "/options", get), ("PUT", "/options", update)]
}

/// The options that a firewall has.
fn known(scope: &Scope) -> &'static [&'static str] {
    match scope {
        Scope::Cluster => &["ebtables", "enable", "log_ratelimit", "policy_forward", "policy_in", "policy_out"],
        Scope::Node(_) => &[
            "enable",
            "log_level_forward",
            "log_level_in",
            "log_level_out",
            "log_nf_conntrack",
            "ndp",
            "nf_conntrack_allow_invalid",
            "nf_conntrack_helpers",
            "nf_conntrack_max",
            "nf_conntrack_tcp_timeout_established",
            "nf_conntrack_tcp_timeout_syn_recv",
            "nftables",
            "nosmurfs",
            "protection_synflood",
            "protection_synflood_burst",
            "protection_synflood_rate",
            "smurf_log_level",
            "tcp_flags_log_level",
            "tcpflags",
        ],
        Scope::Guest(_) => &[
            "dhcp",
            "enable",
            "ipfilter",
            "log_level_in",
            "log_level_out",
            "macfilter",
            "ndp",
            "policy_in",
            "policy_out",
            "radv",
        ],
        Scope::Vnet(_) => &["enable", "log_level_forward", "policy_forward"],
    }
}

fn get(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    let mut options = cluster.firewall.level(&scope).options;
    options.insert("digest".to_owned(), cluster.firewall.digest(&scope).into());
    Ok(Reply::data(options))
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    unmodified(cluster, call, &scope)?;
    let known = known(&scope);
    let deletes = call.list("delete").unwrap_or_default();
    if let Some(unknown) = deletes.iter().find(|key| !known.contains(&key.as_str())) {
        return Err(Fault::param("delete", format!("no such option '{unknown}'")));
    }
    lock(cluster, &scope)?;
    let options = &mut cluster.firewall.level_mut(&scope).options;
    for key in deletes {
        options.remove(&key);
    }
    for key in known {
        if let Some(text) = call.text(key) {
            let value: Value = text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number));
            options.insert((*key).to_owned(), value);
        }
    }
    Ok(Reply::null())
}
