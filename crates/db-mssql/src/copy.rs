//! Copying over the wire, where two instances share no disk: tables with their columns, keys, defaults, identities and rows.
//!
//! What else a database may hold (views, routines, triggers, foreign keys, checks, further indexes, computed columns) is not
//! carried: such a database is refused before anything is written, and goes by dump and restore. Values travel as text in the
//! styles of `CONVERT` that lose nothing. By the manual: this has not run against the engine.

use std::collections::BTreeMap;

use bnna_db_engine::{CopyReport, EngineKind, Error, TableDigest, Target, Tenancy, TextRow, compare};

use crate::provision::{database_words, require_ours};
use crate::session::{self, Connection};
use crate::statements::{self as sql, MARKER_SCHEMA, text};

/// Rows read in one answer and written in one batch.
const ROWS_AT_ONCE: usize = 200;

/// A table and what is needed to make it again.
#[derive(Debug, PartialEq, Eq)]
struct Table {
    schema: String,
    name: String,
    columns: Vec<Column>,
    key: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Column {
    name: String,
    data_type: String,
    nullable: bool,
    default: Option<String>,
    identity: Option<(String, String)>,
}

fn quote(name: &str) -> String {
    EngineKind::MsSql.quote_identifier(name)
}

impl Table {
    fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }

    fn create(&self) -> String {
        let mut parts: Vec<String> = self.columns.iter().map(Column::definition).collect();
        if !self.key.is_empty() {
            parts.push(format!("PRIMARY KEY ({})", self.key_columns()));
        }
        format!("CREATE TABLE {} ({})", self.quoted(), parts.join(", "))
    }

    fn key_columns(&self) -> String {
        self.key.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
    }

    /// One page of rows, in the order of the key; a table without one is read in one piece.
    fn select(&self, after: usize) -> String {
        let columns: Vec<String> = self.columns.iter().map(Column::as_text).collect();
        let page = if self.key.is_empty() {
            String::new()
        } else {
            format!(" ORDER BY {} OFFSET {after} ROWS FETCH NEXT {ROWS_AT_ONCE} ROWS ONLY", self.key_columns())
        };
        format!("SELECT {} FROM {}{page}", columns.join(", "), self.quoted())
    }

    fn insert(&self, rows: &[TextRow]) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| quote(&column.name)).collect();
        let values: Vec<String> = rows
            .iter()
            .map(|row| {
                let cells: Vec<String> =
                    self.columns.iter().zip(row).map(|(column, cell)| column.literal(cell.as_deref())).collect();
                format!("({})", cells.join(", "))
            })
            .collect();
        let insert = format!("INSERT INTO {} ({}) VALUES {}", self.quoted(), names.join(", "), values.join(", "));
        if self.columns.iter().any(|column| column.identity.is_some()) {
            format!("SET IDENTITY_INSERT {table} ON; {insert}; SET IDENTITY_INSERT {table} OFF", table = self.quoted())
        } else {
            insert
        }
    }
}

impl Column {
    fn definition(&self) -> String {
        let identity =
            self.identity.as_ref().map(|(seed, step)| format!(" IDENTITY({seed}, {step})")).unwrap_or_default();
        let null = if self.nullable { "NULL" } else { "NOT NULL" };
        let default = self.default.as_ref().map(|default| format!(" DEFAULT {default}")).unwrap_or_default();
        format!("{} {}{identity} {null}{default}", quote(&self.name), self.data_type)
    }

    fn base_type(&self) -> &str {
        self.data_type.split('(').next().unwrap_or_default()
    }

    fn is_binary(&self) -> bool {
        matches!(self.base_type(), "binary" | "varbinary" | "image")
    }

    /// The value as text, in the style that loses nothing.
    fn as_text(&self) -> String {
        let style = match self.base_type() {
            "binary" | "varbinary" => 1,
            "float" | "real" => 3,
            "money" | "smallmoney" => 2,
            "date" | "time" | "datetime" | "datetime2" | "smalldatetime" => 126,
            "datetimeoffset" => 127,
            _ => return format!("CAST({} AS NVARCHAR(MAX))", quote(&self.name)),
        };
        format!("CONVERT(NVARCHAR(MAX), {}, {style})", quote(&self.name))
    }

    fn literal(&self, value: Option<&str>) -> String {
        match value {
            None => "NULL".to_owned(),
            Some(value) if self.is_binary() => format!("CONVERT(VARBINARY(MAX), {}, 1)", text(value)),
            Some(value) => text(value),
        }
    }
}

/// What is in the database that a copy would leave behind: kind and name.
const NOT_CARRIED: &[(&str, &str)] = &[
    ("view", "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE = N'VIEW'"),
    ("routine", "SELECT ROUTINE_NAME FROM INFORMATION_SCHEMA.ROUTINES"),
    (
        "constraint",
        "SELECT CONSTRAINT_NAME FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS WHERE CONSTRAINT_TYPE <> N'PRIMARY KEY'",
    ),
    ("trigger", "SELECT name FROM sys.triggers WHERE is_ms_shipped = 0"),
    (
        "index",
        "SELECT i.name FROM sys.indexes i JOIN sys.tables t ON t.object_id = i.object_id WHERE i.type > 0 AND i.is_primary_key = 0",
    ),
    ("computed column", "SELECT name FROM sys.computed_columns"),
];

