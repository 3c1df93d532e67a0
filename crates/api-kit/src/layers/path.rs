//! Refuses paths that mean different things to different readers.

use percent_encoding::percent_decode_str;

use crate::error::ApiError;

/// Longest path, in bytes.
const MAX_PATH: usize = 4096;

/// Lets only paths through that have one reading.
pub(crate) fn clean_path(path: &str) -> Result<(), ApiError> {
    check(path).map_err(|what| ApiError::bad_request(format!("the path {what}")))
}

fn check(path: &str) -> Result<(), &'static str> {
    if path.len() > MAX_PATH {
        return Err("is too long");
    }
    if path.contains("//") {
        return Err("has an empty segment");
    }
    for segment in path.split('/') {
        let mut rest = segment.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'%' && !(0..2).all(|_| rest.next().is_some_and(|digit| digit.is_ascii_hexdigit())) {
                return Err("has a percent sign that encodes nothing");
            }
        }
        let segment = percent_decode_str(segment).decode_utf8().map_err(|_| "is not UTF-8")?;
        if matches!(segment.as_ref(), "." | "..") {
            return Err("has a segment . or ..");
        }
        if segment.contains(['/', '\\']) {
            return Err("has an encoded slash or a backslash");
        }
        if segment.chars().any(char::is_control) {
            return Err("has a control character");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn paths_with_more_than_one_reading_are_refused() {
        for path in [
            "//",
            "/api//x",
            "/api/../x",
            "/api/.",
            "/api/%2e%2e/x",
            "/api/.%2E",
            "/api/a%2fb",
            "/api/a%2Fb",
            "/api/a%5Cb",
            "/api/a\\b",
            "/api/%00",
            "/api/%0a",
            "/api/%ff",
            "/api/%c3%28",
            "/api/%",
            "/api/%4",
            "/api/%zz",
        ] {
            assert!(check(path).is_err(), "{path}");
        }
        assert!(check(&format!("/{}", "a".repeat(5000))).is_err());
    }

    #[test]
    fn ordinary_paths_pass() {
        for path in
            ["/", "/health", "/api/x/", "/api/*.example.com", "/api/s%C3%B8ren", "/api/pve1:8006", "/api/...", "/a%25b"]
        {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }
}
