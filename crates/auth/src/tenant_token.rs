//! Tenant tokens: `bn_` and 44 characters, which are 33 random bytes in base64url. The store keeps their hash only.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// What every tenant token begins with.
pub const PREFIX: &str = "bn_";

/// Characters after the prefix.
const LENGTH: usize = 44;

/// A well-formed tenant token. Prints as `[redacted]`.
#[derive(Clone)]
pub struct TenantToken(Secret);

/// SHA-256 of a whole token, prefix included: what is stored and looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The text is not `bn_` and 44 letters, digits, `-` or `_`.
    #[error("a tenant token is bn_ followed by 44 characters")]
    Malformed,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandom,
}

impl TenantToken {
    /// Makes a new token from 33 random bytes.
    ///
    /// # Errors
    /// [`TokenError::NoRandom`].
    pub fn mint() -> Result<Self, TokenError> {
        let mut bytes = Zeroizing::new([0; 33]);
        SystemRandom::new().fill(bytes.as_mut()).map_err(|_| TokenError::NoRandom)?;
        let mut text = String::with_capacity(PREFIX.len() + LENGTH);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_ref(), &mut text);
        Ok(Self(Secret::new(text)))
    }

    /// Parses a token. Strict: exact length, letters, digits, `-` and `_` only.
    ///
    /// # Errors
    /// [`TokenError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let rest = text.strip_prefix(PREFIX).ok_or(TokenError::Malformed)?;
        let valid = rest.len() == LENGTH && rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if valid { Ok(Self(Secret::from(text))) } else { Err(TokenError::Malformed) }
    }

    /// The token's hash, to store or to look up.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.0.expose().as_bytes()).as_ref());
        TokenHash(hash)
    }

    /// The token itself: shown once, in the answer that creates it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl TokenHash {
    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The bytes in lower-case hex.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Debug for TenantToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for TenantToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::{TenantToken, TokenError};

    #[test]
    fn a_minted_token_is_bn_and_44_characters_and_parses() {
        let token = TenantToken::mint().unwrap();
        assert_eq!(token.expose().len(), 47);
        assert_eq!(TenantToken::parse(token.expose()).unwrap().hash(), token.hash());
        assert_ne!(TenantToken::mint().unwrap().hash(), token.hash());
        assert_eq!(format!("{token} {token:?}"), "[redacted] [redacted]");
    }

    #[test]
    fn the_hash_is_sha256_of_the_whole_token() {
        let token = TenantToken::parse(&format!("bn_{}", "A".repeat(44))).unwrap();
        assert_eq!(token.hash().to_hex(), "eed360dc1215a1c3c53e709f0cb141012b4fcbaec9f59320a4c2e27f9097c07f");
    }

    #[test]
    fn anything_else_is_no_token() {
        for text in ["", "bn_", "BN_", &format!("bn_{}", "a".repeat(43)), &format!("bn_{}", "a".repeat(45))] {
            assert_eq!(TenantToken::parse(text).err(), Some(TokenError::Malformed), "{text}");
        }
        for odd in ["+", "/", "=", " ", "\n", "."] {
            assert!(TenantToken::parse(&format!("bn_{}{odd}", "a".repeat(43))).is_err(), "{odd:?}");
        }
    }
}
