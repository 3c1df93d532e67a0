//! Listing guests: `/cluster/resources` of every cluster joined with the records.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bnna_core::{AddressPlan, GuestKind, Vmid};
use bnna_store::{Window, accounts, instances};
use uuid::Uuid;

use super::joined::{Joined, Sources};
use crate::Platform;
use crate::clusters::{Answers, Cluster, Contents, Guest};
use crate::error::Error;
use crate::views::{InstanceView, Listing, Warning};

/// Which guests to list; everything given has to fit.
#[derive(Debug, Clone, Default)]
pub struct InstanceFilter {
    /// Of this account.
    pub account: Option<String>,
    /// On this cluster.
    pub cluster: Option<String>,
    /// On this node.
    pub node: Option<String>,
    /// In this state.
    pub status: Option<String>,
    /// Of this kind.
    pub kind: Option<GuestKind>,
    /// In an account, or in none.
    pub managed: Option<bool>,
}

/// Whose each pool and guest is, from the store.
#[derive(Debug, Default)]
pub(crate) struct Ownership {
    slugs: HashMap<Uuid, String>,
    /// Whose a pool is, by cluster and pool.
    pools: HashMap<String, HashMap<String, Uuid>>,
    records: HashMap<String, BTreeMap<i64, instances::Instance>>,
}

impl Ownership {
    /// Reads it.
    pub(crate) fn read(sql: &mut dyn bnna_store::Sql) -> Result<Self, bnna_store::Error> {
        let slugs = accounts::list(sql, &accounts::Filter::default(), &Window::all())?;
        let records = instances::list(sql, &instances::Filter::default(), &Window::all())?;
        let mut pools: HashMap<String, HashMap<String, Uuid>> = HashMap::new();
        for place in accounts::all_clusters(sql)? {
            pools.entry(place.cluster).or_default().insert(place.pool, place.account_id);
        }
        let mut by_cluster: HashMap<String, BTreeMap<i64, instances::Instance>> = HashMap::new();
        for record in records.items {
            by_cluster.entry(record.cluster.clone()).or_default().insert(record.vmid, record);
        }
        Ok(Self { pools, records: by_cluster, slugs: slugs.items.into_iter().map(|row| (row.id, row.slug)).collect() })
    }

    /// The account that a guest belongs to: by the pool it is in. A guest in nobody's pool belongs to nobody, whatever was
    /// recorded: the pool decides who has rights on it.
    pub(crate) fn account(&self, cluster: &str, pool: Option<&str>) -> Option<&str> {
        let (pools, pool) = (self.pools.get(cluster)?, pool?);
        // The pool itself, or one that it is nested in.
        let within = std::iter::successors(Some(pool), |pool| pool.rsplit_once('/').map(|(outer, _)| outer));
        let account = within.into_iter().find_map(|pool| pools.get(pool))?;
        self.slugs.get(account).map(String::as_str)
    }

    fn record(&self, cluster: &str, vmid: Vmid) -> Option<&instances::Instance> {
        self.records.get(cluster)?.get(&i64::from(vmid.get()))
    }

    pub(crate) fn slug_of(&self, record: &instances::Instance) -> Option<String> {
        record.account_id.and_then(|id| self.slugs.get(&id).cloned())
    }
}

impl Platform {
    /// All guests that fit, by cluster and number. Guests that are recorded and that no cluster has any more are `missing`.
    ///
    /// # Errors
    /// No cluster answered, or the store cannot be read.
    pub async fn instances(&self, filter: &InstanceFilter) -> Result<Listing<InstanceView>, Error> {
        let all = self.all_instances().await?;
        let items = all.items.iter().filter(|item| filter.fits(item)).cloned().collect();
        Ok(Listing { items, warnings: all.warnings.clone(), next: None })
    }

    /// All guests, by cluster and number, as shared by everybody who reads them while nothing has changed.
    ///
    /// # Errors
    /// No cluster answered, or the store cannot be read.
    pub async fn all_instances(&self) -> Result<Arc<Joined>, Error> {
        let answers = self.estate().clusters.ask(|cluster| async move { cluster.contents().await }).await.some()?;
        // Read before the store is: what changes in between makes the next reader join anew.
        let sources = Sources::of(&answers.got, self.store().tenancy_changes());
        let complete = answers.missing.is_empty();
        if let Some(joined) = self.last_joined().of(&sources).filter(|_| complete) {
            return Ok(joined);
        }
        let ownership = self.store().read(Ownership::read).await?;
        let joined = Arc::new(self.join(answers, &ownership));
        let age = self.settings_in_use().clients.listing_age;
        if complete && !age.is_zero() {
            self.last_joined().keep(sources, &joined, age);
        }
        Ok(joined)
    }

