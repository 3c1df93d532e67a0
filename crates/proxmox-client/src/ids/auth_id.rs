//! Who calls: a user of a realm, or a token of such a user. The same words on PVE and PBS.

use std::fmt;
use std::str::FromStr;

use super::{InvalidId, is_safe_id, serde_as_text};

/// The longest user id Proxmox accepts, realm included.
const MAX_USER_ID: usize = 64;

/// A user: `name@realm`. The name has no blank, colon or slash; the realm is letters, digits, `.`, `-`, `_`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId {
    text: String,
    at: usize,
}

impl UserId {
    /// The superuser of both products.
    #[must_use]
    pub fn root() -> Self {
        Self { text: "root@pam".to_owned(), at: 4 }
    }

    /// The user `name` of `realm`.
    ///
    /// # Errors
    /// When the two do not make a valid id.
    pub fn new(name: &str, realm: &str) -> Result<Self, InvalidId> {
        format!("{name}@{realm}").parse()
    }

    /// The part before the realm.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// The realm.
    #[must_use]
    pub fn realm(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this is exactly `root@pam`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.text == "root@pam"
    }
}

impl FromStr for UserId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bad = |reason| Err(InvalidId::new("user id", text, reason));
        if text.len() > MAX_USER_ID {
            return bad("is longer than 64 bytes");
        }
        let Some((name, realm)) = text.rsplit_once('@') else { return bad("has no realm (name@realm)") };
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, ':' | '/')) {
            return bad("the name is empty or has a blank, a colon or a slash");
        }
        if !is_safe_id(realm) || realm.starts_with(['.', '-']) {
            return bad("the realm is not letters, digits, '.', '-' and '_'");
        }
        Ok(Self { text: text.to_owned(), at: name.len() })
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A token of a user: `name@realm!token`. On PVE the token's name has at least two characters and begins with a
/// letter; PBS is less strict, and so is this type: the server says no where it must.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId {
    user: UserId,
    token: String,
}

impl TokenId {
    /// The token `token` of `user`.
    ///
    /// # Errors
    /// When the name is not letters, digits, `.`, `-`, `_`.
    pub fn new(user: UserId, token: &str) -> Result<Self, InvalidId> {
        if !is_safe_id(token) || token.starts_with(['.', '-']) {
            return Err(InvalidId::new("token name", token, "is not letters, digits, '.', '-' and '_'"));
        }
        Ok(Self { user, token: token.to_owned() })
    }

    /// The owner.
    #[must_use]
    pub const fn user(&self) -> &UserId {
        &self.user
    }

    /// The part after the exclamation mark.
    #[must_use]
    pub fn token_name(&self) -> &str {
        &self.token
    }
}

impl FromStr for TokenId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let Some((user, token)) = text.rsplit_once('!') else {
            return Err(InvalidId::new("token id", text, "has no token name (name@realm!token)"));
        };
        Self::new(user.parse()?, token)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}!{}", self.user, self.token)
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A user or a token: whoever a right can be given to directly, and whoever a request comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthId {
    /// The user itself (a ticket).
    User(UserId),
    /// One of its tokens.
    Token(TokenId),
}

impl AuthId {
    /// The user behind it.
    #[must_use]
    pub const fn user(&self) -> &UserId {
        match self {
            Self::User(user) => user,
            Self::Token(token) => token.user(),
        }
    }

    /// The token, when it is one.
    #[must_use]
    pub const fn token(&self) -> Option<&TokenId> {
        match self {
            Self::User(_) => None,
            Self::Token(token) => Some(token),
        }
    }

    /// Whether this is `root@pam` itself. A token of root is not, even without privilege separation.
    #[must_use]
    pub fn is_root_user(&self) -> bool {
        matches!(self, Self::User(user) if user.is_root())
    }
}

impl FromStr for AuthId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // A user name may contain '!', a realm may not: only what follows the realm is a token.
        if let Ok(token) = text.parse::<TokenId>() {
            return Ok(Self::Token(token));
        }
        text.parse().map(Self::User)
    }
}

impl fmt::Display for AuthId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => fmt::Display::fmt(user, f),
            Self::Token(token) => fmt::Display::fmt(token, f),
        }
    }
}

impl fmt::Debug for AuthId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<UserId> for AuthId {
    fn from(user: UserId) -> Self {
        Self::User(user)
    }
}

impl From<TokenId> for AuthId {
    fn from(token: TokenId) -> Self {
        Self::Token(token)
    }
}

serde_as_text!(UserId);
serde_as_text!(TokenId);
serde_as_text!(AuthId);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_are_what_they_say() {
        let token: TokenId = "max@b@pve!ci".parse().unwrap();
        assert_eq!((token.user().name(), token.user().realm(), token.token_name()), ("max@b", "pve", "ci"));
        assert_eq!("wow!@pve".parse::<AuthId>().unwrap(), AuthId::User("wow!@pve".parse().unwrap()));
        assert!(AuthId::from(UserId::root()).is_root_user());
        assert!(!"root@pam!x".parse::<AuthId>().unwrap().is_root_user());
    }

    #[test]
    fn malformed_ids_are_refused() {
        for text in
            ["", "root", "@pam", "root@", "ro ot@pam", "a:b@pam", "a/b@pam", "root@pa m", "root@pam!", "root@-x"]
        {
            assert!(text.parse::<AuthId>().is_err(), "{text:?}");
        }
        assert!(format!("{}@pve", "x".repeat(61)).parse::<UserId>().is_err());
    }

    proptest! {
        #[test]
        fn text_round_trip(text in "[a-zA-Z0-9!@._äß-]{1,12}@[a-z][a-z0-9.-]{1,8}(![A-Za-z][A-Za-z0-9._-]{1,8})?") {
            let parsed: AuthId = text.parse().unwrap();
            prop_assert_eq!(parsed.to_string(), text);
        }
        #[test]
        fn never_panics(text in ".{0,80}") {
            if let Ok(parsed) = text.parse::<AuthId>() {
                prop_assert_eq!(parsed.to_string(), text);
            }
        }
    }
}
