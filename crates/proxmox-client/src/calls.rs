//! The table of all typed calls, as data: for documentation, conformance checks and servers that verify parameters.

use crate::call::{Call, Method, Product};
#[cfg(feature = "pbs")]
use crate::pbs;
#[cfg(feature = "pve")]
use crate::pve;
use crate::tasks;

/// Every typed call, grouped by module.
pub const TABLE: &[&[Call]] = &[
    tasks::pve::CALLS,
    tasks::pbs::CALLS,
    #[cfg(feature = "pve")]
    pve::CALLS,
    #[cfg(feature = "pve")]
    pve::access::acl::CALLS,
    #[cfg(feature = "pve")]
    pve::access::domains::CALLS,
    #[cfg(feature = "pve")]
    pve::access::groups::CALLS,
    #[cfg(feature = "pve")]
    pve::access::roles::CALLS,
    #[cfg(feature = "pve")]
    pve::access::tickets::CALLS,
    #[cfg(feature = "pve")]
    pve::access::tokens::CALLS,
    #[cfg(feature = "pve")]
    pve::access::users::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::resources::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::ha::resources::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::ha::groups::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::ha::rules::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::ha::status::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::backups::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::replication::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::options::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::ceph::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::sdn::zones::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::sdn::vnets::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::sdn::subnets::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::sdn::addresses::CALLS,
    #[cfg(feature = "pve")]
    pve::cluster::sdn::CALLS,
    #[cfg(feature = "pve")]
    pve::firewall::options::CALLS,
    #[cfg(feature = "pve")]
    pve::firewall::groups::CALLS,
    #[cfg(feature = "pve")]
    pve::firewall::log::CALLS,
    #[cfg(feature = "pve")]
    pve::firewall::rules::cluster::CALLS,
    #[cfg(feature = "pve")]
    pve::firewall::rules::group::CALLS,
    #[cfg(feature = "pve")]
    pve::firewall::rules::vnet::CALLS,
    #[cfg(feature = "pve")]
    pve::firewall::rules::node::CALLS,
    #[cfg(feature = "pve")]
    pve::firewall::rules::qemu::CALLS,
    #[cfg(feature = "pve")]
    pve::firewall::rules::lxc::CALLS,
    #[cfg(feature = "pve")]
    pve::firewall::sets::cluster::CALLS,
    #[cfg(feature = "pve")]
    pve::firewall::sets::qemu::CALLS,
    #[cfg(feature = "pve")]
    pve::firewall::sets::lxc::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::bulk::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::ceph::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::content::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::network::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::system::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::disks::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::packages::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::appliances::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::history::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::vzdump::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::certificates::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::status::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::storage::CALLS,
    #[cfg(feature = "pve")]
    pve::nodes::tasks::CALLS,
    #[cfg(feature = "pve")]
    pve::pools::CALLS,
    #[cfg(feature = "pve")]
    pve::qemu::CALLS,
    #[cfg(feature = "pve")]
    pve::qemu::create::CALLS,
    #[cfg(feature = "pve")]
    pve::qemu::power::CALLS,
    #[cfg(feature = "pve")]
    pve::lxc::CALLS,
    #[cfg(feature = "pve")]
    pve::lxc::create::CALLS,
    #[cfg(feature = "pve")]
    pve::lxc::power::CALLS,
    #[cfg(feature = "pve")]
    pve::qemu::agent::CALLS,
    #[cfg(feature = "pve")]
    pve::qemu::cloud_init::CALLS,
    #[cfg(feature = "pve")]
    pve::qemu::migrate::CALLS,
    #[cfg(feature = "pve")]
    pve::qemu::snapshots::CALLS,
    #[cfg(feature = "pve")]
    pve::qemu::snapshots::create::CALLS,
    #[cfg(feature = "pve")]
    pve::lxc::migrate::CALLS,
    #[cfg(feature = "pve")]
    pve::lxc::snapshots::CALLS,
    #[cfg(feature = "pve")]
    pve::lxc::snapshots::create::CALLS,
    #[cfg(feature = "pve")]
    pve::storage::CALLS,
    #[cfg(feature = "pbs")]
    pbs::CALLS,
    #[cfg(feature = "pbs")]
    pbs::access::users::CALLS,
    #[cfg(feature = "pbs")]
    pbs::access::tokens::CALLS,
    #[cfg(feature = "pbs")]
    pbs::access::acl::CALLS,
    #[cfg(feature = "pbs")]
    pbs::datastores::CALLS,
    #[cfg(feature = "pbs")]
    pbs::definitions::CALLS,
    #[cfg(feature = "pbs")]
    pbs::namespaces::CALLS,
    #[cfg(feature = "pbs")]
    pbs::groups::CALLS,
    #[cfg(feature = "pbs")]
    pbs::snapshots::CALLS,
    #[cfg(feature = "pbs")]
    pbs::upkeep::CALLS,
    #[cfg(feature = "pbs")]
    pbs::node::CALLS,
];

/// Every typed call.
pub fn all() -> impl Iterator<Item = &'static Call> {
    TABLE.iter().flat_map(|calls| calls.iter())
}

/// The typed calls of a method and path template.
pub fn find(product: Product, method: Method, template: &str) -> impl Iterator<Item = &'static Call> {
    all().filter(move |call| call.product == product && call.method == method && call.template == template)
}
