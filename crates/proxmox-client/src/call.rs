//! A call as data: method, path, parameters, what it answers with. The typed functions send through these and nothing
//! else, so that the table that documentation, conformance checks and the simulator read cannot differ from what is sent.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::lenient::{self, DecodeError};
use crate::params::{Kind, ParamSet};

/// The methods that Proxmox knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates and starts.
    Post,
    /// Changes.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// Whether parameters travel in the body rather than in the query string.
    #[must_use]
    pub const fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which server a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// Proxmox VE.
    Pve,
    /// Proxmox Backup Server.
    Pbs,
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pve => "PVE",
            Self::Pbs => "PBS",
        })
    }
}

/// The versions that have a call, of those this crate is made for (PVE 8.4 and 9.2, PBS 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Since {
    /// All of them.
    Always,
    /// From this release on.
    From(u16, u16),
    /// Before this release only.
    Before(u16, u16),
}

impl Since {
    /// Whether a server of release `major.minor` has the call.
    #[must_use]
    pub const fn includes(self, major: u16, minor: u16) -> bool {
        match self {
            Self::Always => true,
            Self::From(a, b) => major > a || (major == a && minor >= b),
            Self::Before(a, b) => major < a || (major == a && minor < b),
        }
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("in every version"),
            Self::From(major, minor) => write!(f, "from {major}.{minor} on"),
            Self::Before(major, minor) => write!(f, "before {major}.{minor} only"),
        }
    }
}

/// A parameter of a call, apart from those in its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Param {
    /// The name on the wire; numbered ones as `net[n]`.
    pub name: &'static str,
    /// The type on the wire.
    pub kind: Kind,
    /// Whether the typed call always sends it.
    pub required: bool,
    /// The words it is one of, when it is an enumeration.
    pub choices: &'static [&'static str],
}

/// A typed call, as data.
#[derive(Clone, Copy)]
pub struct Call {
    /// The function, as `pools().create`.
    pub function: &'static str,
    /// Which server it is for.
    pub product: Product,
    /// The method.
    pub method: Method,
    /// The path with its parameters as `{name}`.
    pub template: &'static str,
    /// The parameters that the function can send.
    pub params: fn() -> Vec<Param>,
    /// Which versions have it.
    pub since: Since,
    /// Reads the `data` of an answer as the function does.
    pub check: fn(Value) -> Result<(), DecodeError>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ({})", self.product, self.method, self.template, self.function)
    }
}

/// A [`Call`] with the types it takes and gives.
pub(crate) struct Typed<P, R> {
    pub(crate) call: Call,
    types: PhantomData<fn(P) -> R>,
}

impl<P: ParamSet, R: DeserializeOwned> Typed<P, R> {
    pub(crate) const fn new(
        function: &'static str,
        product: Product,
        method: Method,
        template: &'static str,
        since: Since,
    ) -> Self {
        let call = Call { function, product, method, template, params: P::describe, since, check: check::<R> };
        Self { call, types: PhantomData }
    }
}

fn check<R: DeserializeOwned>(data: Value) -> Result<(), DecodeError> {
    lenient::from_value::<R>(data).map(drop)
}

/// Declares the calls of a module and lists them as `CALLS`.
macro_rules! calls {
    ($product:ident: $($name:ident $function:tt = $method:ident $template:tt ($($params:ty)?) -> $answer:ty
        $(, $since:ident $major:literal $minor:literal)?;)*) => {
        $(
            pub(crate) const $name: $crate::call::Typed<calls!(@params $($params)?), $answer> = $crate::call::Typed::new(
                $function,
                $crate::call::Product::$product,
                $crate::call::Method::$method,
                $template,
                calls!(@since $($since $major $minor)?),
            );
        )*
        pub(crate) const CALLS: &[$crate::call::Call] = &[$($name.call),*];
    };
    (@params $params:ty) => { $params };
    (@params) => { () };
    (@since from $major:literal $minor:literal) => { $crate::call::Since::From($major, $minor) };
    (@since before $major:literal $minor:literal) => { $crate::call::Since::Before($major, $minor) };
    (@since) => { $crate::call::Since::Always };
}
pub(crate) use calls;

/// Fills the parameters of a path template, in order, each encoded as one segment.
///
/// # Errors
/// A text: when the counts differ, or a value is empty or would climb (`.`, `..`).
pub(crate) fn fill(template: &str, args: &[&str]) -> Result<String, String> {
    let mut args = args.iter();
    let mut path = String::with_capacity(template.len() + 32);
    for part in template.split('/').skip(1) {
        path.push('/');
        if !part.starts_with('{') {
            path.push_str(part);
            continue;
        }
        match args.next() {
            None => return Err(format!("no value for {part} of {template}")),
            Some(&("" | "." | "..")) => return Err(format!("{part} of {template} cannot be empty or dots")),
            Some(value) if value.contains('\0') => return Err(format!("{part} of {template} has a NUL character")),
            Some(value) => path.push_str(&crate::ids::path_segment(value)),
        }
    }
    match args.next() {
        None => Ok(path),
        Some(_) => Err(format!("more values than {template} has parameters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_place() {
        assert_eq!(fill("/nodes/{node}/x/{y}", &["pve 1", "../a"]).unwrap(), "/nodes/pve%201/x/..%2Fa");
        for bad in [&["..", "a"] as &[&str], &[".", "a"], &["", "a"], &["a"], &["a", "b", "c"], &["a\0", "b"]] {
            assert!(fill("/nodes/{node}/x/{y}", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn versions() {
        assert!(Since::Always.includes(1, 0));
        assert!(
            Since::From(9, 1).includes(9, 1) && !Since::From(9, 1).includes(9, 0) && Since::From(9, 1).includes(10, 0)
        );
        assert!(Since::Before(9, 0).includes(8, 4) && !Since::Before(9, 0).includes(9, 0));
    }
}
