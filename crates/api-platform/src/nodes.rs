//! The nodes of all clusters.

use axum::extract::State;
use bnna_api_kit::{Page, PagedQuery, Reply, Routes, route};
use bnna_auth::Access;
use bnna_platform::Platform;
use bnna_platform::views::NodeView;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer::{listed, on_cluster};

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new().add(route!(Access::OperatorRead, list_nodes))
}

/// Which nodes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct NodeFilter {
    /// Only those of this cluster.
    cluster: Option<String>,
    /// Only those in this state: online, offline or unknown.
    status: Option<String>,
}

/// Lists the nodes of all clusters.
///
/// With what is allocated to their guests, so that overcommitment shows.
#[utoipa::path(
    get, path = "/api/nodes", tag = "nodes", params(NodeFilter, Page),
    responses((status = 200, body = Vec<NodeView>))
)]
async fn list_nodes(State(platform): State<Platform>, query: PagedQuery<NodeFilter>) -> Reply<Vec<NodeView>> {
    let mut nodes = platform.nodes().await?;
    let wanted = |want: &Option<String>, is: &str| want.as_deref().is_none_or(|want| want == is);
    let NodeFilter { cluster, status } = &query.filter;
    nodes.items.retain(|node| wanted(cluster, &node.cluster) && wanted(status, &node.status));
    Ok(listed(nodes, &query.page, |node| on_cluster(&node.cluster, &node.name)))
}
