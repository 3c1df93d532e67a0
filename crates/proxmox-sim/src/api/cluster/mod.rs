//! `/cluster`: what the whole cluster shows: its resources, members, options, log and latest tasks, and actions on many guests.

pub(in crate::api) mod bulk;
mod config;
mod log;
mod members;
mod options;
mod resources;
mod tasks;

use super::Table;

/// Gives the calls below these paths their handlers.
pub(super) fn simulate(table: &mut Table) {
    for calls in
        [resources::CALLS, members::CALLS, config::CALLS, options::CALLS, log::CALLS, tasks::CALLS, bulk::CALLS]
    {
        table.simulate(calls.iter().copied());
    }
}

pub(in crate::api) use resources::storage_row;
