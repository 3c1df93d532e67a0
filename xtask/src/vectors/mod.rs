//! `cargo xtask vectors …`: runs test vectors made elsewhere, of any directory of the layout that the shared contract
//! has, and prints every disagreement.

mod access;
mod csvauth;
mod nebula;

use std::path::PathBuf;

use clap::Subcommand;

/// Which vectors.
#[derive(Subcommand)]
pub enum Vectors {
    /// Roles and permissions of PVE: every testN.cfg with its perm-testN.json.
    Access {
        /// The directory with the configurations and the expected answers.
        dir: PathBuf,
    },
    /// Logins, tokens and odd files of csvauth: users.tsv, aes-128.key, expected.json and files/.
    Csvauth {
        /// The directory with the table, its key and the expected answers.
        dir: PathBuf,
    },
    /// Nebula certificates and what several releases of nebula-cert said of each: verdicts.json and the files it names.
    Nebula {
        /// The directory with verdicts.json.
        dir: PathBuf,
        /// The release to judge as; the newest of the file unless given.
        #[arg(long = "as", value_name = "VERSION")]
        version: Option<String>,
    },
}

/// Runs the vectors asked for; the error is the line to end with.
pub fn run(vectors: &Vectors) -> Result<(), String> {
    match vectors {
        Vectors::Access { dir } => access::run(dir),
        Vectors::Csvauth { dir } => csvauth::run(dir),
        Vectors::Nebula { dir, version } => nebula::run(dir, version.as_deref()),
    }
}
