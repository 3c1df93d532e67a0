//! The SQL Server adapter, and of smaller engines that speak its protocol (TDS) and its language (T-SQL).
//!
//! **What has run and what has not.** No SQL Server can be installed where this is built. The protocol side runs against the
//! vendor's `mssql-mock-tds` (login, errors 18456, 1801 and 15025, connections cut in the middle), every statement is asserted as
//! text, and nothing here has yet run against the engine itself. `cargo xtask db --engine mssql --url …` runs the whole suite
//! against a server given; until someone has done so, everything below is by the manual. In particular never run: `BACKUP`,
//! `RESTORE`, `KILL`, `SINGLE_USER`, the catalogue views' types, and the copy.
//!
//! How safety is reached here:
//! - A login cannot be marked. The database carries the marker as an extended property (or, where there are none, in a table of a
//!   schema of its own), it is made first and dropped last, and a login is ours while its database names it.
//! - `CREATE LOGIN` takes no parameters: the password is quoted into the text, which the engine keeps out of its own traces; it is
//!   taken out of every message here.
//! - The login gets rights in its database by membership of `db_owner`; where an engine has no such membership, it becomes the
//!   database's owner (`ALTER AUTHORIZATION`).
//! - A new database has no guest, so no other login can enter it.

mod answers;
mod copy;
mod engine;
mod observe;
mod provision;
mod session;
pub mod statements;
mod transfer;

pub use engine::MsSql;
