//! SQLite behind the [`Sql`](crate::Sql) surface: the file, its migrations, the writing thread, the reading threads, backups
//! and the marks of living processes. Nothing outside this module names `rusqlite`.

pub(crate) mod backup;
mod connection;
mod file;
mod migrations;
pub(crate) mod near;
pub(crate) mod readers;
pub(crate) mod scratch;
pub(crate) mod session;
pub(crate) mod writer;

pub(crate) use file::prepare;
