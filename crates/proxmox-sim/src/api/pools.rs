//! Pools. The calls with the pool in the path are older and cannot name nested pools.

use serde_json::{Value, json};

use crate::state::Cluster;
use crate::state::pools::Pool;
use crate::verify::{Param, boolean, text};

use super::check::perm;
use super::cluster::storage_row;
use super::{Call, Endpoint, Fault, Outcome, Reply, set_key, split_list};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let allocate = || perm("/pool/{poolid}", &["Pool.Allocate"]);
    vec![
        Endpoint::get("/pools", list).all().params(vec![poolid().optional(), kind().requires("poolid")]),
        Endpoint::post("/pools", create).check(allocate()).params(vec![poolid(), text("comment").optional()]),
        Endpoint::put("/pools", update).check(allocate()).params(changes()),
        Endpoint::delete("/pools", delete).check(allocate()).params(vec![poolid()]),
        Endpoint::get("/pools/{poolid}", read)
            .check(perm("/pool/{poolid}", &["Pool.Audit"]))
            .params(vec![poolid(), kind()]),
        Endpoint::put("/pools/{poolid}", update).check(allocate()).params(changes()),
        Endpoint::delete("/pools/{poolid}", delete).check(allocate()).params(vec![poolid()]),
    ]
}

fn poolid() -> Param {
    text("poolid").format("pve-poolid")
}

fn kind() -> Param {
    text("type").one_of(&["qemu", "lxc", "storage"]).optional()
}

fn changes() -> Vec<Param> {
    vec![
        poolid(),
        text("comment").optional(),
        text("vms").format("pve-vmid-list").optional(),
        text("storage").format("pve-storage-id-list").optional(),
        boolean("delete").optional(),
        boolean("allow-move").optional(),
    ]
}

fn exists<'a>(cluster: &'a Cluster, id: &str) -> Result<&'a Pool, Fault> {
    cluster.pools.get(id).ok_or_else(|| Fault::die(format!("pool '{id}' does not exist")))
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    if let Some(id) = call.text("poolid").filter(|id| !id.is_empty()) {
        // The real one asks for Pool.Audit here and does not look at the answer.
        let mut row = content(cluster, call, id)?;
        set_key(&mut row, "poolid", id);
        return Ok(Reply::data(vec![row]));
    }
    let mut rows = Vec::new();
    for (id, pool) in &cluster.pools {
        if !cluster.has(&call.caller, &format!("/pool/{id}"), "Pool.Audit") {
            continue;
        }
        let mut row = json!({ "poolid": id });
        if !pool.comment.is_empty() {
            set_key(&mut row, "comment", pool.comment.as_str());
        }
        rows.push(row);
    }
    Ok(Reply::data(rows))
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("poolid");
    let mut answer = content(cluster, call, id)?;
    set_key(&mut answer, "poolid", id);
    Ok(Reply::data(answer))
}

/// Comment and members of a pool.
fn content(cluster: &Cluster, call: &Call, id: &str) -> Result<Value, Fault> {
    let pool = exists(cluster, id)?;
    let wanted = call.text("type");
    let mut members: Vec<Value> = Vec::new();
    if wanted != Some("storage") {
        let guests = pool.vms.iter().filter_map(|vmid| guest(cluster, *vmid));
        members
            .extend(guests.filter(|row| wanted.is_none_or(|kind| row.get("type").is_some_and(|found| found == kind))));
    }
    if wanted.is_none_or(|kind| kind == "storage") {
        members.extend(pool.storages.iter().filter_map(|id| storage(cluster, id, &call.entry)));
    }
    let mut row = json!({ "members": members });
    if !pool.comment.is_empty() {
        set_key(&mut row, "comment", pool.comment.as_str());
    }
    Ok(row)
}

/// A member guest, as in the cluster's list of resources; `None` if there is no such guest.
fn guest(cluster: &Cluster, vmid: u32) -> Option<Value> {
    let guest = cluster.guests.get(vmid)?;
    let mut row = cluster.guest_resource(guest, cluster.clock.now_ms());
    row.remove("tags");
    Some(Value::Object(row))
}

/// A member storage as seen from a node, or from another one if it is not on that; `None` if there is no such storage.
fn storage(cluster: &Cluster, id: &str, entry: &str) -> Option<Value> {
    let definition = cluster.storages.get(id)?;
    Some(storage_row(cluster, id, &definition, entry))
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("poolid");
    addable(cluster, id).map_err(|fault| fault.nested("create pool failed: "))?;
    let pool = Pool { comment: call.text("comment").unwrap_or_default().to_owned(), ..Pool::default() };
    cluster.pools.insert(id.to_owned(), pool);
    Ok(Reply::null())
}

