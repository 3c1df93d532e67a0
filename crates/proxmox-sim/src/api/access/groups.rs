//! Groups.

use serde_json::json;

use crate::api::check::{perm, perm_any};
use crate::api::{Call, Endpoint, Fault, Outcome, Reply, set_key};
use crate::state::Cluster;
use crate::state::access::Group;
use crate::verify::{Param, text};

use super::comment;

const PATH: &str = "/access/groups/{groupid}";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let allocate = || perm("/access/groups", &["Group.Allocate"]);
    vec![
        Endpoint::get("/access/groups", list).all().params(Vec::new()),
        Endpoint::post("/access/groups", create).check(allocate()).params(vec![groupid(), comment()]),
        Endpoint::get(PATH, read)
            .check(perm_any("/access/groups", &["Sys.Audit", "Group.Allocate"]))
            .params(vec![groupid()]),
        Endpoint::put(PATH, update).check(allocate()).params(vec![groupid(), comment()]),
        Endpoint::delete(PATH, delete).check(allocate()).params(vec![groupid()]),
    ]
}

fn groupid() -> Param {
    text("groupid").format("pve-groupid")
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let visible = cluster.groups_with(&call.caller, &["User.Modify", "Sys.Audit", "Group.Allocate"]);
    let mut rows = Vec::new();
    for (name, group) in cluster.access.groups.iter().filter(|(name, _)| visible.contains(*name)) {
        let members: Vec<&str> = group.members.iter().map(String::as_str).collect();
        let mut row = json!({ "groupid": name, "users": members.join(",") });
        if !group.comment.is_empty() {
            set_key(&mut row, "comment", group.comment.as_str());
        }
        rows.push(row);
    }
    Ok(Reply::data(rows))
}

fn exists(cluster: &Cluster, name: &str) -> Result<(), Fault> {
    if cluster.access.groups.contains_key(name) {
        return Ok(());
    }
    Err(Fault::die(format!("group '{name}' does not exist")))
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.required("groupid");
    cluster.cfs_lock("user_cfg").map_err(|fault| fault.nested("create group failed: "))?;
    if cluster.access.groups.contains_key(name) {
        return Err(Fault::die(format!("create group failed: group '{name}' already exists")));
    }
    let group = Group { comment: call.text("comment").unwrap_or_default().to_owned(), ..Group::default() };
    cluster.access.groups.insert(name.to_owned(), group);
    Ok(Reply::null())
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.required("groupid");
    exists(cluster, name)?;
    let Some(group) = cluster.access.groups.get(name) else { return Ok(Reply::null()) };
    let mut answer = json!({ "members": group.members });
    if !group.comment.is_empty() {
        set_key(&mut answer, "comment", group.comment.as_str());
    }
    Ok(Reply::data(answer))
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.required("groupid");
    let found = cluster.cfs_lock("user_cfg").and_then(|()| exists(cluster, name));
    found.map_err(|fault| fault.nested("update group failed: "))?;
    if let (Some(group), Some(comment)) = (cluster.access.groups.get_mut(name), call.text("comment")) {
        comment.clone_into(&mut group.comment);
    }
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.required("groupid");
    let found = cluster.cfs_lock("user_cfg").and_then(|()| exists(cluster, name));
    found.map_err(|fault| fault.nested("delete group failed: "))?;
    cluster.access.remove_group(name);
    Ok(Reply::null())
}
