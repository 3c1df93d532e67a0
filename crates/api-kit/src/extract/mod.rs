//! What handlers take from a request. Every extractor refuses with an [`ApiError`](crate::ApiError), never with a text of
//! axum's, and never with a status of 500 for something the client sent.

mod caller;
mod json;
mod page;
mod path;
mod prefer;
mod query;
mod strict;

pub use caller::Caller;
pub use json::Json;
pub(crate) use json::{body_error, too_long};
pub use page::{Cursor, Page};
pub use path::Path;
pub use prefer::Prefer;
pub(crate) use query::pairs as query_pairs;
pub use query::{PagedQuery, Query};
