//! `/access`: who there is and what they may do.

pub mod acl;
pub mod domains;
pub mod groups;
pub mod roles;
pub mod tickets;
pub mod tokens;
pub mod users;

use crate::transport::Connection;

/// Users, groups, roles, tokens, ACL.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    pub(crate) connection: &'a Connection,
}
