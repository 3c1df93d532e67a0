//! An account's health: what the store says compared with what its clusters show.

use bnna_core::difference;

use super::places::{Place, clusters_of};
use super::{Account, Read};
use crate::Platform;
use crate::error::Error;
use crate::views::{AccountHealth, Check, CheckStatus};

impl Platform {
    /// Checks an account on all its clusters. Findings are in the answer, not errors.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn account_health(&self, account: &Account<Read>) -> Result<AccountHealth, Error> {
        let mut checks = Vec::new();
        let places = clusters_of(self.estate(), account.id()).await?;
        if places.is_empty() {
            checks.push(check("pool", CheckStatus::Error, "the account is on no cluster", None));
        }
        let (known, gone): (Vec<_>, Vec<_>) =
            places.into_iter().partition(|place| self.estate().clusters.get(&place.cluster).is_ok());
        for place in gone {
            let message = "the account is on a cluster that bnpd does not know any more";
            checks.push(check("cluster", CheckStatus::Error, message, Some(&place.cluster)));
        }
        let clusters = known.iter().filter_map(|place| self.estate().clusters.get(&place.cluster).ok()).collect();
        let pools: std::collections::BTreeMap<String, String> =
            known.iter().map(|place| (place.cluster.clone(), place.pool.clone())).collect();
        let answers = self
            .estate()
            .clusters
            .ask_these(clusters, |cluster| {
                let pool = pools.get(&cluster.host).cloned().unwrap_or_default();
                let slug = account.slug().to_owned();
                async move { Place::read(&cluster, &pool, &slug).await }
            })
            .await;
        for missing in answers.missing {
            checks.push(check("cluster", CheckStatus::Error, missing.message, Some(&missing.cluster)));
        }
        for (cluster, place) in answers.got {
            let creating =
                known.iter().any(|known| known.cluster == cluster.host && known.state != super::create::READY);
            checks.extend(self.checks_at(account, &cluster.host, &place, creating).await?);
        }
        if let Some(canary) = self.last_canary(account.id()).await? {
            let holes: Vec<String> =
                canary.clusters.iter().flat_map(|on| &on.not_refused).map(|hole| hole.path.clone()).collect();
            checks.push(match canary.tight {
                true => check("canary", CheckStatus::Ok, "the last canary was refused everything foreign", None),
                false => check("canary", CheckStatus::Error, format!("not refused: {}", holes.join(", ")), None),
            });
        }
        let unfinished = self.unfinished_operations(account.slug()).await?;
        for (kind, id, stuck) in unfinished {
            let (status, what) =
                if stuck { (CheckStatus::Error, "is stuck") } else { (CheckStatus::Warn, "is at work") };
            checks.push(check("operations", status, format!("{kind} {id} {what}"), None));
        }
        let status = checks.iter().map(|check| check.status).max().unwrap_or(CheckStatus::Ok);
        Ok(AccountHealth { status, checks })
    }

    async fn checks_at(
        &self,
        account: &Account<Read>,
        host: &str,
        place: &Place,
        creating: bool,
    ) -> Result<Vec<Check>, Error> {
        let mut checks = Vec::new();
        let mut say = |name: &str, status, message: String| checks.push(check(name, status, message, Some(host)));
        if creating {
            say("pool", CheckStatus::Error, "the account's creation here has not been finished".to_owned());
        }
        match place.has_pool {
            true => say("pool", CheckStatus::Ok, format!("pool {} is there", place.pool)),
            false => say("pool", CheckStatus::Error, format!("pool {} is missing; repair makes it", place.pool)),
        }
        match &place.group {
            Some(users) => {
                say("group", CheckStatus::Ok, format!("group {} has {} user(s)", account.slug(), users.len()));
            }
            None => say("group", CheckStatus::Error, format!("group {} is missing; repair makes it", account.slug())),
        }
        let wanted = place.wanted(self.estate(), host, account.id(), account.slug(), account.status()).await?;
        let drift = difference(&wanted, &place.held);
        match drift.is_empty() {
            true => say("acls", CheckStatus::Ok, format!("the rights fit the status ({})", account.status())),
            false => say(
                "acls",
                CheckStatus::Error,
                format!(
                    "the rights do not fit the status ({}): {} entries missing, {} too many; PUT …/acls brings them there",
                    account.status(),
                    drift.add.len(),
                    drift.remove.len()
                ),
            ),
        }
        let direct = place.group.iter().flatten().flat_map(|user| bnna_core::entries_of_group(&place.acl, user));
        for entry in direct {
            say(
                "users",
                CheckStatus::Warn,
                format!("{} holds {} on {} in their own name", entry.ugid, entry.role, entry.path),
            );
        }
        let locked = place.guests.iter().filter_map(|guest| guest.lock.as_ref().map(|lock| (guest.vmid, lock)));
        for (vmid, lock) in locked {
            say("instances", CheckStatus::Warn, format!("guest {vmid} is locked ({lock})"));
        }
        say("instances", CheckStatus::Ok, format!("{} guest(s)", place.guests.len()));
        Ok(checks)
    }

    async fn unfinished_operations(&self, slug: &str) -> Result<Vec<(String, String, bool)>, Error> {
        let filter = bnna_store::operations::Filter { account: Some(slug.to_owned()), ..Default::default() };
        let page = self.engine().list(filter, bnna_store::Window::first(100)).await?;
        Ok(page
            .items
            .into_iter()
            .filter(|operation| !operation.state.is_final() || operation.state == bnna_operations::State::Stuck)
            .map(|operation| {
                let stuck = operation.state == bnna_operations::State::Stuck;
                (operation.kind, operation.id.to_string(), stuck)
            })
            .collect())
    }
}

fn check(name: &str, status: CheckStatus, message: impl Into<String>, cluster: Option<&str>) -> Check {
    Check { name: name.to_owned(), status, message: message.into(), cluster: cluster.map(str::to_owned) }
}
