//! The MariaDB adapter: MariaDB 10.5 and later.
//!
//! How safety is reached here:
//! - Passwords are sent as the hash of `mysql_native_password`, so that no log of the server holds one.
//! - In a grant `_` and `%` of a database's name stand for other characters; they are escaped, so that `a_b` never opens `axb`.
//! - A database carries the marker as its comment (`CREATE DATABASE … COMMENT`, one statement). Users cannot be marked in MariaDB:
//!   the marker names the user, the database is made first and dropped last, and a user is ours while its database is.
//! - The data is moved with `mariadb-dump` and `mariadb`, which get credentials by a file that only we can read.
//!
//! What a tenant can do to its own: it may drop and make again its own database, and then the marker is gone. It is then reported
//! as foreign without an owner, nothing is touched, and [`Engine::adopt`](bnna_db_engine::Engine::adopt) takes it back.

mod answers;
mod engine;
mod hash;
mod observe;
mod provision;
mod rename;
mod session;
mod transfer;

pub use engine::MariaDb;
pub use hash::native_hash;
