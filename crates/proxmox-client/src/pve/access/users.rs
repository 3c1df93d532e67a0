//! Users.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;

use super::Access;
use super::tokens::TokenRow;
use crate::call::calls;
use crate::error::Result;
use crate::ids::UserId;
use crate::params::{Switch, TextList, params};

/// A row of the list of users.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UserRow {
    /// Who.
    pub userid: UserId,
    /// Whether it may log in.
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
    /// Keys of a second factor, in the old form.
    pub keys: Option<String>,
    /// Its groups; only in a full list.
    #[serde(default)]
    pub groups: TextList,
    /// Its tokens; only in a full list.
    pub tokens: Option<Vec<TokenRow>>,
    /// The kind of its realm.
    #[serde(rename = "realm-type")]
    pub realm_type: Option<String>,
}

impl UserRow {
    /// Whether it may log in. The server leaves the field out when it may.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enable.unwrap_or(true)
    }
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UserDetails {
    /// Whether it may log in.
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
    /// Its groups.
    #[serde(default)]
    pub groups: TextList,
    /// Its tokens by name.
    pub tokens: Option<BTreeMap<String, super::tokens::TokenDetails>>,
}

params! {
    /// Which users, in which detail.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct UserFilter {
        /// Only those that may log in, or only those that may not.
        enabled: Option<bool> = "enabled",
        /// With groups and tokens.
        full: Switch = "full",
    }

    /// A new user.
    #[derive(Debug, Clone)]
    pub struct CreateUser {
        /// Who. A realm that does not exist is accepted by the server.
        userid: UserId = "userid",
        /// Its password, for realms that keep one (`pve`); at least 8 characters.
        password: Option<SecretString> = "password",
        /// Whether it may log in.
        enable: Option<bool> = "enable",
        /// Unix time after which it may not; 0 is never.
        expire: Option<u64> = "expire",
        /// Its groups.
        groups: Vec<String> = "groups",
        /// First name.
        firstname: Option<String> = "firstname",
        /// Last name.
        lastname: Option<String> = "lastname",
        /// Where mail for it goes.
        email: Option<String> = "email",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// A change of a user. What is not set stays.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateUser {
        /// Whether it may log in.
        enable: Option<bool> = "enable",
        /// Unix time after which it may not; 0 is never.
        expire: Option<u64> = "expire",
        /// Its groups: instead of those it has, or beside them with `append`.
        groups: Option<String> = "groups",
        /// Whether `groups` are added.
        append: Switch = "append",
        /// First name.
        firstname: Option<String> = "firstname",
        /// Last name.
        lastname: Option<String> = "lastname",
        /// Where mail for it goes.
        email: Option<String> = "email",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// A new password.
    #[derive(Debug, Clone)]
    pub struct ChangePassword {
        /// Whose.
        userid: UserId = "userid",
        /// The new one.
        password: SecretString = "password",
        /// The caller's own, which recent versions ask for.
        confirmation: Option<SecretString> = "confirmation-password",
    }
}

impl CreateUser {
    /// A user with nothing but an id.
    #[must_use]
    pub const fn new(userid: UserId) -> Self {
        Self {
            userid,
            password: None,
            enable: None,
            expire: None,
            groups: Vec::new(),
            firstname: None,
            lastname: None,
            email: None,
            comment: None,
        }
    }
}

calls! { Pve:
    LIST "access().users" = Get "/access/users" (UserFilter) -> Vec<UserRow>;
    GET "access().user" = Get "/access/users/{userid}" () -> UserDetails;
    CREATE "access().create_user" = Post "/access/users" (CreateUser) -> ();
    UPDATE "access().update_user" = Put "/access/users/{userid}" (UpdateUser) -> ();
    DELETE "access().delete_user" = Delete "/access/users/{userid}" () -> ();
    PASSWORD "access().change_password" = Put "/access/password" (ChangePassword) -> ();
}

impl Access<'_> {
    /// The users that the caller may see.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn users(&self, filter: UserFilter) -> Result<Vec<UserRow>> {
        self.connection.send(&LIST, &[], &filter).await
    }

    /// One user.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_missing`] when there is no such user.
    pub async fn user(&self, user: &UserId) -> Result<UserDetails> {
        self.connection.send(&GET, &[user.as_str()], &()).await
    }

    /// Makes a user.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when there is one.
    pub async fn create_user(&self, user: &CreateUser) -> Result<()> {
        self.connection.send(&CREATE, &[], user).await
    }

    /// Changes a user.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_user(&self, user: &UserId, change: &UpdateUser) -> Result<()> {
        self.connection.send(&UPDATE, &[user.as_str()], change).await
    }

    /// Removes a user with its tokens and ACL entries.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_user(&self, user: &UserId) -> Result<()> {
        self.connection.send(&DELETE, &[user.as_str()], &()).await
    }

    /// Sets a password. No token may do this, only a ticket.
    ///
    /// # Errors
    /// Any failure of the call; 403 for a token.
    pub async fn change_password(&self, change: &ChangePassword) -> Result<()> {
        self.connection.send(&PASSWORD, &[], change).await
    }
}
