//! Everything there is: of the platform for operators, of an account for its own.

use std::collections::BTreeMap;

use proxmox_client::pve::cluster::Resource;

use crate::Platform;
use crate::accounts::{Account, AccountFilter, Place, Read};
use crate::clusters::Cluster;
use crate::error::Error;
use crate::instances::InstanceFilter;
use crate::views::{AccountInventory, ClusterAcl, PlatformInventory, StorageView, UnmanagedGuest};

impl Platform {
    /// Clusters, nodes, storages, accounts, and guests that are in no account.
    ///
    /// # Errors
    /// No cluster answered, or the store cannot be read.
    pub async fn inventory(&self) -> Result<PlatformInventory, Error> {
        let (clusters, nodes, storages, instances, accounts) = tokio::try_join!(
            self.clusters(),
            self.nodes(),
            self.storages(),
            async { self.instances(&InstanceFilter::default()).await },
            self.accounts(AccountFilter::default(), bnna_store::Window::all()),
        )?;
        let mut warnings = clusters.warnings;
        warnings.extend(nodes.warnings);
        warnings.extend(storages.1);
        warnings.extend(instances.warnings);
        warnings.sort();
        warnings.dedup_by(|a, b| a.cluster == b.cluster);
        let unmanaged = instances
            .items
            .iter()
            .filter(|guest| !guest.managed)
            .map(|guest| UnmanagedGuest {
                cluster: guest.cluster.clone(),
                vmid: guest.vmid,
                name: guest.name.clone(),
                pool: guest.bunch.clone(),
            })
            .collect();
        Ok(PlatformInventory {
            clusters: clusters.items,
            nodes: nodes.items,
            storages: storages.0,
            accounts: accounts.items,
            instances: instances.items.len() as u64,
            unmanaged,
            warnings,
        })
    }

    async fn storages(&self) -> Result<(Vec<StorageView>, Vec<crate::views::Warning>), Error> {
        let answers = self.estate().clusters.ask(|cluster| async move { cluster.contents().await }).await.some()?;
        let views = answers.got.iter().flat_map(|(cluster, contents)| storages(cluster, &contents.rest)).collect();
        Ok((views, answers.missing))
    }

    /// Everything of an account.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn account_inventory(&self, account: &Account<Read>) -> Result<AccountInventory, Error> {
        let view = self.account_view(account).await?;
        let (instances, _) = self.instances_of(account.slug()).await?;
        let id = account.id();
        let places = self.store().read(move |sql| bnna_store::accounts::clusters_of(sql, id)).await?;
        let pool_on: BTreeMap<String, String> = places.into_iter().map(|place| (place.cluster, place.pool)).collect();
        let clusters = pool_on.keys().filter_map(|host| self.estate().clusters.get(host).ok()).collect();
        let answers = self
            .estate()
            .clusters
            .ask_these(clusters, |cluster| {
                let pool = pool_on.get(&cluster.host).cloned().unwrap_or_default();
                let slug = account.slug().to_owned();
                async move { Place::read(&cluster, &pool, &slug).await }
            })
            .await;
        let mut pools = BTreeMap::new();
        let mut acls = Vec::new();
        for (cluster, place) in answers.got {
            acls.extend(place.held.into_iter().map(|entry| ClusterAcl { entry, cluster: cluster.host.clone() }));
            let mut names = place.pools;
            names.sort();
            pools.insert(cluster.host.clone(), names);
        }
        Ok(AccountInventory {
            account: view,
            instances,
            pools,
            acls,
            tokens: self.tokens(account, bnna_store::Window::all()).await?.items,
            settings: self.settings(account).await?,
            warnings: answers.missing,
        })
    }
}

/// The storages among a cluster's resources: a shared one once, others summed over their nodes.
fn storages(cluster: &Cluster, rows: &[Resource]) -> Vec<StorageView> {
    let mut by_name: BTreeMap<&str, StorageView> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.kind == "storage") {
        let (Some(name), Some(node)) = (row.storage.as_deref(), row.node.clone()) else { continue };
        let shared = row.shared.unwrap_or(false);
        let view = by_name.entry(name).or_insert_with(|| StorageView {
            cluster: cluster.host.clone(),
            storage: name.to_owned(),
            kind: row.plugintype.clone().unwrap_or_default(),
            content: row.content.iter().flat_map(|text| text.split(',')).map(str::to_owned).collect(),
            shared,
            nodes: Vec::new(),
            active: true,
            total: 0,
            used: 0,
            avail: 0,
        });
        let (used, total) = (row.disk.unwrap_or_default(), row.maxdisk.unwrap_or_default());
        if shared {
            view.used = view.used.max(used);
            view.total = view.total.max(total);
        } else {
            view.used = view.used.saturating_add(used);
            view.total = view.total.saturating_add(total);
        }
        view.avail = view.total.saturating_sub(view.used);
        view.active &= row.status.as_deref() == Some("available");
        view.nodes.push(node);
    }
    let mut views: Vec<StorageView> = by_name.into_values().collect();
    for view in &mut views {
        view.content.sort();
        view.nodes.sort();
    }
    views
}
