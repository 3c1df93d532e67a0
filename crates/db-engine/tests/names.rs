//! Names of each engine: what is refused before anything is sent, and that quotes hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use bnna_db_engine::{DatabaseName, EngineKind, NameError, NameOf, UserName, is_system_database, longest};
use proptest::prelude::{any, prop_assert, proptest};

#[test]
fn engine_words_are_read_as_people_write_them() {
    let read = |word: &str| word.parse::<EngineKind>();
    assert_eq!([read("postgres"), read("postgresql")], [Ok(EngineKind::Postgres), Ok(EngineKind::Postgres)]);
    assert_eq!([read("mysql"), read("mariadb")], [Ok(EngineKind::MariaDb), Ok(EngineKind::MariaDb)]);
    assert_eq!([read("sqlserver"), read("mssql")], [Ok(EngineKind::MsSql), Ok(EngineKind::MsSql)]);
    assert!(read("oracle").is_err());
}

#[test]
fn names_that_are_made_are_lower_case_with_a_letter_first() {
    for engine in EngineKind::ALL {
        assert!(DatabaseName::new(engine, "acme_shop_2").is_ok());
        assert_eq!(DatabaseName::new(engine, "").unwrap_err(), NameError::Empty);
        for wrong in ["Acme", "2fast", "_x", "a-b", "a b", "a.b", "a\"b", "a`b", "a]b", "größe", "a;b"] {
            assert!(matches!(DatabaseName::new(engine, wrong), Err(NameError::Characters(_))), "{engine} {wrong}");
        }
        assert_eq!(DatabaseName::existing(engine, "a\0b").unwrap_err(), NameError::Control);
    }
}

#[test]
fn each_engine_reserves_its_own_words_and_its_system() {
    let refused = |engine, name| matches!(DatabaseName::new(engine, name), Err(NameError::Reserved { .. }));
    for engine in EngineKind::ALL {
        assert!(refused(engine, "select") && refused(engine, "user") && refused(engine, "table"));
    }
    assert!(refused(EngineKind::Postgres, "lateral") && !refused(EngineKind::MsSql, "lateral"));
    assert!(refused(EngineKind::MariaDb, "zerofill") && !refused(EngineKind::Postgres, "zerofill"));
    assert!(refused(EngineKind::MsSql, "waitfor") && !refused(EngineKind::MariaDb, "waitfor"));
    let system = [
        (EngineKind::Postgres, "template1"),
        (EngineKind::MariaDb, "information_schema"),
        (EngineKind::MsSql, "tempdb"),
    ];
    for (engine, name) in system {
        assert!(refused(engine, name) && is_system_database(engine, name));
        assert!(matches!(DatabaseName::existing(engine, &name.to_uppercase()), Err(NameError::Reserved { .. })));
    }
    assert!(UserName::new(EngineKind::Postgres, "pg_monitor").is_err());
    assert!(UserName::new(EngineKind::MariaDb, "root").is_err());
    assert!(UserName::new(EngineKind::MsSql, "sa").is_err());
}

#[test]
fn each_engine_has_its_own_length() {
    assert_eq!(longest(EngineKind::Postgres, NameOf::Database), 63);
    assert_eq!(longest(EngineKind::MariaDb, NameOf::Database), 64);
    assert_eq!(longest(EngineKind::MariaDb, NameOf::User), 80);
    assert_eq!(longest(EngineKind::MsSql, NameOf::User), 128);
}

proptest! {
    /// Whatever is accepted has no control character and reads back from its quotes unchanged.
    #[test]
    fn accepted_names_read_back_from_their_quotes(name in any::<String>()) {
        for engine in EngineKind::ALL {
            if let Ok(valid) = DatabaseName::existing(engine, &name) {
                prop_assert!(!valid.as_str().chars().any(char::is_control));
                let quoted = valid.quoted();
                let close = quoted.chars().last().unwrap();
                let doubled = format!("{close}{close}");
                let inner = &quoted[1..quoted.len() - 1];
                prop_assert!(!inner.replace(&doubled, "").contains(close));
                let read_back = inner.replace(&doubled, &close.to_string());
                prop_assert!(read_back == name);
            }
        }
    }

    /// A text reads back from its quotes under each engine's reading of quotes and backslashes.
    #[test]
    fn texts_read_back_from_their_quotes(text in any::<String>()) {
        for engine in EngineKind::ALL {
            let literal = engine.quote_text(&text);
            let inner = literal.trim_start_matches('N').strip_prefix('\'').unwrap().strip_suffix('\'').unwrap();
            let mut read_back = String::new();
            let mut characters = inner.chars();
            while let Some(character) = characters.next() {
                if character == '\'' || (character == '\\' && engine == EngineKind::MariaDb) {
                    prop_assert!(characters.next() == Some(character));
                }
                read_back.push(character);
            }
            prop_assert!(read_back == text);
        }
    }
}
