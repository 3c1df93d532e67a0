//! Words of the engines' languages that are no names for anything made here.
//!
//! Quoted they would work; people who type them without quotes would meet syntax errors in their own tools.

use crate::kind::EngineKind;

/// What the standard and all three engines reserve.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "add", "all", "alter", "and", "any", "as", "asc", "authorization", "between", "by", "case", "cast", "check", "collate",
    "column", "constraint", "create", "cross", "current_date", "current_time", "current_timestamp", "current_user",
    "database", "default", "delete", "desc", "distinct", "drop", "else", "end", "except", "exists", "fetch", "for",
    "foreign", "from", "full", "grant", "group", "having", "in", "index", "inner", "insert", "intersect", "into", "is",
    "join", "key", "left", "like", "not", "null", "of", "on", "or", "order", "outer", "primary", "procedure", "references",
    "revoke", "right", "schema", "select", "set", "some", "table", "then", "to", "trigger", "union", "unique", "update",
    "user", "using", "values", "view", "when", "where", "with",
];

/// What PostgreSQL reserves beyond those.
#[rustfmt::skip]
const RESERVED_POSTGRES: &[&str] = &[
    "analyse", "analyze", "array", "asymmetric", "both", "concurrently", "current_catalog", "current_role",
    "current_schema", "deferrable", "do", "false", "freeze", "ilike", "initially", "isnull", "lateral", "leading", "limit",
    "localtime", "localtimestamp", "natural", "notnull", "offset", "only", "overlaps", "placing", "returning",
    "session_user", "similar", "symmetric", "tablesample", "trailing", "true", "variadic", "verbose", "window",
];

/// What MariaDB reserves beyond those.
#[rustfmt::skip]
const RESERVED_MARIADB: &[&str] = &[
    "accessible", "analyze", "before", "bigint", "binary", "blob", "both", "call", "cascade", "change", "char", "character",
    "condition", "continue", "convert", "cursor", "databases", "dec", "decimal", "declare", "delayed", "describe",
    "deterministic", "div", "double", "dual", "each", "elseif", "enclosed", "escaped", "exit", "explain", "false", "float",
    "force", "fulltext", "general", "if", "ignore", "infile", "inout", "int", "integer", "interval", "iterate", "keys",
    "kill", "leading", "leave", "limit", "lines", "load", "lock", "long", "loop", "match", "mod", "natural", "numeric",
    "offset", "optimize", "option", "out", "outfile", "over", "partition", "precision", "purge", "range", "read", "real",
    "recursive", "regexp", "release", "rename", "repeat", "replace", "require", "resignal", "restrict", "return",
    "returning", "rlike", "row_number", "rows", "schemas", "separator", "show", "signal", "slow", "smallint", "spatial",
    "sql", "ssl", "starting", "straight_join", "system", "terminated", "tinyint", "trailing", "true", "undo", "unlock",
    "unsigned", "usage", "use", "varchar", "varying", "while", "window", "write", "xor", "zerofill",
];

/// What SQL Server reserves beyond those.
#[rustfmt::skip]
const RESERVED_MSSQL: &[&str] = &[
    "backup", "begin", "break", "browse", "bulk", "cascade", "checkpoint", "close", "clustered", "coalesce", "commit",
    "compute", "contains", "continue", "convert", "current", "cursor", "dbcc", "deallocate", "declare", "deny", "disk",
    "distributed", "double", "dump", "errlvl", "escape", "exec", "execute", "exit", "external", "file", "fillfactor",
    "freetext", "function", "goto", "holdlock", "identity", "if", "kill", "lineno", "load", "merge", "national", "nocheck",
    "nonclustered", "nullif", "off", "offsets", "open", "option", "over", "percent", "pivot", "plan", "precision", "print",
    "proc", "public", "raiserror", "read", "reconfigure", "replication", "restore", "restrict", "return", "revert",
    "rollback", "rowcount", "rowguidcol", "rule", "save", "session_user", "setuser", "shutdown", "statistics",
    "system_user", "tablesample", "textsize", "top", "tran", "transaction", "truncate", "unpivot", "use", "varying",
    "waitfor", "while", "writetext",
];

/// Whether the engine reserves this word.
pub(crate) fn is_word(engine: EngineKind, name: &str) -> bool {
    let own = match engine {
        EngineKind::Postgres => RESERVED_POSTGRES,
        EngineKind::MariaDb => RESERVED_MARIADB,
        EngineKind::MsSql => RESERVED_MSSQL,
    };
    RESERVED.contains(&name) || own.contains(&name)
}
