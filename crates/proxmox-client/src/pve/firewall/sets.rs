//! Names of addresses (aliases) and sets of addresses (IP sets), and what rules may refer to.

use serde::Deserialize;

use super::BasedOn;
use crate::call::Typed;
use crate::error::Result;
use crate::params::{Switch, params};
use crate::transport::Connection;

/// A name for an address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AliasRow {
    /// The name.
    pub name: String,
    /// The address or network.
    pub cidr: String,
    /// Remark.
    pub comment: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
}

/// A set of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SetRow {
    /// Its name.
    pub name: String,
    /// Remark.
    pub comment: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
}

/// What is in a set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SetEntry {
    /// An address, a network or an alias.
    pub cidr: String,
    /// Whether it is taken out of the set instead.
    #[serde(default)]
    pub nomatch: bool,
    /// Remark.
    pub comment: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
}

/// What a rule may name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RefRow {
    /// `alias` or `ipset`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
    /// How a rule names it.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Where it is from (`dc`, `guest`).
    pub scope: Option<String>,
    /// Remark.
    pub comment: Option<String>,
}

params! {
    /// A name for an address.
    #[derive(Debug, Clone)]
    pub struct CreateAlias {
        /// The name.
        name: String = "name",
        /// The address or network.
        cidr: String = "cidr",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// A change of a name. What is not set stays, but for the remark, which goes.
    #[derive(Debug, Clone)]
    pub struct UpdateAlias {
        /// The address or network, which has to be given again.
        cidr: String = "cidr",
        /// Its new name.
        rename: Option<String> = "rename",
        /// Remark.
        comment: Option<String> = "comment",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// A new set of addresses.
    #[derive(Debug, Clone)]
    pub struct CreateSet {
        /// Its name.
        name: String = "name",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// How to remove a set.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct DeleteSet {
        /// Whether even when something is in it.
        force: Switch = "force",
    }

    /// Something to put into a set.
    #[derive(Debug, Clone)]
    pub struct AddToSet {
        /// An address, a network or an alias.
        cidr: String = "cidr",
        /// Whether it is taken out of the set instead.
        nomatch: Switch = "nomatch",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// A change of what is in a set.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateSetEntry {
        /// Whether it is taken out of the set instead.
        nomatch: Option<bool> = "nomatch",
        /// Remark.
        comment: Option<String> = "comment",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }
}

pub(crate) struct SetCalls {
    pub(crate) aliases: Typed<(), Vec<AliasRow>>,
    pub(crate) alias: Typed<(), AliasRow>,
    pub(crate) create_alias: Typed<CreateAlias, ()>,
    pub(crate) update_alias: Typed<UpdateAlias, ()>,
    pub(crate) delete_alias: Typed<BasedOn, ()>,
    pub(crate) sets: Typed<(), Vec<SetRow>>,
    pub(crate) create_set: Typed<CreateSet, ()>,
    pub(crate) delete_set: Typed<DeleteSet, ()>,
    pub(crate) entries: Typed<(), Vec<SetEntry>>,
    pub(crate) add: Typed<AddToSet, ()>,
    pub(crate) update: Typed<UpdateSetEntry, ()>,
    pub(crate) remove: Typed<BasedOn, ()>,
    pub(crate) refs: Typed<(), Vec<RefRow>>,
}

/// Names and sets of addresses.
pub struct AddressSets<'a> {
    connection: &'a Connection,
    calls: &'static SetCalls,
    args: Vec<String>,
}

impl<'a> AddressSets<'a> {
    pub(crate) fn new(connection: &'a Connection, calls: &'static SetCalls, args: &[&str]) -> Self {
        Self { connection, calls, args: args.iter().map(|&arg| arg.to_owned()).collect() }
    }

    fn args<'s>(&'s self, more: &[&'s str]) -> Vec<&'s str> {
        self.args.iter().map(String::as_str).chain(more.iter().copied()).collect()
    }

    /// The names of addresses.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn aliases(&self) -> Result<Vec<AliasRow>> {
        self.connection.send(&self.calls.aliases, &self.args(&[]), &()).await
    }

    /// One name.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn alias(&self, name: &str) -> Result<AliasRow> {
        self.connection.send(&self.calls.alias, &self.args(&[name]), &()).await
    }

    /// Changes a name, or what it stands for.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when the digest does not fit.
    pub async fn update_alias(&self, name: &str, change: &UpdateAlias) -> Result<()> {
        self.connection.send(&self.calls.update_alias, &self.args(&[name]), change).await
    }

    /// Gives an address a name.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_alias(&self, alias: &CreateAlias) -> Result<()> {
        self.connection.send(&self.calls.create_alias, &self.args(&[]), alias).await
    }

    /// Removes a name.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_alias(&self, name: &str) -> Result<()> {
        self.connection.send(&self.calls.delete_alias, &self.args(&[name]), &BasedOn::default()).await
    }

    /// The sets.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn list(&self) -> Result<Vec<SetRow>> {
        self.connection.send(&self.calls.sets, &self.args(&[]), &()).await
    }

    /// Makes a set.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create(&self, name: &str, comment: Option<&str>) -> Result<()> {
        let params = CreateSet { name: name.to_owned(), comment: comment.map(str::to_owned) };
        self.connection.send(&self.calls.create_set, &self.args(&[]), &params).await
    }

    /// Removes a set.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete(&self, name: &str, force: Switch) -> Result<()> {
        self.connection.send(&self.calls.delete_set, &self.args(&[name]), &DeleteSet { force }).await
    }

    /// What is in a set.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn entries(&self, name: &str) -> Result<Vec<SetEntry>> {
        self.connection.send(&self.calls.entries, &self.args(&[name]), &()).await
    }

    /// Puts something into a set.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn add(&self, name: &str, entry: &AddToSet) -> Result<()> {
        self.connection.send(&self.calls.add, &self.args(&[name]), entry).await
    }

    /// Changes how something is in a set.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when the digest does not fit.
    pub async fn update(&self, name: &str, cidr: &str, change: &UpdateSetEntry) -> Result<()> {
        self.connection.send(&self.calls.update, &self.args(&[name, cidr]), change).await
    }

    /// Takes something out of a set.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn remove(&self, name: &str, cidr: &str) -> Result<()> {
        self.connection.send(&self.calls.remove, &self.args(&[name, cidr]), &BasedOn::default()).await
    }

    /// What a rule here may name.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn references(&self) -> Result<Vec<RefRow>> {
        self.connection.send(&self.calls.refs, &self.args(&[]), &()).await
    }
}

