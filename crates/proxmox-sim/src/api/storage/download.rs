//! Downloads from addresses. The simulated nodes reach no other machine, so every download fails as it does on a node without a route.

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::state::Cluster;
use crate::tasks::NewTask;

use super::upload::{place, plain_name};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("POST", "/nodes/{node}/storage/{storage}/download-url", download),
    ("GET", "/nodes/{node}/query-url-metadata", metadata),
];

/// Host and port of an address.
fn host_and_port(url: &str) -> (String, u16) {
    let (default, rest) = match url.strip_prefix("https://") {
        Some(rest) => (443, rest),
        None => (80, url.strip_prefix("http://").unwrap_or(url)),
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) => (host.to_owned(), port.parse().unwrap_or(default)),
        None => (authority.to_owned(), default),
    }
}

fn download(cluster: &mut Cluster, call: &Call) -> Outcome {
    let storage = call.required("storage").to_owned();
    let node = call.node().to_owned();
    let name = plain_name(call.required("filename"));
    let content = call.required("content");
    let id = place(&storage, content, &name)?;
    let definition = cluster.storages.require_on(&storage, &node).map_err(Fault::die)?;
    if !definition.holds(content) {
        return Err(Fault::die(format!("storage '{storage}' is not configured for content-type '{content}'")));
    }
    let url = call.required("url").to_owned();
    let (host, port) = host_and_port(&url);
    let existing = cluster.storages.volume(&id, &node).is_some();
    let path = cluster.storages.volume_path(&id);
    let user = call.caller.id();
    let new = NewTask { node: &node, kind: "download", id: &name, user: &user };
    let upid = cluster.start_task(&new, |_| {
        if existing {
            return Err(format!("refusing to override existing file '{path}'"));
        }
        let reason = if host.parse::<std::net::IpAddr>().is_ok() {
            format!("Connecting to {host}:{port}... failed: Connection refused.")
        } else {
            format!("Resolving {host} ({host})... failed: Name or service not known.")
        };
        Err(format!("download failed: {reason}"))
    });
    Ok(Reply::data(upid))
}

fn metadata(_: &mut Cluster, call: &Call) -> Outcome {
    let (host, port) = host_and_port(call.required("url"));
    let reason =
        if host.parse::<std::net::IpAddr>().is_ok() { "Connection refused" } else { "Name or service not known" };
    Err(Fault::die(format!("invalid server response: '500 Can't connect to {host}:{port} ({reason})'")))
}
