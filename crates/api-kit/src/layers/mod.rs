//! The layers of the stack, each a function: one that goes around what is below it, or one that lets a request pass or refuses it. Their
//! order and the reasons for it are in [`stack`](crate::stack).

mod access;
mod dry_run;
mod path;
mod repeat;
mod request;

pub(crate) use access::{authenticate, authorise, locate};
pub(crate) use dry_run::{DRY_RUN, dry_run};
pub(crate) use path::clean_path;
pub(crate) use repeat::{KEY, LONGEST_KEY, repeat};
pub(crate) use request::{catch_panic, context, deadline, is_read, limit_body, trace};
