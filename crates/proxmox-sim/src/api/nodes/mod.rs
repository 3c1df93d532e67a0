//! `/nodes`: the members, what each tells about itself, its tasks, and its calls for many guests.

mod bulk;
mod capabilities;
mod certificates;
mod devices;
mod facts;
mod list;
mod packages;
mod picture;
mod rrd;
mod services;
mod settings;
mod status;
mod tasks;
mod vzdump;

use super::Table;

/// Gives the calls below these paths their handlers.
pub(super) fn simulate(table: &mut Table) {
    for calls in [
        list::CALLS,
        status::CALLS,
        facts::CALLS,
        capabilities::CALLS,
        certificates::CALLS,
        devices::CALLS,
        packages::CALLS,
        picture::CALLS,
        services::CALLS,
        settings::CALLS,
        rrd::CALLS,
        tasks::CALLS,
        vzdump::CALLS,
        bulk::CALLS,
    ] {
        table.simulate(calls.iter().copied());
    }
}

pub(in crate::api) use rrd::rows as rrd_rows;
