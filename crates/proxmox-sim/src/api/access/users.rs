//! Users.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint, Outcome, Reply};
use crate::state::Cluster;
use crate::verify::boolean;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/access/users", list)
            .all()
            .params(vec![boolean("enabled").optional(), boolean("full").optional()]),
    ]
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let rows: Vec<Value> = cluster
        .access
        .users
        .iter()
        .filter(|(_, user)| call.flag("enabled").is_none_or(|enabled| user.enable == enabled))
        .map(|(userid, user)| json!({ "userid": userid, "enable": u8::from(user.enable), "expire": user.expire }))
        .collect();
    Ok(Reply::data(rows))
}
