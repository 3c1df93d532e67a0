//! Users, and the realms they come from.

use secrecy::SecretString;
use serde::Deserialize;

use super::Access;
use super::tokens::PbsToken;
use crate::call::calls;
use crate::error::Result;
use crate::ids::UserId;
use crate::params::{Repeated, Switch, params};

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

/// A realm: where users come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PbsRealm {
    /// Its id.
    pub realm: String,
    /// `pam`, `pbs`, `ldap`, `ad` or `openid`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Remark.
    pub comment: Option<String>,
    /// Whether it is offered first.
    #[serde(default)]
    pub default: bool,
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

    /// A new password.
    #[derive(Debug, Clone)]
    pub struct ChangePbsPassword {
        /// Whose.
        userid: UserId = "userid",
        /// The new one.
        password: SecretString = "password",
        /// The caller's own, which PBS 4 asks for.
        confirmation: Option<SecretString> = "confirmation-password",
    }
}

calls! { Pbs:
    USERS "access().users" = Get "/access/users" (ListPbsUsers) -> Vec<PbsUser>;
    USER "access().user" = Get "/access/users/{userid}" () -> PbsUser;
    CREATE_USER "access().create_user" = Post "/access/users" (CreatePbsUser) -> ();
    UPDATE_USER "access().update_user" = Put "/access/users/{userid}" (UpdatePbsUser) -> ();
    DELETE_USER "access().delete_user" = Delete "/access/users/{userid}" () -> ();
    PASSWORD "access().change_password" = Put "/access/password" (ChangePbsPassword) -> ();
    REALMS "access().realms" = Get "/access/domains" () -> Vec<PbsRealm>;
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

    /// Sets a password. No token may do this, only a ticket.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn change_password(&self, change: &ChangePbsPassword) -> Result<()> {
        self.connection.send(&PASSWORD, &[], change).await
    }

    /// All realms. Anybody may ask.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn realms(&self) -> Result<Vec<PbsRealm>> {
        self.connection.send(&REALMS, &[], &()).await
    }
}
