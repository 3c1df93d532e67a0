//! Judging certificates against the CAs that are trusted.

use std::collections::{BTreeMap, BTreeSet};

use crate::certificate::{Certificate, Fingerprint, MAX_CERTIFICATES};
use crate::error::{AuthorityError, ConstraintError, FormatError, ParseError, VerifyError};
use crate::nebula::NebulaVersion;
use crate::network::Network;
use crate::pem::{self, Label};
use crate::text::{Text, Timestamp};

/// The CAs that are trusted, and the fingerprints that are not, whoever signed them.
///
/// ```
/// use nebula_pki::{Authority, CaPool, CaRequest, HostRequest, Timestamp};
///
/// let now = Timestamp::now();
/// let ca = Authority::create(&CaRequest::new("lab", now, now.plus(86_400 * 365)))?;
/// let host = ca.issue(&HostRequest::new("web1", ["10.42.0.7/16".parse()?]), now)?;
///
/// let mut pool = CaPool::new();
/// pool.add(ca.certificate().clone())?;
/// assert_eq!(pool.verify(&host.certificate, now)?.fingerprint(), ca.fingerprint());
///
/// pool.block(host.certificate.fingerprint());
/// assert!(pool.verify(&host.certificate, now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CaPool {
    nebula: NebulaVersion,
    cas: BTreeMap<Fingerprint, Certificate>,
    blocked: BTreeSet<Fingerprint>,
}

impl CaPool {
    /// A pool without CAs, which judges as the newest Nebula does.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A pool without CAs, which judges as this Nebula does.
    #[must_use]
    pub fn of_nebula(nebula: NebulaVersion) -> Self {
        Self { nebula, ..Self::default() }
    }

    /// Trusts a CA. An expired one is taken, and refuses its hosts until it is valid (or replaced).
    ///
    /// # Errors
    /// [`AuthorityError::NotCa`], [`AuthorityError::NotSelfSigned`].
    pub fn add(&mut self, ca: Certificate) -> Result<Fingerprint, AuthorityError> {
        if !ca.is_ca() {
            return Err(AuthorityError::NotCa(ca.name().clone()));
        }
        if !ca.is_signed_by_as(ca.public_key(), self.nebula) {
            return Err(AuthorityError::NotSelfSigned(ca.name().clone()));
        }
        let fingerprint = ca.fingerprint_as(self.nebula);
        self.cas.insert(fingerprint, ca);
        Ok(fingerprint)
    }

    /// Trusts every CA of a PEM bundle; text between the blocks is ignored.
    ///
    /// # Errors
    /// As [`CaPool::add`], or [`AuthorityError::Parse`]. CAs before the bad one have been added.
    pub fn add_pem(&mut self, bundle: &[u8]) -> Result<Vec<Fingerprint>, AuthorityError> {
        let mut added = Vec::new();
        for ca in Certificate::all_from_pem_as(bundle, self.nebula)? {
            added.push(self.add(ca)?);
        }
        Ok(added)
    }

    /// Refuses the certificate with this fingerprint from now on.
    pub fn block(&mut self, fingerprint: Fingerprint) {
        self.blocked.insert(fingerprint);
    }

    /// The trusted CAs, in the order of their fingerprints.
    pub fn authorities(&self) -> impl Iterator<Item = (&Fingerprint, &Certificate)> {
        self.cas.iter()
    }

