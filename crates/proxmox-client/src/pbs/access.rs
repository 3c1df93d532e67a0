//! Users, tokens and rights of a backup server.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;

use crate::call::calls;
use crate::error::Result;
use crate::ids::{AclPath, AuthId, InvalidId, TokenId, UserId};
use crate::params::{Repeated, Switch, params, words};
use crate::permissions::{AclEntry, AclSubject};
use crate::secret::Secret;
use crate::transport::Connection;

/// Users, tokens, ACL.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    pub(crate) connection: &'a Connection,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PbsUser {
    /// Who.
    pub userid: UserId,
    /// Whether it may log in; it may when this is missing.
    pub enable: Option<bool>,
    /// Unix time after which it may not; 0 is never.
    pub expire: Option<u64>,
    /// First name.
    pub firstname: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// Where mail for it goes.
    pub email: Option<String>,
    /// Remark.
    pub comment: Option<String>,
    /// Its tokens, when they were asked for.
    #[serde(default)]
    pub tokens: Vec<PbsToken>,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PbsToken {
    /// Its whole id.
    pub tokenid: TokenId,
    /// Whether it may be used; it may when this is missing.
    pub enable: Option<bool>,
    /// Unix time after which it is refused; 0 is never.
    pub expire: Option<u64>,
    /// Remark.
    pub comment: Option<String>,
}

/// A token just made. The secret is not shown again.
#[derive(Debug, Clone, Deserialize)]
pub struct NewPbsToken {
    /// Its whole id.
    pub tokenid: TokenId,
    /// Its secret.
    pub value: Secret,
}

/// A new secret for a token, shown this once.
#[derive(Debug, Clone, Deserialize)]
pub struct NewPbsSecret {
    /// The secret; another key than [`NewPbsToken::value`].
    pub secret: Secret,
}

words! {
    /// Whom an entry names.
    pub enum PbsSubjectKind {
        /// A user or token.
        User = "user",
        /// A group.
        Group = "group",
    }

    /// The roles of a backup server; there are no others.
    pub enum PbsRole {
        /// Everything.
        Admin = "Admin",
        /// Seeing everything.
        Audit = "Audit",
        /// Nothing, whatever else is given.
        NoAccess = "NoAccess",
        /// Everything on datastores but making them.
        DatastoreAdmin = "DatastoreAdmin",
        /// Reading and verifying backups.
        DatastoreReader = "DatastoreReader",
        /// Making and reading own backups.
        DatastoreBackup = "DatastoreBackup",
        /// The same, and pruning own backups.
        DatastorePowerUser = "DatastorePowerUser",
        /// Seeing datastores.
        DatastoreAudit = "DatastoreAudit",
        /// Seeing remotes.
        RemoteAudit = "RemoteAudit",
        /// Changing remotes.
        RemoteAdmin = "RemoteAdmin",
        /// Pulling from remotes.
        RemoteSyncOperator = "RemoteSyncOperator",
        /// Pushing to remotes.
        RemoteSyncPushOperator = "RemoteSyncPushOperator",
        /// Pushing to remotes and pruning there.
        RemoteDatastorePowerUser = "RemoteDatastorePowerUser",
        /// Everything on datastores of remotes.
        RemoteDatastoreAdmin = "RemoteDatastoreAdmin",
        /// Seeing tapes.
        TapeAudit = "TapeAudit",
        /// Changing tapes.
        TapeAdmin = "TapeAdmin",
        /// Writing tapes.
        TapeOperator = "TapeOperator",
        /// Reading tapes.
        TapeReader = "TapeReader",
    }
}

/// A row of the ACL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct PbsAclRow {
    /// Where.
    pub path: AclPath,
    /// Which kind of subject.
    pub ugid_type: PbsSubjectKind,
    /// The user, token or group.
    pub ugid: String,
    /// The role.
    pub roleid: PbsRole,
    /// Whether it holds below the path too.
    #[serde(default)]
    pub propagate: bool,
}

