//! From an authenticated request to its answer: the checks in the order of the real server.

use serde_json::Value;

use crate::state::Cluster;
use crate::verify::scalar_text;

use super::{Call, Caller, Fault, Outcome, RawParams, Table, Upload, check};

/// A request whose credentials were accepted.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// Decoded path below the API's root.
    pub path: String,
    /// Who asks.
    pub caller: Caller,
    /// The node whose port was asked.
    pub entry: String,
    /// Client address.
    pub client: String,
    /// From query and body.
    pub params: RawParams,
    /// The file of a multipart upload.
    pub upload: Option<Upload>,
}

/// Refuses a token on a call that needs a ticket. The real server does this while it authenticates, before anything else.
///
/// # Errors
/// 403 with the text that lost its closing bracket.
pub fn token_allowed(table: &Table, method: &str, path: &str, caller: &Caller) -> Result<(), Fault> {
    let refused = caller.token().is_some() && table.find(method, path).is_some_and(|(found, _)| !found.allow_token);
    if refused {
        return Err(Fault::permission(format!("URI '{path}' not available with API token, need proper ticket.\n")));
    }
    Ok(())
}

/// Answers a request.
///
/// # Errors
/// Whatever the real server would refuse it with.
pub fn dispatch(cluster: &mut Cluster, table: &Table, request: Request) -> Outcome {
    let Request { method, path, caller, entry, client, params, upload } = request;
    let version = cluster.version.pair();
    let Some((endpoint, path_params)) =
        table.find(&method, &path).filter(|(found, _)| found.since.is_none_or(|since| version >= since))
    else {
        return Err(Fault::not_implemented(&method, &path));
    };

    let mut all = params;
    for (name, value) in path_params {
        if all.get(&name).is_some_and(|sent| !sent.is_null() && scalar_text(sent) != value) {
            let text = "duplicate parameter (already defined in URI) with conflicting values!";
            return Err(Fault::param(name, text));
        }
        all.set(name, Value::String(value));
    }

    check::allowed(cluster, &endpoint.permission, &caller, &all)?;

    if let Some(node) = endpoint.proxy.as_deref().and_then(|name| all.text(name)) {
        relay(cluster, &entry, node)?;
    }
    let params = endpoint.schema.verify(version, &all).map_err(Fault::params)?;
    let undefined = all.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name.clone()).collect();
    let call = Call { method, path, caller, entry, client, params, undefined, upload };
    let outcome = (endpoint.handler)(cluster, &call);
    if call.method != "GET" {
        cluster.rights_changed();
    }
    outcome
}

/// What the entry node meets when it relays a call to another node.
fn relay(cluster: &Cluster, entry: &str, node: &str) -> Result<(), Fault> {
    if node == "localhost" || node == entry {
        return Ok(());
    }
    match cluster.nodes.get(node) {
        Some(found) if found.online => Ok(()),
        Some(_) => Err(Fault::relay(595, "No route to host")),
        None => Err(Fault::die(format!(
            "hostname lookup '{node}' failed - failed to get address info for: {node}: Temporary failure in name resolution"
        ))),
    }
}
