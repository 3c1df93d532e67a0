//! Who may do what on a backup server.

pub mod acl;
pub mod tokens;
pub mod users;

pub use acl::{ListPbsAcl, PbsAclRow, PbsPermissionQuery, PbsRole, PbsRoleRow, PbsSubjectKind};
pub use tokens::{CreatePbsToken, NewPbsSecret, NewPbsToken, PbsToken, UpdatePbsToken};
pub use users::{ChangePbsPassword, CreatePbsUser, PbsRealm, PbsUser, UpdatePbsUser};

use crate::transport::Connection;

/// Users, tokens, ACL.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    pub(crate) connection: &'a Connection,
}