    fn join(&self, answers: Answers<Arc<Contents>>, ownership: &Ownership) -> Joined {
        let mut items = Vec::with_capacity(answers.got.iter().map(|(_, contents)| contents.guests.len()).sum());
        for (cluster, contents) in &answers.got {
            items.extend(contents.guests.iter().map(|guest| self.instance_view(cluster, guest, ownership)));
        }
        let there = |record: &instances::Instance| {
            let Some((_, contents)) = answers.got.iter().find(|(cluster, _)| cluster.host == record.cluster) else {
                // A cluster that is silent may have it; one that bnpd does not know has not.
                return answers.missing.iter().any(|silent| silent.cluster == record.cluster);
            };
            contents.guests.binary_search_by_key(&record.vmid, |guest| i64::from(guest.vmid.get())).is_ok()
        };
        let gone = ownership.records.values().flat_map(BTreeMap::values).filter(|record| !there(record));
        items.extend(gone.filter_map(|record| missing(record, ownership)));
        items.sort_by(|a, b| (&a.cluster, a.vmid).cmp(&(&b.cluster, b.vmid)));
        Joined::new(items, answers.missing)
    }

    /// The guests of one account, with the clusters that did not answer.
    pub(crate) async fn instances_of(&self, slug: &str) -> Result<(Vec<InstanceView>, Vec<Warning>), Error> {
        let filter = InstanceFilter { account: Some(slug.to_owned()), ..InstanceFilter::default() };
        let listing = self.instances(&filter).await?;
        Ok((listing.items, listing.warnings))
    }

    /// A guest as it is shown.
    pub(crate) fn instance_view(&self, cluster: &Cluster, guest: &Guest, ownership: &Ownership) -> InstanceView {
        let account = ownership.account(&cluster.host, guest.pool.as_deref()).map(str::to_owned);
        let record = ownership.record(&cluster.host, guest.vmid);
        let address = AddressPlan::address(guest.vmid);
        let base = cluster.settings.base_domain.as_deref().or(self.settings_in_use().base_domain.as_deref());
        let figures = &guest.figures;
        InstanceView {
            vmid: guest.vmid.get(),
            cluster: cluster.host.clone(),
            node: Some(guest.node.clone()),
            kind: Some(guest.kind),
            name: guest.name.clone(),
            status: guest.status.clone(),
            template: guest.template,
            managed: account.is_some(),
            adopted: record.is_some_and(|record| record.adopted) && account.is_some(),
            account_slug: account,
            bunch: guest.pool.clone(),
            ip: address.map(|address| address.to_string()),
            hostnames: address.zip(base).map(|(address, base)| AddressPlan::hostnames(address, base)),
            cores: figures.maxcpu,
            maxmem: figures.maxmem,
            maxdisk: figures.maxdisk,
            cpu: figures.cpu,
            mem: figures.mem,
            disk: figures.disk,
            netin: figures.netin,
            netout: figures.netout,
            uptime: figures.uptime,
            tags: guest.tags.clone(),
            lock: guest.lock.clone(),
        }
    }
}

impl InstanceFilter {
    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        let Self { account, cluster, node, status, kind, managed } = self;
        let texts = [account, cluster, node, status];
        texts.into_iter().all(Option::is_none) && kind.is_none() && managed.is_none()
    }

    fn fits(&self, item: &InstanceView) -> bool {
        let same =
            |wanted: &Option<String>, is: Option<&str>| wanted.as_deref().is_none_or(|wanted| Some(wanted) == is);
        same(&self.account, item.account_slug.as_deref())
            && same(&self.cluster, Some(&item.cluster))
            && same(&self.node, item.node.as_deref())
            && same(&self.status, Some(&item.status))
            && self.kind.is_none_or(|kind| item.kind == Some(kind))
            && self.managed.is_none_or(|managed| item.managed == managed)
    }
}

/// A guest of which only the record is left.
fn missing(record: &instances::Instance, ownership: &Ownership) -> Option<InstanceView> {
    let account = ownership.slug_of(record);
    Some(InstanceView {
        vmid: u32::try_from(record.vmid).ok()?,
        cluster: record.cluster.clone(),
        node: None,
        kind: GuestKind::parse(&record.kind),
        name: Some(record.name.clone()),
        status: "missing".to_owned(),
        template: false,
        managed: account.is_some(),
        account_slug: account,
        bunch: record.bunch.clone(),
        adopted: record.adopted,
        ip: None,
        hostnames: None,
        cores: None,
        maxmem: None,
        maxdisk: None,
        cpu: None,
        mem: None,
        disk: None,
        netin: None,
        netout: None,
        uptime: None,
        tags: Vec::new(),
        lock: None,
    })
}
