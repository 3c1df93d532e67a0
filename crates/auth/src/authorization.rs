//! What an `Authorization` header says, as a type. Pure: text in, credential out; whether it is valid is found out elsewhere.
//!
//! A bearer that starts with `bn_` is a tenant token, any other bearer is an operator's csvauth token, `PVEAPIToken=` is a
//! Proxmox token. There is no falling through: a malformed token of one kind is never tried as another.

use std::fmt;

use crate::secret::Secret;
use crate::tenant_token::{self, TenantToken};

/// Longest header that is looked at, in bytes.
const MAX_HEADER: usize = 4096;

/// The only Proxmox user whose tokens are accepted.
const PVE_USER: &str = "root@pam";

/// A credential as it was presented, not yet verified.
#[derive(Debug, Clone)]
pub enum Credential {
    /// `Bearer bn_…`: the token of a tenant.
    Tenant(TenantToken),
    /// Any other `Bearer`: an operator's token of the csvauth table.
    Csvauth(Secret),
    /// `PVEAPIToken=root@pam!<name>=<secret>`: to be validated against the known clusters.
    PveRoot(PveRootToken),
}

/// A Proxmox API token of `root@pam`. Prints without its secret.
#[derive(Clone)]
pub struct PveRootToken {
    name: String,
    secret: Secret,
}

impl PveRootToken {
    /// The token's name, after the `!`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The full token id, `root@pam!<name>`.
    #[must_use]
    pub fn token_id(&self) -> String {
        format!("{PVE_USER}!{}", self.name)
    }

    /// The token's secret.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}

impl fmt::Debug for PveRootToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PVEAPIToken={PVE_USER}!{}=[redacted]", self.name)
    }
}

/// Why a header is no credential. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Neither `Bearer …` nor `PVEAPIToken=…`, too long, or not printable.
    #[error("the Authorization header must be `Bearer <token>` or `PVEAPIToken=root@pam!<name>=<secret>`")]
    Malformed,
    /// It begins like a tenant token and is none.
    #[error("a tenant token is bn_ followed by 44 characters")]
    TenantToken,
    /// It begins like a Proxmox token and is none.
    #[error("a Proxmox token is PVEAPIToken=root@pam!<name>=<secret>")]
    PveToken,
    /// A Proxmox token of somebody else.
    #[error("only Proxmox tokens of root@pam are accepted")]
    NotRoot,
}

/// Parses the value of an `Authorization` header.
///
/// # Errors
/// The header is not a well-formed credential; the caller is to be answered as one without a valid credential.
pub fn parse(header: &str) -> Result<Credential, HeaderError> {
    if header.len() > MAX_HEADER || header.chars().any(char::is_control) {
        return Err(HeaderError::Malformed);
    }
    if let Some(token) = header.strip_prefix("PVEAPIToken=") {
        return pve_token(token);
    }
    let (scheme, token) = header.split_once(' ').ok_or(HeaderError::Malformed)?;
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(HeaderError::Malformed);
    }
    if token.starts_with(tenant_token::PREFIX) {
        return TenantToken::parse(token).map(Credential::Tenant).map_err(|_| HeaderError::TenantToken);
    }
    Ok(Credential::Csvauth(Secret::from(token)))
}

fn pve_token(token: &str) -> Result<Credential, HeaderError> {
    let (id, secret) = token.split_once('=').ok_or(HeaderError::PveToken)?;
    let (user, name) = id.split_once('!').ok_or(HeaderError::PveToken)?;
    if user != PVE_USER {
        return Err(HeaderError::NotRoot);
    }
    // Proxmox: a token's name is like a realm's, its secret is a UUID in lower case.
    let name_is_valid = name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let secret_is_valid = secret.len() == 36 && secret.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if !name_is_valid || !secret_is_valid {
        return Err(HeaderError::PveToken);
    }
    Ok(Credential::PveRoot(PveRootToken { name: name.to_owned(), secret: Secret::from(secret) }))
}

#[cfg(test)]
mod tests {
    use super::{Credential, HeaderError, parse};

    const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    #[test]
    fn each_kind_of_credential_is_told_by_its_form() {
        let tenant = format!("Bearer bn_{}", "a".repeat(44));
        assert!(matches!(parse(&tenant), Ok(Credential::Tenant(_))));
        assert!(matches!(parse("bearer пароль-✓"), Ok(Credential::Csvauth(s)) if s.expose() == "пароль-✓"));
        let Ok(Credential::PveRoot(token)) = parse(&format!("PVEAPIToken=root@pam!bnpd={UUID}")) else {
            panic!("a Proxmox token is one")
        };
        assert_eq!((token.token_id().as_str(), token.secret().expose()), ("root@pam!bnpd", UUID));
        assert!(!format!("{token:?}").contains(UUID));
    }

    #[test]
    fn a_malformed_token_of_one_kind_is_never_tried_as_another() {
        for (header, error) in [
            ("Bearer bn_short".to_owned(), HeaderError::TenantToken),
            (format!("Bearer bn_{}", "!".repeat(44)), HeaderError::TenantToken),
            (format!("PVEAPIToken=alice@pve!t={UUID}"), HeaderError::NotRoot),
            (format!("PVEAPIToken=root@pam.evil!t={UUID}"), HeaderError::NotRoot),
            ("PVEAPIToken=root@pam!t".to_owned(), HeaderError::PveToken),
            (format!("PVEAPIToken=root@pam!../x={UUID}"), HeaderError::PveToken),
            ("PVEAPIToken=root@pam!t=secret".to_owned(), HeaderError::PveToken),
            (String::new(), HeaderError::Malformed),
            ("Bearer".to_owned(), HeaderError::Malformed),
            ("Bearer  ".to_owned(), HeaderError::Malformed),
            ("Basic YTpi".to_owned(), HeaderError::Malformed),
            ("Bearer a\u{0}b".to_owned(), HeaderError::Malformed),
            (format!("Bearer {}", "a".repeat(5000)), HeaderError::Malformed),
        ] {
            assert_eq!(parse(&header).err(), Some(error), "{header:?}");
        }
    }
}
