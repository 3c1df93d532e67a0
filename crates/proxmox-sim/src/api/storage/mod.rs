//! `/storage` and `/nodes/{node}/storage`: definitions, and what is on them.

mod access;
mod backups;
mod content;
mod definitions;
mod download;
mod inside;
mod restore_file;
mod status;
mod upload;

use super::Table;

/// Gives the calls below these paths their handlers.
pub(super) fn simulate(table: &mut Table) {
    for calls in [
        definitions::CALLS,
        status::CALLS,
        content::CALLS,
        backups::CALLS,
        upload::CALLS,
        download::CALLS,
        inside::CALLS,
        restore_file::CALLS,
    ] {
        table.simulate(calls.iter().copied());
    }
}
