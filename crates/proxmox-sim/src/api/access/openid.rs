//! OpenID Connect logins, as far as they go without an identity provider that answers.

use crate::api::{Call, Endpoint, Fault, Outcome, Reply, index_reply};
use crate::state::Cluster;
use crate::verify::text;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::index("/access/openid", index).params(Vec::new()),
        Endpoint::post("/access/openid/auth-url", auth_url)
            .world()
            .params(vec![text("realm").max_len(32).format("pve-realm"), text("redirect-url").max_len(255)]),
        Endpoint::post("/access/openid/login", login).world().params(vec![
            text("code").max_len(4096),
            text("redirect-url").max_len(255),
            text("state").max_len(1024),
        ]),
    ]
}

fn index(_: &mut Cluster, _: &Call) -> Outcome {
    let reply: Reply = index_reply("subdir", &["auth-url", "login"]);
    Ok(reply)
}

fn auth_url(cluster: &mut Cluster, call: &Call) -> Outcome {
    let realm = call.required("realm");
    let Some(found) = cluster.access.realms.get(realm) else {
        return Err(Fault::die(format!("authentication domain '{realm}' does not exist")));
    };
    if found.kind() != "openid" {
        return Err(Fault::die(format!("wrong realm type ({} != openid)", found.kind())));
    }
    // A simulated node reaches no identity provider.
    let cause = "io: failed to lookup address information: Temporary failure in name resolution";
    Err(Fault::die(format!("Request failed: ureq request failed - {cause}: {cause}")))
}

fn login(_: &mut Cluster, _: &Call) -> Outcome {
    Err(Fault::status(401, "authentication failure"))
}
