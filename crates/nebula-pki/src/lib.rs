#![doc = include_str!("overview.md")]

mod certificate;
pub mod config;
mod encrypted;
mod error;
mod issue;
mod keys;
mod life;
mod messages;
mod nebula;
mod network;
pub mod pem;
mod print;
mod signature;
mod text;
mod v1;
mod v2;
mod verify;
mod wire;

pub use certificate::{Certificate, Curve, Fingerprint, MAX_CERTIFICATES, Version};
pub use encrypted::{Derivation, DerivationLimits};
pub use error::{AuthorityError, ConstraintError, FormatError, ParseError, ShapeError, VerifyError};
pub use issue::{Authority, CaRequest, HostRequest, IssuedHost, RequestError, SignError};
pub use keys::{CaKey, HostKey, KeyError, PublicKey};
pub use life::{Expiry, LifePlan, LifePolicy, Reissue, ReissueReason, TrustBundle};
pub use nebula::{NebulaVersion, NotANebulaVersion};
pub use network::{Network, NotANetwork};
pub use print::print_json;
pub use text::{Text, Timestamp};
pub use verify::{CaPool, FileError, verify_files};

/// The examples of the handbook's page, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/nebula-pki.md")]
mod handbook {}
