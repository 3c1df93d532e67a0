//! A tenant's password: 22 characters of base58, random, printed as `[redacted]`, wiped when dropped.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};

/// Digits and letters without those that people confuse (0, O, I, l).
const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Characters of a generated password: 22 × log2(58) ≈ 129 bits.
const GENERATED: usize = 22;

/// A password for a database user.
#[derive(Clone)]
pub struct Password(SecretString);

/// Why a text is no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than 8 or longer than 128 characters.
    #[error("a password has 8 to 128 characters")]
    Length,
    /// Something other than printable ASCII: the engines disagree about how to normalise it.
    #[error("a password is printable ASCII without spaces")]
    Characters,
    /// The system's source of random numbers failed.
    #[error("no random numbers")]
    Random,
}

impl Password {
    /// A new random password.
    ///
    /// # Errors
    /// [`PasswordError::Random`].
    pub fn generate() -> Result<Self, PasswordError> {
        let random = SystemRandom::new();
        let mut text = String::with_capacity(GENERATED);
        let mut bytes = [0_u8; 64];
        while text.len() < GENERATED {
            random.fill(&mut bytes).map_err(|_| PasswordError::Random)?;
            // 232 = 4 × 58: what lies above would favour the first letters.
            let letters =
                bytes.iter().filter(|byte| **byte < 232).filter_map(|byte| ALPHABET.get(usize::from(byte % 58)));
            text.extend(letters.take(GENERATED - text.len()).map(|letter| char::from(*letter)));
        }
        zeroize::Zeroize::zeroize(&mut bytes);
        Ok(Self(SecretString::from(text)))
    }

    /// A password that was given.
    ///
    /// # Errors
    /// [`PasswordError::Length`], [`PasswordError::Characters`].
    pub fn new(text: &str) -> Result<Self, PasswordError> {
        if !(8..=128).contains(&text.len()) {
            return Err(PasswordError::Length);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(PasswordError::Characters);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The text itself, for the one who derives a verifier from it or hands it to the tenant.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_are_22_characters_of_base58_and_differ() {
        let one = Password::generate().unwrap();
        let two = Password::generate().unwrap();
        assert_eq!(one.expose().len(), 22);
        assert!(one.expose().bytes().all(|byte| ALPHABET.contains(&byte)));
        assert_ne!(one.expose(), two.expose());
    }

    #[test]
    fn passwords_never_print() {
        let password = Password::new("correct-horse-battery").unwrap();
        assert_eq!(format!("{password:?}"), "[redacted]");
    }

    #[test]
    fn passwords_that_engines_would_normalise_differently_are_refused() {
        assert_eq!(Password::new("short").unwrap_err(), PasswordError::Length);
        assert_eq!(Password::new("passwörter-sind-lang").unwrap_err(), PasswordError::Characters);
        assert_eq!(Password::new("line\nbreaks-here").unwrap_err(), PasswordError::Characters);
    }
}
