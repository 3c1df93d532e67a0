//! Names that people type, each a type with one constructor.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// Slugs that would collide with routes, Proxmox names or words of the platform.
const RESERVED_SLUGS: &[&str] = &["platform", "admin", "root", "api", "bnna", "system", "all", "default"];

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and takes the name.
            ///
            /// # Errors
            /// When the text breaks the rule in the type's description.
            pub fn parse(text: impl Into<String>) -> Result<Self, Invalid> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

name!(
    /// An account's slug: `^[a-z][a-z0-9-]{0,30}[a-z0-9]$` without `--`, none of the reserved words. It is also the name of
    /// the account's Proxmox pool and group, which is why it never changes.
    Slug,
    check_slug
);
name!(
    /// What a person calls the account: 1 to 100 characters, no control characters.
    DisplayName,
    check_display_name
);
name!(
    /// A mail address, or empty: one `@` with something on both sides, at most 254 bytes, no blanks or control characters.
    Email,
    check_email
);
name!(
    /// The key of an account's setting: `^[a-z][a-z0-9_.-]{0,63}$`.
    SettingKey,
    check_setting_key
);
name!(
    /// What a cluster is addressed by: a host name or an IP address, optionally with `:port` (an IPv6 address in brackets),
    /// at most 255 bytes, lower case.
    ClusterHost,
    check_host
);

fn check_slug(text: &str) -> Result<(), Invalid> {
    let rule = "2 to 32 characters of a-z, 0-9 and single hyphens, beginning with a letter, not ending with a hyphen";
    let bytes = text.as_bytes();
    let fits = (2..=32).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|last| last.is_ascii_lowercase() || last.is_ascii_digit())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
        && !text.contains("--");
    if !fits {
        return Err(Invalid::new("slug", format!("{} is not a slug: {rule}", quoted(text))));
    }
    if RESERVED_SLUGS.contains(&text) {
        return Err(Invalid::new("slug", format!("{text:?} is reserved; choose another")));
    }
    Ok(())
}

fn check_display_name(text: &str) -> Result<(), Invalid> {
    let length = text.chars().count();
    if !(1..=100).contains(&length) || text.chars().any(char::is_control) || text.trim().is_empty() {
        return Err(Invalid::new("display_name", "1 to 100 characters, not only blanks, no control characters"));
    }
    Ok(())
}

fn check_email(text: &str) -> Result<(), Invalid> {
    let rule = "a mail address (one @ with something on both sides, at most 254 bytes) or empty";
    if text.is_empty() {
        return Ok(());
    }
    let mut parts = text.split('@');
    let two = matches!((parts.next(), parts.next(), parts.next()), (Some(user), Some(host), None) if !user.is_empty() && !host.is_empty());
    if !two || text.len() > 254 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Invalid::new("email", rule));
    }
    Ok(())
}

fn check_setting_key(text: &str) -> Result<(), Invalid> {
    let bytes = text.as_bytes();
    let fits = (1..=64).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-'));
    if fits {
        Ok(())
    } else {
        Err(Invalid::new(
            "key",
            format!(
                "{} is not a setting's key: 1 to 64 of a-z, 0-9, '_', '.', '-', beginning with a letter",
                quoted(text)
            ),
        ))
    }
}

fn check_host(text: &str) -> Result<(), Invalid> {
    let wrong = |why: &str| Err(Invalid::new("host", format!("{} is not a host: {why}", quoted(text))));
    if text.is_empty() || text.len() > 255 {
        return wrong("1 to 255 bytes");
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((address, after)) = rest.split_once(']') else { return wrong("an IPv6 address ends with ']'") };
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return wrong("not an IPv6 address in brackets");
        }
        match after.strip_prefix(':') {
            Some(port) => (None, Some(port)),
            None if after.is_empty() => (None, None),
            None => return wrong("after ']' only ':port' may follow"),
        }
    } else {
        match text.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(text), None),
        }
    };
    if let Some(port) = port
        && (port.is_empty() || port.starts_with('0') || port.parse::<u16>().is_err())
    {
        return wrong("the port is a number from 1 to 65535");
    }
    if let Some(host) = host {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if !host.split('.').all(label) {
            return wrong("a lower-case host name or an IP address, optionally with :port");
        }
    }
    Ok(())
}

/// At most 64 characters of what was sent, so that an error stays readable.
fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(64).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_follow_the_documented_pattern() {
        for good in ["ab", "acme", "a1", "a-b", "acme-prod", &"a".repeat(32)] {
            assert!(Slug::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "A1", "1a", "-a", "a-", "a--b", "a_b", "a.b", "ä1", "../x", &"a".repeat(33), "a b", "a\n"]
        {
            assert!(Slug::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reserved_words_are_no_slugs() {
        for word in RESERVED_SLUGS {
            assert!(Slug::parse(*word).is_err(), "{word}");
        }
    }

    #[test]
    fn emails_have_one_at_or_are_empty() {
        for good in ["", "a@b", "ops@acme.com", "ü@ä.de"] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in ["a", "@b", "a@", "a@b@c", "a b@c", "a@b\n", &format!("{}@b", "a".repeat(254))] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_may_carry_a_port() {
        for good in ["pve.example.net", "10.0.0.1:8006", "127.0.0.1:41234", "[::1]:8006", "[fe80::1]", "localhost"] {
            assert!(ClusterHost::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["", "pve:", "pve:0", "pve:70000", "a/b", "a..b", "-a", "https://pve", "PVE", "[::1", "[x]:1", "a:1:2"]
        {
            assert!(ClusterHost::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_long_bad_name_is_not_echoed_whole() {
        let error = Slug::parse("x".repeat(10_000)).unwrap_err();
        assert!(error.message.len() < 300);
    }
}
