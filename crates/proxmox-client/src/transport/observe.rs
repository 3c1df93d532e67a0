//! The hook that sees every call.

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
}
