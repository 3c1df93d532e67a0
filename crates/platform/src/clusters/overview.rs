//! What readers see of a cluster: listings that are asked for once for everybody and kept for a moment (`listing`).
//!
//! Workflows and whatever decides something do not come here; they ask for [`Cluster::guests`] and the like.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proxmox_client::pve::cluster::Resource;

use super::listing::{Changes, Listing, Source};
use super::{Cluster, Guest};
use crate::error::{Error, Reached, Upstream};
use crate::measures;
use crate::views::ClusterView;

/// Everything that a cluster lists.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// Its guests, by number.
    pub guests: Vec<Guest>,
    /// Its nodes, storages, pools and networks.
    pub rest: Vec<Resource>,
}

impl Contents {
    fn read(rows: Vec<Resource>) -> Self {
        let mut contents = Self::default();
        for row in rows {
            match Guest::read(&row) {
                Some(guest) => contents.guests.push(guest),
                None => contents.rest.push(row),
            }
        }
        // Proxmox lists things in any order; what is shown has one.
        contents.guests.sort_by_key(|guest| guest.vmid);
        contents
    }
}

/// The listings of one cluster.
pub(super) struct Listings {
    pub(super) changes: Changes,
    contents: Arc<Listing<Contents>>,
    versions: Arc<Listing<BTreeMap<String, String>>>,
    view: Arc<Listing<ClusterView>>,
}

impl Listings {
    pub(super) fn new(age: Duration, changes: Changes) -> Self {
        Self {
            contents: Listing::new(age, changes.clone()),
            versions: Listing::new(age, changes.clone()),
            view: Listing::new(age, changes.clone()),
            changes,
        }
    }
}

impl Cluster {
    /// Everything the cluster lists, as readers see it.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn contents(self: &Arc<Self>) -> Result<Arc<Contents>, Error> {
        let asks = |cluster: Arc<Self>| async move {
            let mut contents = Contents::read(cluster.resources().await?);
            // What a rehearsal has changed; nothing outside of one.
            cluster.edits().iter().for_each(|edit| edit.guests(&mut contents.guests));
            Ok(contents)
        };
        self.look_at("contents", &self.listings.contents, asks).await
    }

    /// Proxmox's version on each node that is online, as readers see it.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn versions(self: &Arc<Self>) -> Result<Arc<BTreeMap<String, String>>, Error> {
        self.look_at("versions", &self.listings.versions, |cluster| async move { cluster.node_versions().await }).await
    }

    /// The cluster as readers see it.
    ///
    /// # Errors
    /// It does not answer. A token that it refuses is in the view.
    pub async fn view(self: &Arc<Self>) -> Result<Arc<ClusterView>, Error> {
        self.look_at("view", &self.listings.view, |cluster| async move { cluster.look().await }).await
    }

    async fn look_at<T, F, R>(
        self: &Arc<Self>,
        name: &'static str,
        listing: &Arc<Listing<T>>,
        asks: F,
    ) -> Result<Arc<T>, Error>
    where
        T: Send + Sync + 'static,
        F: FnOnce(Arc<Self>) -> R,
        R: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let (cluster, deadline) = (Arc::clone(self), self.clients.deadline);
        let ask = move || {
            let (host, answer) = (cluster.host.clone(), asks(cluster));
            // Bounded itself: those who come later must not wait for a question that hangs.
            async move {
                match tokio::time::timeout(deadline, answer).await {
                    Ok(answer) => answer.map_err(|error| Upstream::of(&host, error)),
                    Err(_) => Err(Upstream::late(&host, deadline)),
                }
            }
        };
        let (answer, source) = listing.get(ask).await;
        measures::listing_read(&self.host, name, source.as_str());
        if source == Source::Shared {
            tracing::trace!(cluster = %self.host, name, "waited for somebody else's question");
        }
        answer.map_err(Error::Upstream)
    }
}

impl Upstream {
    /// A failure of asking a cluster, whatever it was.
    pub(crate) fn of(host: &str, error: Error) -> Self {
        match error {
            Error::Upstream(upstream) => upstream,
            error => Self {
                system: host.to_owned(),
                message: error.to_string(),
                reached: Reached::Answered,
                status: None,
                left: Vec::new(),
                perhaps_done: false,
            },
        }
    }

    /// A cluster that did not answer in time.
    pub(crate) fn late(host: &str, deadline: Duration) -> Self {
        Self {
            system: host.to_owned(),
            message: format!("no answer within {deadline:?}"),
            reached: Reached::Unknown,
            status: None,
            left: Vec::new(),
            perhaps_done: false,
        }
    }
}
