//! Clusters: which there are, adding and changing one, and bnpd's token on it.

use std::fmt;

use axum::extract::State;
use bnna_api_kit::{Answer, ApiError, Caller, Json, Page, PagedQuery, Path, Prefer, Reply, Routes, route};
use bnna_auth::Access;
use bnna_core::ClusterHost;
use bnna_platform::Platform;
use bnna_platform::clusters::{PutCluster, Trust};
use bnna_platform::operations::Accepted;
use bnna_platform::views::{ClusterView, RotatedToken};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};

use crate::answer::{Outcome, listed, ran};
use crate::request::{PreferWait, Unfiltered, actor};

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new()
        .add(route!(Access::OperatorRead, list_clusters))
        .add(route!(Access::Operator, put_cluster))
        .add(route!(Access::Operator, rotate_operator_token))
}

/// The cluster in the path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ClusterPath {
    /// What the cluster is addressed by: a host, optionally with `:port`.
    #[param(value_type = String, example = "pve-a.example.net:8006")]
    host: ClusterHost,
}

/// What is set for a cluster. What is missing stays as it is; a new cluster needs `token_id` and `secret`.
#[derive(Deserialize, ToSchema)]
#[schema(as = PutCluster)]
struct ClusterBody {
    /// What people call it.
    name: Option<String>,
    /// Where it is asked, in this order, `host` or `host:port`; the host itself without it.
    #[schema(value_type = Option<Vec<String>>)]
    addresses: Option<Vec<ClusterHost>>,
    /// SHA-256 fingerprints of its nodes' certificates: those are trusted and no others.
    fingerprints: Option<Vec<String>>,
    /// A CA certificate (PEM) that its nodes' certificates are signed by. Without this and fingerprints, a new cluster's are
    /// checked against the system's CAs.
    ca: Option<String>,
    /// bnpd's token there, `user@realm!name`. Goes with `secret`.
    token_id: Option<String>,
    /// The token's secret; never shown again.
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<SecretString>,
    /// Base domain of the guests' direct names; empty clears.
    base_domain: Option<String>,
    /// Where tenants' networks are taken from, in CIDR form.
    supernets: Option<Vec<String>>,
    /// Node for new guests; empty clears.
    default_node: Option<String>,
    /// Storage that new accounts get space on; empty clears.
    default_storage: Option<String>,
}

/// A token given by the operator. Without both, bnpd makes one with the present one.
#[derive(Deserialize, ToSchema)]
#[schema(as = RotateOperatorToken)]
struct TokenBody {
    /// `user@realm!name`.
    token_id: Option<String>,
    /// Its secret; never shown again.
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<SecretString>,
}

impl fmt::Debug for ClusterBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterBody").field("name", &self.name).finish_non_exhaustive()
    }
}

impl TryFrom<ClusterBody> for PutCluster {
    type Error = ApiError;

    fn try_from(body: ClusterBody) -> Result<Self, ApiError> {
        let trust = match (body.fingerprints, body.ca) {
            (Some(_), Some(_)) => return Err(ApiError::invalid("ca", "ca: fingerprints or a CA, not both")),
            (Some(fingerprints), None) => Some(Trust::Fingerprints(fingerprints)),
            (None, Some(ca)) => Some(Trust::Ca(ca)),
            (None, None) => None,
        };
        Ok(Self {
            name: body.name,
            addresses: body.addresses.map(|addresses| addresses.into_iter().map(String::from).collect()),
            trust,
            token: both(body.token_id, body.secret)?,
            base_domain: body.base_domain,
            supernets: body.supernets,
            default_node: body.default_node,
            default_storage: body.default_storage,
        })
    }
}

/// A token's id and secret come together.
fn both(id: Option<String>, secret: Option<SecretString>) -> Result<Option<(String, SecretString)>, ApiError> {
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Some((id, secret))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(ApiError::invalid("secret", "secret is required with token_id")),
        (None, Some(_)) => Err(ApiError::invalid("token_id", "token_id is required with secret")),
    }
}

/// A secret, so that it is one from the beginning.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

/// Lists the clusters.
///
/// One that does not answer is listed with `reachable: false`, and named in `warnings`.
#[utoipa::path(
    get, path = "/api/platform/clusters", tag = "clusters", params(Page),
    responses((status = 200, body = Vec<ClusterView>))
)]
async fn list_clusters(State(platform): State<Platform>, query: PagedQuery<Unfiltered>) -> Reply<Vec<ClusterView>> {
    Ok(listed(platform.clusters().await?, &query.page, |cluster| cluster.host.clone()))
}

/// Adds or changes a cluster.
///
/// What is set is tried on the cluster first: it has to answer and to accept the token.
#[utoipa::path(
    put, path = "/api/platform/clusters/{host}", tag = "clusters", params(ClusterPath), request_body = ClusterBody,
    responses((status = 200, body = ClusterView), (status = 201, description = "It is new.", body = ClusterView))
)]
async fn put_cluster(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<ClusterPath>,
    Json(body): Json<ClusterBody>,
) -> Reply<ClusterView> {
    let (cluster, new) = platform.put_cluster(&actor(&caller)?, &caller.grant, path.host, body.try_into()?).await?;
    Ok(if new { Answer::created(cluster) } else { Answer::ok(cluster) })
}

/// Changes bnpd's token on a cluster.
///
/// To the one given, or, with an empty body, to one that is made with the present one, which is then deleted. On any failure the
/// old one stays in use.
#[utoipa::path(
    put, path = "/api/platform/clusters/{host}/operator-token", tag = "clusters", params(ClusterPath, PreferWait),
    request_body = TokenBody,
    responses((status = 200, body = RotatedToken), (status = 202, description = "It goes on.", body = Accepted))
)]
async fn rotate_operator_token(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<ClusterPath>,
    prefer: Prefer,
    Json(body): Json<TokenBody>,
) -> Reply<Outcome<RotatedToken>> {
    let given = both(body.token_id, body.secret)?;
    let run = platform.rotate_token(&actor(&caller)?, &caller.grant, path.host, given, prefer.into()).await?;
    Ok(ran(run, Answer::ok))
}
