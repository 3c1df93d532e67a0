//! Rotating bnpd's token on a cluster: a second token is made with the first, verified, taken into use, and the first deleted.
//! Until the new one is in use, any failure leaves the old one in use and the new one deleted.
//!
//! The work only goes forward. Proxmox shows the new secret once, so making the token and taking it into use are one step:
//! where that broke off, the token whose secret was lost goes, and another takes its place. Once the new token is in use nothing
//! goes back, because the old one may be gone.

use bnna_auth::Grant;
use bnna_core::{ClusterHost, Invalid};
use bnna_operations::{OnFailure, Outputs, Step, StepCx, StepError, Steps, Workflow};
use bnna_store::{Sealed, clusters as rows};
use proxmox_client::TokenId;
use proxmox_client::pve::access::tokens::CreateToken;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::follow::NOTICED;
use super::rehearsal::Edit;
use super::{Cluster, ClusterSettings};
use crate::Platform;
use crate::actor::Actor;
use crate::audit::Deed;
use crate::error::Error;
use crate::estate::Estate;
use crate::keyring;
use crate::operations::{Run, Wait};
use crate::views::{OperatorTokenView, RotatedToken};

impl Platform {
    /// Changes bnpd's token on a cluster: to the one given, or to one that is made with the present one.
    ///
    /// # Errors
    /// No such cluster; the cluster does not accept the new token, or refuses to make one; the old one stays in use.
    pub async fn rotate_token(
        &self,
        actor: &Actor,
        grant: &Grant,
        host: ClusterHost,
        given: Option<(String, SecretString)>,
        wait: Wait,
    ) -> Result<Run<RotatedToken>, Error> {
        grant.may_operate()?;
        let deed = Deed::on("clusters.rotate_token", "cluster", host.to_string())
            .asking(json!({ "token_id": given.as_ref().map(|(id, _)| id) }));
        self.audited_operation(actor, deed, wait, async {
            let cluster = self.estate().clusters.get(host.as_str())?;
            let old = cluster.settings.token_id.clone();
            let at = bnna_store::now();
            let (token_id, sealed) = match given {
                Some((id, secret)) => {
                    let _: TokenId = id.parse().map_err(|error| Invalid::new("token_id", format!("{error}")))?;
                    (id, Some(seal(self.sealer(), &host, &secret)?))
                }
                None => {
                    let (user, _) =
                        old.split_once('!').ok_or_else(|| Error::Internal("a token without a user".to_owned()))?;
                    // Milliseconds, so that two rotations never share a name: the second would delete the token in use.
                    (format!("{user}!bnpd-{}", bnna_store::to_millis(at)), None)
                }
            };
            Ok(RotateToken { host: host.to_string(), old, token_id, sealed, at })
        })
        .await
    }
}

fn seal(sealer: &bnna_auth::seal::Sealer, host: &ClusterHost, secret: &SecretString) -> Result<String, Error> {
    let sealed =
        keyring::seal_token(sealer, host.as_str(), secret).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(hex::encode(sealed.as_bytes()))
}

/// The work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RotateToken {
    host: String,
    old: String,
    token_id: String,
    /// The given secret, sealed, as hex; `None` where the token is still to be made.
    sealed: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

/// How often deleting the old token is tried before it is left.
const TRIES: u32 = 3;

const TAKE: &str = "take the new token into use";
const DELETE: &str = "delete the old token";

/// What no two changes of a cluster's token may hold at once.
pub(super) fn key(host: &str) -> String {
    format!("cluster:{host}")
}

impl Workflow for RotateToken {
    type Context = Estate;

    const KIND: &'static str = "clusters.rotate_token";
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    fn keys(&self) -> Vec<String> {
        vec![key(&self.host)]
    }

    fn steps(&self) -> Steps<Estate> {
        let steps = Steps::new().then(TAKE, Take(self.clone()));
        match self.sealed {
            None => steps.then(DELETE, DeleteOld(self.clone())),
            Some(_) => steps,
        }
    }

    fn result(&self, outputs: &Outputs) -> Value {
        let deleted = outputs.get::<Option<String>>(DELETE).ok().flatten().flatten();
        let token = OperatorTokenView { id: self.token_id.clone(), rotated_at: Some(self.at), ok: Some(true) };
        let rotated = RotatedToken { host: self.host.clone(), operator_token: token, deleted };
        serde_json::to_value(rotated).unwrap_or(Value::Null)
    }
}

struct Take(RotateToken);

impl Step<Estate> for Take {
    type Output = ();

