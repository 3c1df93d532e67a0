//! Changing passwords.

use crate::api::check::{Check, GroupsParam, and, or};
use crate::api::{Call, Endpoint, Fault, Outcome, Reply};
use crate::state::Cluster;
use crate::verify::formats::split_userid;
use crate::verify::text;

use super::{userid, userid_group};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let others = and([Check::RealmAllocateUser, userid_group(&["User.Modify"], GroupsParam::Ignored)]);
    vec![Endpoint::put("/access/password", change).check(or([Check::UserSelf, others])).no_token().params(vec![
        userid(),
        text("password").min_len(8).max_len(64),
        text("confirmation-password").min_len(5).max_len(64).optional(),
    ])]
}

/// Whoever changes credentials says its own password again, except root.
///
/// # Errors
/// 400 when it is not there, 500 when it is wrong.
pub(super) fn confirm(cluster: &Cluster, call: &Call, parameter: &str) -> Result<(), Fault> {
    if call.caller.is_root() {
        return Ok(());
    }
    let Some(password) = call.text(parameter) else {
        return Err(Fault::param(parameter, "password is required to modify user"));
    };
    if cluster.access.password_matches(call.caller.user(), password) {
        return Ok(());
    }
    Err(Fault::die("invalid credentials"))
}

/// Whether a realm stores passwords that can be set.
///
/// # Errors
/// 500 with the reason.
pub(super) fn settable(cluster: &Cluster, userid: &str, realm: &str) -> Result<(), Fault> {
    let Some(found) = cluster.access.realms.get(realm) else {
        return Err(Fault::die(format!("authentication domain '{realm}' does not exist")));
    };
    match found.kind() {
        "pve" => Ok(()),
        // Only root has a system account on a simulated node.
        "pam" if userid == "root@pam" => Ok(()),
        "pam" => {
            let name = userid.rsplit_once('@').map_or(userid, |(name, _)| name);
            Err(Fault::die(format!("no such system user: '{name}'")))
        }
        kind => Err(Fault::die(format!("can't set password on auth type '{kind}'"))),
    }
}

fn change(cluster: &mut Cluster, call: &Call) -> Outcome {
    let userid = call.required("userid");
    let (_, realm) = split_userid(userid).map_err(Fault::die)?;
    confirm(cluster, call, "confirmation-password")?;
    cluster.access.user_exists(userid)?;
    let own = call.caller.user() == userid;
    if !call.caller.is_root() && !own && (userid == "root@pam" || realm == "pam") {
        return Err(Fault::forbidden());
    }
    cluster.cfs_lock("priv_shadow_cfg")?;
    settable(cluster, userid, realm)?;
    cluster.access.set_password(userid, call.required("password"));
    Ok(Reply::null())
}