    /// Judges a certificate at a moment, and hands back the CA that signed it.
    ///
    /// The rules are tried in Nebula's order, and the first that fails is the answer.
    ///
    /// # Errors
    /// The rule that failed, with both values.
    pub fn verify(&self, certificate: &Certificate, now: Timestamp) -> Result<&Certificate, VerifyError> {
        let fingerprint = certificate.fingerprint_as(self.nebula);
        if self.blocked.contains(&fingerprint) {
            return Err(VerifyError::Blocked(fingerprint));
        }
        let ca = self.issuer_of(certificate)?;
        let (host_curve, ca_curve) = (certificate.curve_as(self.nebula), ca.curve_as(self.nebula));
        if self.nebula.compares_curves() && host_curve != ca_curve {
            return Err(VerifyError::Curve { host: host_curve, ca: ca_curve });
        }
        if ca.is_expired(now) {
            return Err(VerifyError::CaExpired { not_before: ca.not_before(), not_after: ca.not_after(), now });
        }
        if certificate.is_expired(now) {
            let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
            return Err(VerifyError::Expired { not_before, not_after, now });
        }
        if !certificate.is_signed_by_as(ca.public_key(), self.nebula) {
            return Err(VerifyError::Signature { fingerprint, ca: ca.fingerprint_as(self.nebula) });
        }
        Wanted::of(certificate).within(ca, self.nebula)?;
        if self.nebula.blocks_both_signature_forms()
            && let Some(other) = certificate.alternate_fingerprint()
            && self.blocked.contains(&other)
        {
            return Err(VerifyError::Blocked(other));
        }
        Ok(ca)
    }

    fn issuer_of(&self, certificate: &Certificate) -> Result<&Certificate, VerifyError> {
        let issuer = &certificate.details.issuer;
        if issuer.is_empty() {
            return Err(VerifyError::NoIssuer(certificate.name().clone()));
        }
        let ca = certificate.issuer().and_then(|fingerprint| self.cas.get(&fingerprint));
        ca.ok_or_else(|| VerifyError::UnknownIssuer { issuer: hex::encode(issuer), known: self.cas.len() })
    }
}

/// What a host certificate asks for and its CA may limit; the same for one that exists and one about to be signed.
pub(crate) struct Wanted<'a> {
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) groups: &'a [Text],
    pub(crate) networks: &'a [Network],
    pub(crate) unsafe_networks: &'a [Network],
}

impl<'a> Wanted<'a> {
    fn of(certificate: &'a Certificate) -> Self {
        Self {
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            groups: certificate.groups(),
            networks: certificate.networks(),
            unsafe_networks: certificate.unsafe_networks(),
        }
    }

    pub(crate) fn within(&self, ca: &Certificate, nebula: NebulaVersion) -> Result<(), ConstraintError> {
        if self.not_after.on_go_scale() > ca.not_after().on_go_scale() {
            return Err(ConstraintError::ExpiresAfterCa { host: self.not_after, ca: ca.not_after() });
        }
        if self.not_before.on_go_scale() < ca.not_before().on_go_scale() {
            return Err(ConstraintError::ValidBeforeCa { host: self.not_before, ca: ca.not_before() });
        }
        if !ca.groups().is_empty()
            && let Some(group) = self.groups.iter().find(|group| !ca.groups().contains(group))
        {
            return Err(ConstraintError::Group { group: group.clone(), allowed: ca.groups().to_vec() });
        }
        if let Some(network) = outside(self.networks, ca.networks(), nebula) {
            return Err(ConstraintError::Network { network, allowed: ca.networks().to_vec() });
        }
        if let Some(network) = outside(self.unsafe_networks, ca.unsafe_networks(), nebula) {
            return Err(ConstraintError::UnsafeNetwork { network, allowed: ca.unsafe_networks().to_vec() });
        }
        Ok(())
    }
}

/// The first network that no network of the CA allows; a CA without networks allows all.
fn outside(wanted: &[Network], allowed: &[Network], nebula: NebulaVersion) -> Option<Network> {
    let inside = |network: &&Network| allowed.iter().any(|limit| limit.allows(network, nebula));
    if allowed.is_empty() { None } else { wanted.iter().find(|network| !inside(network)).copied() }
}

