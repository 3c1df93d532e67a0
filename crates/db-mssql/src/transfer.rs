//! Dump and restore by `BACKUP DATABASE` and `RESTORE DATABASE`: the file is on the *server*, its path is the server's.

use std::path::Path;

use bnna_db_engine::{DumpReport, Error, Target, Tenancy};

use crate::provision::{self, close, database_words, require_ours};
use crate::session::{self, MASTER};
use crate::statements as sql;

fn server_path(file: &Path) -> Result<&str, Error> {
    file.to_str().ok_or_else(|| Error::refused("the path is not UTF-8"))
}

pub(crate) async fn dump(target: &Target, tenancy: &Tenancy, file: &Path) -> Result<DumpReport, Error> {
    require_ours(target, tenancy).await?;
    let mut admin = session::admin(target, MASTER).await?;
    let statement = sql::backup(tenancy, server_path(file)?);
    admin
        .change_within(target.timeouts.transfer, "back up the database", &database_words(tenancy), &statement, &[])
        .await?;
    Ok(DumpReport { file: file.to_owned(), bytes: None })
}

/// Replaces the database's contents by the backup's, into the files it has; then marks it and grants again, because both came
/// from the source with the contents.
pub(crate) async fn restore(target: &Target, tenancy: &Tenancy, file: &Path) -> Result<(), Error> {
    require_ours(target, tenancy).await?;
    let what = database_words(tenancy);
    let mut inside = session::admin(target, tenancy.database.as_str()).await?;
    let tables = inside.read(&sql::count_tables()).await?;
    if tables.first().and_then(|row| row.first()?.as_deref()) != Some("0") {
        return Err(Error::InUse { what, text: "it is not empty".to_owned() });
    }
    drop(inside);
    let path = server_path(file)?;
    let limit = target.timeouts.transfer;
    let mut admin = session::admin(target, MASTER).await?;
    let listed = admin.read_within(limit, &sql::file_list(path)).await?;
    let files = admin.read(&sql::files(tenancy)).await?;
    let moves = moves(&listed, &files)?;
    let closed = close(&mut admin, tenancy).await?;
    let restored =
        admin.change_within(limit, "restore the database", &what, &sql::restore(tenancy, path, &moves), &[]).await;
    if closed {
        // A restore opens the database by itself; one that failed before it began leaves it closed.
        match admin.change("open the database", &what, &sql::multi_user(tenancy), &[]).await {
            Err(error) if restored.is_ok() => return Err(error),
            _ => {}
        }
    }
    restored?;
    provision::write_marker(target, tenancy, &tenancy.marker_text()).await?;
    provision::grant(target, tenancy).await
}

/// Each file of the backup to a file of the database, by kind; further ones beside the first of their kind.
fn moves(listed: &[Vec<Option<String>>], files: &[Vec<Option<String>>]) -> Result<Vec<(String, String)>, Error> {
    let kind_of = |letter: &str| if letter == "L" { "1" } else { "0" };
    let mut moves: Vec<(String, String)> = Vec::new();
    for (number, row) in listed.iter().enumerate() {
        let (Some(Some(logical)), Some(Some(letter))) = (row.first(), row.get(2)) else {
            return Err(Error::refused("the backup's list of files cannot be read"));
        };
        let of_kind = files.iter().find(|file| file.first().and_then(Option::as_deref) == Some(kind_of(letter)));
        let Some(path) = of_kind.and_then(|file| file.get(1)?.clone()) else {
            return Err(Error::refused("the database's files are not known"));
        };
        let taken = moves.iter().any(|(_, used)| *used == path);
        moves.push((logical.clone(), if taken { format!("{path}.{number}") } else { path }));
    }
    Ok(moves)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<Option<String>> {
        cells.iter().map(|cell| Some((*cell).to_owned())).collect()
    }

    #[test]
    fn a_backup_s_files_go_to_the_database_s_own() {
        let listed = [
            row(&["shop", "/old/shop.mdf", "D"]),
            row(&["more", "/old/more.ndf", "D"]),
            row(&["shop_log", "/old/shop.ldf", "L"]),
        ];
        let files = [row(&["0", "/new/copy.mdf"]), row(&["1", "/new/copy.ldf"])];
        let expected = [("shop", "/new/copy.mdf"), ("more", "/new/copy.mdf.1"), ("shop_log", "/new/copy.ldf")];
        let moved = moves(&listed, &files).unwrap();
        assert_eq!(moved.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect::<Vec<_>>(), expected);
        assert!(moves(&listed, &files[..1]).is_err());
    }
}
