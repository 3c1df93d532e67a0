//! Which Nebula reads a certificate, and what that changes.
//!
//! A certificate is not simply good or bad: 1.6 knows neither P-256 nor version 2, 1.10 refuses shapes that 1.9 took.
//! Each method below is one such difference, so that the rules themselves are written once.

use std::fmt;
use std::str::FromStr;

/// A release of Nebula, by whose rules certificates are read and judged.
///
/// ```
/// use nebula_pki::NebulaVersion;
/// let debian12: NebulaVersion = "1.6.1".parse()?;
/// assert!(debian12 < NebulaVersion::NEWEST);
/// # Ok::<(), nebula_pki::NotANebulaVersion>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NebulaVersion {
    major: u16,
    minor: u16,
    patch: u16,
}

/// A text that is not a release such as `1.11.1`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a Nebula release, such as 1.6.1 or 1.11.1")]
pub struct NotANebulaVersion(String);

impl NebulaVersion {
    /// The newest release whose rules this crate knows.
    pub const NEWEST: Self = Self::new(1, 11, 1);

    /// The release `major.minor.patch`.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    const fn at_least(self, minor: u16, patch: u16) -> bool {
        self.major > 1 || (self.major == 1 && (self.minor > minor || (self.minor == minor && self.patch >= patch)))
    }

    /// P-256 and encrypted CA keys came with 1.7. Before, the curve is an unknown field: it is dropped when the
    /// certificate is encoded again, so signatures and fingerprints of P-256 certificates come out wrong.
    pub(crate) const fn knows_p256(self) -> bool {
        self.at_least(7, 0)
    }

    /// Version 2 came with 1.10.
    pub(crate) const fn knows_v2(self) -> bool {
        self.at_least(10, 0)
    }

    /// From 1.10 on, what a certificate says is checked when it is read, not only its encoding.
    pub(crate) const fn checks_shape(self) -> bool {
        self.at_least(10, 0)
    }

    /// From 1.10 on a version 1 mask is kept as a prefix length; one with holes becomes `/0`.
    pub(crate) const fn keeps_prefixes_only(self) -> bool {
        self.at_least(10, 0)
    }

    /// From 1.10 on `verify` judges every certificate of the file, before only the first.
    pub(crate) const fn verifies_whole_file(self) -> bool {
        self.at_least(10, 0)
    }

    /// 1.11 reads a file of CAs piece by piece, and takes expired ones.
    pub(crate) const fn splits_ca_files(self) -> bool {
        self.at_least(11, 0)
    }

    /// From 1.10.3 on a blocked P-256 certificate stays blocked when its signature is turned into its other form.
    pub(crate) const fn blocks_both_signature_forms(self) -> bool {
        self.at_least(10, 3)
    }

    /// From 1.11 on the curves of certificate and CA are compared before anything else.
    pub(crate) const fn compares_curves(self) -> bool {
        self.at_least(11, 0)
    }

    /// 1.9.5 to 1.9.7 step over version 2 blocks in a CA file.
    pub(crate) const fn skips_v2_authorities(self) -> bool {
        self.at_least(9, 5) && !self.knows_v2()
    }
}

impl Default for NebulaVersion {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl FromStr for NebulaVersion {
    type Err = NotANebulaVersion;

    fn from_str(text: &str) -> Result<Self, NotANebulaVersion> {
        let unknown = || NotANebulaVersion(text.chars().take(64).collect());
        let bare = text.trim().trim_start_matches('v');
        // A distribution's suffix (`1.6.1+dfsg-3`) does not change the rules.
        let bare = bare.split(['+', '-', '~']).next().unwrap_or(bare);
        let mut numbers = bare.split('.').map(str::parse::<u16>);
        let mut next = || numbers.next().transpose().map_err(|_| unknown());
        let (major, minor, patch) = (next()?, next()?, next()?);
        match (major, minor) {
            (Some(major), Some(minor)) => Ok(Self::new(major, minor, patch.unwrap_or(0))),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for NebulaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}
