//! What is looked at to say whether bnpd is well: its store, and what works as it was read at the start and may keep bnpd from starting
//! again. One list for `/health`, which tells people, and for the metrics, which tell machines.

use std::path::PathBuf;

use bnna_auth::csvauth;
use bnna_auth::seal::MasterKey;

use crate::Platform;

/// Something that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The store can be read.
    StoreReadable,
    /// The store can be written.
    StoreWritable,
    /// The operators' table in use is the one in its file.
    UsersTable,
    /// The master key file is there and is a key.
    MasterKey,
    /// The same of csvauth's.
    CsvauthKey,
    /// The clock has not stepped lately.
    Clock,
}

impl Check {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::StoreReadable, Self::StoreWritable, Self::UsersTable, Self::MasterKey, Self::CsvauthKey, Self::Clock];

    /// Its name in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::StoreReadable => "store_readable",
            Self::StoreWritable => "store_writable",
            Self::UsersTable => "users_table",
            Self::MasterKey => "master_key",
            Self::CsvauthKey => "csvauth_key",
            Self::Clock => "clock",
        }
    }
}

/// The key files that the daemon was started from.
#[derive(Debug, Clone, Default)]
pub struct KeyFiles {
    /// What seals secrets.
    pub master: Option<PathBuf>,
    /// What verifies the operators' table.
    pub csvauth: Option<PathBuf>,
}

impl Platform {
    /// What of [`Check::ALL`] fails although the store works; empty when all is well. What it says names no file and no secret, because
    /// anybody may ask.
    pub async fn worn(&self) -> Vec<(Check, String)> {
        let mut worn = Vec::new();
        if self.users().status().error.is_some() {
            let what = "the users table cannot be used as it is; the one before stays in use";
            worn.push((Check::UsersTable, what.to_owned()));
        }
        let files = self.settings_in_use().key_files.clone();
        let looked = tokio::task::spawn_blocking(move || files.broken()).await;
        worn.extend(looked.unwrap_or_default());
        if let Some(seconds) = self.clock().stepped() {
            let what = format!("the system's clock has stepped by {seconds} s; times may be wrong");
            worn.push((Check::Clock, what));
        }
        worn
    }

    /// Each check, and whether all is well there.
    pub(crate) async fn checks(&self) -> [(Check, bool); Check::ALL.len()] {
        let (store, worn) = (self.store_state().await, self.worn().await);
        Check::ALL.map(|check| {
            let well = match check {
                Check::StoreReadable => store.read.is_ok(),
                Check::StoreWritable => store.write.is_ok(),
                other => worn.iter().all(|(check, _)| *check != other),
            };
            (check, well)
        })
    }
}

impl KeyFiles {
    fn broken(&self) -> Vec<(Check, String)> {
        let mut broken = Vec::new();
        if self.master.as_ref().is_some_and(|file| MasterKey::load(file).is_err()) {
            let what = "the master key file cannot be used; bnpd would not start again";
            broken.push((Check::MasterKey, what.to_owned()));
        }
        if self.csvauth.as_ref().is_some_and(|file| csvauth::Key::load(file).is_err()) {
            let what = "csvauth's key file cannot be used; bnpd would not start again";
            broken.push((Check::CsvauthKey, what.to_owned()));
        }
        broken
    }
}
