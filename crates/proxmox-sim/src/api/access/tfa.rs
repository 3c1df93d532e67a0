//! Second factors, as far as nobody has one: lists are empty, adding one is not simulated.

use serde_json::json;

use crate::api::check::GroupsParam;
use crate::api::{Call, Endpoint, Fault, Outcome, Reply};
use crate::state::Cluster;
use crate::verify::{Param, boolean, text};

use super::{password, self_or, userid, userid_group};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let audit = || self_or(&["User.Modify", "Sys.Audit"]);
    let modify = || self_or(&["User.Modify"]);
    let confirmation = || text("password").min_len(5).max_len(64).optional();
    let id = || -> Param { text("id") };
    vec![
        Endpoint::get("/access/tfa", all).all().params(Vec::new()),
        Endpoint::get("/access/tfa/{userid}", of_user).check(audit()).params(vec![userid()]),
        Endpoint::post("/access/tfa/{userid}", add).check(modify()).no_token().params(vec![
            userid(),
            text("challenge").optional(),
            text("description").max_len(255).optional(),
            confirmation(),
            text("totp").optional(),
            text("type").one_of(&["totp", "u2f", "webauthn", "recovery", "yubico"]),
            text("value").optional(),
        ]),
        Endpoint::get("/access/tfa/{userid}/{id}", one).check(audit()).params(vec![userid(), id()]),
        Endpoint::put("/access/tfa/{userid}/{id}", change).check(modify()).no_token().params(vec![
            userid(),
            id(),
            text("description").max_len(255).optional(),
            boolean("enable").optional(),
            confirmation(),
        ]),
        Endpoint::delete("/access/tfa/{userid}/{id}", change).check(modify()).no_token().params(vec![
            userid(),
            id(),
            confirmation(),
        ]),
        Endpoint::get("/access/users/{userid}/tfa", kinds)
            .check(audit())
            .params(vec![userid(), boolean("multiple").optional()]),
        Endpoint::put("/access/users/{userid}/unlock-tfa", unlock)
            .check(userid_group(&["User.Modify"], GroupsParam::Ignored))
            .params(vec![userid()]),
    ]
}

fn all(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(Reply::data(json!([])))
}

fn of_user(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(Reply::data(json!([])))
}

fn missing(call: &Call) -> Fault {
    Fault::status(404, format!("no such tfa entry '{}'", call.required("id")))
}

fn one(_: &mut Cluster, call: &Call) -> Outcome {
    Err(missing(call))
}

fn change(cluster: &mut Cluster, call: &Call) -> Outcome {
    password::confirm(cluster, call, "password")?;
    Err(missing(call))
}

fn add(cluster: &mut Cluster, call: &Call) -> Outcome {
    password::confirm(cluster, call, "password")?;
    Err(Fault::not_implemented(&call.method, &call.path))
}

fn kinds(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(Reply::data(json!({})))
}

/// Nobody has an entry in the table of second factors, and that is what the real one looks at.
fn unlock(_: &mut Cluster, _: &Call) -> Outcome {
    Err(Fault::die("no such user"))
}
