//! The T-SQL that is sent, as text, for names and texts that a careless quoting would run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use bnna_db_engine::{DatabaseName, EngineKind, Marker, NameError, Password, Tenancy, UserName};
use bnna_db_mssql::statements as sql;
use proptest::prelude::proptest;

fn hostile() -> Tenancy {
    Tenancy {
        database: DatabaseName::existing(EngineKind::MsSql, "a]; DROP DATABASE x--'").unwrap(),
        user: UserName::existing(EngineKind::MsSql, "u]'").unwrap(),
        marker: Marker::new("acme").unwrap(),
    }
}

#[test]
fn every_statement_quotes_names_in_brackets_and_texts_as_national_literals() {
    let (tenancy, password) = (hostile(), Password::new("it's-a-]password").unwrap());
    let database = "[a]]; DROP DATABASE x--']";
    assert_eq!(sql::create_database(&tenancy), format!("CREATE DATABASE {database}"));
    assert_eq!(sql::drop_database(&tenancy), format!("DROP DATABASE {database}"));
    assert_eq!(
        sql::single_user(&tenancy),
        format!("ALTER DATABASE {database} SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
    );
    assert_eq!(sql::multi_user(&tenancy), format!("ALTER DATABASE {database} SET MULTI_USER"));
    assert_eq!(sql::rename_database(&tenancy, &tenancy), format!("ALTER DATABASE {database} MODIFY NAME = {database}"));
    assert_eq!(sql::own_database(&tenancy, "o]w"), format!("ALTER AUTHORIZATION ON DATABASE::{database} TO [o]]w]"));
    assert_eq!(
        sql::create_login(&tenancy, &password, true),
        "CREATE LOGIN [u]]'] WITH PASSWORD = N'it''s-a-]password'"
    );
    assert_eq!(
        sql::alter_login(&tenancy, &password, false),
        "ALTER LOGIN [u]]'] WITH PASSWORD = N'it''s-a-]password', CHECK_POLICY = OFF"
    );
    assert_eq!(sql::set_login(&tenancy, false), "ALTER LOGIN [u]]'] DISABLE");
    assert_eq!(sql::set_login(&tenancy, true), "ALTER LOGIN [u]]'] ENABLE");
    assert_eq!(sql::rename_login(&tenancy, &tenancy), "ALTER LOGIN [u]]'] WITH NAME = [u]]']");
    assert_eq!(sql::drop_login(&tenancy), "DROP LOGIN [u]]']");
    assert_eq!(sql::create_user(&tenancy), "CREATE USER [u]]'] FOR LOGIN [u]]']");
    assert_eq!(sql::drop_user(&tenancy), "DROP USER [u]]']");
    assert_eq!(sql::join_owners(&tenancy), "ALTER ROLE [db_owner] ADD MEMBER [u]]']");
    assert_eq!(sql::add_marker("it's"), "EXEC sp_addextendedproperty @name = N'bnna', @value = N'it''s'");
    assert_eq!(sql::drop_marker(), "EXEC sp_dropextendedproperty @name = N'bnna'");
    assert_eq!(sql::kill(53), "KILL 53");
    assert_eq!(
        sql::sessions(&tenancy),
        "SELECT session_id FROM sys.dm_exec_sessions WHERE (login_name = N'u]''' OR \
         database_id = DB_ID(N'a]; DROP DATABASE x--''')) AND session_id <> @@SPID AND is_user_process = 1"
    );
    assert_eq!(
        sql::find(&tenancy),
        "SELECT N'database' AS kind, name, 1 AS flag, SUSER_SNAME(owner_sid) AS owner FROM sys.databases \
         WHERE name = N'a]; DROP DATABASE x--''' UNION ALL SELECT N'login', name, CASE WHEN is_disabled = 1 THEN 0 ELSE 1 END, NULL \
         FROM sys.server_principals WHERE name = N'u]''' AND type IN ('S', 'U')"
    );
    assert_eq!(
        sql::backup(&tenancy, "/b/it's.bak"),
        format!("BACKUP DATABASE {database} TO DISK = N'/b/it''s.bak' WITH COPY_ONLY, FORMAT, CHECKSUM")
    );
    let moves = [("lo'g".to_owned(), "/d/x.ldf".to_owned())];
    assert_eq!(
        sql::restore(&tenancy, "/b/x.bak", &moves),
        format!(
            "RESTORE DATABASE {database} FROM DISK = N'/b/x.bak' WITH REPLACE, CHECKSUM, MOVE N'lo''g' TO N'/d/x.ldf'"
        )
    );
}

#[test]
fn names_are_as_long_as_sysname_and_never_the_system_s() {
    let name = |text: &str| DatabaseName::new(EngineKind::MsSql, text);
    assert!(name(&"a".repeat(128)).is_ok());
    assert!(matches!(name(&"a".repeat(129)), Err(NameError::TooLong { limit: 128, .. })));
    for system in ["master", "model", "msdb", "tempdb"] {
        assert!(matches!(name(system), Err(NameError::Reserved { .. })));
        assert!(DatabaseName::existing(EngineKind::MsSql, &system.to_uppercase()).is_err());
    }
    for system in ["sa", "SA", "dbo", "guest", "##MS_Agent##", "DOMAIN\\user"] {
        assert!(UserName::existing(EngineKind::MsSql, system).is_err(), "{system}");
    }
}

proptest! {
    #[test]
    fn any_name_stays_between_its_brackets(name in "\\PC{1,40}") {
        if let Ok(name) = DatabaseName::existing(EngineKind::MsSql, &name) {
            let quoted = name.quoted();
            let inner = quoted.strip_prefix('[').unwrap().strip_suffix(']').unwrap();
            assert_eq!(inner.replace("]]", "\u{1}").matches(']').count(), 0);
            assert_eq!(inner.replace("]]", "]"), name.as_str());
        }
    }

    #[test]
    fn any_text_stays_between_its_quotes(text in "\\PC{0,60}") {
        let quoted = sql::text(&text);
        let inner = quoted.strip_prefix("N'").unwrap().strip_suffix('\'').unwrap();
        assert_eq!(inner.replace("''", "\u{1}").matches('\'').count(), 0);
        assert_eq!(inner.replace("''", "'"), text);
    }
}
