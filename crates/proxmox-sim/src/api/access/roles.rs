//! Roles: the predefined ones, and those of the cluster.

use std::collections::{BTreeMap, BTreeSet};

use proxmox_client::permissions::pve9;
use serde_json::{Value, json};

use crate::api::check::perm;
use crate::api::{Call, Endpoint, Fault, Outcome, Reply};
use crate::state::Cluster;
use crate::verify::{Param, boolean, text};

const PATH: &str = "/access/roles/{roleid}";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let modify = || perm("/access", &["Sys.Modify"]);
    let privs = || text("privs").format("pve-priv-list").optional();
    vec![
        Endpoint::get("/access/roles", list).all().params(Vec::new()),
        Endpoint::post("/access/roles", create).check(modify()).params(vec![roleid(), privs()]),
        Endpoint::get(PATH, read).all().params(vec![roleid()]),
        Endpoint::put(PATH, update).check(modify()).params(vec![
            roleid(),
            privs(),
            boolean("append").requires("privs").optional(),
        ]),
        Endpoint::delete(PATH, delete).check(modify()).params(vec![roleid()]),
    ]
}

fn roleid() -> Param {
    text("roleid").format("pve-roleid")
}

fn predefined(role: &str) -> Option<&'static [&'static str]> {
    pve9::ROLES.iter().find(|(name, _)| *name == role).map(|(_, privileges)| *privileges)
}

/// What a role holds; `None` when there is no such role.
pub(super) fn privileges(cluster: &Cluster, role: &str) -> Option<BTreeSet<String>> {
    match predefined(role) {
        Some(privileges) => Some(privileges.iter().map(|name| (*name).to_owned()).collect()),
        None => cluster.access.roles.get(role).cloned(),
    }
}

fn list(cluster: &mut Cluster, _: &Call) -> Outcome {
    let special = pve9::ROLES.iter().map(|(name, privileges)| (*name, privileges.join(","), 1));
    let own = cluster.access.roles.iter().map(|(name, privileges)| {
        (name.as_str(), privileges.iter().map(String::as_str).collect::<Vec<_>>().join(","), 0)
    });
    let rows: Vec<Value> = special
        .chain(own)
        .map(|(name, privileges, special)| json!({ "roleid": name, "privs": privileges, "special": special }))
        .collect();
    Ok(Reply::data(rows))
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome {
    let role = call.required("roleid");
    let held = privileges(cluster, role).ok_or_else(|| Fault::die(format!("role '{role}' does not exist")))?;
    Ok(Reply::data(json!(held.into_iter().map(|name| (name, 1)).collect::<BTreeMap<_, _>>())))
}

fn sent(call: &Call) -> BTreeSet<String> {
    call.list("privs").unwrap_or_default().into_iter().collect()
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let role = call.required("roleid");
    if role.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("PVE")) {
        let text = "cannot use role ID starting with the (case-insensitive) 'PVE' namespace";
        return Err(Fault::param("roleid", text));
    }
    cluster.cfs_lock("user_cfg").map_err(|fault| fault.nested("create role failed: "))?;
    if privileges(cluster, role).is_some() {
        return Err(Fault::die(format!("create role failed: role '{role}' already exists")));
    }
    cluster.access.roles.insert(role.to_owned(), sent(call));
    Ok(Reply::null())
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let role = call.required("roleid");
    if predefined(role).is_some() {
        return Err(Fault::die(format!("auto-generated role '{role}' cannot be modified")));
    }
    cluster.cfs_lock("user_cfg").map_err(|fault| fault.nested("update role failed: "))?;
    let Some(held) = cluster.access.roles.get_mut(role) else {
        return Err(Fault::die(format!("update role failed: role '{role}' does not exist")));
    };
    if call.flag("append") != Some(true) {
        held.clear();
    }
    held.extend(sent(call));
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let role = call.required("roleid");
    if predefined(role).is_some() {
        return Err(Fault::die(format!("auto-generated role '{role}' cannot be deleted")));
    }
    cluster.cfs_lock("user_cfg").map_err(|fault| fault.nested("delete role failed: "))?;
    if !cluster.access.roles.contains_key(role) {
        return Err(Fault::die(format!("delete role failed: role '{role}' does not exist")));
    }
    cluster.access.remove_role(role);
    Ok(Reply::null())
}
