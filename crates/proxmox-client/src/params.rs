//! How parameters are written: names and texts, in the order given, as a form or a query string.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::call::Param;
use crate::ids::{AclPath, AuthId, PoolId, TokenId, Upid, UserId, Vmid, VolumeId};

/// The type of a parameter on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text, property strings and comma-separated lists included.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// 0 or 1.
    Boolean,
    /// The parameter repeated, once an element.
    Array,
}

/// Parameters on their way out. Its `Debug` shows names only: values may be secret.
#[derive(Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// No parameters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, text as it is to arrive.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// Adds one.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.push(name, value.to_string());
        self
    }

    /// The names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `application/x-www-form-urlencoded`, which is also what a query string is.
    pub(crate) fn encode(&self) -> String {
        let encode = crate::ids::path_segment;
        let pairs: Vec<String> =
            self.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        pairs.join("&")
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl<N: Into<String>, V: fmt::Display> FromIterator<(N, V)> for Params {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.to_string())).collect())
    }
}

/// The parameters of one typed call.
pub trait ParamSet {
    /// What they are called and look like.
    fn describe() -> Vec<Param>;
    /// Writes those that are set.
    fn put(&self, out: &mut Params);
}

impl ParamSet for () {
    fn describe() -> Vec<Param> {
        Vec::new()
    }
    fn put(&self, _: &mut Params) {}
}

/// A type that a parameter can have.
pub trait Field {
    /// Its type on the wire.
    const KIND: Kind;
    /// Whether it is always written.
    const REQUIRED: bool = true;
    /// The words it is one of.
    const CHOICES: &'static [&'static str] = &[];
    /// The parameters it is written as.
    #[must_use]
    fn describe(name: &'static str) -> Vec<Param> {
        vec![Param { name, kind: Self::KIND, required: Self::REQUIRED, choices: Self::CHOICES }]
    }
    /// Writes it, if it is set.
    fn put(&self, name: &str, out: &mut Params);
}

impl<T: Field> Field for Option<T> {
    const KIND: Kind = T::KIND;
    const REQUIRED: bool = false;
    const CHOICES: &'static [&'static str] = T::CHOICES;
    fn describe(name: &'static str) -> Vec<Param> {
        T::describe(name).into_iter().map(|param| Param { required: false, ..param }).collect()
    }
    fn put(&self, name: &str, out: &mut Params) {
        if let Some(value) = self {
            value.put(name, out);
        }
    }
}

impl Field for bool {
    const KIND: Kind = Kind::Boolean;
    fn put(&self, name: &str, out: &mut Params) {
        out.push(name, if *self { "1" } else { "0" });
    }
}

/// A switch that is sent only when it is on; off is what the server does anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Switch {
    /// Not sent.
    #[default]
    Off,
    /// Sent as 1.
    On,
}

