//! Accounts: tenants, each a pool and a group on its clusters.
//!
//! `record` makes, adopts and shows them, `status` suspends and the like, `collection` deletes them, `care` looks after them;
//! `settings` and `tokens` are what hangs on them.

mod care;
mod collection;
mod record;
mod settings;
mod status;
mod tokens;

use bnna_api_kit::Routes;
use bnna_platform::Platform;

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new()
        .merge(record::routes())
        .merge(status::routes())
        .merge(collection::routes())
        .merge(care::routes())
        .merge(settings::routes())
        .merge(tokens::routes())
}
