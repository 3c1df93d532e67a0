//! The data key of a store: found sealed in it, or made and put there sealed. Secrets of clusters are sealed under it, each bound
//! to its cluster.

use bnna_auth::seal::{Binding, MasterKey, MasterKeys, OpenedBy, SealError, Sealer};
use bnna_store::{Sealed, Store, keys};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

/// What the data key seals.
const PURPOSE: &str = "secrets";

/// Why the secrets of a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key file, or what it should open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store.
    #[error(transparent)]
    Store(#[from] bnna_store::Error),
    /// What was sealed is no text.
    #[error("a sealed secret is damaged")]
    Damaged,
}

/// Opens the store's data key with the master key; makes one in a store that has none yet.
///
/// # Errors
/// The master key does not open it: it is another store's.
pub(crate) async fn unlock(store: &Store, masters: &MasterKeys) -> Result<Sealer, KeyError> {
    let found = store.read(|sql| keys::list(sql, PURPOSE)).await?.into_iter().rfind(|key| key.retired_at.is_none());
    let Some(found) = found else {
        let sealer = Sealer::generate()?;
        let row = row(&sealer, &masters.current)?;
        // Two processes may come here at once: the first one's key is everybody's.
        let inserted = store
            .write(move |sql| {
                if keys::list(sql, PURPOSE)?.is_empty() {
                    keys::insert(sql, &row)?;
                    return Ok(true);
                }
                Ok(false)
            })
            .await?;
        return if inserted { Ok(sealer) } else { Box::pin(unlock(store, masters)).await };
    };
    let (sealer, opened_by) = Sealer::unlock(found.sealed.as_bytes(), masters)?;
    if opened_by == OpenedBy::Previous {
        let sealed = Sealed::new(sealer.sealed_data_key(&masters.current)?);
        store.write(move |sql| keys::reseal(sql, found.id, &sealed)).await?;
    }
    Ok(sealer)
}

fn row(sealer: &Sealer, master: &MasterKey) -> Result<keys::SealingKey, SealError> {
    Ok(keys::SealingKey {
        id: Uuid::now_v7(),
        purpose: PURPOSE.to_owned(),
        sealed: Sealed::new(sealer.sealed_data_key(master)?),
        created_at: bnna_store::now(),
        retired_at: None,
    })
}

/// Seals the secret of a cluster's token.
pub(crate) fn seal_token(sealer: &Sealer, host: &str, secret: &SecretString) -> Result<Sealed, KeyError> {
    let binding = Binding { purpose: "clusters.token", row: host };
    Ok(Sealed::new(sealer.seal(binding, secret.expose_secret().as_bytes())?))
}

/// Opens the secret of a cluster's token.
pub(crate) fn open_token(sealer: &Sealer, host: &str, sealed: &Sealed) -> Result<SecretString, KeyError> {
    let opened = sealer.open(Binding { purpose: "clusters.token", row: host }, sealed.as_bytes())?;
    let text = std::str::from_utf8(&opened).map_err(|_| KeyError::Damaged)?;
    Ok(SecretString::from(text))
}
