//! Snapshots, the same on both kinds of guests.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::ids::{InvalidId, serde_as_text};
use crate::params::{Field, Kind, Params, Switch, params};

/// The name of a snapshot: a letter, then letters, digits, `_` and `-`; 2 to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotName(String);

impl SnapshotName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SnapshotName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bad = |reason| Err(InvalidId::new("snapshot name", text, reason));
        if !(2..=40).contains(&text.len()) {
            return bad("must have 2 to 40 characters");
        }
        if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return bad("must begin with a letter");
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
            return bad("must be letters, digits, '_' and '-'");
        }
        if text == "current" || text == "pending" {
            return bad("is a word with a meaning of its own");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(SnapshotName);

impl Field for SnapshotName {
    const KIND: Kind = Kind::Text;
    fn put(&self, name: &str, out: &mut Params) {
        out.push(name, self.0.as_str());
    }
}

/// A snapshot, or the present state, which is listed as `current` and whose parent is the latest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SnapshotRow {
    /// Its name.
    pub name: String,
    /// Remark.
    #[serde(default)]
    pub description: String,
    /// The snapshot it follows.
    pub parent: Option<String>,
    /// When it was made, Unix seconds; not for the present state.
    pub snaptime: Option<u64>,
    /// Whether memory is in it.
    #[serde(default)]
    pub vmstate: bool,
    /// Whether the guest runs (present state).
    pub running: Option<bool>,
    /// Identifies the configuration (present state).
    pub digest: Option<String>,
}

impl SnapshotRow {
    /// Whether this is the present state and no snapshot.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.name == "current"
    }
}

params! {
    /// A new snapshot.
    #[derive(Debug, Clone)]
    pub struct CreateSnapshot {
        /// Its name.
        snapname: SnapshotName = "snapname",
        /// Remark.
        description: Option<String> = "description",
    }

    /// How to remove a snapshot.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct DeleteSnapshot {
        /// Whether it goes from the configuration even if the storage cannot remove it.
        force: Switch = "force",
    }

    /// A snapshot's remark.
    #[derive(Debug, Clone, Default)]
    pub struct DescribeSnapshot {
        /// The remark.
        description: Option<String> = "description",
    }

    /// How to go back.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct Rollback {
        /// Whether the guest is started afterwards.
        start: Switch = "start",
    }
}

/// The calls for one kind of guest, apart from making a snapshot.
macro_rules! snapshot_calls {
    ($guest:ident $kind:literal $options:ident) => {
        use $crate::call::calls;
        use $crate::error::Result;
        use $crate::ids::Upid;
        use $crate::pve::guests::{
            $options, Config, DeleteSnapshot, DescribeSnapshot, Rollback, SnapshotName, SnapshotRow,
        };
        use $crate::tasks::TaskHandle;

        calls! { Pve:
            LIST { concat!($kind, "(n, id).snapshots") } = Get { concat!("/nodes/{node}/", $kind, "/{vmid}/snapshot") } () -> Vec<SnapshotRow>;
            CONFIG { concat!($kind, "(n, id).snapshot_config") } = Get { concat!("/nodes/{node}/", $kind, "/{vmid}/snapshot/{snapname}/config") } () -> Config<$options>;
            DELETE { concat!($kind, "(n, id).delete_snapshot") } = Delete { concat!("/nodes/{node}/", $kind, "/{vmid}/snapshot/{snapname}") } (DeleteSnapshot) -> Upid;
            DESCRIBE { concat!($kind, "(n, id).describe_snapshot") } = Put { concat!("/nodes/{node}/", $kind, "/{vmid}/snapshot/{snapname}/config") } (DescribeSnapshot) -> ();
            ROLLBACK { concat!($kind, "(n, id).rollback") } = Post { concat!("/nodes/{node}/", $kind, "/{vmid}/snapshot/{snapname}/rollback") } (Rollback) -> Upid;
        }

        impl $guest<'_> {
            fn snapshot_args<'s>(&'s self, name: &'s SnapshotName) -> [&'s str; 3] {
                let [node, vmid] = self.args();
                [node, vmid, name.as_str()]
            }

            /// Its snapshots, and its present state among them.
            ///
            /// # Errors
            /// Any failure of the call.
            pub async fn snapshots(&self) -> Result<Vec<SnapshotRow>> {
                self.connection.send(&LIST, &self.args(), &()).await
            }

            /// The configuration as it was in a snapshot. What is about the snapshot itself (`snaptime`, `parent`, …) is in
            /// [`Config::further`].
            ///
            /// # Errors
            /// Any failure of the call.
            pub async fn snapshot_config(&self, name: &SnapshotName) -> Result<Config<$options>> {
                self.connection.send(&CONFIG, &self.snapshot_args(name), &()).await
            }

            /// Removes a snapshot.
            ///
            /// # Errors
            /// Any failure of the call.
            pub async fn delete_snapshot(&self, name: &SnapshotName, params: DeleteSnapshot) -> Result<TaskHandle> {
                let upid = self.connection.send(&DELETE, &self.snapshot_args(name), &params).await?;
                Ok(self.handle(upid))
            }

            /// Changes a snapshot's remark.
            ///
            /// # Errors
            /// Any failure of the call.
            pub async fn describe_snapshot(&self, name: &SnapshotName, description: &str) -> Result<()> {
                let params = DescribeSnapshot { description: Some(description.to_owned()) };
                self.connection.send(&DESCRIBE, &self.snapshot_args(name), &params).await
            }

            /// Goes back to a snapshot; what happened since is lost.
            ///
            /// # Errors
            /// Any failure of the call.
            pub async fn rollback(&self, name: &SnapshotName, params: Rollback) -> Result<TaskHandle> {
                let upid = self.connection.send(&ROLLBACK, &self.snapshot_args(name), &params).await?;
                Ok(self.handle(upid))
            }
        }
    };
}
pub(crate) use snapshot_calls;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_server_would_refuse_do_not_exist() {
        for bad in ["", "a", "1a", "a b", "a.b", "current", "ä1", &"x".repeat(41)] {
            assert!(bad.parse::<SnapshotName>().is_err(), "{bad}");
        }
        assert_eq!("before_2-x".parse::<SnapshotName>().unwrap().to_string(), "before_2-x");
    }
}