/// The calls on names and sets of addresses under a path.
macro_rules! set_calls {
    ($function:literal, $prefix:literal) => {
        use $crate::call::calls;
        use $crate::pve::firewall::BasedOn;
        use $crate::pve::firewall::sets::{
            AddToSet, AliasRow, CreateAlias, CreateSet, DeleteSet, RefRow, SetCalls, SetEntry, SetRow, UpdateAlias,
            UpdateSetEntry,
        };

        calls! { Pve:
            ALIASES { concat!($function, ".aliases") } = Get { concat!($prefix, "/aliases") } () -> Vec<AliasRow>;
            ALIAS { concat!($function, ".alias") } = Get { concat!($prefix, "/aliases/{name}") } () -> AliasRow;
            UPDATE_ALIAS { concat!($function, ".update_alias") } = Put { concat!($prefix, "/aliases/{name}") } (UpdateAlias) -> ();
            CREATE_ALIAS { concat!($function, ".create_alias") } = Post { concat!($prefix, "/aliases") } (CreateAlias) -> ();
            DELETE_ALIAS { concat!($function, ".delete_alias") } = Delete { concat!($prefix, "/aliases/{name}") } (BasedOn) -> ();
            LIST { concat!($function, ".list") } = Get { concat!($prefix, "/ipset") } () -> Vec<SetRow>;
            CREATE { concat!($function, ".create") } = Post { concat!($prefix, "/ipset") } (CreateSet) -> ();
            DELETE { concat!($function, ".delete") } = Delete { concat!($prefix, "/ipset/{name}") } (DeleteSet) -> ();
            ENTRIES { concat!($function, ".entries") } = Get { concat!($prefix, "/ipset/{name}") } () -> Vec<SetEntry>;
            ADD { concat!($function, ".add") } = Post { concat!($prefix, "/ipset/{name}") } (AddToSet) -> ();
            UPDATE { concat!($function, ".update") } = Put { concat!($prefix, "/ipset/{name}/{cidr}") } (UpdateSetEntry) -> ();
            REMOVE { concat!($function, ".remove") } = Delete { concat!($prefix, "/ipset/{name}/{cidr}") } (BasedOn) -> ();
            REFS { concat!($function, ".references") } = Get { concat!($prefix, "/refs") } () -> Vec<RefRow>;
        }

        pub(crate) static SETS: SetCalls = SetCalls {
            aliases: ALIASES,
            alias: ALIAS,
            create_alias: CREATE_ALIAS,
            update_alias: UPDATE_ALIAS,
            delete_alias: DELETE_ALIAS,
            sets: LIST,
            create_set: CREATE,
            delete_set: DELETE,
            entries: ENTRIES,
            add: ADD,
            update: UPDATE,
            remove: REMOVE,
            refs: REFS,
        };
    };
}

pub(crate) mod cluster {
    set_calls!("cluster().firewall_sets()", "/cluster/firewall");
}
pub(crate) mod qemu {
    set_calls!("qemu(n, id).firewall_sets()", "/nodes/{node}/qemu/{vmid}/firewall");
}
pub(crate) mod lxc {
    set_calls!("lxc(n, id).firewall_sets()", "/nodes/{node}/lxc/{vmid}/firewall");
}

impl<'a> crate::pve::cluster::Cluster<'a> {
    /// The cluster's names and sets of addresses.
    #[must_use]
    pub fn firewall_sets(&self) -> AddressSets<'a> {
        AddressSets::new(self.connection, &cluster::SETS, &[])
    }
}

impl crate::pve::qemu::Qemu<'_> {
    /// Its names and sets of addresses.
    #[must_use]
    pub fn firewall_sets(&self) -> AddressSets<'_> {
        AddressSets::new(self.connection, &qemu::SETS, &self.args())
    }
}

impl crate::pve::lxc::Lxc<'_> {
    /// Its names and sets of addresses.
    #[must_use]
    pub fn firewall_sets(&self) -> AddressSets<'_> {
        AddressSets::new(self.connection, &lxc::SETS, &self.args())
    }
}
