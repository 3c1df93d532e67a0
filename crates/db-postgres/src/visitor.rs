//! The visitor: a role for the time of one copy, dump or restore, member of the tenant's role and of nothing else.
//!
//! A superuser that runs a tenant's code (a cast, a default, an index expression) hands its rights to that code. The visitor has
//! nothing to hand over. One that a crash left behind expires by itself and is removed by the next call for the tenancy.

use std::time::Duration;

use bnna_db_engine::{EngineKind, Error, Password, Target, Tenancy};
use ring::rand::{SecureRandom, SystemRandom};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_postgres::types::Type;

use crate::scram;
use crate::session::{self, Connection, Entry, value};

/// The comment of every visitor.
const COMMENT: &str = "bnna:visitor";
/// Sessions that the two sides of a tool and the digest need at most.
const SESSIONS: u32 = 4;

/// Credentials of a visitor.
pub(crate) struct Visitor {
    pub(crate) name: String,
    pub(crate) password: Password,
}

/// Whether this comment is on a visitor.
pub(crate) fn is_one(comment: Option<&str>) -> bool {
    comment == Some(COMMENT)
}

/// Makes a visitor of a tenancy, which expires by itself.
pub(crate) async fn invite(admin: &Connection, tenancy: &Tenancy, stay: Duration) -> Result<Visitor, Error> {
    remove_left_behind(admin, tenancy).await?;
    let mut random = [0_u8; 8];
    SystemRandom::new().fill(&mut random).map_err(|_| Error::refused("no random numbers"))?;
    let name = format!("bnna_visitor_{}", hex::encode(random));
    let password = Password::generate().map_err(|error| Error::refused(error.to_string()))?;
    let verifier = scram::verifier(&password).map_err(|error| Error::refused(error.to_string()))?;
    let until =
        (OffsetDateTime::now_utc() + stay).format(&Rfc3339).map_err(|error| Error::refused(error.to_string()))?;
    let quote = |text: &str| EngineKind::Postgres.quote_text(text);
    let role = EngineKind::Postgres.quote_identifier(&name);
    let sql = format!(
        "CREATE ROLE {role} LOGIN PASSWORD {} CONNECTION LIMIT {SESSIONS} VALID UNTIL {} IN ROLE {}; COMMENT ON ROLE {role} IS {};",
        quote(&verifier),
        quote(&until),
        tenancy.user.quoted(),
        quote(COMMENT)
    );
    admin.change("admit a visitor", &format!("user {name}"), &sql).await?;
    Ok(Visitor { name, password })
}

/// Removes every visitor of this tenancy.
pub(crate) async fn remove_left_behind(admin: &Connection, tenancy: &Tenancy) -> Result<(), Error> {
    let sql = "SELECT v.rolname::text FROM pg_auth_members m JOIN pg_roles v ON v.oid = m.member JOIN pg_roles t ON t.oid = m.roleid \
                WHERE t.rolname = $1 AND shobj_description(v.oid, 'pg_authid') = $2";
    let (user, comment) = (tenancy.user.as_str(), COMMENT);
    for row in admin.read(sql, &[(&user, Type::TEXT), (&comment, Type::TEXT)]).await? {
        let name: String = value(&row, 0)?;
        remove(admin, &name).await?;
    }
    Ok(())
}

/// Removes a visitor; its sessions are ended.
pub(crate) async fn remove(admin: &Connection, name: &str) -> Result<(), Error> {
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1";
    admin.read(ended, &[(&name, Type::TEXT)]).await?;
    let role = EngineKind::Postgres.quote_identifier(name);
    admin.change("dismiss a visitor", &format!("user {name}"), &format!("DROP ROLE IF EXISTS {role}")).await
}

/// Enters the tenancy's database as its visitor.
pub(crate) async fn enter(target: &Target, tenancy: &Tenancy, visitor: &Visitor) -> Result<Connection, Error> {
    let entry = Entry {
        user: &visitor.name,
        password: visitor.password.expose(),
        database: tenancy.database.as_str(),
        options: "-c search_path=pg_catalog -c standard_conforming_strings=on -c statement_timeout=0 -c DateStyle=ISO \
                  -c IntervalStyle=postgres -c TimeZone=UTC -c extra_float_digits=1 -c bytea_output=hex",
    };
    session::open(target, &entry).await
}
