//! API tokens of users. They start with no rights, and never have more than their owner.

use serde::Deserialize;

use super::Access;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{TokenId, UserId};
use crate::params::{Always, Repeated, params};
use crate::secret::Secret;

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

params! {
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
    #[derive(Debug, Clone, Copy, Default)]
    pub struct RegeneratePbsToken {
        /// Always so.
        regenerate: Always = "regenerate",
    }

    /// A change of a token. What is not set stays.
    #[derive(Debug, Clone, Default)]
    pub struct UpdatePbsToken {
        /// Remark.
        comment: Option<String> = "comment",
        /// Whether it may be used.
        enable: Option<bool> = "enable",
        /// Unix time after which it is refused; 0 is never.
        expire: Option<u64> = "expire",
        /// Properties to remove.
        delete: Repeated = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }
}

calls! { Pbs:
    TOKENS "access().tokens" = Get "/access/users/{userid}/token" () -> Vec<PbsToken>;
    TOKEN "access().token" = Get "/access/users/{userid}/token/{token-name}" () -> PbsToken;
    CREATE_TOKEN "access().create_token" = Post "/access/users/{userid}/token/{token-name}" (CreatePbsToken) -> NewPbsToken;
    UPDATE_TOKEN "access().update_token" = Put "/access/users/{userid}/token/{token-name}" (UpdatePbsToken) -> ();
    REGENERATE "access().regenerate_token" = Put "/access/users/{userid}/token/{token-name}" (RegeneratePbsToken) -> NewPbsSecret, from 4 0;
    DELETE_TOKEN "access().delete_token" = Delete "/access/users/{userid}/token/{token-name}" () -> ();
}

impl Access<'_> {
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

    /// Changes a token, not its secret.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when the digest does not fit.
    pub async fn update_token(&self, token: &TokenId, change: &UpdatePbsToken) -> Result<()> {
        self.connection.send(&UPDATE_TOKEN, &[token.user().as_str(), token.token_name()], change).await
    }

    /// Gives a token a new secret; the old one is refused from then on. PBS 4 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn regenerate_token(&self, token: &TokenId) -> Result<NewPbsSecret> {
        let params = RegeneratePbsToken::default();
        self.connection.send(&REGENERATE, &[token.user().as_str(), token.token_name()], &params).await
    }

    /// Removes a token.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_token(&self, token: &TokenId) -> Result<()> {
        self.connection.send(&DELETE_TOKEN, &[token.user().as_str(), token.token_name()], &()).await
    }
}
