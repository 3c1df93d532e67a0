//! An account's settings: keys with a meaning are checked, any other is kept as it is.

use std::collections::BTreeMap;

use bnna_core::{Setting, SettingKey, check_setting};
use bnna_store::settings;
use serde_json::{Value, json};

use super::{Account, Operate, Read};
use crate::Platform;
use crate::actor::Actor;
use crate::audit::{self, Deed};
use crate::error::Error;
use crate::views::SettingView;

/// The most settings an account may have.
const MOST: usize = 1000;

impl Platform {
    /// All settings of an account.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn settings(&self, account: &Account<Read>) -> Result<BTreeMap<String, SettingView>, Error> {
        let id = account.id();
        let rows = self.store().read(move |sql| settings::list(sql, id)).await?;
        Ok(rows.into_iter().map(|row| (row.key.clone(), view(row))).collect())
    }

    /// Sets a setting; the answer says whether it is new.
    ///
    /// # Errors
    /// The value does not fit the key, or the account has 1000 settings already.
    pub async fn put_setting(
        &self,
        actor: &Actor,
        account: &Account<Operate>,
        key: SettingKey,
        value: Value,
    ) -> Result<(SettingView, bool), Error> {
        let Setting { key, value } = check_setting(key, value)?;
        let deed = Deed::on_account("accounts.settings.put", account.slug()).asking(json!({ "key": key.as_str() }));
        let (id, by) = (account.id(), actor.name.clone());
        audit::around(self.store(), actor, deed, async {
            let row = settings::Setting {
                account_id: id,
                key: key.to_string(),
                value,
                updated_at: bnna_store::now(),
                updated_by: by,
            };
            let stored = row.clone();
            let put = self
                .store()
                .try_write(move |sql| -> Result<_, Error> {
                    let known = settings::get(sql, id, &stored.key)?.is_some();
                    if !known && settings::list(sql, id)?.len() >= MOST {
                        return Err(
                            bnna_core::Invalid::new("key", format!("an account has at most {MOST} settings")).into()
                        );
                    }
                    Ok(settings::put(sql, &stored)?)
                })
                .await?;
            Ok((view(row), put == settings::Put::Created))
        })
        .await
    }

    /// Deletes a setting.
    ///
    /// # Errors
    /// There is no such setting.
    pub async fn delete_setting(
        &self,
        actor: &Actor,
        account: &Account<Operate>,
        key: SettingKey,
    ) -> Result<(), Error> {
        let deed = Deed::on_account("accounts.settings.delete", account.slug()).asking(json!({ "key": key.as_str() }));
        let id = account.id();
        audit::around(self.store(), actor, deed, async {
            let wanted = key.to_string();
            let gone = self.store().write(move |sql| settings::delete(sql, id, &wanted)).await?;
            if gone { Ok(()) } else { Err(Error::not_found(format!("setting {key}"))) }
        })
        .await
    }
}

fn view(row: settings::Setting) -> SettingView {
    SettingView { value: row.value, updated_at: row.updated_at, updated_by: row.updated_by }
}
