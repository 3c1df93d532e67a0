//! The pool: made, found, changed; and what is no call.

use proxmox_client::{Method, Params};

use super::scratch::Scratch;

pub async fn part(scratch: &mut Scratch) -> Result<(), String> {
    say!("\npools");
    let (pve, pool) = (scratch.pve.clone(), scratch.pool.clone());
    // Set first: after a lost answer it may be there.
    scratch.pool_made = true;
    pve.pools().create(&pool, Some("scratch pool of an integration suite")).await.map_err(|error| error.to_string())?;
    scratch.refused("pool made twice", pve.pools().create(&pool, None).await)?;
    pve.pools().set_comment(&pool, "changed").await.map_err(|error| error.to_string())?;
    let found = pve.pools().get(&pool).await.map_err(|error| error.to_string())?.ok_or("the pool is not there")?;
    scratch.observations.note("comment of the pool", found.comment.as_deref().unwrap_or_default());
    let colour = Params::new().with("poolid", &pool).with("colour", "red");
    scratch.refused("unknown parameter", pve.call(Method::Post, "/pools", &[], &colour).await)?;
    let nobody = Params::new().with("poolid", "not a pool");
    scratch.refused("malformed pool", pve.call(Method::Post, "/pools", &[], &nobody).await)?;
    scratch.refused("no such call", pve.call(Method::Get, "/{x}", &["nosuchcall"], &Params::new()).await)
}
