//! A canary on a cluster: a user in an account's group, with a token, that lives for minutes and tries what must be refused.
//!
//! It only reads. What it tries with is Proxmox's own answer to that token, so that a hole shows whatever it comes from: an
//! entry too many, a role that grew, a group somebody was put into.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bnna_core::{GuestKind, Vmid};
use proxmox_client::pve::access::acl::PermissionQuery;
use proxmox_client::pve::access::tokens::CreateToken;
use proxmox_client::pve::access::users::{CreateUser, UserFilter};
use proxmox_client::pve::nodes::content::ContentFilter;
use proxmox_client::{TokenId, UserId};

use super::guests::number;
use super::rehearsal::Edit;
use super::{Cluster, Guest};
use crate::error::Error;
use crate::views::Hole;

/// What is an account's own on a cluster.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// Its pools, nested ones too.
    pub pools: BTreeSet<String>,
    /// Its guests.
    pub guests: BTreeSet<Vmid>,
    /// Storages it has space on.
    pub storages: BTreeSet<String>,
}

/// Things of others, to be tried.
#[derive(Debug, Clone, Default)]
pub struct Foreign {
    /// Pools.
    pub pools: Vec<String>,
    /// Guests.
    pub guests: Vec<Guest>,
    /// Storages, each with a node that has it.
    pub storages: Vec<(String, String)>,
}

/// What trying gave.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    /// How many questions were refused, as they should be.
    pub refused: u32,
    /// What was not.
    pub holes: Vec<Hole>,
}

