//! `/nodes/{node}/qemu`: virtual machines.

mod agent;
mod cloudinit;
mod config;
mod console;
mod create;
mod list;
mod rights;

use super::Table;
use super::guests::target;

pub(in crate::api) use list::guest_chart;
pub(in crate::api) use rights::check_ssh_keys;

/// Gives the calls of this subject their handlers.
pub(super) fn simulate(table: &mut Table) {
    for calls in [list::CALLS, create::CALLS, config::CALLS, cloudinit::CALLS, agent::CALLS, console::CALLS] {
        table.simulate(calls.iter().copied());
    }
}
