//! Zones.

use crate::api::Handler;

use super::objects::{create, delete, get, list, update};

pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![
        ("GET", "/cluster/sdn/zones", |cluster, call| list(cluster, call, "zone")),
        ("POST", "/cluster/sdn/zones", |cluster, call| create(cluster, call, "zone")),
        ("GET", "/cluster/sdn/zones/{zone}", |cluster, call| get(cluster, call, "zone")),
        ("PUT", "/cluster/sdn/zones/{zone}", |cluster, call| update(cluster, call, "zone")),
        ("DELETE", "/cluster/sdn/zones/{zone}", |cluster, call| delete(cluster, call, "zone")),
    ]
}