const COLUMNS: &str = "SELECT c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME, LOWER(c.DATA_TYPE), c.CHARACTER_MAXIMUM_LENGTH, \
     c.NUMERIC_PRECISION, c.NUMERIC_SCALE, c.DATETIME_PRECISION, c.IS_NULLABLE, c.COLUMN_DEFAULT \
     FROM INFORMATION_SCHEMA.COLUMNS c JOIN INFORMATION_SCHEMA.TABLES t \
       ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME AND t.TABLE_TYPE = N'BASE TABLE' \
     ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION";

const KEYS: &str = "SELECT k.TABLE_SCHEMA, k.TABLE_NAME, k.COLUMN_NAME FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE k \
     JOIN INFORMATION_SCHEMA.TABLE_CONSTRAINTS c ON c.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA \
       AND c.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND c.CONSTRAINT_TYPE = N'PRIMARY KEY' \
     ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.ORDINAL_POSITION";

const IDENTITIES: &str = "SELECT OBJECT_SCHEMA_NAME(object_id), OBJECT_NAME(object_id), name, \
     CAST(seed_value AS NVARCHAR(40)), CAST(increment_value AS NVARCHAR(40)) FROM sys.identity_columns";

fn cell(row: &TextRow, position: usize) -> Option<&str> {
    row.get(position).and_then(Option::as_deref)
}

/// The type as `CREATE TABLE` takes it.
fn type_of(row: &TextRow) -> String {
    let name = cell(row, 3).unwrap_or_default();
    match name {
        "char" | "varchar" | "nchar" | "nvarchar" | "binary" | "varbinary" => match cell(row, 4) {
            Some("-1") => format!("{name}(MAX)"),
            Some(length) => format!("{name}({length})"),
            None => name.to_owned(),
        },
        "decimal" | "numeric" => format!("{name}({}, {})", cell(row, 5).unwrap_or("18"), cell(row, 6).unwrap_or("0")),
        "datetime2" | "datetimeoffset" | "time" => format!("{name}({})", cell(row, 7).unwrap_or("7")),
        _ => name.to_owned(),
    }
}

fn tables_from(columns: &[TextRow], keys: &[TextRow], identities: &[TextRow]) -> Vec<Table> {
    let mut tables: BTreeMap<(String, String), Table> = BTreeMap::new();
    let place = |row: &TextRow| Some((cell(row, 0)?.to_owned(), cell(row, 1)?.to_owned()));
    for row in columns {
        let (Some((schema, name)), Some(column)) = (place(row), cell(row, 2)) else { continue };
        if schema == MARKER_SCHEMA {
            continue;
        }
        let identity = identities
            .iter()
            .find(|identity| {
                place(identity).is_some_and(|at| at == (schema.clone(), name.clone()))
                    && cell(identity, 2) == Some(column)
            })
            .and_then(|identity| Some((cell(identity, 3)?.to_owned(), cell(identity, 4)?.to_owned())));
        let column = Column {
            name: column.to_owned(),
            data_type: type_of(row),
            nullable: cell(row, 8) == Some("YES"),
            default: cell(row, 9).map(str::to_owned),
            identity,
        };
        let at = (schema.clone(), name.clone());
        tables
            .entry(at)
            .or_insert_with(|| Table { schema, name, columns: Vec::new(), key: Vec::new() })
            .columns
            .push(column);
    }
    for row in keys {
        if let (Some(at), Some(column)) = (place(row), cell(row, 2))
            && let Some(table) = tables.get_mut(&at)
        {
            table.key.push(column.to_owned());
        }
    }
    tables.into_values().collect()
}

/// Rows of a query on a view that an engine may not have.
async fn read_if_there(inside: &mut Connection, query: &str) -> Result<Vec<TextRow>, Error> {
    match inside.read(query).await {
        Err(Error::Other { .. } | Error::Missing { .. }) => Ok(Vec::new()),
        read => read,
    }
}

async fn tables(inside: &mut Connection) -> Result<Vec<Table>, Error> {
    let columns = inside.read(COLUMNS).await?;
    let keys = read_if_there(inside, KEYS).await?;
    let identities = read_if_there(inside, IDENTITIES).await?;
    Ok(tables_from(&columns, &keys, &identities))
}

