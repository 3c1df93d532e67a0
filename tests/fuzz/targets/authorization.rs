//! The `Authorization` header: a credential, or refused without its content.

use bnna_auth::authorization;

pub fn authorization(data: &[u8]) {
    let Ok(header) = std::str::from_utf8(data) else { return };
    if let Err(error) = authorization::parse(header) {
        let shown = format!("{error} {error:?}");
        assert!(header.len() < 24 || !shown.contains(header), "{shown}");
    }
}
