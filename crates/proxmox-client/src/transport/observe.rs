//! The hook that sees every call, and the id that ties a call to the request it is made for.

use std::sync::Arc;
use std::time::Duration;

use crate::call::Product;
use crate::error::{CallName, Error};

/// Sees every attempt of every call, after it. Must be quick: it runs in the caller's task.
pub trait Observer: Send + Sync {
    /// One attempt has ended.
    fn call(&self, record: &CallRecord<'_>);
}

/// One attempt at one address.
#[derive(Debug)]
pub struct CallRecord<'a> {
    /// Which kind of server.
    pub product: Product,
    /// Method and path template.
    pub call: &'a CallName,
    /// `host:port`.
    pub host: &'a str,
    /// The HTTP status of a success, or the failure.
    pub outcome: Result<u16, &'a Error>,
    /// How long it took, waiting for a slot included.
    pub duration: Duration,
    /// The `X-Request-Id` it carried.
    pub request_id: Option<&'a str>,
}

tokio::task_local! {
    static REQUEST_ID: Arc<str>;
}

/// Runs work all of whose calls, by whatever client, carry this id as `X-Request-Id` and in their log lines: for programs that
/// serve requests themselves. A client made with `with_request_id` sends its own. Tasks that the work spawns are outside of it.
pub async fn in_request<F: Future>(id: &str, work: F) -> F::Output {
    REQUEST_ID.scope(printable(id), work).await
}

/// The id that calls made here carry, inside of [`in_request`].
#[must_use]
pub fn current_request_id() -> Option<Arc<str>> {
    REQUEST_ID.try_with(Arc::clone).ok()
}

/// What of an id can be in a header.
pub(super) fn printable(id: &str) -> Arc<str> {
    id.chars().filter(char::is_ascii_graphic).take(128).collect::<String>().into()
}
