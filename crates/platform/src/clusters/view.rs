//! Clusters as operators see and set them.

use bnna_auth::Grant;
use bnna_auth::seal::Sealer;
use bnna_core::{ClusterHost, Invalid};
use bnna_store::{Store, clusters as rows};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Cluster, ClusterSettings, Clusters, PutCluster, Trust};
use crate::Platform;
use crate::actor::Actor;
use crate::audit::{self, Deed};
use crate::error::{Conflict, Error, Upstream};
use crate::keyring;
use crate::platform::StartError;
use crate::views::{ClusterView, Listing, OperatorTokenView};

/// Takes the stored clusters into use.
pub(crate) async fn load(store: &Store, sealer: &Sealer, clusters: &Clusters) -> Result<(), StartError> {
    for row in store.read(rows::list).await? {
        let host = row.host.clone();
        let wrong = |error: Error| StartError::Cluster { host: host.clone(), error: Box::new(error) };
        let secret = keyring::open_token(sealer, &row.host, &row.token_secret_sealed)?;
        let settings = settings(row).map_err(wrong)?;
        clusters.put(settings, secret).map_err(wrong)?;
    }
    Ok(())
}

fn settings(row: rows::Cluster) -> Result<ClusterSettings, Error> {
    let damaged = |what: &str| Error::Internal(format!("the stored {what} of cluster {} cannot be read", row.host));
    Ok(ClusterSettings {
        addresses: serde_json::from_value(row.addresses.clone()).map_err(|_| damaged("addresses"))?,
        trust: serde_json::from_value(row.trust.clone()).map_err(|_| damaged("trust"))?,
        supernets: serde_json::from_value(row.supernets.clone()).map_err(|_| damaged("supernets"))?,
        host: ClusterHost::parse(row.host)?,
        name: row.name,
        token_id: row.token_id,
        token_rotated_at: row.token_rotated_at,
        base_domain: row.base_domain,
        default_node: row.default_node,
        default_storage: row.default_storage,
    })
}

impl Platform {
    /// All clusters as they are now.
    ///
    /// # Errors
    /// Never for a cluster that does not answer: it is shown as unreachable.
    pub async fn clusters(&self) -> Result<Listing<ClusterView>, Error> {
        let clusters = &self.estate().clusters;
        let answers = clusters.ask(|cluster| async move { cluster.view().await }).await;
        let mut items: Vec<ClusterView> =
            answers.got.into_iter().map(|(_, view)| std::sync::Arc::unwrap_or_clone(view)).collect();
        for missing in &answers.missing {
            if let Ok(cluster) = clusters.get(&missing.cluster) {
                items.push(cluster.unseen());
            }
        }
        items.sort_by(|a, b| a.host.cmp(&b.host));
        Ok(Listing { items, warnings: answers.missing, next: None })
    }

    /// Adds or changes a cluster. What is set is tried on the cluster first: it has to answer and accept the token.
    ///
    /// # Errors
    /// A value is malformed, a new cluster has no token, or the cluster does not answer or refuses the token.
    pub async fn put_cluster(
        &self,
        actor: &Actor,
        grant: &Grant,
        host: ClusterHost,
        asked: PutCluster,
    ) -> Result<(ClusterView, bool), Error> {
        grant.may_operate()?;
        let deed = Deed::on("clusters.put", "cluster", host.to_string())
            .asking(json!({ "name": asked.name, "addresses": asked.addresses, "token_id": asked.token.as_ref().map(|(id, _)| id) }));
        audit::around(self.store(), actor, deed, async {
            // What is set stays what it is in the store, whoever has set it: that is what is written back.
            let name = host.to_string();
            let row = self.store().read(move |sql| rows::get(sql, &name)).await?;
            let known = row.clone().map(|row| opened(self.sealer(), row)).transpose()?;
            let (settings, secret) = merged(host, asked, known.as_ref())?;
            let cluster = self.estate().clusters.candidate(settings.clone(), secret.clone())?;
            let view = cluster.look().await?;
            if view.operator_token.ok != Some(true) {
                return Err(cluster.refused("it does not accept the token"));
            }
            self.keep_cluster(row.as_ref(), &settings, &secret).await?;
            self.estate().clusters.put(settings, secret)?;
            Ok((view, known.is_none()))
        })
        .await
    }