fn addable(cluster: &Cluster, id: &str) -> Result<(), Fault> {
    cluster.cfs_lock("user_cfg")?;
    if cluster.pools.contains_key(id) {
        return Err(Fault::die(format!("pool '{id}' already exists")));
    }
    if !id.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(Fault::die("pool name must start with a letter"));
    }
    match id.rsplit_once('/') {
        Some((parent, _)) if !cluster.pools.contains_key(parent) => {
            Err(Fault::die(format!("parent '{parent}' of pool '{id}' does not exist")))
        }
        _ => Ok(()),
    }
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    // Nothing is written when one of the members is refused.
    let mut pools = cluster.pools.clone();
    change(cluster, &mut pools, call).map_err(|fault| fault.nested("update pools failed: "))?;
    cluster.pools = pools;
    Ok(Reply::null())
}

fn change(cluster: &Cluster, pools: &mut crate::state::pools::Pools, call: &Call) -> Result<(), Fault> {
    let id = call.required("poolid");
    cluster.cfs_lock("user_cfg")?;
    exists(cluster, id)?;
    if let (Some(pool), Some(comment)) = (pools.get_mut(id), call.text("comment")) {
        comment.clone_into(&mut pool.comment);
    }
    let delete = call.flag("delete") == Some(true);
    for vmid in split_list(call.text("vms").unwrap_or_default()) {
        cluster.check_perm_modify(&call.caller, &format!("/vms/{vmid}"))?;
        let number: u32 = vmid.parse().unwrap_or(0);
        let owner = pools.iter().find(|(_, pool)| pool.vms.contains(&number)).map(|(owner, _)| owner.clone());
        match owner {
            Some(owner) if owner == id && delete => {}
            _ if delete => return Err(Fault::die(format!("VM {vmid} is not a pool member"))),
            Some(owner) if owner == id => return Err(Fault::die(format!("VM {vmid} is already a pool member"))),
            Some(owner) => {
                if call.flag("allow-move") != Some(true) {
                    let text = format!("VM {vmid} belongs already to pool '{owner}' and 'allow-move' is not set");
                    return Err(Fault::die(text));
                }
                cluster.check(&call.caller, &format!("/pool/{owner}"), &["Pool.Allocate"])?;
                pools.entry(owner).and_modify(|pool| {
                    pool.vms.remove(&number);
                });
            }
            None => {}
        }
        pools.entry(id.to_owned()).and_modify(|pool| {
            if delete {
                pool.vms.remove(&number)
            } else {
                pool.vms.insert(number)
            };
        });
    }
    for storage in split_list(call.text("storage").unwrap_or_default()) {
        cluster.check_perm_modify(&call.caller, &format!("/storage/{storage}"))?;
        let Some(pool) = pools.get_mut(id) else { continue };
        let done = if delete { pool.storages.remove(storage) } else { pool.storages.insert(storage.to_owned()) };
        if !done {
            let what = if delete { "is not a" } else { "is already a" };
            return Err(Fault::die(format!("Storage '{storage}' {what} pool member")));
        }
    }
    Ok(())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("poolid");
    empty(cluster, id).map_err(|fault| fault.nested("delete pool failed: "))?;
    cluster.pools.remove(id);
    cluster.access.acl.remove(&format!("/pool/{id}"));
    Ok(Reply::null())
}

/// Members that do not exist (any more) do not count.
fn empty(cluster: &Cluster, id: &str) -> Result<(), Fault> {
    cluster.cfs_lock("user_cfg")?;
    let pool = exists(cluster, id)?;
    let contains = |what: String| Err(Fault::die(format!("pool '{id}' is not empty (contains {what})")));
    let below = format!("{id}/");
    if let Some(child) = cluster.pools.keys().find(|name| name.starts_with(&below)) {
        return contains(format!("pool '{child}'"));
    }
    if let Some(vmid) = pool.vms.iter().find(|vmid| cluster.guests.get(**vmid).is_some()) {
        return contains(format!("VM {vmid}"));
    }
    let storage = pool.storages.iter().find(|storage| cluster.storages.get(storage).is_some());
    match storage {
        Some(storage) => contains(format!("storage '{storage}'")),
        None => Ok(()),
    }
}
