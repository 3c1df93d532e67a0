//! `bnpd init`: a commented configuration, the keys, and a users table with a first operator. Nothing that is there already is
//! touched.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bnna_auth::Secret;
use bnna_auth::csvauth::{Key, issue};
use bnna_auth::seal::MasterKey;

use crate::config;

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// The configuration file.
    pub config: PathBuf,
    /// The files that were made, in order.
    pub made: Vec<PathBuf>,
    /// The files that were there and stayed as they were.
    pub kept: Vec<PathBuf>,
    /// The first operator's token, where a users table was made; shown once.
    pub token: Option<Secret>,
}

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The configuration is there already.
    #[error("{} exists; bnpd init overwrites nothing. Move it away, or give another directory", .0.display())]
    Exists(PathBuf),
    /// A file or directory could not be made.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key file.
    #[error(transparent)]
    Seal(#[from] bnna_auth::seal::SealError),
    /// The csvauth key.
    #[error(transparent)]
    Key(#[from] bnna_auth::csvauth::KeyError),
    /// The users table.
    #[error(transparent)]
    Issue(#[from] issue::IssueError),
}

/// Writes everything into a directory, which is made with mode 0700 if missing. The configuration comes last, so that an
/// interrupted run is repeated by running it again.
///
/// # Errors
/// The configuration is there already, or something cannot be written.
pub fn run(directory: &Path, store: &Path) -> Result<Written, InitError> {
    let config = directory.join("bnpd.toml");
    if config.exists() {
        return Err(InitError::Exists(config));
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|source| InitError::Write { path: directory.to_owned(), source })?;
    let directory =
        fs::canonicalize(directory).map_err(|source| InitError::Write { path: directory.to_owned(), source })?;
    let at = |name: &str| directory.join(name);
    let (master, csvauth_key, users) = (at("master.key"), at("aes-128.key"), at("users.tsv"));
    let mut written = Written { config: at("bnpd.toml"), made: Vec::new(), kept: Vec::new(), token: None };
    if master.exists() {
        MasterKey::load(&master)?;
        written.kept.push(master.clone());
    } else {
        MasterKey::create(&master)?;
        written.made.push(master.clone());
    }
    written.file(&csvauth_key, &issue::new_key_file()?)?;
    if users.exists() {
        written.kept.push(users.clone());
    } else {
        let (secret, row) = issue::new_token("ops", &["admin"], &Key::load(&csvauth_key)?)?;
        written.file(&users, &format!("{}{row}", issue::HEADER))?;
        written.token = Some(secret);
    }
    let quoted = |path: &Path| format!("{:?}", path.to_string_lossy());
    let text = config::file(&[
        ("store", "directory", quoted(store)),
        ("auth", "users_file", quoted(&users)),
        ("auth", "csvauth_key_file", quoted(&csvauth_key)),
        ("auth", "master_key_file", quoted(&master)),
    ]);
    let config = written.config.clone();
    written.file(&config, &text)?;
    Ok(written)
}

impl Written {
    /// Makes a file with mode 0600 unless it is there.
    fn file(&mut self, path: &Path, text: &str) -> Result<(), InitError> {
        let failed = |source| InitError::Write { path: path.to_owned(), source };
        if path.exists() {
            self.kept.push(path.to_owned());
            return Ok(());
        }
        let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        self.made.push(path.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, load};

    #[test]
    fn what_init_writes_is_a_configuration_that_loads_and_a_token_that_works() {
        let dir = tempfile::tempdir().unwrap();
        let written = run(&dir.path().join("etc"), &dir.path().join("var")).unwrap();
        assert_eq!(written.made.len(), 4);
        let config = load(Some(&written.config), &Flags::default()).config.unwrap();
        let key = Key::load(&config.auth.csvauth_key_file).unwrap();
        let table = bnna_auth::csvauth::Table::parse(&fs::read(&config.auth.users_file).unwrap(), key).unwrap();
        assert!(matches!(table.bearer(written.token.unwrap().expose()), bnna_auth::csvauth::Outcome::Ok(_)));
        MasterKey::load(&config.auth.master_key_file).unwrap();
    }

    #[test]
    fn a_second_init_overwrites_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let first = run(dir.path(), dir.path()).unwrap();
        assert!(matches!(run(dir.path(), dir.path()), Err(InitError::Exists(_))));
        fs::remove_file(&first.config).unwrap();
        let again = run(dir.path(), dir.path()).unwrap();
        assert_eq!((again.made.len(), again.kept.len(), again.token.is_none()), (1, 3, true));
    }
}
