//! The operators' SSH public keys, from an authorized_keys file.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::error::Error;
use crate::views::{SshKeyView, SshKeys};

/// The largest file that is read, bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Reads the file; lines that are no keys are skipped and counted. No file configured is no keys.
///
/// # Errors
/// The file cannot be read, or is larger than 1 MiB.
pub(crate) fn read(file: Option<&Path>) -> Result<SshKeys, Error> {
    let Some(file) = file else { return Ok(SshKeys { keys: Vec::new(), skipped: 0 }) };
    let unreadable = |why: String| Error::Internal(format!("cannot read the SSH keys file {}: {why}", file.display()));
    let size = std::fs::metadata(file).map_err(|error| unreadable(error.to_string()))?.len();
    if size > MAX_FILE_BYTES {
        return Err(unreadable(format!("{size} bytes; at most {MAX_FILE_BYTES}")));
    }
    let bytes = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    Ok(parse(&String::from_utf8_lossy(&bytes)))
}

/// Reads the lines of an authorized_keys file.
fn parse(text: &str) -> SshKeys {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut found = SshKeys { keys: Vec::new(), skipped: 0 };
    for line in lines {
        match key(line) {
            Some(key) => found.keys.push(key),
            None => found.skipped += 1,
        }
    }
    found
}

/// A line: optional options, the type, the key in base64, a comment. The options may hold blanks in quotes, so the type is
/// searched for; the key's own first field has to repeat it.
fn key(line: &str) -> Option<SshKeyView> {
    let mut rest = line;
    loop {
        let (word, after) = rest.split_once([' ', '\t']).map(|(word, after)| (word, after.trim_start()))?;
        let (body, comment) = after.split_once([' ', '\t']).unwrap_or((after, ""));
        if let Some(blob) = STANDARD.decode(body).ok().filter(|blob| names(blob, word)) {
            let hash = ring::digest::digest(&ring::digest::SHA256, &blob);
            return Some(SshKeyView {
                kind: word.to_owned(),
                key: body.to_owned(),
                comment: comment.trim().to_owned(),
                fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(hash)),
            });
        }
        rest = after;
    }
}

/// Whether a key's first field, a length-prefixed text, is this type.
fn names(blob: &[u8], kind: &str) -> bool {
    let Some((length, rest)) = blob.split_first_chunk::<4>() else { return false };
    let length = u32::from_be_bytes(*length);
    usize::try_from(length).ok().and_then(|length| rest.get(..length)).is_some_and(|name| name == kind.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIUTeyIh+H0nFgfTqKcKwVTq+AMpSxlIkKGO3k1FlUZC";

    #[test]
    fn keys_are_read_with_options_and_comments_and_bad_lines_are_counted() {
        let text = format!(
            "# people\n{KEY} ann@example.net\n\nfrom=\"10.0.0.0/8\",command=\"echo hi there\" {KEY} two words\nssh-rsa {}\nnonsense\n",
            KEY.split_once(' ').unwrap().1
        );
        let found = parse(&text);
        assert_eq!(found.skipped, 2, "{found:?}");
        assert_eq!(found.keys.len(), 2);
        assert_eq!(found.keys[0].comment, "ann@example.net");
        assert_eq!(found.keys[1].comment, "two words");
        assert!(found.keys[0].fingerprint.starts_with("SHA256:") && !found.keys[0].fingerprint.ends_with('='));
    }
}