    /// Takes a cluster of the configuration into use, whether it answers now or not. The token of the configuration only counts
    /// until there is one in the store, so that a rotated token is not undone by a restart.
    ///
    /// # Errors
    /// What is set cannot be used, or the store cannot be written.
    pub async fn declare_cluster(&self, declared: ClusterSettings, secret: SecretString) -> Result<(), Error> {
        let row = self.row_of(&declared, &secret)?;
        // Whose token is in use is decided where it is written, and again where it is used: a rotation that a crash interrupted
        // may be going on meanwhile.
        self.store()
            .write(move |sql| {
                let row = match rows::get(sql, &row.host)? {
                    None => row,
                    Some(known) => rows::Cluster {
                        token_id: known.token_id,
                        token_secret_sealed: known.token_secret_sealed,
                        token_rotated_at: known.token_rotated_at,
                        token_expires_at: known.token_expires_at,
                        ..row
                    },
                };
                rows::put(sql, &row)
            })
            .await?;
        let clusters = &self.estate().clusters;
        if clusters.get(declared.host.as_str()).is_err() {
            clusters.put(declared, secret)?;
            return Ok(());
        }
        let host = declared.host.to_string();
        clusters.amend(&host, |known, secret| {
            let ClusterSettings { token_id, token_rotated_at, .. } = known;
            (ClusterSettings { token_id, token_rotated_at, ..declared }, secret)
        })?;
        Ok(())
    }

    /// A cluster as it is written down.
    fn row_of(&self, settings: &ClusterSettings, secret: &SecretString) -> Result<rows::Cluster, Error> {
        let sealed = keyring::seal_token(self.sealer(), settings.host.as_str(), secret)
            .map_err(|error| Error::Internal(error.to_string()))?;
        let now = bnna_store::now();
        let value = |value: Result<Value, serde_json::Error>| value.map_err(|error| Error::Internal(error.to_string()));
        Ok(rows::Cluster {
            host: settings.host.to_string(),
            name: settings.name.clone(),
            addresses: value(serde_json::to_value(&settings.addresses))?,
            trust: value(serde_json::to_value(&settings.trust))?,
            token_id: settings.token_id.clone(),
            token_secret_sealed: sealed,
            token_rotated_at: settings.token_rotated_at,
            token_expires_at: None,
            base_domain: settings.base_domain.clone(),
            supernets: value(serde_json::to_value(&settings.supernets))?,
            default_node: settings.default_node.clone(),
            default_storage: settings.default_storage.clone(),
            created_at: now,
            updated_at: now,
        })
    }

    /// Writes a cluster down in the place of the row that was looked at before; unless that has changed meanwhile, or an operation
    /// holds its key: a rotation would be overwritten with the token that it has deleted or is about to.
    async fn keep_cluster(
        &self,
        before: Option<&rows::Cluster>,
        settings: &ClusterSettings,
        secret: &SecretString,
    ) -> Result<(), Error> {
        let (row, before) = (self.row_of(settings, secret)?, before.cloned());
        let key = super::rotate::key(settings.host.as_str());
        self.store()
            .try_write(move |sql| -> Result<(), Error> {
                if let Some(running) = bnna_store::operations::holder(sql, &key)? {
                    let message = format!("operation {running} is still working on {key}; wait until it ends");
                    return Err(Conflict::InUse.with(message, json!({ "operation_id": running })));
                }
                if rows::get(sql, &row.host)? != before {
                    let message = format!("cluster {} was changed meanwhile; ask again", row.host);
                    return Err(Conflict::InUse.because(message));
                }
                rows::put(sql, &row)?;
                Ok(())
            })
            .await
    }
}

/// A stored cluster with its token's secret.
pub(super) fn opened(sealer: &Sealer, row: rows::Cluster) -> Result<(ClusterSettings, SecretString), Error> {
    let secret = keyring::open_token(sealer, &row.host, &row.token_secret_sealed)
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok((settings(row)?, secret))
}

