//! New keys and new token rows, in the forms that the csvauth library writes by default.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::key::Key;
use crate::secret::Secret;

/// The header of a table.
pub const HEADER: &str = "purpose\tname\talgo\tsalt\tderived\troles\textra\n";

/// The system gave no random bytes, or a name or role cannot stand in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// No randomness.
    #[error("the system gave no random bytes")]
    NoRandom,
    /// Names and roles hold no white space, quotes, commas or `#`.
    #[error("a name or role may hold no white space, quotes, commas or #, and is not empty")]
    Name,
}

/// A new key as the text of its file: 32 hex digits and a newline.
///
/// # Errors
/// No randomness.
pub fn new_key_file() -> Result<Zeroizing<String>, IssueError> {
    let bytes = random::<16>()?;
    Ok(Zeroizing::new(format!("{}\n", hex::encode(bytes.as_ref()))))
}

/// A new bearer token and its row, `aes-128-gcm` under `key`.
///
/// # Errors
/// No randomness, or a name or role that cannot stand in a table.
pub fn new_token(name: &str, roles: &[&str], key: &Key) -> Result<(Secret, String), IssueError> {
    let odd = |word: &str| {
        word.is_empty() || word.contains(|c: char| c.is_whitespace() || c.is_control() || "\"',#".contains(c))
    };
    if odd(name) || roles.iter().any(|role| odd(role)) {
        return Err(IssueError::Name);
    }
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(random::<12>()?.as_ref()));
    let groups: Vec<&str> = [0..4, 4..8, 8..12, 12..16].into_iter().filter_map(|range| text.get(range)).collect();
    let secret = Secret::new(groups.join("-"));
    let nonce = random::<NONCE_LEN>()?;
    let mut body = secret.expose().as_bytes().to_vec();
    let cipher = UnboundKey::new(&AES_128_GCM, key.bytes()).map(LessSafeKey::new).map_err(|_| IssueError::NoRandom)?;
    cipher
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut body)
        .map_err(|_| IssueError::NoRandom)?;
    let row = format!(
        "token\t{name}~{}\taes-128-gcm\t{}\t{}\t{}\t\n",
        key.token_id(secret.expose().as_bytes()),
        URL_SAFE_NO_PAD.encode(nonce.as_ref()),
        URL_SAFE_NO_PAD.encode(&body),
        roles.join(" "),
    );
    Ok((secret, row))
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, IssueError> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new().fill(bytes.as_mut()).map_err(|_| IssueError::NoRandom)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{HEADER, new_key_file, new_token};
    use crate::csvauth::{Key, Outcome, Table};

    #[test]
    fn a_new_token_is_found_in_a_table_made_of_its_row() {
        let key = Key::from_hex(&new_key_file().unwrap()).unwrap();
        let (secret, row) = new_token("ops", &["admin"], &key).unwrap();
        let table = Table::parse(format!("{HEADER}{row}").as_bytes(), key).unwrap();
        assert!(matches!(table.bearer(secret.expose()), Outcome::Ok(found) if found.roles() == ["admin"]));
        assert!(table.warnings().is_empty());
        assert_eq!(secret.expose().len(), 19);
    }

    #[test]
    fn names_that_would_break_the_table_are_refused() {
        let key = Key::zero();
        for bad in ["", "a b", "a\tb", "#a", "a\"b", "a\nb"] {
            assert!(new_token(bad, &[], &key).is_err(), "{bad:?}");
        }
    }
}