/// Why `nebula-cert verify` refuses a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The file of CAs is not what it should be.
    #[error("error while adding ca cert to pool: {0}")]
    Authority(#[from] AuthorityError),
    /// The file of certificates cannot be read.
    #[error("error while parsing crt: {0}")]
    Certificate(#[from] ParseError),
    /// These certificates of it are refused.
    #[error("error while verifying {} certificate(s): {}", .0.len(), .0.iter().map(|(name, error)| format!("{name}: {error}")).collect::<Vec<_>>().join("; "))]
    Refused(Vec<(Text, VerifyError)>),
}

/// What `nebula-cert verify -ca … -crt …` of a certain Nebula does with two files: how many certificates it judged.
///
/// Up to 1.10 an expired CA in the file is an error; 1.11 takes it and refuses its hosts. From 1.10 on every certificate
/// of the file is judged, so an empty file passes with none.
///
/// # Errors
/// [`FileError`], of the file that is judged first: the CAs.
pub fn verify_files(
    cas: &[u8],
    certificates: &[u8],
    now: Timestamp,
    nebula: NebulaVersion,
) -> Result<usize, FileError> {
    let mut pool = CaPool::of_nebula(nebula);
    if nebula.splits_ca_files() {
        add_split(&mut pool, cas)?;
    } else {
        add_all(&mut pool, cas, now)?;
    }
    let (mut judged, mut refused) = (0, Vec::new());
    let mut rest = certificates;
    // Nebula demands here that nothing follows, not even a blank line.
    while !(rest.is_empty() && nebula.verifies_whole_file()) {
        bounded(judged)?;
        let (certificate, after) = Certificate::first_of(rest, nebula)?;
        if let Err(error) = pool.verify(&certificate, now) {
            refused.push((certificate.name().clone(), error));
        }
        judged += 1;
        rest = after;
        if !nebula.verifies_whole_file() {
            break;
        }
    }
    if refused.is_empty() { Ok(judged) } else { Err(FileError::Refused(refused)) }
}

fn bounded(count: usize) -> Result<(), ParseError> {
    let (size, limit) = (count + 1, MAX_CERTIFICATES);
    if size > limit {
        Err(FormatError::TooLarge { what: "a list of certificates", size, limit }.into())
    } else {
        Ok(())
    }
}

fn add_all(pool: &mut CaPool, mut rest: &[u8], now: Timestamp) -> Result<(), AuthorityError> {
    for count in 0.. {
        bounded(count)?;
        let block = if pool.nebula.skips_v2_authorities() { pem::decode(rest).ok() } else { None };
        if let Some((block, after)) = block
            && block.label == Some(Label::CertificateV2)
        {
            rest = after;
        } else {
            let (ca, after) = Certificate::first_of(rest, pool.nebula)?;
            let (name, not_before, not_after) = (ca.name().clone(), ca.not_before(), ca.not_after());
            let expired = ca.is_expired(now);
            pool.add(ca)?;
            if expired {
                return Err(AuthorityError::Expired { name, not_before, not_after, now });
            }
            rest = after;
        }
        if pem::is_blank(rest) {
            break;
        }
    }
    Ok(())
}

/// The way of 1.11: the text is cut behind each END line, and each piece must be one block from its BEGIN on, wherever
/// in a line that stands. No CAs at all is no error.
fn add_split(pool: &mut CaPool, mut rest: &[u8]) -> Result<(), AuthorityError> {
    const LONGEST_PIECE: usize = 64 * 1024;
    let refuse = |error: FormatError| Err(AuthorityError::from(ParseError::from(error)));
    if rest.len() > pem::MAX_PEM_BYTES {
        return refuse(FormatError::TooLarge { what: "a PEM text", size: rest.len(), limit: pem::MAX_PEM_BYTES });
    }
    for count in 0.. {
        if pem::is_blank(rest) {
            break;
        }
        bounded(count)?;
        let Some((start, end)) = pem::piece(rest) else { return refuse(FormatError::NoPemBlock) };
        if end > LONGEST_PIECE {
            return refuse(FormatError::TooLarge { what: "a block of a bundle", size: end, limit: LONGEST_PIECE });
        }
        let (ca, after) = Certificate::first_of(rest.get(start..end).unwrap_or_default(), pool.nebula)?;
        if !pem::is_blank(after) {
            return refuse(FormatError::NoPemBlock);
        }
        pool.add(ca)?;
        rest = rest.get(end..).unwrap_or_default();
    }
    Ok(())
}