impl Tried {
    fn count<T>(&mut self, what: &str, path: &str, outcome: Result<Option<T>, Error>) -> Result<(), Error> {
        match outcome {
            Ok(Some(_)) => self.holes.push(Hole::new(what, path, "could be read")),
            Ok(None) => self.refused += 1,
            Err(Error::Upstream(upstream)) if matches!(upstream.status, Some(401 | 403)) => self.refused += 1,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Own {
    /// Whether a right on this ACL path is the account's business. Zones, nodes and mappings are shared by all accounts.
    fn has(&self, path: &str) -> bool {
        if let Some(pool) = path.strip_prefix("/pool/") {
            return self.pools.contains(pool);
        }
        if let Some(vmid) = path.strip_prefix("/vms/") {
            return self.guests.iter().any(|own| own.to_string() == vmid);
        }
        if let Some(storage) = path.strip_prefix("/storage/") {
            return self.storages.contains(storage);
        }
        ["/sdn", "/nodes", "/mapping"].iter().any(|shared| path == *shared || path.starts_with(&format!("{shared}/")))
    }
}

impl Cluster {
    /// The canary's user for an account.
    pub fn canary(slug: &str) -> String {
        format!("bnna-canary-{slug}@pve")
    }

    /// Makes the canary, and gives the cluster as it sees it. One that an attempt before has left is replaced.
    ///
    /// # Errors
    /// The cluster does not answer or refuses; a user of that name is somebody else's.
    pub async fn make_canary(&self, slug: &str, mark: &str, lives: Duration) -> Result<Self, Error> {
        self.remove_canary(slug, mark).await?;
        let name = Self::canary(slug);
        let userid: UserId = self.parse(&name)?;
        let until = self.clock().await? + lives.as_secs();
        let user = CreateUser {
            expire: Some(until),
            groups: vec![slug.to_owned()],
            comment: Some(mark.to_owned()),
            ..CreateUser::new(userid.clone())
        };
        self.change(Edit::MakeUser(name), self.pve.access().create_user(&user), || ()).await?;
        let id = TokenId::new(userid, "canary").map_err(|error| Error::Internal(error.to_string()))?;
        let params = CreateToken { expire: Some(until), privsep: Some(false), ..CreateToken::default() };
        let made = async { Ok(self.pve.access().create_token(&id, &params).await?.value.into_inner()) };
        let secret = self.change(Edit::MakeToken(id.to_string()), made, || self.secret.clone()).await?;
        self.with_token(&id.to_string(), secret)
    }

    /// The cluster's own time, Unix seconds: it decides when a token ends.
    async fn clock(&self) -> Result<u64, Error> {
        let nodes = self.on(self.pve.nodes().list()).await?;
        let online = nodes.into_iter().filter(|node| node.is_online()).map(|node| node.node).min();
        let node = online.ok_or_else(|| self.refused("no node is online"))?;
        let time = self.on(self.pve.node(&node).time()).await?.time;
        u64::try_from(time).map_err(|_| self.refused(format!("node {node} lives before 1970")))
    }

    /// Removes the canary; content when there is none.
    ///
    /// # Errors
    /// The cluster does not answer or refuses; a user of that name is somebody else's.
    pub async fn remove_canary(&self, slug: &str, mark: &str) -> Result<(), Error> {
        let name = Self::canary(slug);
        let userid: UserId = self.parse(&name)?;
        let users = self.on(self.pve.access().users(UserFilter::default())).await?;
        match users.into_iter().find(|user| user.userid == userid) {
            Some(user) if user.comment.as_deref() != Some(mark) => {
                return Err(self.refused(format!("user {name} is not bnna's: its comment is not {mark:?}")));
            }
            None if !self.edits().contains(&Edit::MakeUser(name.clone())) => return Ok(()),
            Some(_) | None => {}
        }
        let deleted = async {
            match self.pve.access().delete_user(&userid).await {
                Err(error) if error.is_missing() => Ok(()),
                other => other,
            }
        };
        self.change(Edit::DeleteUser(name), deleted, || ()).await
    }

    /// Tries, as the canary, what must be refused. Fails when it is let in nowhere: then nothing was tried.
    ///
    /// # Errors
    /// The cluster does not answer, or does not let the canary in, or shows it nothing of its own account.
    pub async fn try_what_is_foreign(
        &self,
        own: &Own,
        foreign: &Foreign,
        must_see: Option<&str>,
    ) -> Result<Tried, Error> {
        let mut tried = Tried::default();
        let rights = self.on(self.pve.access().permissions(&PermissionQuery::default())).await?;
        if let Some(pool) = must_see
            && rights.get(&format!("/pool/{pool}")).is_none_or(BTreeMap::is_empty)
        {
            return Err(
                self.refused("the canary has no right on its own account's pool, so its being refused says nothing")
            );
        }
        for (path, held) in rights.iter().filter(|(path, held)| !held.is_empty() && !own.has(path)) {
            let names: Vec<&str> = held.keys().map(String::as_str).take(5).collect();
            tried.holes.push(Hole::new("rights", path, &format!("holds {}", names.join(", "))));
        }
        self.try_lists(own, &mut tried).await?;
        // Not by name: Proxmox shows a pool's members to whoever names it (`GET /pools?poolid=`), whatever their rights.
        let pools = self.pools().await?;
        for pool in &foreign.pools {
            tried.count("pool", &format!("/pool/{pool}"), Ok(pools.contains(pool).then_some(())))?;
        }
        for guest in &foreign.guests {
            let (vmid, node) = (number(guest.vmid)?, guest.node.as_str());
            let read = match guest.kind {
                GuestKind::Qemu => self.on(self.pve.qemu(node, vmid).config()).await.map(|_| Some(())),
                GuestKind::Lxc => self.on(self.pve.lxc(node, vmid).config()).await.map(|_| Some(())),
            };
            tried.count("guest", &format!("/vms/{}", guest.vmid), read)?;
        }
        for (node, storage) in &foreign.storages {
            let read = self.on(self.pve.node(node).storage(storage).status()).await.map(Some);
            tried.count("storage", &format!("/storage/{storage}"), read)?;
        }
        Ok(tried)
    }

    /// Lists must not show what is foreign: everything, and the volumes of the account's own storages.
    async fn try_lists(&self, own: &Own, tried: &mut Tried) -> Result<(), Error> {
        let listed = self.resources().await?;
        let mut nodes = BTreeSet::new();
        for row in &listed {
            let path = match (row.vmid, row.storage.as_deref(), row.kind.as_str(), row.pool.as_ref()) {
                (Some(vmid), ..) => format!("/vms/{vmid}"),
                (None, Some(storage), ..) => format!("/storage/{storage}"),
                (None, None, "pool", Some(pool)) => format!("/pool/{pool}"),
                _ => continue,
            };
            if own.has(&path) {
                tried.refused += 1;
            } else {
                tried.holes.push(Hole::new("list", &path, "is listed"));
            }
            if let (Some(storage), Some(node)) = (&row.storage, &row.node)
                && own.storages.contains(storage)
            {
                nodes.insert((storage.clone(), node.clone()));
            }
        }
        for storage in &own.storages {
            let Some((_, node)) = nodes.iter().find(|(known, _)| known == storage) else { continue };
            let volumes = self.on(self.pve.node(node).storage(storage).content(&ContentFilter::default())).await?;
            for volume in volumes {
                let Some(owner) = volume.vmid else { continue };
                if own.guests.iter().any(|guest| u64::from(guest.get()) == owner) {
                    tried.refused += 1;
                } else {
                    tried.holes.push(Hole::new("volume", volume.volid.as_str(), "is listed"));
                }
            }
        }
        Ok(())
    }
}
