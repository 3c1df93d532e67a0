//! The life of a CA: what expires when, whom to sign with, whom to sign again, when to let an old CA go.
//!
//! Changing a CA takes three steps that must not run into each other: every host learns to trust the new one, then hosts
//! get certificates of the new one, then the old one is forgotten. [`TrustBundle`] is the first step's file,
//! [`TrustBundle::plan`] says which step is due. Nothing here keeps keys or a clock.

use std::collections::BTreeMap;

use crate::certificate::{Certificate, Fingerprint, MAX_CERTIFICATES};
use crate::error::{AuthorityError, FormatError, ParseError, VerifyError};
use crate::text::{Text, Timestamp};
use crate::verify::CaPool;

/// How much time the steps get, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifePolicy {
    /// How long a new CA is only trusted before it signs: as long as the slowest host takes to fetch the bundle.
    pub overlap: i64,
    /// How long host certificates are to live; a CA that would end sooner is due for replacement.
    pub host_lifetime: i64,
    /// How long before its end a host certificate is signed again.
    pub renew_before: i64,
}

impl Default for LifePolicy {
    /// A day of overlap; hosts live 90 days and are renewed 30 days before their end.
    fn default() -> Self {
        Self { overlap: 86_400, host_lifetime: 90 * 86_400, renew_before: 30 * 86_400 }
    }
}

/// The CAs that a network trusts at one time: one, or the old and the new.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustBundle {
    cas: BTreeMap<(Timestamp, Fingerprint), Certificate>,
}

/// What is to be done, and by when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifePlan {
    /// The CA to sign with now; `None` when none is valid.
    pub signer: Option<Fingerprint>,
    /// When a new CA must be in the bundle, so that the signer can still give hosts their full life until it takes
    /// over. In the past: now.
    pub next_ca_due: Option<Timestamp>,
    /// Hosts to sign again, soonest first.
    pub reissue: Vec<Reissue>,
    /// CAs that can leave the bundle: they are expired, or no valid certificate needs them any more.
    pub retire: Vec<Fingerprint>,
    /// Ends of validity of all CAs and hosts that are still valid, soonest first.
    pub expiries: Vec<Expiry>,
}

/// A host that needs a new certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reissue {
    /// Its name.
    pub name: Text,
    /// Its present certificate.
    pub fingerprint: Fingerprint,
    /// When; in the past or now means at once.
    pub due: Timestamp,
    /// Why.
    pub reason: ReissueReason,
}

/// Why a host needs a new certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReissueReason {
    /// It ends.
    Ends {
        /// When.
        not_after: Timestamp,
    },
    /// It was signed by a CA that is being replaced.
    CaReplaced {
        /// The CA that signed it.
        issuer: Fingerprint,
        /// The CA to sign with now.
        signer: Fingerprint,
    },
    /// Hosts refuse it already.
    Refused(VerifyError),
}

/// An end of validity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry {
    /// When.
    pub not_after: Timestamp,
    /// Whether it is a CA's.
    pub is_ca: bool,
    /// Its name.
    pub name: Text,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
}

impl TrustBundle {
    /// A bundle with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a bundle, as it stands in `pki.ca`.
    ///
    /// # Errors
    /// When a block is no certificate, or no self-signed CA.
    pub fn from_pem(text: &[u8]) -> Result<Self, AuthorityError> {
        let mut bundle = Self::new();
        for ca in Certificate::all_from_pem(text)? {
            bundle.add(ca)?;
        }
        Ok(bundle)
    }

    /// Trusts one more CA; adding one that is there changes nothing.
    ///
    /// # Errors
    /// When it is no self-signed CA, or the bundle is full.
    pub fn add(&mut self, ca: Certificate) -> Result<Fingerprint, AuthorityError> {
        let limit = MAX_CERTIFICATES;
        if self.cas.len() >= limit {
            let error = FormatError::TooLarge { what: "a bundle of CAs", size: limit + 1, limit };
            return Err(ParseError::from(error).into());
        }
        let fingerprint = CaPool::new().add(ca.clone())?;
        self.cas.insert((ca.not_before(), fingerprint), ca);
        Ok(fingerprint)
    }

    /// Trusts a CA no longer. Whether it was there.
    pub fn remove(&mut self, fingerprint: Fingerprint) -> bool {
        let before = self.cas.len();
        self.cas.retain(|(_, own), _| *own != fingerprint);
        self.cas.len() != before
    }

    /// The CAs, oldest first.
    pub fn authorities(&self) -> impl DoubleEndedIterator<Item = &Certificate> {
        self.cas.values()
    }

