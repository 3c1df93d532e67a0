//! Proxmox clusters: where they are, how they are trusted, and the token for them (its secret sealed).

use time::OffsetDateTime;

use crate::sql::values;
use crate::{Error, Row, Sealed, Sql};

/// A row of `clusters`.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// The key: host, with a port where it is not the usual one.
    pub host: String,
    /// For people.
    pub name: String,
    /// All addresses that answer for it (JSON list).
    pub addresses: serde_json::Value,
    /// Fingerprints or a CA (JSON object; its shape is the caller's).
    pub trust: serde_json::Value,
    /// `user@realm!name`.
    pub token_id: String,
    /// The token's secret, sealed.
    pub token_secret_sealed: Sealed,
    /// When the token was last rotated.
    pub token_rotated_at: Option<OffsetDateTime>,
    /// When the token ends.
    pub token_expires_at: Option<OffsetDateTime>,
    /// The domain under which guests have direct names.
    pub base_domain: Option<String>,
    /// Address ranges of tenants' networks (JSON list).
    pub supernets: serde_json::Value,
    /// Where new guests go.
    pub default_node: Option<String>,
    /// Where their disks go.
    pub default_storage: Option<String>,
    /// When the row was made.
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    pub updated_at: OffsetDateTime,
}

const COLUMNS: &str = "SELECT host, name, addresses_json, trust_json, token_id, token_secret_sealed, token_rotated_at, \
     token_expires_at, base_domain, supernets_json, default_node, default_storage, created_at, updated_at FROM clusters";

/// Adds or rewrites a cluster; `created_at` of a known host stays. `true` when the host is new.
///
/// # Errors
/// As [`Sql::execute`].
pub fn put(sql: &mut dyn Sql, cluster: &Cluster) -> Result<bool, Error> {
    let new = get(sql, &cluster.host)?.is_none();
    sql.execute(
        "INSERT INTO clusters (host, name, addresses_json, trust_json, token_id, token_secret_sealed, token_rotated_at, \
         token_expires_at, base_domain, supernets_json, default_node, default_storage, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
         ON CONFLICT (host) DO UPDATE SET name = excluded.name, addresses_json = excluded.addresses_json, \
         trust_json = excluded.trust_json, token_id = excluded.token_id, \
         token_secret_sealed = excluded.token_secret_sealed, token_rotated_at = excluded.token_rotated_at, \
         token_expires_at = excluded.token_expires_at, base_domain = excluded.base_domain, \
         supernets_json = excluded.supernets_json, default_node = excluded.default_node, \
         default_storage = excluded.default_storage, updated_at = excluded.updated_at",
        values![
            &cluster.host,
            &cluster.name,
            &cluster.addresses,
            &cluster.trust,
            &cluster.token_id,
            &cluster.token_secret_sealed,
            cluster.token_rotated_at,
            cluster.token_expires_at,
            cluster.base_domain.as_deref(),
            &cluster.supernets,
            cluster.default_node.as_deref(),
            cluster.default_storage.as_deref(),
            cluster.created_at,
            cluster.updated_at,
        ],
    )?;
    Ok(new)
}

/// Replaces the token. `false` when there is no such cluster.
///
/// # Errors
/// As [`Sql::execute`].
pub fn set_token(
    sql: &mut dyn Sql,
    host: &str,
    token_id: &str,
    sealed: &Sealed,
    at: OffsetDateTime,
) -> Result<bool, Error> {
    sql.execute(
        "UPDATE clusters SET token_id = ?2, token_secret_sealed = ?3, token_rotated_at = ?4, updated_at = ?4 \
         WHERE host = ?1",
        values![host, token_id, sealed, at],
    )
    .map(|changed| changed > 0)
}

/// One cluster.
///
/// # Errors
/// As [`Sql::query`].
pub fn get(sql: &mut dyn Sql, host: &str) -> Result<Option<Cluster>, Error> {
    let row = sql.query_one(&format!("{COLUMNS} WHERE host = ?1"), values![host])?;
    row.as_ref().map(read).transpose()
}

/// All clusters, by host. There are few.
///
/// # Errors
/// As [`Sql::query`].
pub fn list(sql: &mut dyn Sql) -> Result<Vec<Cluster>, Error> {
    sql.query(&format!("{COLUMNS} ORDER BY host"), values![])?.iter().map(read).collect()
}

/// Forgets a cluster. `false` when it was not known.
///
/// # Errors
/// As [`Sql::execute`].
pub fn delete(sql: &mut dyn Sql, host: &str) -> Result<bool, Error> {
    sql.execute("DELETE FROM clusters WHERE host = ?1", values![host]).map(|gone| gone > 0)
}

fn read(row: &Row) -> Result<Cluster, Error> {
    Ok(Cluster {
        host: row.get("host")?,
        name: row.get("name")?,
        addresses: row.get("addresses_json")?,
        trust: row.get("trust_json")?,
        token_id: row.get("token_id")?,
        token_secret_sealed: row.get("token_secret_sealed")?,
        token_rotated_at: row.get("token_rotated_at")?,
        token_expires_at: row.get("token_expires_at")?,
        base_domain: row.get("base_domain")?,
        supernets: row.get("supernets_json")?,
        default_node: row.get("default_node")?,
        default_storage: row.get("default_storage")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
