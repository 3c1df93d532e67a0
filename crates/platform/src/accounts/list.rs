//! Listing accounts, and looking at one.

use std::collections::HashMap;

use bnna_core::{AccountStatus, Slug};
use bnna_store::{Page, Sql, Window, accounts};
use uuid::Uuid;

use super::{Account, Operate, Read, Write, handle, view};
use crate::Platform;
use crate::error::Error;
use crate::views::AccountView;

/// Which accounts to list.
#[derive(Debug, Clone, Default)]
pub struct AccountFilter {
    /// Only with this status.
    pub status: Option<AccountStatus>,
    /// Only those on this cluster.
    pub cluster: Option<String>,
    /// Only adopted ones, or only others.
    pub adopted: Option<bool>,
}

/// Where these accounts are: a page asks for its own, the whole list for everything in one go.
fn places(
    sql: &mut dyn Sql,
    accounts: &[accounts::Account],
    is_page: bool,
) -> Result<Vec<accounts::AccountCluster>, bnna_store::Error> {
    if !is_page {
        return accounts::all_clusters(sql);
    }
    let mut places = Vec::with_capacity(accounts.len());
    for account in accounts {
        places.extend(accounts::clusters_of(sql, account.id)?);
    }
    Ok(places)
}

impl Platform {
    /// Accounts by slug.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn accounts(
        &self,
        filter: AccountFilter,
        window: Window<String>,
    ) -> Result<Page<AccountView, String>, Error> {
        let filter = accounts::Filter {
            status: filter.status.map(|status| status.as_str().to_owned()),
            cluster: filter.cluster,
            adopted: filter.adopted,
        };
        let (page, places) = self
            .store()
            .read(move |sql| {
                let page = accounts::list(sql, &filter, &window)?;
                let places = places(sql, &page.items, window.limit.is_some())?;
                Ok((page, places))
            })
            .await?;
        let mut by_account: HashMap<Uuid, Vec<accounts::AccountCluster>> = HashMap::new();
        for place in places {
            by_account.entry(place.account_id).or_default().push(place);
        }
        let items = page
            .items
            .into_iter()
            .map(|row| {
                let places = by_account.remove(&row.id).unwrap_or_default();
                view(row, places)
            })
            .collect();
        Ok(Page { items, next: page.next })
    }

    /// An account looked up for reading, as it is shown.
    ///
    /// # Errors
    /// No such account, or not for this caller.
    pub async fn account(&self, grant: &bnna_auth::Grant, slug: &Slug) -> Result<AccountView, Error> {
        let (account, places) = handle::with_places(self.store(), grant, slug).await?;
        Ok(view(account.row, places))
    }

    /// An account as it is shown.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn account_view(&self, account: &Account<Read>) -> Result<AccountView, Error> {
        let id = account.id();
        let places = self.store().read(move |sql| accounts::clusters_of(sql, id)).await?;
        Ok(view(account.row.clone(), places))
    }

    /// Looks an account up for reading.
    ///
    /// # Errors
    /// No such account, or not for this caller.
    pub async fn account_for_reading(&self, grant: &bnna_auth::Grant, slug: &Slug) -> Result<Account<Read>, Error> {
        handle::for_reading(self.store(), grant, slug).await
    }

    /// Looks an account up for changing what belongs to it.
    ///
    /// # Errors
    /// No such account, not for this caller, suspended or disabled.
    pub async fn account_for_writing(&self, grant: &bnna_auth::Grant, slug: &Slug) -> Result<Account<Write>, Error> {
        handle::for_writing(self.store(), grant, slug).await
    }

    /// Looks an account up for administering it.
    ///
    /// # Errors
    /// No such account, or the caller is no operator.
    pub async fn account_for_operating(
        &self,
        grant: &bnna_auth::Grant,
        slug: &Slug,
    ) -> Result<Account<Operate>, Error> {
        handle::for_operating(self.store(), grant, slug).await
    }
}
