//! The PostgreSQL adapter: PostgreSQL 13 and later.
//!
//! How safety is reached here:
//! - A database is made with `ALLOW_CONNECTIONS false`; only after `CONNECT` is revoked from PUBLIC and the marker is on it, in one
//!   transaction, does it open. At no moment can another tenant enter.
//! - Passwords are sent as SCRAM verifiers, so that no log of the server holds one.
//! - The administrator never runs anything inside a tenant's database: copies, dumps and restores log in as a *visitor*, a role that
//!   lives for the call, is a member of the tenant's role and of nothing else. Code that a tenant left in a cast, a default or an
//!   index runs with the visitor's rights, and `RESET ROLE` leads nowhere.
//! - Users and databases are marked by comments (`COMMENT ON ROLE`, `COMMENT ON DATABASE`).
//!
//! An administrator that is no superuser needs `CREATEDB`, `CREATEROLE`, `pg_signal_backend` and `pg_read_all_stats`; it makes
//! itself a member of each role that it creates.

mod answers;
mod engine;
mod observe;
mod provision;
mod scram;
mod session;
mod tls;
mod transfer;
mod visitor;

pub use engine::Postgres;
pub use scram::verifier;