impl From<bool> for Switch {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

impl Field for Switch {
    const KIND: Kind = Kind::Boolean;
    const REQUIRED: bool = false;
    fn put(&self, name: &str, out: &mut Params) {
        if *self == Self::On {
            out.push(name, "1");
        }
    }
}

/// A yes or no that the schema calls a number: 1 or 0, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flag01(pub bool);

impl From<bool> for Flag01 {
    fn from(on: bool) -> Self {
        Self(on)
    }
}

impl Field for Flag01 {
    const KIND: Kind = Kind::Integer;
    fn put(&self, name: &str, out: &mut Params) {
        self.0.put(name, out);
    }
}

/// Lets sets of parameters be fields of others, so that what belongs together is given together. The field's own name is not written.
macro_rules! nested {
    ($($type:ty),* $(,)?) => {
        $(impl $crate::params::Field for $type {
            const KIND: $crate::params::Kind = $crate::params::Kind::Text;
            fn describe(_: &'static str) -> Vec<$crate::call::Param> {
                <Self as $crate::params::ParamSet>::describe()
            }
            fn put(&self, _: &str, out: &mut $crate::params::Params) {
                $crate::params::ParamSet::put(self, out);
            }
        })*
    };
}
pub(crate) use nested;

/// Declares fields that have one value only, so that no other can be given.
macro_rules! constants {
    ($($(#[$meta:meta])* pub struct $name:ident: $kind:ident = $word:literal;)*) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
            pub struct $name;

            impl $crate::params::Field for $name {
                const KIND: $crate::params::Kind = $crate::params::Kind::$kind;
                const CHOICES: &'static [&'static str] = &[$word];
                fn put(&self, name: &str, out: &mut $crate::params::Params) {
                    out.push(name, $word);
                }
            }
        )*
    };
}
#[cfg(feature = "pve")]
pub(crate) use constants;

constants! {
    /// A switch that a call always sets.
    pub struct Always: Boolean = "1";
}

macro_rules! fields {
    ($($kind:ident: $($type:ty),*;)*) => {
        $($(impl Field for $type {
            const KIND: Kind = Kind::$kind;
            fn put(&self, name: &str, out: &mut Params) {
                out.push(name, self.to_string());
            }
        })*)*
    };
}

fields! {
    Integer: u8, u16, u32, u64, i64, Vmid;
    Number: f64;
    Text: String, &str, crate::transport::Fingerprint, AclPath, AuthId, PoolId, TokenId, Upid, UserId, VolumeId;
}

impl Field for SecretString {
    const KIND: Kind = Kind::Text;
    fn put(&self, name: &str, out: &mut Params) {
        out.push(name, self.expose_secret());
    }
}

/// A list written as one text with commas. Empty is not sent.
impl<T: fmt::Display> Field for Vec<T> {
    const KIND: Kind = Kind::Text;
    const REQUIRED: bool = false;
    fn put(&self, name: &str, out: &mut Params) {
        if !self.is_empty() {
            let items: Vec<String> = self.iter().map(ToString::to_string).collect();
            out.push(name, items.join(","));
        }
    }
}

/// A list written as the parameter repeated. Empty is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repeated(pub Vec<String>);

impl Field for Repeated {
    const KIND: Kind = Kind::Array;
    const REQUIRED: bool = false;
    fn put(&self, name: &str, out: &mut Params) {
        for item in &self.0 {
            out.push(name, item.as_str());
        }
    }
}

/// Numbered options: `net[n]` with the numbers that are set.
impl<T: fmt::Display> Field for BTreeMap<u8, T> {
    const KIND: Kind = Kind::Text;
    const REQUIRED: bool = false;
    fn put(&self, name: &str, out: &mut Params) {
        let stem = name.trim_end_matches("[n]");
        for (number, value) in self {
            out.push(format!("{stem}{number}"), value.to_string());
        }
    }
}

/// Further parameters by name, for what a server knows and this crate does not.
impl Field for BTreeMap<String, String> {
    const KIND: Kind = Kind::Text;
    const REQUIRED: bool = false;
    fn describe(_: &'static str) -> Vec<Param> {
        Vec::new()
    }
    fn put(&self, _: &str, out: &mut Params) {
        for (name, value) in self {
            out.push(name.as_str(), value.as_str());
        }
    }
}

/// Declares a struct of parameters: each field with its type and its name on the wire.
macro_rules! params {
    ($($(#[$meta:meta])* pub struct $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty = $wire:expr,)* })*) => {
        $(
            $(#[$meta])*
            pub struct $name {
                $($(#[$doc])* pub $field: $type,)*
            }

            impl $crate::params::ParamSet for $name {
                fn describe() -> Vec<$crate::call::Param> {
                    let mut all = Vec::new();
                    $(all.extend(<$type as $crate::params::Field>::describe($wire));)*
                    all
                }
                fn put(&self, out: &mut $crate::params::Params) {
                    $($crate::params::Field::put(&self.$field, $wire, out);)*
                }
            }
        )*
    };
}
pub(crate) use params;

/// Declares an enumeration of words. Reading keeps a word that is not among them as `Other`.
macro_rules! words {
    ($($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* })*) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub enum $name {
                $($(#[$doc])* $variant,)*
                /// A word that this crate does not know.
                Other(String),
            }

            impl $name {
                /// The word on the wire.
                #[must_use]
                pub fn as_str(&self) -> &str {
                    match self {
                        $(Self::$variant => $word,)*
                        Self::Other(word) => word,
                    }
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(self.as_str())
                }
            }

            impl From<&str> for $name {
                fn from(word: &str) -> Self {
                    match word {
                        $($word => Self::$variant,)*
                        other => Self::Other(other.to_owned()),
                    }
                }
            }

            impl serde::Serialize for $name {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(self.as_str())
                }
            }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    <String as serde::Deserialize>::deserialize(deserializer).map(|word| Self::from(word.as_str()))
                }
            }

            impl $crate::params::Field for $name {
                const KIND: $crate::params::Kind = $crate::params::Kind::Text;
                const CHOICES: &'static [&'static str] = &[$($word),*];
                fn put(&self, name: &str, out: &mut $crate::params::Params) {
                    out.push(name, self.as_str());
                }
            }
        )*
    };
}
pub(crate) use words;

/// A list that Proxmox writes as one text, with commas, semicolons or blanks, or as a JSON list.
#[derive(Debug, Clone, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub struct TextList(pub Vec<String>);

impl std::ops::Deref for TextList {
    type Target = [String];
    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl<'de> serde::Deserialize<'de> for TextList {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EitherForm;
        impl<'de> serde::de::Visitor<'de> for EitherForm {
            type Value = TextList;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list as text or as list")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<TextList, E> {
                let parts = text.split([',', ';', ' ', '\0']).filter(|part| !part.is_empty());
                Ok(TextList(parts.map(str::to_owned).collect()))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<TextList, E> {
                Ok(TextList(vec![number.to_string()]))
            }
            fn visit_unit<E: serde::de::Error>(self) -> Result<TextList, E> {
                Ok(TextList::default())
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<TextList, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(TextList(list))
            }
        }
        deserializer.deserialize_any(EitherForm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_survives_everything_a_form_gives_a_meaning() {
        let params = Params::new().with("a b", "1&2=3+4%5").with("ä", "\n");
        assert_eq!(params.encode(), "a%20b=1%262%3D3%2B4%255&%C3%A4=%0A");
    }

    #[test]
    fn values_do_not_show_in_debug() {
        let params = Params::new().with("password", "hunter2");
        assert_eq!(format!("{params:?}"), "[\"password\"]");
    }

    #[test]
    fn numbered_and_repeated_options() {
        let mut out = Params::new();
        Field::put(&BTreeMap::from([(0u8, "x"), (3, "y")]), "net[n]", &mut out);
        Field::put(&Repeated(vec!["ls".to_owned(), "-l".to_owned()]), "command", &mut out);
        Field::put(&vec![1, 2], "vms", &mut out);
        Field::put(&Switch::Off, "force", &mut out);
        Field::put(&None::<bool>, "none", &mut out);
        assert_eq!(out.encode(), "net0=x&net3=y&command=ls&command=-l&vms=1%2C2");
    }

    #[test]
    fn lists_in_either_form() {
        let read = |value| crate::lenient::from_value::<TextList>(value).unwrap().0;
        assert_eq!(read(serde_json::json!("iso,images;a b")), ["iso", "images", "a", "b"]);
        assert_eq!(read(serde_json::json!(["x", 5])), ["x", "5"]);
        assert!(read(serde_json::json!("")).is_empty());
    }
}
