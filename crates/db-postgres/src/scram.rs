//! The SCRAM-SHA-256 verifier (RFC 5803 in PostgreSQL's form), computed here so that the server never sees the password.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bnna_db_engine::{Password, PasswordError};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

/// PostgreSQL's own number of rounds.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4095);

/// `SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>` for a password, with a fresh salt. [`Password`] admits only printable ASCII,
/// for which SASLprep changes nothing.
///
/// # Errors
/// [`PasswordError::Random`].
pub fn verifier(password: &Password) -> Result<String, PasswordError> {
    let mut salt = [0_u8; 16];
    SystemRandom::new().fill(&mut salt).map_err(|_| PasswordError::Random)?;
    Ok(with_salt(password.expose(), &salt))
}

fn with_salt(password: &str, salt: &[u8]) -> String {
    let mut salted = [0_u8; digest::SHA256_OUTPUT_LEN];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt, password.as_bytes(), &mut salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let client_key = hmac::sign(&key, b"Client Key");
    let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
    let server_key = hmac::sign(&key, b"Server Key");
    let text = |bytes: &[u8]| STANDARD.encode(bytes);
    format!("SCRAM-SHA-256${ROUNDS}:{}${}:{}", text(salt), text(stored_key.as_ref()), text(server_key.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677's example exchange: user, pencil, its salt; the keys follow from it.
    #[test]
    fn the_verifier_proves_the_exchange_of_rfc_7677() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = with_salt("pencil", &salt);
        let (stored, server) = verifier.rsplit_once('$').unwrap().1.split_once(':').unwrap();
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                       s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let server_key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(server).unwrap());
        let signature = STANDARD.encode(hmac::sign(&server_key, message.as_bytes()));
        assert_eq!(signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        let stored = STANDARD.decode(stored).unwrap();
        let proof = STANDARD.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let sign = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &stored), message.as_bytes());
        let client_key: Vec<u8> = proof.iter().zip(sign.as_ref()).map(|(a, b)| a ^ b).collect();
        assert_eq!(digest::digest(&digest::SHA256, &client_key).as_ref(), stored);
    }

    #[test]
    fn each_verifier_has_its_own_salt_and_not_the_password() {
        let password = Password::new("pencil-pencil").unwrap();
        let (one, two) = (verifier(&password).unwrap(), verifier(&password).unwrap());
        assert_ne!(one, two);
        assert!(!one.contains("pencil"));
    }
}
