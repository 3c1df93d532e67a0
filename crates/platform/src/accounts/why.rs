//! Why somebody may or may not do something on an account's clusters: the entries that decided, Proxmox's own word on it, and
//! what bnna would have to put right.

use std::collections::BTreeSet;
use std::sync::Arc;

use bnna_core::{Invalid, difference};
use proxmox_client::permissions::{Access, AclSubject, Explanation};
use proxmox_client::{AclPath, AuthId};

use super::places::{Place, clusters_of};
use super::{Account, Read};
use crate::Platform;
use crate::clusters::Cluster;
use crate::error::Error;
use crate::views::{Deciding, Listing, Reason};

/// The question.
#[derive(Debug, Clone)]
pub struct Why {
    /// A Proxmox user or token.
    pub subject: AuthId,
    /// An ACL path, `/vms/100`.
    pub path: AclPath,
    /// A privilege, `VM.PowerMgmt`.
    pub privilege: String,
}

impl Why {
    /// Reads the question.
    ///
    /// # Errors
    /// What is no user or token, no path, or no privilege's name.
    pub fn parse(subject: &str, path: &str, privilege: &str) -> Result<Self, Invalid> {
        let named = |error: proxmox_client::InvalidId, field| Invalid::new(field, error.to_string());
        let word = |c: char| c.is_ascii_alphanumeric() || c == '.';
        if privilege.is_empty() || privilege.len() > 64 || !privilege.chars().all(word) {
            return Err(Invalid::new("privilege", "the name of one privilege, such as VM.PowerMgmt"));
        }
        Ok(Self {
            subject: subject.parse().map_err(|error| named(error, "subject"))?,
            path: path.parse().map_err(|error| named(error, "path"))?,
            privilege: privilege.to_owned(),
        })
    }
}

impl Platform {
    /// Answers the question on every cluster of the account; clusters that do not answer are named.
    ///
    /// The account's own pools are read; on other pools only Proxmox's own answer counts, and `agrees` is false where it
    /// differs from what the entries say.
    ///
    /// # Errors
    /// No cluster that answered knows such a privilege, or none answered.
    pub async fn why(&self, account: &Account<Read>, question: &Why) -> Result<Listing<Reason>, Error> {
        let places = clusters_of(self.estate(), account.id()).await?;
        let clusters = places.iter().filter_map(|place| self.estate().clusters.get(&place.cluster).ok()).collect();
        let answers = self
            .estate()
            .clusters
            .ask_these(clusters, |cluster| {
                let pool = places.iter().find(|place| place.cluster == cluster.host).map(|place| place.pool.clone());
                async move { self.why_on(&cluster, &pool.unwrap_or_default(), account, question).await }
            })
            .await
            .some()?;
        let items: Vec<Reason> = answers.got.into_iter().filter_map(|(_, reason)| reason).collect();
        if items.is_empty() && answers.missing.is_empty() && !places.is_empty() {
            let unknown = format!("no cluster of the account knows a privilege {:?}", question.privilege);
            return Err(Invalid::new("privilege", unknown).into());
        }
        Ok(Listing { items, warnings: answers.missing, next: None })
    }

    /// `None` where the cluster does not know the privilege.
    async fn why_on(
        &self,
        cluster: &Arc<Cluster>,
        pool: &str,
        account: &Account<Read>,
        question: &Why,
    ) -> Result<Option<Reason>, Error> {
        let Why { subject, path, privilege } = question;
        let place = Place::read(cluster, pool, account.slug()).await?;
        let access = cluster.access(&place.pools).await?;
        if !access.knows_privilege(privilege) {
            return Ok(None);
        }
        let explanation = access.explain(subject, path);
        let exists = subject.user().is_root() || access.users.contains_key(subject.user());
        let allowed = exists && explanation.permissions.contains(privilege);
        let now = u64::try_from(bnna_store::now().unix_timestamp()).unwrap_or(0);
        let proxmox = match exists && !explanation.unknown_token {
            true => Some(cluster.permissions_of(subject, path).await?.iter().any(|held| held == privilege)),
            false => None,
        };
        let wanted = place.wanted(self.estate(), &cluster.host, account.id(), account.slug(), account.status()).await?;
        let missing = match allowed {
            true => Vec::new(),
            false => {
                let drift = difference(&wanted, &place.held).add.into_iter();
                drift.filter(|entry| gives(&access, entry, account.slug(), question)).collect()
            }
        };
        Ok(Some(Reason {
            cluster: cluster.host.clone(),
            allowed,
            because: match exists {
                true => explanation.why(&access, privilege),
                false => format!("{} does not exist", subject.user()),
            },
            entries: deciding(&access, &explanation, privilege),
            owner_entries: explanation
                .limited_by
                .as_deref()
                .map(|owner| deciding(&access, owner, privilege))
                .unwrap_or_default(),
            proxmox_says: proxmox,
            agrees: proxmox.is_none_or(|word| word == allowed),
            cannot_log_in: access.may_authenticate(subject, now).err().map(|reason| reason.to_string()),
            account_status: account.status(),
            missing,
        }))
    }
}

/// Whether this entry of the account's group would give the subject the privilege there.
fn gives(access: &Access, entry: &bnna_core::AclEntry, group: &str, question: &Why) -> bool {
    let Ok(path) = entry.path.parse::<AclPath>() else { return false };
    let mut with = access.clone();
    let subject = AclSubject::Group(group.to_owned());
    with.grant(proxmox_client::permissions::AclEntry {
        path,
        subject,
        role: entry.role.clone(),
        propagate: entry.propagate,
    });
    with.allows(&question.subject, &question.path, &[&question.privilege])
}

fn deciding(access: &Access, explanation: &Explanation<'_>, privilege: &str) -> Vec<Deciding> {
    let granting: BTreeSet<String> = explanation.granting(access, privilege).map(ToString::to_string).collect();
    explanation
        .evidence
        .iter()
        .map(|evidence| Deciding {
            path: evidence.entry.path.to_string(),
            subject: evidence.entry.subject.to_string(),
            role: evidence.entry.role.clone(),
            propagate: evidence.entry.propagate,
            via_pool: evidence.via_pool.as_ref().map(ToString::to_string),
            grants: granting.contains(&evidence.to_string()),
            says: evidence.to_string(),
        })
        .collect()
}