impl PbsAclRow {
    /// The row as an entry of the permission maths.
    ///
    /// # Errors
    /// When the user or token is not a valid id.
    pub fn to_entry(&self) -> Result<AclEntry, InvalidId> {
        let subject = match self.ugid_type {
            PbsSubjectKind::Group => AclSubject::Group(self.ugid.clone()),
            _ => self.ugid.parse::<AuthId>()?.into(),
        };
        Ok(AclEntry { path: self.path.clone(), subject, role: self.roleid.to_string(), propagate: self.propagate })
    }
}

params! {
    /// Which users.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct ListPbsUsers {
        /// With their tokens.
        include_tokens: Switch = "include_tokens",
    }

    /// A new user.
    #[derive(Debug, Clone)]
    pub struct CreatePbsUser {
        /// Who.
        userid: UserId = "userid",
        /// Its password, for the realm `pbs`.
        password: Option<SecretString> = "password",
        /// Whether it may log in.
        enable: Option<bool> = "enable",
        /// Unix time after which it may not; 0 is never.
        expire: Option<u64> = "expire",
        /// Remark.
        comment: Option<String> = "comment",
        /// Where mail for it goes.
        email: Option<String> = "email",
    }

    /// A change of a user. What is not set stays.
    #[derive(Debug, Clone, Default)]
    pub struct UpdatePbsUser {
        /// Whether it may log in.
        enable: Option<bool> = "enable",
        /// Unix time after which it may not; 0 is never.
        expire: Option<u64> = "expire",
        /// Remark.
        comment: Option<String> = "comment",
        /// Where mail for it goes.
        email: Option<String> = "email",
        /// Properties to remove.
        delete: Repeated = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// A new token.
    #[derive(Debug, Clone, Default)]
    pub struct CreatePbsToken {
        /// Remark.
        comment: Option<String> = "comment",
        /// Whether it may be used.
        enable: Option<bool> = "enable",
        /// Unix time after which it is refused; 0 is never.
        expire: Option<u64> = "expire",
    }

    /// A new secret for a token.
    #[derive(Debug, Clone, Copy)]
    pub struct RegeneratePbsToken {
        /// Always true.
        regenerate: bool = "regenerate",
    }

    /// A change of the ACL: one role for one subject.
    #[derive(Debug, Clone)]
    pub struct ChangePbsAcl {
        /// Where.
        path: AclPath = "path",
        /// Which role.
        role: PbsRole = "role",
        /// For which user or token.
        auth_id: Option<AuthId> = "auth-id",
        /// For which group.
        group: Option<String> = "group",
        /// Whether below the path too.
        propagate: Option<bool> = "propagate",
        /// Whether to take instead of give.
        delete: Switch = "delete",
    }

    /// Which part of the ACL.
    #[derive(Debug, Clone, Default)]
    pub struct ListPbsAcl {
        /// A path.
        path: Option<AclPath> = "path",
        /// Whether only entries on exactly that path.
        exact: Switch = "exact",
    }

    /// Whose permissions, and where.
    #[derive(Debug, Clone, Default)]
    pub struct PbsPermissionQuery {
        /// One path; without it all that matter.
        path: Option<AclPath> = "path",
        /// Another subject than the caller.
        auth_id: Option<AuthId> = "auth-id",
    }
}

calls! { Pbs:
    USERS "access().users" = Get "/access/users" (ListPbsUsers) -> Vec<PbsUser>;
    USER "access().user" = Get "/access/users/{userid}" () -> PbsUser;
    CREATE_USER "access().create_user" = Post "/access/users" (CreatePbsUser) -> ();
    UPDATE_USER "access().update_user" = Put "/access/users/{userid}" (UpdatePbsUser) -> ();
    DELETE_USER "access().delete_user" = Delete "/access/users/{userid}" () -> ();
    TOKENS "access().tokens" = Get "/access/users/{userid}/token" () -> Vec<PbsToken>;
    TOKEN "access().token" = Get "/access/users/{userid}/token/{token-name}" () -> PbsToken;
    CREATE_TOKEN "access().create_token" = Post "/access/users/{userid}/token/{token-name}" (CreatePbsToken) -> NewPbsToken;
    REGENERATE "access().regenerate_token" = Put "/access/users/{userid}/token/{token-name}" (RegeneratePbsToken) -> NewPbsSecret, from 4 0;
    DELETE_TOKEN "access().delete_token" = Delete "/access/users/{userid}/token/{token-name}" () -> ();
    ACL "access().acl" = Get "/access/acl" (ListPbsAcl) -> Vec<PbsAclRow>;
    CHANGE_ACL "access().change_acl" = Put "/access/acl" (ChangePbsAcl) -> ();
    PERMISSIONS "access().permissions" = Get "/access/permissions" (PbsPermissionQuery) -> BTreeMap<String, BTreeMap<String, bool>>;
}

