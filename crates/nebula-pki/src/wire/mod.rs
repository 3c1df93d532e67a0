//! The two wire formats that Nebula uses, each reduced to what Nebula's own parser does with it.
//!
//! Nothing here knows what a certificate is. Both readers take hostile bytes: they borrow from the input, allocate
//! nothing in proportion to a declared length, and never recurse.

pub(crate) mod der;
pub(crate) mod protobuf;
