//! The API: a table of endpoints as data, and the order in which a call is checked.
//!
//! # How to add an endpoint
//!
//! 1. Find or make the file of its subject under `api/` (`api/pools.rs`, `api/access/users.rs`, …). Each has one function that
//!    returns the endpoints of the subject; a new file is added to [`Table::pve`].
//! 2. Describe the endpoint: verb and path template, who may call it ([`check`]), its parameters ([`crate::verify`]), the handler:
//!
//! ```text
//! Endpoint::put("/nodes/{node}/qemu/{vmid}/config", update)
//!     .check(perm_any("/vms/{vmid}", &["VM.Config.Disk", "VM.Config.CPU"]))
//!     .proxy_node()
//!     .params(vec![
//!         text("node").format("pve-node"),
//!         integer("vmid").format("pve-vmid").min(100).max(999_999_999),
//!         text("net").numbered(31).properties(net_format()).optional(),
//!         text("digest").max_len(40).optional(),
//!     ])
//! ```
//!
//!    Path parameters are parameters like any other and are described, too. A last component `{*volume}` takes the rest of
//!    the path, slashes included. Without a check the call is for `root@pam` only, as in the real schema; `.all()` is for every
//!    authenticated caller, `.world()` for everybody. `.no_token()` refuses API tokens.
//! 3. Write the handler, `fn(&mut Cluster, &Call) -> Outcome`. It gets verified parameters ([`Call::text`], [`Call::flag`], [`Call::int`],
//!    [`Call::list`]), finds its state in [`Cluster`] and answers [`Reply::data`] or a [`Fault`]: [`Fault::die`] is a plain 500,
//!    [`Fault::param`] a late parameter error. Rights that depend on content are asked with `cluster.check(&call.caller, path, privileges)`.
//!    A handler never waits and never does I/O. Work that takes time is a task.
//! 4. Replay the scenarios that use it: `cargo xtask replay DIR --only SCENARIO`.
//!
//! Lists and objects are shuffled on the way out, so no handler need care about order. Where order is part of the answer, it says so
//! ([`Reply::in_order`]); tasks, log lines, rules and points in time keep theirs anyway.

pub mod access;
mod call;
mod ceph;
pub mod check;
mod cluster;
mod datacenter;
mod described;
mod directories;
mod dispatch;
mod fault;
mod firewall;
mod guests;
mod ha;
mod lxc;
mod network;
mod nodes;
mod params;
mod pools;
mod qemu;
mod route;
mod schema;
mod sdn;
mod sections;
mod storage;
mod version;

pub use call::{Call, Caller, Outcome, ParamValue, Reply, Upload, split_list};
pub use check::Permission;
pub use dispatch::{Request, dispatch, token_allowed};
pub use fault::{Fault, FaultBody};
pub use params::RawParams;
pub use route::Table;
pub use schema::SchemaError;

use std::borrow::Cow;

use crate::state::Cluster;
use crate::verify::{Param, Schema};

/// What does the work of a call.
pub type Handler = fn(&mut Cluster, &Call) -> Outcome;

/// A described call that is simulated: verb, path template, and what does the work.
pub(crate) type Simulated = (&'static str, &'static str, Handler);

/// One call of the API.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: Cow<'static, str>,
    /// Path template.
    pub template: Cow<'static, str>,
    /// Who may call it.
    pub permission: Permission,
    /// Its parameters.
    pub schema: Schema,
    /// API tokens may call it.
    pub allow_token: bool,
    /// Has to run on the node named by this parameter.
    pub proxy: Option<Cow<'static, str>>,
    /// First version that has it.
    pub since: Option<(u32, u32)>,
    /// Whether it is simulated; what is not answers 501 after its checks.
    pub simulated: bool,
    /// What does the work.
    pub handler: Handler,
}

impl Endpoint {
    pub(crate) fn new(
        method: impl Into<Cow<'static, str>>,
        template: impl Into<Cow<'static, str>>,
        handler: Handler,
    ) -> Self {
        Self {
            method: method.into(),
            template: template.into(),
            permission: Permission::RootOnly,
            schema: Schema::default(),
            allow_token: true,
            proxy: None,
            since: None,
            simulated: true,
            handler,
        }
    }

    /// A `GET`.
    #[must_use]
    pub fn get(template: &'static str, handler: Handler) -> Self {
        Self::new("GET", template, handler)
    }

    /// A `POST`.
    #[must_use]
    pub fn post(template: &'static str, handler: Handler) -> Self {
        Self::new("POST", template, handler)
    }

    /// A `PUT`.
    #[must_use]
    pub fn put(template: &'static str, handler: Handler) -> Self {
        Self::new("PUT", template, handler)
    }

    /// A `DELETE`.
    #[must_use]
    pub fn delete(template: &'static str, handler: Handler) -> Self {
        Self::new("DELETE", template, handler)
    }

    /// An index: the fixed names below a path, each in an object under `key` (`subdir`, `name`, …). For every caller.
    #[must_use]
    pub fn index(template: &'static str, handler: Handler) -> Self {
        Self::get(template, handler).all()
    }

    /// Who may call it.
    #[must_use]
    pub fn check(mut self, check: check::Check) -> Self {
        self.permission = Permission::Check(check);
        self
    }

    /// Every authenticated caller may call it.
    #[must_use]
    pub fn all(mut self) -> Self {
        self.permission = Permission::All;
        self
    }

    /// Everybody may call it, without credentials.
    #[must_use]
    pub fn world(mut self) -> Self {
        self.permission = Permission::World;
        self
    }

    /// Its parameters, path parameters included.
    #[must_use]
    pub fn params(mut self, params: Vec<Param>) -> Self {
        self.schema = Schema::new(params);
        self
    }

    /// Takes parameters that are not described.
    #[must_use]
    pub fn additional_params(mut self) -> Self {
        self.schema = self.schema.with_additional();
        self
    }

    /// Runs on the node in the path; another node relays.
    #[must_use]
    pub fn proxy_node(mut self) -> Self {
        self.proxy = Some(Cow::Borrowed("node"));
        self
    }

    /// API tokens are refused.
    #[must_use]
    pub fn no_token(mut self) -> Self {
        self.allow_token = false;
        self
    }

    /// Is there from this version on.
    #[must_use]
    pub fn since(mut self, major: u32, minor: u32) -> Self {
        self.since = Some((major, minor));
        self
    }
}

/// An index's answer: one object per name under `key`.
#[must_use]
pub fn index_reply(key: &str, names: &[&str]) -> Reply {
    let rows: Vec<serde_json::Value> = names.iter().map(|name| serde_json::json!({ key: name })).collect();
    Reply::data(rows)
}

/// Sets a key of an object under construction.
pub fn set_key(row: &mut serde_json::Value, key: &str, value: impl Into<serde_json::Value>) {
    if let Some(map) = row.as_object_mut() {
        map.insert(key.to_owned(), value.into());
    }
}