/// What is known with what was sent on top.
fn merged(
    host: ClusterHost,
    asked: PutCluster,
    known: Option<&(ClusterSettings, SecretString)>,
) -> Result<(ClusterSettings, SecretString), Error> {
    let old = known.map(|(settings, _)| settings);
    let (token_id, secret, rotated) = match (asked.token, known) {
        (Some((id, secret)), _) => (id, secret, Some(bnna_store::now())),
        (None, Some((old, secret))) => (old.token_id.clone(), secret.clone(), old.token_rotated_at),
        (None, None) => {
            return Err(Invalid::new(
                "token_id",
                "a new cluster needs token_id and secret, see docs/operator-token.md",
            )
            .into());
        }
    };
    let cleared = |asked: Option<String>, old: Option<String>| match asked {
        None => old,
        Some(text) if text.is_empty() => None,
        Some(text) => Some(text),
    };
    let supernets = asked.supernets.or_else(|| old.map(|old| old.supernets.clone()));
    let settings = ClusterSettings {
        name: asked.name.or_else(|| old.map(|old| old.name.clone())).unwrap_or_else(|| host.to_string()),
        addresses: asked.addresses.or_else(|| old.map(|old| old.addresses.clone())).unwrap_or_default(),
        trust: asked.trust.or_else(|| old.map(|old| old.trust.clone())).unwrap_or(Trust::System),
        token_id,
        token_rotated_at: rotated,
        base_domain: cleared(asked.base_domain, old.and_then(|old| old.base_domain.clone())),
        supernets: supernets.unwrap_or_else(|| vec!["10.11.0.0/16".to_owned()]),
        default_node: cleared(asked.default_node, old.and_then(|old| old.default_node.clone())),
        default_storage: cleared(asked.default_storage, old.and_then(|old| old.default_storage.clone())),
        host,
    };
    for net in &settings.supernets {
        let parsed: Result<ipnet::Ipv4Net, _> = net.parse();
        if parsed.is_err() {
            return Err(Invalid::new("supernets", format!("{net:?} is no IPv4 network in CIDR form")).into());
        }
    }
    for address in settings.addresses() {
        ClusterHost::parse(address).map_err(|wrong| Invalid::new("addresses", wrong.message))?;
    }
    Ok((settings, secret))
}

impl Cluster {
    /// The cluster as it is now, asked for now.
    ///
    /// # Errors
    /// It does not answer. A token that it refuses is in the view.
    pub async fn look(&self) -> Result<ClusterView, Error> {
        let mut view = self.unseen();
        view.reachable = true;
        let cluster = self.pve.cluster();
        let (version, status) = tokio::join!(self.on(self.pve.version()), self.on(cluster.status()));
        match version {
            Ok(version) => view.version = Some(version.version),
            Err(Error::Upstream(Upstream { status: Some(401), .. })) => {
                view.operator_token.ok = Some(false);
                return Ok(view);
            }
            Err(error) => return Err(error),
        }
        view.operator_token.ok = Some(true);
        let rows = status?;
        // A node that is in no cluster has no row for one, and is its own quorum.
        view.quorate =
            Some(rows.iter().find(|row| row.kind == "cluster").is_none_or(|row| row.quorate.unwrap_or(false)));
        view.nodes = rows.into_iter().filter(|row| row.kind == "node").map(|row| row.name).collect();
        view.nodes.sort();
        Ok(view)
    }

    /// The cluster as far as it is known without asking.
    pub fn unseen(&self) -> ClusterView {
        let addresses = self.settings.addresses();
        ClusterView {
            host: self.host.clone(),
            name: self.settings.name.clone(),
            url: format!("https://{}", addresses.first().cloned().unwrap_or_default()),
            fingerprints: match &self.settings.trust {
                Trust::Fingerprints(list) => list.clone(),
                Trust::Ca(_) | Trust::System => Vec::new(),
            },
            version: None,
            quorate: None,
            nodes: Vec::new(),
            reachable: false,
            operator_token: OperatorTokenView {
                id: self.settings.token_id.clone(),
                rotated_at: self.settings.token_rotated_at,
                ok: None,
            },
            base_domain: self.settings.base_domain.clone(),
            supernets: self.settings.supernets.clone(),
            default_node: self.settings.default_node.clone(),
            default_storage: self.settings.default_storage.clone(),
        }
    }

    /// The privileges of this cluster's token on a path.
    ///
    /// # Errors
    /// It does not answer, or refuses the token.
    pub async fn own_privileges(&self, path: &str) -> Result<Vec<String>, Error> {
        let path = self.parse(path)?;
        let query = proxmox_client::pve::access::acl::PermissionQuery { path: Some(path), ..Default::default() };
        let answer = self.on(self.pve.access().permissions(&query)).await?;
        Ok(answer.into_values().flat_map(std::collections::BTreeMap::into_keys).collect())
    }
}
