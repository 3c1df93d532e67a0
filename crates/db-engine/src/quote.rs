//! Quoting by each engine's rule. The only place where a name or a text becomes part of a statement.
//!
//! Identifiers: PostgreSQL `"a""b"`, MariaDB `` `a``b` ``, SQL Server `[a]]b]`. Texts: the single quote is doubled everywhere;
//! MariaDB also reads backslashes (unless `NO_BACKSLASH_ESCAPES` is set), so a text for it is written as a hexadecimal literal,
//! which has no escapes at all; PostgreSQL reads backslashes only in `E'…'`, and is given a text without them by `U&`-free
//! doubling under `standard_conforming_strings`, which the adapter sets for its sessions.

use crate::kind::EngineKind;

impl EngineKind {
    /// The identifier between the engine's quotes. NUL cannot be in a name of any engine and is left out by the name types.
    pub fn quote_identifier(self, identifier: &str) -> String {
        match self {
            Self::Postgres => wrap(identifier, '"', '"'),
            Self::MariaDb => wrap(identifier, '`', '`'),
            Self::MsSql => wrap(identifier, '[', ']'),
        }
    }

    /// The text as a literal of the engine.
    pub fn quote_text(self, text: &str) -> String {
        match self {
            Self::Postgres => wrap(text, '\'', '\''),
            Self::MariaDb => plain_or_hex(text),
            Self::MsSql => format!("N{}", wrap(text, '\'', '\'')),
        }
    }
}

/// The text between two quotes, the closing one doubled inside.
fn wrap(text: &str, open: char, close: char) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(open);
    for character in text.chars() {
        if character == close {
            quoted.push(close);
        }
        quoted.push(character);
    }
    quoted.push(close);
    quoted
}

/// A text without a backslash is quoted plainly, so that a server's log can be read; any other as `X'…'`, which means the same
/// in every `sql_mode`.
fn plain_or_hex(text: &str) -> String {
    if !text.contains('\\') && !text.contains('\0') {
        return wrap(text, '\'', '\'');
    }
    let digits: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
    format!("CONVERT(X'{digits}' USING utf8mb4)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_doubles_its_own_closing_quote() {
        assert_eq!(EngineKind::Postgres.quote_identifier("a\"b`c]d"), "\"a\"\"b`c]d\"");
        assert_eq!(EngineKind::MariaDb.quote_identifier("a\"b`c]d"), "`a\"b``c]d`");
        assert_eq!(EngineKind::MsSql.quote_identifier("a\"b`c]d"), "[a\"b`c]]d]");
    }

    #[test]
    fn texts_double_the_single_quote_and_mariadb_never_sees_a_backslash() {
        assert_eq!(EngineKind::Postgres.quote_text("it's \\"), "'it''s \\'");
        assert_eq!(EngineKind::MsSql.quote_text("it's"), "N'it''s'");
        assert_eq!(EngineKind::MariaDb.quote_text("it's"), "'it''s'");
        assert_eq!(EngineKind::MariaDb.quote_text("\\'"), "CONVERT(X'5C27' USING utf8mb4)");
    }
}