    /// The bundle as PEM, oldest first: the same CAs give the same bytes, in whatever order they were added.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.authorities().map(Certificate::to_pem).collect()
    }

    /// A pool that trusts these CAs.
    ///
    /// # Errors
    /// Never for a bundle made by this type; the type says so because [`CaPool::add`] does.
    pub fn pool(&self) -> Result<CaPool, AuthorityError> {
        let mut pool = CaPool::new();
        for ca in self.authorities() {
            pool.add(ca.clone())?;
        }
        Ok(pool)
    }

    /// The CA to sign with: the newest that every host had time to learn, else the oldest that is valid.
    #[must_use]
    pub fn signer(&self, now: Timestamp, policy: &LifePolicy) -> Option<&Certificate> {
        let valid = || self.authorities().filter(|ca| !ca.is_expired(now));
        let learnt = |ca: &&Certificate| now.since(ca.not_before()) >= policy.overlap;
        valid().rev().find(learnt).or_else(|| valid().next())
    }

    /// What to do at `now`, given the host certificates in use.
    ///
    /// ```
    /// use nebula_pki::{Authority, CaRequest, HostRequest, LifePolicy, Timestamp, TrustBundle};
    ///
    /// const DAY: i64 = 86_400;
    /// let (policy, start) = (LifePolicy::default(), Timestamp::from_unix(1_795_000_000));
    /// let old = Authority::create(&CaRequest::new("lab 2026", start, start.plus(365 * DAY)))?;
    /// let web = old.issue(&HostRequest::new("web1", ["10.42.0.7/16".parse()?]), start)?.certificate;
    ///
    /// // A year later a new CA joins the bundle: trusted at once, signing only after the overlap.
    /// let change = start.plus(250 * DAY);
    /// let new = Authority::create(&CaRequest::new("lab 2027", change, change.plus(365 * DAY)))?;
    /// let mut bundle = TrustBundle::from_pem(old.certificate().to_pem().as_bytes())?;
    /// bundle.add(new.certificate().clone())?;
    /// assert_eq!(bundle.plan(&[web.clone()], change, &policy)?.signer, Some(old.fingerprint()));
    ///
    /// // Then hosts are signed again, and the old CA can go when none needs it.
    /// let plan = bundle.plan(&[web], change.plus(DAY), &policy)?;
    /// assert_eq!(plan.signer, Some(new.fingerprint()));
    /// assert_eq!(plan.reissue.len(), 1);
    /// assert!(plan.retire.is_empty());
    /// let web = new.issue(&HostRequest::new("web1", ["10.42.0.7/16".parse()?]), change.plus(DAY))?.certificate;
    /// assert_eq!(bundle.plan(&[web], change.plus(DAY), &policy)?.retire, [old.fingerprint()]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`TrustBundle::pool`].
    pub fn plan(&self, hosts: &[Certificate], now: Timestamp, policy: &LifePolicy) -> Result<LifePlan, AuthorityError> {
        let pool = self.pool()?;
        let signer = self.signer(now, policy);
        let newest = self.authorities().rev().find(|ca| !ca.is_expired(now));
        let mut reissue: Vec<_> = hosts.iter().filter_map(|host| reissue(host, signer, &pool, now, policy)).collect();
        reissue.sort_by(|a, b| (a.due, &a.name, a.fingerprint).cmp(&(b.due, &b.name, b.fingerprint)));
        let needed = |ca: &Certificate| {
            let fingerprint = ca.fingerprint();
            hosts.iter().any(|host| host.issuer() == Some(fingerprint) && !host.is_expired(now))
        };
        // A CA newer than the signer is waiting for its turn, not idle.
        let idle = |ca: &&Certificate| {
            signer.is_some_and(|signer| ca.not_before() <= signer.not_before() && *ca != signer) && !needed(ca)
        };
        let over = |ca: &&Certificate| ca.not_after() < now;
        let retire = self.authorities().filter(|ca| over(ca) || idle(ca)).map(Certificate::fingerprint).collect();
        let mut expiries: Vec<_> =
            self.authorities().chain(hosts).filter(|c| c.not_after() >= now).map(expiry).collect();
        expiries.sort();
        expiries.dedup();
        Ok(LifePlan {
            signer: signer.map(Certificate::fingerprint),
            next_ca_due: newest.map(|ca| ca.not_after().plus(-policy.host_lifetime).plus(-policy.overlap)),
            reissue,
            retire,
            expiries,
        })
    }
}

fn expiry(certificate: &Certificate) -> Expiry {
    Expiry {
        not_after: certificate.not_after(),
        is_ca: certificate.is_ca(),
        name: certificate.name().clone(),
        fingerprint: certificate.fingerprint(),
    }
}

fn reissue(
    host: &Certificate,
    signer: Option<&Certificate>,
    pool: &CaPool,
    now: Timestamp,
    policy: &LifePolicy,
) -> Option<Reissue> {
    let of = |due, reason| Some(Reissue { name: host.name().clone(), fingerprint: host.fingerprint(), due, reason });
    let ends = |not_after: Timestamp| of(not_after.plus(-policy.renew_before), ReissueReason::Ends { not_after });
    match pool.verify(host, now) {
        // It only has to wait.
        Err(VerifyError::Expired { not_before, not_after, .. }) if not_before > now => ends(not_after),
        Err(error) => of(now, ReissueReason::Refused(error)),
        Ok(ca) => {
            let replaced = signer.map(Certificate::fingerprint).filter(|signer| *signer != ca.fingerprint());
            match replaced {
                Some(signer) if ca.not_before() <= pool_start(pool, signer) => {
                    of(now, ReissueReason::CaReplaced { issuer: ca.fingerprint(), signer })
                }
                _ => ends(host.not_after()),
            }
        }
    }
}

fn pool_start(pool: &CaPool, fingerprint: Fingerprint) -> Timestamp {
    let found = pool.authorities().find(|(own, _)| **own == fingerprint);
    found.map_or(Timestamp::from_unix(i64::MIN), |(_, ca)| ca.not_before())
}
