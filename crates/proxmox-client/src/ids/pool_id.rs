//! The name of a pool, nested up to three levels.

use std::fmt;
use std::str::FromStr;

use super::{AclPath, InvalidId, is_safe_id, serde_as_text};

/// A pool: `a`, `a/b` or `a/b/c`. The parents have to exist for it to be created.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(String);

impl PoolId {
    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pool this one is nested in.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }

    /// The pool `name` nested in this one.
    ///
    /// # Errors
    /// When the name is not valid or the pool would be on a fourth level.
    pub fn child(&self, name: &str) -> Result<Self, InvalidId> {
        format!("{}/{name}", self.0).parse()
    }

    /// The path that rights on the pool are given on.
    #[must_use]
    pub fn acl_path(&self) -> AclPath {
        AclPath::from_trusted(format!("/pool/{}", self.0))
    }
}

impl FromStr for PoolId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if !text.split('/').all(is_safe_id) {
            return Err(InvalidId::new("pool id", text, "each level must be letters, digits, '.', '-' and '_'"));
        }
        if text.split('/').count() > 3 {
            return Err(InvalidId::new("pool id", text, "pools nest at most three levels deep"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(PoolId);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nesting_is_bounded() {
        let pool: PoolId = "a/b".parse().unwrap();
        assert_eq!(pool.parent().unwrap().as_str(), "a");
        assert_eq!(pool.child("c").unwrap().acl_path().as_str(), "/pool/a/b/c");
        assert!(pool.child("c").unwrap().child("d").is_err());
        for text in ["", "/", "a/", "/a", "a//b", "a b", "ä"] {
            assert!(text.parse::<PoolId>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trip(text in "[A-Za-z0-9._-]{1,8}(/[A-Za-z0-9._-]{1,8}){0,2}") {
            prop_assert_eq!(text.parse::<PoolId>().unwrap().to_string(), text);
        }
    }
}
