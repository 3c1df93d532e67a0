//! `/nodes/{node}/lxc`: containers.

mod config;
mod create;
mod list;
mod rights;

use super::Table;

/// Gives the calls of this subject their handlers.
pub(super) fn simulate(table: &mut Table) {
    for calls in [list::CALLS, create::CALLS, config::CALLS] {
        table.simulate(calls.iter().copied());
    }
}
