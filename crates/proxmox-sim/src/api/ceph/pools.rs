//! Pools of Ceph, and the storages that are made on them.

use serde_json::{Value, json};

use super::{ceph, task};
use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::state::Cluster;
use crate::state::ceph::{Ceph, CephJob, CephPool};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/ceph/pool", pools),
    ("POST", "/nodes/{node}/ceph/pool", create_pool),
    ("PUT", "/nodes/{node}/ceph/pool/{name}", change_pool),
    ("DELETE", "/nodes/{node}/ceph/pool/{name}", delete_pool),
    ("GET", "/nodes/{node}/ceph/pool/{name}/status", pool_status),
];

/// Sets what a call says about a pool.
fn set(call: &Call, pool: &mut CephPool) {
    let number = |key: &str| call.int(key).and_then(|number| u32::try_from(number).ok());
    pool.size = number("size").unwrap_or(pool.size);
    pool.min_size = number("min_size").unwrap_or(pool.min_size);
    pool.placement_groups = number("pg_num").unwrap_or(pool.placement_groups);
    for (key, field) in [
        ("pg_autoscale_mode", &mut pool.autoscale),
        ("crush_rule", &mut pool.rule),
        ("application", &mut pool.application),
    ] {
        if let Some(text) = call.text(key) {
            text.clone_into(field);
        }
    }
}

fn named<'a>(ceph: &'a Ceph, name: &str) -> Result<&'a CephPool, Fault> {
    ceph.pool(name)
        .ok_or_else(|| Fault::die(format!("mon_cmd failed - error getting pool '{name}': unrecognized pool '{name}'")))
}

fn change_pool(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.required("name").to_owned();
    let mut pool = named(ceph(cluster)?, &name)?.clone();
    set(call, &mut pool);
    task(cluster, call, "cephsetpool", &name, CephJob::Change(pool))
}

fn pool_status(cluster: &mut Cluster, call: &Call) -> Outcome {
    let pool = named(ceph(cluster)?, call.required("name"))?;
    let mut status = json!({
        "id": pool.number,
        "name": pool.name,
        "size": pool.size,
        "min_size": pool.min_size,
        "pg_num": pool.placement_groups,
        "pgp_num": pool.placement_groups,
        "crush_rule": pool.rule,
        "pg_autoscale_mode": pool.autoscale,
        "application_list": [pool.application],
        "fast_read": 0,
        "hashpspool": 1,
        "nodeep-scrub": 0,
        "nodelete": 0,
        "nopgchange": 0,
        "noscrub": 0,
        "nosizechange": 0,
        "use_gmt_hitset": 1,
        "write_fadvise_dontneed": 0,
    });
    if ["rbd", "cephfs", "rgw"].contains(&pool.application.as_str()) {
        crate::api::set_key(&mut status, "application", pool.application.as_str());
    }
    if call.flag("verbose") == Some(true) {
        crate::api::set_key(&mut status, "statistics", json!({ "stored": 0, "objects": 0, "bytes_used": 0 }));
    }
    Ok(Reply::data(status))
}

fn pools(cluster: &mut Cluster, _: &Call) -> Outcome {
    let rows = ceph(cluster)?.pools.iter().map(|pool| {
        json!({
            "pool": pool.number,
            "pool_name": pool.name,
            "type": "replicated",
            "size": pool.size,
            "min_size": pool.min_size,
            "pg_num": pool.placement_groups,
            "pg_num_final": pool.placement_groups,
            "pg_autoscale_mode": pool.autoscale,
            "crush_rule": 0,
            "crush_rule_name": pool.rule,
            "bytes_used": 0,
            "percent_used": 0,
            "application_metadata": { pool.application.as_str(): {} },
        })
    });
    Ok(Reply::data(rows.collect::<Vec<Value>>()))
}

fn create_pool(cluster: &mut Cluster, call: &Call) -> Outcome {
    ceph(cluster)?;
    let name = call.required("name").to_owned();
    let mut pool = CephPool::new(&name, call.text("application").unwrap_or("rbd"));
    set(call, &mut pool);
    let storage = call.flag("add_storages").unwrap_or(false);
    if storage && cluster.storages.get(&name).is_some() {
        return Err(Fault::die(format!("storage ID '{name}' already defined")));
    }
    task(cluster, call, "cephcreatepool", &name, CephJob::Create { pool, storage })
}

fn delete_pool(cluster: &mut Cluster, call: &Call) -> Outcome {
    ceph(cluster)?;
    let name = call.required("name").to_owned();
    let storages = call.flag("remove_storages").unwrap_or(false);
    let on_it =
        |definition: &crate::storage::Definition| definition.kind == "rbd" && definition.get("pool") == Some(&name);
    if !storages && !call.flag("force").unwrap_or(false) && cluster.storages.all().iter().any(|(_, found)| on_it(found))
    {
        return Err(Fault::die(format!("ceph pool '{name}' still in use by a storage")));
    }
    task(cluster, call, "cephdestroypool", &name, CephJob::Destroy { pool: name.clone(), storages })
}
