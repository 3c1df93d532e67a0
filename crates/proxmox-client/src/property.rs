//! Property strings: `key=value` pairs joined by commas, one value of which may stand without its key.
//!
//! [`PropertyString`] keeps every pair in its place, known or not, and writes what it read. Types of particular options
//! are views on it, so that a key this crate has never heard of survives reading, changing and writing.

use std::fmt;
use std::str::FromStr;

/// The pairs of a property string, in order.
#[derive(Clone, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub struct PropertyString(Vec<(Option<String>, String)>);

/// A text that is not a property string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a property string: {0}")]
pub struct BadProperty(&'static str);

impl PropertyString {
    /// Without pairs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name.as_deref() == Some(key)).map(|(_, value)| value.as_str())
    }

    /// The value that stands without a key.
    #[must_use]
    pub fn bare(&self) -> Option<&str> {
        self.0.iter().find(|(name, _)| name.is_none()).map(|(_, value)| value.as_str())
    }

    /// Sets `key`, in its place if it is there, else at the end.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(name, _)| name.as_deref() == Some(key)) {
            Some((_, old)) => *old = value,
            None => self.0.push((Some(key.to_owned()), value)),
        }
    }

    /// Sets the value that stands without a key.
    pub fn set_bare(&mut self, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(name, _)| name.is_none()) {
            Some((_, old)) => *old = value,
            None => self.0.insert(0, (None, value)),
        }
    }

    /// Removes `key`; false when it is not there.
    pub fn remove(&mut self, key: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(name, _)| name.as_deref() != Some(key));
        self.0.len() != before
    }

    /// All pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.0.iter().map(|(name, value)| (name.as_deref(), value.as_str()))
    }

    #[cfg(feature = "pve")]
    pub(crate) fn rename(&mut self, from: &str, to: &str, value: String) -> bool {
        match self.0.iter_mut().find(|(name, _)| name.as_deref() == Some(from)) {
            Some(pair) => {
                *pair = (Some(to.to_owned()), value);
                true
            }
            None => false,
        }
    }

    #[cfg(feature = "pve")]
    pub(crate) fn insert_first(&mut self, key: &str, value: String) {
        self.0.insert(0, (Some(key.to_owned()), value));
    }
}

impl FromStr for PropertyString {
    type Err = BadProperty;

    fn from_str(text: &str) -> Result<Self, BadProperty> {
        if text.len() > 64 * 1024 {
            return Err(BadProperty("longer than 64 KiB"));
        }
        let mut pairs = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (key, after) = split_key(rest);
            let (value, after) = split_value(after)?;
            pairs.push((key.map(str::to_owned), value));
            rest = match after.strip_prefix(',') {
                Some("") => return Err(BadProperty("a comma at the end")),
                Some(next) => next,
                None if after.is_empty() => after,
                None => return Err(BadProperty("text after a closing quote")),
            };
        }
        Ok(Self(pairs))
    }
}

/// The key before the next `=`, if that comes before a comma, a quote or a blank.
fn split_key(text: &str) -> (Option<&str>, &str) {
    match text.find(['=', ',', '"', ' ']) {
        Some(at) if at > 0 && text.get(at..=at) == Some("=") => {
            (text.get(..at), text.get(at + 1..).unwrap_or_default())
        }
        _ => (None, text),
    }
}

/// The value up to the next comma, or the quoted text.
fn split_value(text: &str) -> Result<(String, &str), BadProperty> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return Ok((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok((value, quoted.get(at + 1..).unwrap_or_default())),
            '\\' => value.push(chars.next().ok_or(BadProperty("a quote that is not closed"))?.1),
            other => value.push(other),
        }
    }
    Err(BadProperty("a quote that is not closed"))
}

