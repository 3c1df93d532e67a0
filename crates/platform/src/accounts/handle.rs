//! An account that the caller may read, change or administer: only an authorised look-up makes one, and use cases take nothing
//! else, so that a forgotten check does not compile.

use std::marker::PhantomData;

use bnna_auth::Grant;
use bnna_core::{AccountStatus, Slug};
use bnna_store::{Store, accounts};
use uuid::Uuid;

use crate::error::Error;

/// The caller may look.
#[derive(Debug, Clone, Copy)]
pub struct Read;
/// The caller may change what belongs to the account, which is active.
#[derive(Debug, Clone, Copy)]
pub struct Write;
/// The caller is an operator: lifecycle, settings and repair, whatever the account's status.
#[derive(Debug, Clone, Copy)]
pub struct Operate;

/// An account with proof of what the caller may do with it.
#[derive(Debug, Clone)]
pub struct Account<May> {
    pub(crate) row: accounts::Account,
    may: PhantomData<May>,
}

impl<May> Account<May> {
    /// Its id.
    pub fn id(&self) -> Uuid {
        self.row.id
    }

    /// Its slug.
    pub fn slug(&self) -> &str {
        &self.row.slug
    }

    /// Its status.
    pub fn status(&self) -> AccountStatus {
        status(&self.row)
    }
}

impl Account<Write> {
    /// Who may change may look.
    #[must_use]
    pub fn read(&self) -> Account<Read> {
        Account { row: self.row.clone(), may: PhantomData }
    }
}

impl Account<Operate> {
    /// Who may administer may look.
    #[must_use]
    pub fn read(&self) -> Account<Read> {
        Account { row: self.row.clone(), may: PhantomData }
    }
}

/// The status in a row; the schema refuses other words, and should one be there it counts as the strictest.
pub(crate) fn status(row: &accounts::Account) -> AccountStatus {
    AccountStatus::parse(&row.status).unwrap_or(AccountStatus::Disabled)
}

/// The account of a slug, whoever asks; for bnpd's own work.
pub(crate) async fn row(store: &Store, slug: &str) -> Result<accounts::Account, Error> {
    let wanted = slug.to_owned();
    let found = store.glance(move |sql| accounts::by_slug(sql, &wanted)).await?;
    found.ok_or_else(|| Error::not_found(format!("account {slug}")))
}

/// Looks an account up for reading.
///
/// # Errors
/// No such account, or not for this caller.
pub(super) async fn for_reading(store: &Store, grant: &Grant, slug: &Slug) -> Result<Account<Read>, Error> {
    let row = row(store, slug.as_str()).await?;
    grant.may_read(&row.slug, status(&row))?;
    Ok(Account { row, may: PhantomData })
}

/// Looks an account up for reading, with its places: one look at the store.
///
/// # Errors
/// No such account, or not for this caller.
pub(super) async fn with_places(
    store: &Store,
    grant: &Grant,
    slug: &Slug,
) -> Result<(Account<Read>, Vec<accounts::AccountCluster>), Error> {
    let wanted = slug.to_string();
    let found = store
        .glance(move |sql| {
            let Some(row) = accounts::by_slug(sql, &wanted)? else { return Ok(None) };
            let places = accounts::clusters_of(sql, row.id)?;
            Ok(Some((row, places)))
        })
        .await?;
    let (row, places) = found.ok_or_else(|| Error::not_found(format!("account {slug}")))?;
    grant.may_read(&row.slug, status(&row))?;
    Ok((Account { row, may: PhantomData }, places))
}

/// Looks an account up for changing what belongs to it.
///
/// # Errors
/// No such account, not for this caller, suspended or disabled.
pub(super) async fn for_writing(store: &Store, grant: &Grant, slug: &Slug) -> Result<Account<Write>, Error> {
    let row = row(store, slug.as_str()).await?;
    grant.may_write(&row.slug, status(&row))?;
    Ok(Account { row, may: PhantomData })
}

/// Looks an account up for administering it.
///
/// # Errors
/// No such account, or the caller is no operator.
pub(super) async fn for_operating(store: &Store, grant: &Grant, slug: &Slug) -> Result<Account<Operate>, Error> {
    grant.may_operate()?;
    let row = row(store, slug.as_str()).await?;
    Ok(Account { row, may: PhantomData })
}