impl Access<'_> {
    /// The users that the caller may see, with their tokens.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn users(&self) -> Result<Vec<PbsUser>> {
        self.connection.send(&USERS, &[], &ListPbsUsers { include_tokens: Switch::On }).await
    }

    /// One user.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_missing`] when there is no such user.
    pub async fn user(&self, user: &UserId) -> Result<PbsUser> {
        self.connection.send(&USER, &[user.as_str()], &()).await
    }

    /// Makes a user.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when there is one.
    pub async fn create_user(&self, user: &CreatePbsUser) -> Result<()> {
        self.connection.send(&CREATE_USER, &[], user).await
    }

    /// Changes a user.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_user(&self, user: &UserId, change: &UpdatePbsUser) -> Result<()> {
        self.connection.send(&UPDATE_USER, &[user.as_str()], change).await
    }

    /// Removes a user with its tokens.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_user(&self, user: &UserId) -> Result<()> {
        self.connection.send(&DELETE_USER, &[user.as_str()], &()).await
    }

    /// A user's tokens.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn tokens(&self, user: &UserId) -> Result<Vec<PbsToken>> {
        self.connection.send(&TOKENS, &[user.as_str()], &()).await
    }

    /// One token.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_missing`] when there is no such token.
    pub async fn token(&self, token: &TokenId) -> Result<PbsToken> {
        self.connection.send(&TOKEN, &[token.user().as_str(), token.token_name()], &()).await
    }

    /// Makes a token; its secret is shown this once. It can do nothing until both it and its owner are given a role.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_token(&self, token: &TokenId, params: &CreatePbsToken) -> Result<NewPbsToken> {
        self.connection.send(&CREATE_TOKEN, &[token.user().as_str(), token.token_name()], params).await
    }

    /// Gives a token a new secret; the old one is refused from then on. PBS 4 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn regenerate_token(&self, token: &TokenId) -> Result<NewPbsSecret> {
        let params = RegeneratePbsToken { regenerate: true };
        self.connection.send(&REGENERATE, &[token.user().as_str(), token.token_name()], &params).await
    }

    /// Removes a token.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_token(&self, token: &TokenId) -> Result<()> {
        self.connection.send(&DELETE_TOKEN, &[token.user().as_str(), token.token_name()], &()).await
    }

    /// The ACL, as far as the caller may see it.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn acl(&self) -> Result<Vec<PbsAclRow>> {
        self.connection.send(&ACL, &[], &ListPbsAcl::default()).await
    }

    /// Gives a role. It takes effect within five seconds.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn grant(&self, entry: &AclEntry) -> Result<()> {
        self.change_acl(entry, Switch::Off).await
    }

    /// Takes a role.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn revoke(&self, entry: &AclEntry) -> Result<()> {
        self.change_acl(entry, Switch::On).await
    }

    async fn change_acl(&self, entry: &AclEntry, delete: Switch) -> Result<()> {
        let (auth_id, group) = match &entry.subject {
            AclSubject::User(user) => (Some(AuthId::User(user.clone())), None),
            AclSubject::Token(token) => (Some(AuthId::Token(token.clone())), None),
            AclSubject::Group(group) => (None, Some(group.clone())),
        };
        let role = PbsRole::from(entry.role.as_str());
        let change =
            ChangePbsAcl { path: entry.path.clone(), role, auth_id, group, propagate: Some(entry.propagate), delete };
        self.connection.send(&CHANGE_ACL, &[], &change).await
    }

    /// What a subject may do: by path, the privileges, each with whether it holds below the path too.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn permissions(&self, query: &PbsPermissionQuery) -> Result<BTreeMap<String, BTreeMap<String, bool>>> {
        self.connection.send(&PERMISSIONS, &[], query).await
    }
}