pub(crate) async fn copy(from: &Target, tenancy: &Tenancy, to: &Target, copy: &Tenancy) -> Result<CopyReport, Error> {
    require_ours(from, tenancy).await?;
    require_ours(to, copy).await?;
    let mut source = session::admin(from, tenancy.database.as_str()).await?;
    let mut destination = session::admin(to, copy.database.as_str()).await?;
    let full = destination.read(&sql::count_tables()).await?;
    if full.first().and_then(|row| cell(row, 0)) != Some("0") {
        return Err(Error::InUse { what: database_words(copy), text: "it is not empty".to_owned() });
    }
    for (kind, query) in NOT_CARRIED {
        if let Some(name) =
            read_if_there(&mut source, query).await?.first().and_then(|row| cell(row, 0).map(str::to_owned))
        {
            return Err(Error::unsupported(format!(
                "a copy over the wire carries tables; {kind} {name} needs dump and restore"
            )));
        }
    }
    let limit = from.timeouts.transfer;
    let (doing, what) = ("copy", database_words(copy));
    let tables = tables(&mut source).await?;
    for table in &tables {
        if table.schema != "dbo" {
            match destination.change(doing, &what, &format!("CREATE SCHEMA {}", quote(&table.schema)), &[]).await {
                Ok(()) | Err(Error::Exists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        destination.change(doing, &what, &table.create(), &[]).await?;
        let mut after = 0;
        loop {
            let rows = source.read_within(limit, &table.select(after)).await?;
            for some in rows.chunks(ROWS_AT_ONCE) {
                destination.change_within(limit, doing, &what, &table.insert(some), &[]).await?;
            }
            after += rows.len();
            if table.key.is_empty() || rows.len() < ROWS_AT_ONCE {
                break;
            }
        }
    }
    compare(&digest(&mut source, &tables).await?, &digest(&mut destination, &tables).await?)
}

/// Rows, and the engine's checksum where it has one.
async fn digest(inside: &mut Connection, tables: &[Table]) -> Result<Vec<TableDigest>, Error> {
    let mut digests = Vec::with_capacity(tables.len());
    for table in tables {
        let counted = inside.read(&format!("SELECT COUNT_BIG(*) FROM {}", table.quoted())).await?;
        let rows = counted.first().and_then(|row| cell(row, 0)?.parse().ok());
        let sum = format!("SELECT CHECKSUM_AGG(BINARY_CHECKSUM(*)) FROM {}", table.quoted());
        let checksum = read_if_there(inside, &sum).await?;
        digests.push(TableDigest {
            table: format!("{}.{}", table.schema, table.name),
            rows: rows.ok_or_else(|| Error::refused("the rows cannot be counted"))?,
            checksum: checksum.first().and_then(|row| cell(row, 0).map(str::to_owned)),
        });
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[Option<&str>]) -> TextRow {
        cells.iter().map(|cell| cell.map(str::to_owned)).collect()
    }

    fn table() -> Table {
        let column = |name: &str,
                      kind: &str,
                      length: Option<&'static str>,
                      null: &'static str,
                      default: Option<&'static str>| {
            row(&[Some("dbo"), Some("wo]rd"), Some(name), Some(kind), length, None, None, None, Some(null), default])
        };
        let columns = [
            column("id", "int", None, "NO", None),
            column("text", "nvarchar", Some("60"), "YES", Some("(N'x')")),
            column("blob", "varbinary", Some("-1"), "YES", None),
        ];
        let keys = [row(&[Some("dbo"), Some("wo]rd"), Some("id")])];
        let identities = [row(&[Some("dbo"), Some("wo]rd"), Some("id"), Some("1"), Some("1")])];
        tables_from(&columns, &keys, &identities).pop().unwrap()
    }

    #[test]
    fn a_table_is_made_again_with_key_default_and_identity() {
        assert_eq!(
            table().create(),
            "CREATE TABLE [dbo].[wo]]rd] ([id] int IDENTITY(1, 1) NOT NULL, [text] nvarchar(60) NULL DEFAULT (N'x'), \
             [blob] varbinary(MAX) NULL, PRIMARY KEY ([id]))"
        );
    }

    #[test]
    fn values_travel_as_quoted_texts_and_binaries_as_hex() {
        let rows = [row(&[Some("1"), Some("it's"), Some("0xFF")]), row(&[Some("2"), None, None])];
        assert_eq!(
            table().insert(&rows),
            "SET IDENTITY_INSERT [dbo].[wo]]rd] ON; INSERT INTO [dbo].[wo]]rd] ([id], [text], [blob]) VALUES \
             (N'1', N'it''s', CONVERT(VARBINARY(MAX), N'0xFF', 1)), (N'2', NULL, NULL); SET IDENTITY_INSERT [dbo].[wo]]rd] OFF"
        );
    }

    #[test]
    fn pages_follow_the_key() {
        assert_eq!(
            table().select(200),
            "SELECT CAST([id] AS NVARCHAR(MAX)), CAST([text] AS NVARCHAR(MAX)), CONVERT(NVARCHAR(MAX), [blob], 1) \
             FROM [dbo].[wo]]rd] ORDER BY [id] OFFSET 200 ROWS FETCH NEXT 200 ROWS ONLY"
        );
    }
}
