//! The configuration that a cluster's rights follow from, as the permission maths of `proxmox-client` takes it, and the
//! cluster's own word on the same question.

use std::collections::BTreeMap;

use proxmox_client::permissions::{Access, AclEntry, AclSubject, Dialect, Token, User};
use proxmox_client::pve::access::acl::{AclKind, AclRow, PermissionQuery};
use proxmox_client::pve::access::users::{UserFilter, UserRow};
use proxmox_client::{AclPath, AuthId, PoolId};

use super::Cluster;
use crate::error::Error;

impl Cluster {
    /// Users, tokens, groups, roles and entries of the cluster, with the members of these pools. What hangs on other pools is
    /// not in it: a cluster may have thousands, and each costs a call.
    ///
    /// # Errors
    /// The cluster does not answer or refuses, or has more privileges than can be computed with.
    pub async fn access(&self, pools: &[String]) -> Result<Access, Error> {
        let access = self.pve.access();
        let (roles, entries, users, groups) = tokio::try_join!(
            self.on(access.roles()),
            self.on(access.acl()),
            self.on(access.users(UserFilter { full: true.into(), ..UserFilter::default() })),
            self.on(access.groups()),
        )?;
        let mut model = Access::new(Dialect::Pve);
        for role in &roles {
            model
                .set_role(&role.roleid, role.privs.iter().map(String::as_str))
                .map_err(|error| self.refused(format!("role {}: {error}", role.roleid)))?;
        }
        for row in users {
            model.users.insert(row.userid.clone(), user(row));
        }
        for group in groups {
            let members = group.users.iter().map(|user| self.parse(user)).collect::<Result<_, Error>>()?;
            model.groups.insert(group.groupid, members);
        }
        for row in entries {
            if let Some(subject) = self.subject(&row)? {
                model.grant(AclEntry { path: row.path, subject, role: row.roleid, propagate: row.propagate });
            }
        }
        for name in pools {
            let id: PoolId = self.parse(name)?;
            let Some(pool) = self.on(self.pve.pools().get(&id)).await? else { continue };
            model.pools.create(id.clone());
            for vmid in pool.guests() {
                model.pools.add_guest(&id, vmid);
            }
            for storage in pool.storages() {
                model.pools.add_storage(&id, storage);
            }
        }
        Ok(model)
    }

    /// What Proxmox itself says that somebody may do on a path. Needs `Sys.Audit` on `/access`.
    ///
    /// # Errors
    /// The cluster does not answer or refuses; it refuses for a subject that does not exist.
    pub async fn permissions_of(&self, subject: &AuthId, path: &AclPath) -> Result<Vec<String>, Error> {
        let query = PermissionQuery { path: Some(path.clone()), userid: Some(subject.clone()) };
        let mut found = self.on(self.pve.access().permissions(&query)).await?;
        Ok(found.remove(path.as_str()).unwrap_or_default().into_keys().collect())
    }

    /// `None` for a kind of subject that a newer Proxmox has: Proxmox's own answer, which is asked too, shows what it did.
    fn subject(&self, row: &AclRow) -> Result<Option<AclSubject>, Error> {
        Ok(match row.kind {
            AclKind::User => Some(AclSubject::User(self.parse(&row.ugid)?)),
            AclKind::Token => Some(AclSubject::Token(self.parse(&row.ugid)?)),
            AclKind::Group => Some(AclSubject::Group(row.ugid.clone())),
            AclKind::Other(_) => None,
        })
    }
}

fn user(row: UserRow) -> User {
    let tokens: BTreeMap<String, Token> = row
        .tokens
        .into_iter()
        .flatten()
        .map(|token| {
            let known =
                Token { enabled: true, expire: token.expire.unwrap_or(0), privsep: token.privsep.unwrap_or(true) };
            (token.tokenid, known)
        })
        .collect();
    User { enabled: row.enable.unwrap_or(true), expire: row.expire.unwrap_or(0), tokens }
}
