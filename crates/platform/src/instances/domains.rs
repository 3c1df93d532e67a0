//! The names that lead to a guest: its two direct ones, which follow from its number and are never made or deleted.

use bnna_core::{AddressPlan, Vmid};

use crate::Platform;
use crate::error::Error;
use crate::views::DomainView;

impl Platform {
    /// The names of a guest.
    ///
    /// # Errors
    /// No such guest, or more than one.
    pub async fn instance_domains(&self, vmid: Vmid, cluster: Option<&str>) -> Result<Vec<DomainView>, Error> {
        let found = self.find_instance(vmid, cluster).await?;
        let base = found.cluster.settings.base_domain.as_deref().or(self.settings_in_use().base_domain.as_deref());
        let Some((address, base)) = AddressPlan::address(vmid).zip(base) else { return Ok(Vec::new()) };
        let names = AddressPlan::hostnames(address, base);
        let direct = |domain: String| DomainView {
            domain,
            kind: "direct".to_owned(),
            target: address.to_string(),
            managed: false,
            provider_id: None,
        };
        Ok(vec![direct(names.tls), direct(names.tcp)])
    }
}
