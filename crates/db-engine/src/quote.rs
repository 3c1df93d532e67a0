//! Quoting by each engine's rule. The only place where a name or a text becomes part of a statement.
//!
//! Identifiers: PostgreSQL `"a""b"`, MariaDB `` `a``b` ``, SQL Server `[a]]b]`. Texts: the single quote is doubled everywhere;
//! MariaDB reads backslashes too, so they are doubled there, and its adapter sets a `sql_mode` for its sessions under which that
//! is so; PostgreSQL reads them only in `E'…'`, and its adapter sets `standard_conforming_strings`.

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
            Self::MariaDb => wrap(&text.replace('\\', "\\\\"), '\'', '\''),
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
    fn texts_double_the_single_quote_and_for_mariadb_the_backslash() {
        assert_eq!(EngineKind::Postgres.quote_text("it's \\"), "'it''s \\'");
        assert_eq!(EngineKind::MsSql.quote_text("it's"), "N'it''s'");
        assert_eq!(EngineKind::MariaDb.quote_text("it's"), "'it''s'");
        assert_eq!(EngineKind::MariaDb.quote_text("\\'"), "'\\\\'''");
    }
}
