//! Finding the guest that a number means: numbers are unique per cluster only.

use std::sync::Arc;

use bnna_auth::Grant;
use bnna_core::{AccountStatus, Vmid};
use bnna_store::instances;
use serde_json::json;

use super::list::Ownership;
use crate::Platform;
use crate::clusters::{Cluster, Guest};
use crate::error::{Conflict, Error, Upstream};

/// A guest, or what is left of it.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its cluster.
    pub cluster: Arc<Cluster>,
    /// The guest; `None` where the cluster has it no more and only the record is left.
    pub guest: Option<Guest>,
    /// The account it belongs to.
    pub account: Option<String>,
}

impl Platform {
    /// The one guest of a number.
    ///
    /// # Errors
    /// No cluster has it; more than one has and none is named; a cluster that could have it does not answer.
    pub async fn find_instance(&self, vmid: Vmid, cluster: Option<&str>) -> Result<Found, Error> {
        let asked = match cluster {
            Some(host) => vec![self.estate().clusters.get(host)?],
            None => self.estate().clusters.all(),
        };
        let answers = self.estate().clusters.ask_these(asked, |cluster| async move { cluster.guest(vmid).await }).await;
        let silent = answers.failure();
        let number = i64::from(vmid.get());
        let (ownership, records) = self
            .store()
            .read(move |sql| {
                let filter = instances::Filter { vmid: Some(number), ..instances::Filter::default() };
                Ok((Ownership::read(sql)?, instances::list(sql, &filter, &bnna_store::Window::all())?.items))
            })
            .await?;
        let mut found = Vec::new();
        for (cluster, guest) in answers.got {
            let record = records.iter().find(|record| record.cluster == cluster.host);
            if guest.is_none() && record.is_none() {
                continue;
            }
            let pool = guest.as_ref().and_then(|guest| guest.pool.as_deref());
            let account = match guest {
                Some(_) => ownership.account(&cluster.host, pool).map(str::to_owned),
                None => record.and_then(|record| ownership.slug_of(record)),
            };
            found.push(Found { cluster, guest, account });
        }
        // What exists is meant rather than what is only remembered.
        if found.iter().any(|found| found.guest.is_some()) {
            found.retain(|found| found.guest.is_some());
        }
        if found.len() > 1 {
            let hosts: Vec<&str> = found.iter().map(|found| found.cluster.host.as_str()).collect();
            let message = format!("guest {vmid} is on {}; name one with ?cluster=", hosts.join(" and "));
            return Err(Conflict::Ambiguous.with(message, json!({ "clusters": hosts })));
        }
        if let Some(silent) = silent {
            // Another cluster could have the number too: acting on the one that answered would be a guess.
            if found.is_empty() || cluster.is_none() {
                let message = format!("{}; name a cluster with ?cluster= to go without it", silent.message);
                return Err(Error::Upstream(Upstream { message, ..silent }));
            }
        }
        found.pop().ok_or_else(|| Error::not_found(format!("instance {vmid}")))
    }

    /// Whether the caller may change a guest now: operators may, unless its account is suspended or disabled.
    pub(crate) async fn may_change(&self, grant: &Grant, account: Option<&str>) -> Result<(), Error> {
        match account {
            None => {
                grant.may_operate()?;
            }
            Some(slug) => {
                let standing = self.standing(slug).await?.unwrap_or(AccountStatus::Disabled);
                grant.may_write(slug, standing)?;
            }
        }
        Ok(())
    }
}
