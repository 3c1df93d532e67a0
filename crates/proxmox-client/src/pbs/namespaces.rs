//! Namespaces: how a datastore is divided among those who back up to it.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::datastores::Datastore;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{InvalidId, is_safe_id, serde_as_text};
use crate::params::{Field, Kind, Params, Switch, params};

/// A namespace: parts joined by slashes, at most seven. The root is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Namespace(String);

impl Namespace {
    /// The root.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Whether it is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The namespace it is in, and its name there; `None` for the root.
    #[must_use]
    pub fn split(&self) -> Option<(Self, &str)> {
        match self.0.rsplit_once('/') {
            Some((parent, name)) => Some((Self(parent.to_owned()), name)),
            None => (!self.is_root()).then(|| (Self::root(), self.0.as_str())),
        }
    }
}

impl FromStr for Namespace {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() {
            return Ok(Self::root());
        }
        if text.len() > 256 || text.split('/').count() > 7 {
            return Err(InvalidId::new("namespace", text, "is longer than 256 bytes or deeper than 7 levels"));
        }
        if !text.split('/').all(|part| is_safe_id(part) && !part.starts_with(['.', '-'])) {
            return Err(InvalidId::new("namespace", text, "each level must be letters, digits, '.', '-' and '_'"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Namespace);

/// The root is not written.
impl Field for Namespace {
    const KIND: Kind = Kind::Text;
    const REQUIRED: bool = false;
    fn put(&self, name: &str, out: &mut Params) {
        if !self.is_root() {
            out.push(name, self.0.as_str());
        }
    }
}

params! {
    /// Which namespaces.
    #[derive(Debug, Clone, Default)]
    pub struct NamespaceFilter {
        /// Those below this one.
        parent: Namespace = "parent",
        /// How deep below it.
        max_depth: Option<u8> = "max-depth",
    }

    /// A new namespace.
    #[derive(Debug, Clone)]
    pub struct CreateNamespace {
        /// Its name in its parent.
        name: String = "name",
        /// The namespace it is made in.
        parent: Namespace = "parent",
    }

    /// A namespace to remove.
    #[derive(Debug, Clone)]
    pub struct DeleteNamespace {
        /// Which.
        ns: String = "ns",
        /// Whether the groups in it are removed too.
        delete_groups: Switch = "delete-groups",
    }
}

/// A namespace as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamespaceRow {
    /// Which.
    pub ns: Namespace,
    /// Remark.
    pub comment: Option<String>,
}

calls! { Pbs:
    NAMESPACES "datastore(s).namespaces" = Get "/admin/datastore/{store}/namespace" (NamespaceFilter) -> Vec<NamespaceRow>;
    CREATE_NAMESPACE "datastore(s).create_namespace" = Post "/admin/datastore/{store}/namespace" (CreateNamespace) -> Option<Namespace>;
    DELETE_NAMESPACE "datastore(s).delete_namespace" = Delete "/admin/datastore/{store}/namespace" (DeleteNamespace) -> ();
}

impl Datastore<'_> {
    /// The namespaces that the caller may see.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn namespaces(&self, filter: &NamespaceFilter) -> Result<Vec<NamespaceRow>> {
        self.connection.send(&NAMESPACES, &[self.name], filter).await
    }

    /// Makes a namespace; its parent has to exist.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_namespace(&self, namespace: &Namespace) -> Result<()> {
        let Some((parent, name)) = namespace.split() else { return Ok(()) };
        let params = CreateNamespace { name: name.to_owned(), parent };
        self.connection.send(&CREATE_NAMESPACE, &[self.name], &params).await.map(drop)
    }

    /// Removes a namespace, with the groups in it if told so.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_namespace(&self, namespace: &Namespace, delete_groups: Switch) -> Result<()> {
        let params = DeleteNamespace { ns: namespace.to_string(), delete_groups };
        self.connection.send(&DELETE_NAMESPACE, &[self.name], &params).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn namespaces_are_bounded() {
        let ns: Namespace = "a/b".parse().unwrap();
        assert_eq!(ns.split(), Some(("a".parse().unwrap(), "b")));
        assert_eq!("a".parse::<Namespace>().unwrap().split(), Some((Namespace::root(), "a")));
        assert_eq!(Namespace::root().split(), None);
        for bad in ["/", "a/", "a//b", "a b", "../x", "1/2/3/4/5/6/7/8"] {
            assert!(bad.parse::<Namespace>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trip(parts in proptest::collection::vec("[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", 0..=7)) {
            let text = parts.join("/");
            let ns: Namespace = text.parse().unwrap();
            prop_assert_eq!(ns.to_string(), text);
            if let Some((parent, name)) = ns.split() {
                prop_assert_eq!((parent.to_string(), Some(name)), (parts[..parts.len() - 1].join("/"), parts.last().map(String::as_str)));
            }
        }
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            if let Ok(ns) = text.parse::<Namespace>() {
                prop_assert_eq!(ns.to_string(), text);
            }
        }
    }
}
