//! The operators' table `users.tsv` as the csvauth library reads it: records, rows, verification, look-ups.
//!
//! Everything here is pure: bytes and a key in, answers out. Reading and watching the file is
//! [`users_table`](crate::users_table)'s. It must not know of HTTP: which look-up a request may use is decided above.
//!
//! Where the published library has a defect this module does what an operator expects: encrypted logins are decrypted,
//! a `pbkdf2` row without parameters is an error and not a crash, and a table is parsed completely or not at all.

mod algorithm;
mod credential;
pub mod issue;
mod key;
mod records;
mod table;

pub use credential::{Credential, Purpose};
pub use key::{Key, KeyError};
pub use table::{Outcome, ParseError, Table, Warning};
