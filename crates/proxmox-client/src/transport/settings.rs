//! How a client is built.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::credentials::{Authority, Credentials};
use super::hosts::Hosts;
use super::observe::Observer;
use super::tls::{self, Trust};
use super::{Connection, Inner};
use crate::call::Product;
use crate::error::BuildError;
use crate::ids::InvalidId;

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a TCP and TLS connection.
    pub connect: Duration,
    /// For a whole call with all its attempts. A PVE node gives up relaying to another after 30 s.
    pub total: Duration,
    /// For a free slot among the calls under way.
    pub queue: Duration,
}

impl Default for Timeouts {
    /// 5 s, 60 s, 15 s.
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(60), queue: Duration::from_secs(15) }
    }
}

/// How much there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest answer that is read, in bytes.
    pub answer_bytes: usize,
    /// Calls under way at one address. A node has three workers: a handful of slow calls blocks it.
    pub concurrent_calls: usize,
}

impl Default for Limits {
    /// 64 MiB, 6 calls.
    fn default() -> Self {
        Self { answer_bytes: 64 * 1024 * 1024, concurrent_calls: 6 }
    }
}

/// Builds a client of type `C` ([`crate::Pve`] or [`crate::Pbs`]).
#[must_use]
pub struct Builder<C> {
    product: Product,
    addresses: Vec<String>,
    credentials: Option<Result<Credentials, BuildError>>,
    trust: Trust,
    timeouts: Timeouts,
    limits: Limits,
    observer: Option<Arc<dyn Observer>>,
    client: PhantomData<fn() -> C>,
}

impl<C: From<Connected>> Builder<C> {
    pub(crate) fn new(product: Product) -> Self {
        Self {
            product,
            addresses: Vec::new(),
            credentials: None,
            trust: Trust::SystemRoots,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            observer: None,
            client: PhantomData,
        }
    }

    /// Adds an address: `host` or `host:port` (8006 for PVE, 8007 for PBS). Several are nodes of the same cluster.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.addresses.push(address.into());
        self
    }

    /// Uses an API token: `user@realm!name` and its secret.
    pub fn token(mut self, id: &str, secret: impl Into<SecretString>) -> Self {
        let secret = secret.into();
        // What follows a separator may be the secret, which no error shows.
        let refused = |error: InvalidId| match id.split_once(['=', ':']) {
            Some((before, _)) => {
                BuildError::Credentials(format!("{before:?} with more behind it is no token id: give the secret apart"))
            }
            None => error.into(),
        };
        self.credentials = Some(id.parse().map(|id| Credentials::Token { id, secret }).map_err(refused));
        self
    }

    /// Logs in as a user: `user@realm` and its password.
    pub fn password(mut self, user: &str, password: impl Into<SecretString>) -> Self {
        let password = password.into();
        self.credentials = Some(user.parse().map(|user| Credentials::Password { user, password }).map_err(Into::into));
        self
    }

    /// Uses credentials made elsewhere.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(Ok(credentials));
        self
    }

    /// What certificate the server has to have. [`Trust::SystemRoots`] unless set.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// How long things may take.
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// How much there may be.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Who sees every call.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When an address, the credentials or what to trust is missing or malformed.
    pub fn build(self) -> Result<C, BuildError> {
        let Timeouts { connect, total, queue } = self.timeouts;
        if [connect, total, queue].contains(&Duration::ZERO) || self.limits.answer_bytes == 0 {
            return Err(BuildError::Settings("no timeout and no bound may be zero".to_owned()));
        }
        if !(1..=1024).contains(&self.limits.concurrent_calls) {
            return Err(BuildError::Settings("the number of concurrent calls must be from 1 to 1024".to_owned()));
        }
        let port = match self.product {
            Product::Pve => 8006,
            Product::Pbs => 8007,
        };
        let hosts = Hosts::new(&self.addresses, port, self.limits.concurrent_calls)?;
        let authority = Authority::new(self.product, self.credentials.ok_or(BuildError::NoCredentials)??)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(&self.trust)?)
            .http1_only()
            .no_proxy()
            .referer(false)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(connect)
            .pool_max_idle_per_host(self.limits.concurrent_calls)
            .pool_idle_timeout(Duration::from_secs(20))
            .https_only(true)
            .build()
            .map_err(|error| BuildError::Settings(error.to_string()))?;
        Ok(C::from(Connected(Connection::new(Inner {
            product: self.product,
            http,
            hosts,
            authority,
            timeouts: self.timeouts,
            limits: self.limits,
            observer: self.observer,
            release: tokio::sync::OnceCell::new(),
        }))))
    }
}

/// What a client is made from; only this crate can look into it.
pub struct Connected(pub(crate) Connection);
