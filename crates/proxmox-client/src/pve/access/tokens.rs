//! API tokens of users.

use serde::Deserialize;

use super::Access;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{TokenId, UserId};
use crate::params::{Always, params};
use crate::secret::Secret;

/// A row of a user's tokens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TokenRow {
    /// The token's name, without the user.
    pub tokenid: String,
    /// Remark.
    pub comment: Option<String>,
    /// Unix time after which it is refused; 0 is never.
    pub expire: Option<u64>,
    /// Whether it has only rights of its own, limited to its owner's.
    pub privsep: Option<bool>,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TokenDetails {
    /// Remark.
    pub comment: Option<String>,
    /// Unix time after which it is refused; 0 is never.
    pub expire: Option<u64>,
    /// Whether it has only rights of its own, limited to its owner's.
    pub privsep: Option<bool>,
}

/// A token just made. The secret is not shown again.
#[derive(Debug, Clone, Deserialize)]
pub struct NewToken {
    /// Its whole id.
    #[serde(rename = "full-tokenid")]
    pub full_tokenid: TokenId,
    /// Its properties.
    pub info: Option<TokenDetails>,
    /// Its secret.
    pub value: Secret,
}

/// A token with a new secret, shown this once.
#[derive(Debug, Clone, Deserialize)]
pub struct RegeneratedToken {
    /// The new secret.
    pub value: Secret,
}

params! {
    /// What a new token is like.
    #[derive(Debug, Clone, Default)]
    pub struct CreateToken {
        /// Remark.
        comment: Option<String> = "comment",
        /// Unix time after which it is refused; 0 is never.
        expire: Option<u64> = "expire",
        /// Whether it has only rights of its own, limited to its owner's. The server's default is that it does.
        privsep: Option<bool> = "privsep",
    }

    /// A change of a token.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateToken {
        /// Remark.
        comment: Option<String> = "comment",
        /// Unix time after which it is refused; 0 is never.
        expire: Option<u64> = "expire",
        /// Whether it has only rights of its own, limited to its owner's.
        privsep: Option<bool> = "privsep",
    }

    /// A new secret for a token.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct RegenerateToken {
        /// Always so.
        regenerate: Always = "regenerate",
    }
}

calls! { Pve:
    LIST "access().tokens" = Get "/access/users/{userid}/token" () -> Vec<TokenRow>;
    GET "access().token" = Get "/access/users/{userid}/token/{tokenid}" () -> TokenDetails;
    CREATE "access().create_token" = Post "/access/users/{userid}/token/{tokenid}" (CreateToken) -> NewToken;
    UPDATE "access().update_token" = Put "/access/users/{userid}/token/{tokenid}" (UpdateToken) -> TokenDetails;
    REGENERATE "access().regenerate_token" = Put "/access/users/{userid}/token/{tokenid}" (RegenerateToken) -> RegeneratedToken, from 9 2;
    DELETE "access().delete_token" = Delete "/access/users/{userid}/token/{tokenid}" () -> ();
}

impl Access<'_> {
    /// A user's tokens.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn tokens(&self, user: &UserId) -> Result<Vec<TokenRow>> {
        self.connection.send(&LIST, &[user.as_str()], &()).await
    }

    /// One token.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_missing`] when there is no such token.
    pub async fn token(&self, token: &TokenId) -> Result<TokenDetails> {
        self.connection.send(&GET, &[token.user().as_str(), token.token_name()], &()).await
    }

    /// Makes a token; its secret is shown this once.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when there is one.
    pub async fn create_token(&self, token: &TokenId, params: &CreateToken) -> Result<NewToken> {
        self.connection.send(&CREATE, &[token.user().as_str(), token.token_name()], params).await
    }

    /// Changes a token, not its secret.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_token(&self, token: &TokenId, change: &UpdateToken) -> Result<TokenDetails> {
        self.connection.send(&UPDATE, &[token.user().as_str(), token.token_name()], change).await
    }

    /// Gives a token a new secret; the old one is refused from then on. PVE 9.2 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn regenerate_token(&self, token: &TokenId) -> Result<RegeneratedToken> {
        let params = RegenerateToken::default();
        self.connection.send(&REGENERATE, &[token.user().as_str(), token.token_name()], &params).await
    }

    /// Removes a token with its ACL entries.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_token(&self, token: &TokenId) -> Result<()> {
        self.connection.send(&DELETE, &[token.user().as_str(), token.token_name()], &()).await
    }
}