    async fn run(&self, cx: &StepCx<Estate>) -> Result<(), StepError> {
        let (rotate, estate) = (&self.0, cx.context());
        if let Some(row) = rotate.stored(estate).await? {
            let secret = keyring::open_token(&estate.sealer, &rotate.host, &row.token_secret_sealed)
                .map_err(|error| Error::Internal(error.to_string()))?;
            return Ok(rotate.use_it(estate, secret)?);
        }
        let cluster = estate.clusters.get(&rotate.host)?;
        match &rotate.sealed {
            Some(sealed) => {
                let secret = rotate.open(estate, sealed)?;
                Ok(rotate.verify_and_keep(estate, &cluster, secret).await?)
            }
            None => {
                let id: TokenId =
                    rotate.token_id.parse().map_err(|error| StepError::failed("internal", format!("{error}")))?;
                // Made before, perhaps, and its secret lost with the answer.
                cluster.delete_token(&id, Edit::ClearToken(id.to_string())).await?;
                let taken = async {
                    let secret = cluster.create_token(&id, "bnpd, rotated").await?;
                    rotate.verify_and_keep(estate, &cluster, secret).await
                }
                .await;
                if taken.is_err()
                    && matches!(rotate.stored(estate).await, Ok(None))
                    && let Err(error) = cluster.delete_token(&id, Edit::ClearToken(id.to_string())).await
                {
                    tracing::warn!(%error, cluster = %rotate.host, token = %id, "a token not in use could not be deleted");
                }
                Ok(taken?)
            }
        }
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<()>) -> Result<(), StepError> {
        Ok(())
    }
}

impl RotateToken {
    fn open(&self, estate: &Estate, sealed: &str) -> Result<SecretString, Error> {
        let bytes = hex::decode(sealed).map_err(|error| Error::Internal(error.to_string()))?;
        keyring::open_token(&estate.sealer, &self.host, &Sealed::new(bytes))
            .map_err(|error| Error::Internal(error.to_string()))
    }

    /// Tries the token, then keeps it and uses it.
    async fn verify_and_keep(&self, estate: &Estate, cluster: &Cluster, secret: SecretString) -> Result<(), Error> {
        let next = cluster.with_token(&self.token_id, secret.clone())?;
        if next.look().await?.operator_token.ok != Some(true) {
            return Err(cluster.refused("it does not accept the new token; the old one stays in use"));
        }
        let sealed = keyring::seal_token(&estate.sealer, &self.host, &secret)
            .map_err(|error| Error::Internal(error.to_string()))?;
        let (host, id, at) = (self.host.clone(), self.token_id.clone(), self.at);
        estate.store.write(move |sql| rows::set_token(sql, &host, &id, &sealed, at)).await?;
        self.use_it(estate, secret)
    }

    /// The cluster's row, where this rotation is in it already: a process that died, or a commit that was not heard of, wrote it.
    async fn stored(&self, estate: &Estate) -> Result<Option<rows::Cluster>, Error> {
        let host = self.host.clone();
        let row = estate.store.read(move |sql| rows::get(sql, &host)).await?;
        Ok(row.filter(|row| row.token_id == self.token_id && row.token_rotated_at == Some(self.at)))
    }

    fn use_it(&self, estate: &Estate, secret: SecretString) -> Result<(), Error> {
        let (token_id, token_rotated_at) = (self.token_id.clone(), Some(self.at));
        let with_it = |settings| (ClusterSettings { token_id, token_rotated_at, ..settings }, secret);
        estate.clusters.amend(&self.host, |settings, _| with_it(settings))?;
        Ok(())
    }
}

struct DeleteOld(RotateToken);

impl Step<Estate> for DeleteOld {
    type Output = Option<String>;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<Option<String>, StepError> {
        let cluster = cx.context().clusters.get(&self.0.host)?;
        if cx.attempt() == 1 && cluster.script.is_none() && cx.context().store.other_sessions() > 0 {
            // The old token is what other processes use until they have noticed the new one.
            tokio::time::sleep(NOTICED).await;
        }
        let old: TokenId = self.0.old.parse().map_err(|error| StepError::failed("internal", format!("{error}")))?;
        match cluster.delete_token(&old, Edit::DeleteToken(old.to_string())).await {
            Ok(()) => Ok(Some(self.0.old.clone())),
            // Deleting is content when there is nothing, so that it may be tried again whatever the cluster said.
            Err(error) if cx.attempt() < TRIES => {
                Err(StepError::Retry { after: std::time::Duration::from_millis(200), failure: error.into() })
            }
            Err(error) => {
                // The new token is in use: an old one that stays is a fact to know, not a reason to go back.
                tracing::warn!(%error, cluster = %self.0.host, token = %self.0.old, "the old token could not be deleted");
                Ok(None)
            }
        }
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<Option<String>>) -> Result<(), StepError> {
        Ok(())
    }
}

impl Cluster {
    async fn create_token(&self, id: &TokenId, comment: &str) -> Result<SecretString, Error> {
        let params = CreateToken { comment: Some(comment.to_owned()), privsep: Some(false), ..CreateToken::default() };
        let made = async { Ok(self.pve.access().create_token(id, &params).await?.value.into_inner()) };
        self.change(Edit::MakeToken(id.to_string()), made, || self.secret.clone()).await
    }

    /// Deletes a token; content when there is none.
    async fn delete_token(&self, id: &TokenId, edit: Edit) -> Result<(), Error> {
        let deleted = async {
            match self.pve.access().delete_token(id).await {
                Err(error) if error.is_missing() => Ok(()),
                other => other,
            }
        };
        self.change(edit, deleted, || ()).await
    }
}
