//! PEM as Nebula writes and reads it.
//!
//! Writing: 64 columns of base64, LF, a newline at the end. Reading follows Go's `encoding/pem`, because what Nebula
//! accepts is what Go accepts: text before a block is skipped, lines may end in CRLF, spaces inside the base64 do not
//! matter, a banner must stand at the start of a line and the label of its END must match. One pass, no backtracking,
//! so that hostile text costs no more than its length.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::error::FormatError;

/// The largest text that is searched for PEM blocks: room for a bundle of some thousand CAs.
pub const MAX_PEM_BYTES: usize = 4 * 1024 * 1024;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// Go decodes base64 without looking at the bits after the last byte.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// What a PEM block of Nebula holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    /// A version 1 certificate.
    Certificate,
    /// A version 2 certificate.
    CertificateV2,
    /// A CA's private key, curve 25519.
    Ed25519PrivateKey,
    /// A CA's public key, curve 25519.
    Ed25519PublicKey,
    /// A CA's private key under a passphrase, curve 25519.
    Ed25519EncryptedPrivateKey,
    /// A host's private key, curve 25519.
    X25519PrivateKey,
    /// A host's public key, curve 25519.
    X25519PublicKey,
    /// A host's private key, curve P-256.
    P256PrivateKey,
    /// A host's public key, curve P-256.
    P256PublicKey,
    /// A CA's private key, curve P-256.
    EcdsaP256PrivateKey,
    /// A CA's public key, curve P-256.
    EcdsaP256PublicKey,
    /// A CA's private key under a passphrase, curve P-256.
    EcdsaP256EncryptedPrivateKey,
}

const LABELS: [Label; 12] = [
    Label::Certificate,
    Label::CertificateV2,
    Label::Ed25519PrivateKey,
    Label::Ed25519PublicKey,
    Label::Ed25519EncryptedPrivateKey,
    Label::X25519PrivateKey,
    Label::X25519PublicKey,
    Label::P256PrivateKey,
    Label::P256PublicKey,
    Label::EcdsaP256PrivateKey,
    Label::EcdsaP256PublicKey,
    Label::EcdsaP256EncryptedPrivateKey,
];

impl Label {
    /// The words between `-----BEGIN ` and `-----`.
    #[must_use]
    pub const fn banner(self) -> &'static str {
        match self {
            Self::Certificate => "NEBULA CERTIFICATE",
            Self::CertificateV2 => "NEBULA CERTIFICATE V2",
            Self::Ed25519PrivateKey => "NEBULA ED25519 PRIVATE KEY",
            Self::Ed25519PublicKey => "NEBULA ED25519 PUBLIC KEY",
            Self::Ed25519EncryptedPrivateKey => "NEBULA ED25519 ENCRYPTED PRIVATE KEY",
            Self::X25519PrivateKey => "NEBULA X25519 PRIVATE KEY",
            Self::X25519PublicKey => "NEBULA X25519 PUBLIC KEY",
            Self::P256PrivateKey => "NEBULA P256 PRIVATE KEY",
            Self::P256PublicKey => "NEBULA P256 PUBLIC KEY",
            Self::EcdsaP256PrivateKey => "NEBULA ECDSA P256 PRIVATE KEY",
            Self::EcdsaP256PublicKey => "NEBULA ECDSA P256 PUBLIC KEY",
            Self::EcdsaP256EncryptedPrivateKey => "NEBULA ECDSA P256 ENCRYPTED PRIVATE KEY",
        }
    }

    fn from_banner(banner: &[u8]) -> Option<Self> {
        LABELS.into_iter().find(|label| label.banner().as_bytes() == banner)
    }
}

/// One decoded block. Its contents are wiped when it is dropped, since they may be a key.
pub struct Block {
    /// What the banner says; `None` for a banner that is not Nebula's.
    pub label: Option<Label>,
    /// What the base64 decodes to.
    pub contents: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block").field("label", &self.label).field("contents", &"[redacted]").finish()
    }
}

/// The first block of a text, and the text after it.
///
/// # Errors
/// [`FormatError::NoPemBlock`] when there is none, [`FormatError::TooLarge`] over [`MAX_PEM_BYTES`].
pub fn decode(text: &[u8]) -> Result<(Block, &[u8]), FormatError> {
    if text.len() > MAX_PEM_BYTES {
        return Err(FormatError::TooLarge { what: "a PEM text", size: text.len(), limit: MAX_PEM_BYTES });
    }
    next_block(text).ok_or(FormatError::NoPemBlock)
}

/// A block as text, ending in a newline. Wiped when dropped, since it may be a key.
#[must_use]
pub fn encode(label: Label, contents: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(BASE64.encode(contents));
    let banner = label.banner();
    // Sized up front: a growing string would leave copies of a key behind.
    let mut text = Zeroizing::new(String::with_capacity(base64.len() + base64.len() / 64 + 2 * banner.len() + 40));
    text.push_str("-----BEGIN ");
    text.push_str(banner);
    text.push_str("-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END ");
    text.push_str(banner);
    text.push_str("-----\n");
    text
}