impl fmt::Display for PropertyString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (key, value)) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            if let Some(key) = key {
                write!(f, "{key}=")?;
            }
            // Without its key a value with an equals sign would read as a pair.
            let ambiguous = key.is_none() && split_key(value).0.is_some();
            if value.contains([',', '"']) || ambiguous || (value.is_empty() && key.is_none()) {
                write!(f, "\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))?;
            } else {
                f.write_str(value)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for PropertyString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A type that an option or a property can have, as text.
pub trait TextValue: Sized {
    /// Reads it; `None` when the text is none of it.
    fn read(text: &str) -> Option<Self>;
    /// Writes it.
    fn write(&self) -> String;
    /// The words it is one of.
    const CHOICES: &'static [&'static str] = &[];
    /// Its type on the wire.
    const KIND: crate::params::Kind = crate::params::Kind::Text;
}

impl TextValue for bool {
    const KIND: crate::params::Kind = crate::params::Kind::Boolean;
    fn read(text: &str) -> Option<Self> {
        match text {
            "1" | "on" | "yes" | "true" => Some(true),
            "0" | "off" | "no" | "false" => Some(false),
            _ => None,
        }
    }
    fn write(&self) -> String {
        u8::from(*self).to_string()
    }
}

macro_rules! text_values {
    ($($kind:ident: $($type:ty),*;)*) => {
        $($(impl TextValue for $type {
            const KIND: crate::params::Kind = crate::params::Kind::$kind;
            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
            fn write(&self) -> String {
                self.to_string()
            }
        })*)*
    };
}

text_values! {
    Integer: u8, u16, u32, u64, i64;
    Number: f64;
    Text: String, PropertyString, crate::ids::VolumeId;
}

/// Declares a type over a [`PropertyString`] with a reader and a writer for each known key.
#[cfg(feature = "pve")]
macro_rules! properties {
    ($($(#[$meta:meta])* pub struct $name:ident { $($(#[$doc:meta])* $get:ident / $with:ident: $type:ty = $key:literal,)* })*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
            pub struct $name($crate::property::PropertyString);

            impl $name {
                $(
                    $(#[$doc])*
                    #[must_use]
                    pub fn $get(&self) -> Option<$type> {
                        self.0.get($key).and_then(<$type as $crate::property::TextValue>::read)
                    }

                    #[doc = concat!("The same with `", $key, "` set.")]
                    #[must_use]
                    pub fn $with(mut self, value: $type) -> Self {
                        self.0.set($key, $crate::property::TextValue::write(&value));
                        self
                    }
                )*

                /// All pairs, to read and change those without a function here.
                pub const fn pairs(&mut self) -> &mut $crate::property::PropertyString {
                    &mut self.0
                }

                /// The value of any key, as text.
                #[must_use]
                pub fn raw(&self, key: &str) -> Option<&str> {
                    self.0.get(key)
                }
            }

            impl std::str::FromStr for $name {
                type Err = $crate::property::BadProperty;
                fn from_str(text: &str) -> Result<Self, Self::Err> {
                    text.parse().map(Self)
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    std::fmt::Display::fmt(&self.0, f)
                }
            }

            impl std::fmt::Debug for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    std::fmt::Display::fmt(&self.0, f)
                }
            }

            impl $crate::property::TextValue for $name {
                fn read(text: &str) -> Option<Self> {
                    text.parse().ok()
                }
                fn write(&self) -> String {
                    self.to_string()
                }
            }
        )*
    };
}
#[cfg(feature = "pve")]
pub(crate) use properties;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_known_survives() {
        let text = "virtio=BC:24:11:00:00:01,bridge=vmbr0,future=1,trunks=1;2";
        let mut parsed: PropertyString = text.parse().unwrap();
        assert_eq!(parsed.to_string(), text);
        assert_eq!(parsed.get("trunks"), Some("1;2"));
        parsed.set("bridge", "vmbr1");
        parsed.set("tag", "7");
        assert!(parsed.remove("trunks") && !parsed.remove("trunks"));
        assert_eq!(parsed.to_string(), "virtio=BC:24:11:00:00:01,bridge=vmbr1,future=1,tag=7");
    }

    #[test]
    fn bare_values_and_quotes() {
        let parsed: PropertyString = "local-lvm:vm-100-disk-0,size=32G".parse().unwrap();
        assert_eq!((parsed.bare(), parsed.get("size")), (Some("local-lvm:vm-100-disk-0"), Some("32G")));
        let parsed: PropertyString = r#"a="x,\"y\"",b=2"#.parse().unwrap();
        assert_eq!((parsed.get("a"), parsed.get("b")), (Some("x,\"y\""), Some("2")));
        for bad in ["a=1,", "a=\"x", "a=\"x\"y", "\"\\"] {
            assert!(bad.parse::<PropertyString>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn pairs_round_trip(
            bare in proptest::option::of("[ -~ä]{0,12}"),
            pairs in proptest::collection::btree_map("[a-z][a-z0-9-]{0,5}", "[ -~ä]{0,12}", 0..5),
        ) {
            let mut property = PropertyString::new();
            if let Some(bare) = &bare {
                property.set_bare(bare.as_str());
            }
            for (key, value) in &pairs {
                property.set(key, value.as_str());
            }
            let read: PropertyString = property.to_string().parse().unwrap();
            prop_assert_eq!(read, property);
        }
        #[test]
        fn no_text_panics(text in ".{0,60}") {
            if let Ok(parsed) = text.parse::<PropertyString>() {
                prop_assert_eq!(parsed.to_string().parse::<PropertyString>().unwrap(), parsed);
            }
        }
    }
}
