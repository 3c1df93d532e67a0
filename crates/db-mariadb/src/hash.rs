//! The hash that `mysql_native_password` keeps, computed here so that the server never sees the password in a statement.

use bnna_db_engine::Password;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// `*` and the SHA-1 of the SHA-1 in upper-case hex: what stands in the server's own tables. The plugin's hash is weak against
/// guessing; the passwords given here have 129 random bits, which no guessing reaches.
pub fn native_hash(password: &Password) -> String {
    let once = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.expose().as_bytes());
    let twice = digest(&SHA1_FOR_LEGACY_USE_ONLY, once.as_ref());
    format!("*{}", hex::encode_upper(twice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_of_the_server_s_own_function() {
        let password = Password::new("password").unwrap();
        assert_eq!(native_hash(&password), "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19");
    }
}