/// Looks for an END, then for the last BEGIN before it, until such a pair is a block.
fn next_block(text: &[u8]) -> Option<(Block, &[u8])> {
    let mut searched = 0;
    loop {
        let end = searched + find(text.get(searched..)?, END)?;
        let after_end = end + END.len();
        let region = text.get(searched..end)?;
        let begin = find_last(region, BEGIN);
        let from = searched;
        searched = after_end;
        let Some(begin) = begin else { continue };
        if begin > 0 && region.get(begin - 1) != Some(&b'\n') {
            continue;
        }
        let (label_line, mut body) = line_at(text, from + begin + BEGIN.len())?;
        let Some(banner) = label_line.strip_suffix(DASHES) else { continue };
        let mut headers = false;
        loop {
            if body >= text.len() {
                return None;
            }
            let (line, next) = line_at(text, body)?;
            if !line.contains(&b':') {
                break;
            }
            headers = true;
            body = next;
        }
        // An empty block's END stands right after the first line, its newline being that line's.
        if headers && end < body {
            if after_end < body {
                return None;
            }
            continue;
        }
        let trailer = text.get(after_end..)?;
        let Some(trailer) = trailer.strip_prefix(banner).and_then(|rest| rest.strip_prefix(DASHES)) else { continue };
        let (tail, rest) = line_at(trailer, 0)?;
        if !tail.is_empty() {
            continue;
        }
        let encoded = text.get(body..end).unwrap_or_default();
        let Some(contents) = base64_contents(encoded) else { continue };
        return Some((Block { label: Label::from_banner(banner), contents }, trailer.get(rest..).unwrap_or_default()));
    }
}

/// Where the first BEGIN stands, at whatever place in its line, and where the line of the END after it ends.
pub(crate) fn piece(text: &[u8]) -> Option<(usize, usize)> {
    let start = find(text, BEGIN)?;
    let bare_end = END.strip_prefix(b"\n").unwrap_or(END);
    let end = start + find(text.get(start..)?, bare_end)?;
    let newline = text.get(end..)?.iter().position(|byte| *byte == b'\n');
    Some((start, newline.map_or(text.len(), |newline| end + newline + 1)))
}

/// Whether nothing but white space (Unicode's, as in Go) is left. Stops at the first thing that is not.
pub(crate) fn is_blank(mut text: &[u8]) -> bool {
    while let Some(&byte) = text.first() {
        let width = match byte {
            b'\t'..=b'\r' | b' ' => 1,
            0..=0x7f => return false,
            _ => {
                let longest = text.get(..4).unwrap_or(text);
                let character = longest.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
                match character {
                    Some(character) if character.is_whitespace() => character.len_utf8(),
                    _ => return false,
                }
            }
        };
        text = text.get(width..).unwrap_or_default();
    }
    true
}

fn base64_contents(encoded: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut dense = Zeroizing::new(Vec::with_capacity(encoded.len()));
    dense.extend(encoded.iter().copied().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')));
    let mut contents = Zeroizing::new(Vec::with_capacity(dense.len() / 4 * 3 + 3));
    BASE64.decode_vec(dense.as_slice(), &mut contents).ok()?;
    Some(contents)
}

/// The line that begins at `start`, without its ending and trailing blanks, and where the next one begins.
fn line_at(text: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let rest = text.get(start..)?;
    let (line, next) = match rest.iter().position(|byte| *byte == b'\n') {
        Some(newline) => {
            let line = rest.get(..newline)?;
            (line.strip_suffix(b"\r").unwrap_or(line), start + newline + 1)
        }
        None => (rest, text.len()),
    };
    let blank = line.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    Some((line.get(..line.len() - blank)?, next))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn find_last(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).rposition(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Option<(Option<Label>, Vec<u8>, String)> {
        let (block, rest) = decode(text.as_bytes()).ok()?;
        Some((block.label, block.contents.to_vec(), String::from_utf8_lossy(rest).into_owned()))
    }

    #[test]
    fn what_is_written_is_read() {
        for size in [0, 1, 47, 48, 49, 500] {
            let contents: Vec<u8> = (0..size).map(|n| n as u8).collect();
            let text = encode(Label::X25519PublicKey, &contents);
            assert!(text.lines().all(|line| line.len() <= 64));
            assert_eq!(one(&text), Some((Some(Label::X25519PublicKey), contents, String::new())), "{size}");
        }
    }

    #[test]
    fn text_before_a_block_is_skipped_and_what_follows_is_handed_back() {
        let block = encode(Label::Certificate, b"abc");
        let text = format!("# the lab's CA\n{}next", block.as_str());
        assert_eq!(one(&text), Some((Some(Label::Certificate), b"abc".to_vec(), "next".to_owned())));
    }

    #[test]
    fn endings_and_blanks_do_not_matter_but_banners_do() {
        let good = |text: &str| one(text).map(|(_, contents, _)| contents);
        assert_eq!(good("-----BEGIN A-----\r\nYW Jj\r\n-----END A-----  \t"), Some(b"abc".to_vec()));
        assert_eq!(good("-----BEGIN A-----\nKey: value\n\nYWJj\n-----END A-----\n"), Some(b"abc".to_vec()));
        assert_eq!(good("-----BEGIN B-----\nx\n-----BEGIN A-----\nYWJj\n-----END A-----\n"), Some(b"abc".to_vec()));
        assert_eq!(good("-----BEGIN A-----\n-----END A-----\n"), Some(Vec::new()));
        for bad in [
            " -----BEGIN A-----\nYWJj\n-----END A-----\n",
            "-----BEGIN A-----\nYWJj\n-----END B-----\n",
            "-----BEGIN A----\nYWJj\n-----END A----\n",
            "-----BEGIN A-----\nYWJj\n-----END A-----x\n",
            "-----BEGIN A-----\nYWJ\n-----END A-----\n",
            "-----BEGIN A-----\nYWJj",
            "-----BEGIN A-----\nKey: value\n-----END A-----\n",
            "",
        ] {
            assert_eq!(good(bad), None, "{bad:?}");
        }
    }
}
