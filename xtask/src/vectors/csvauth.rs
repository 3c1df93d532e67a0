//! csvauth vectors: a users table, its key, and what the published library answers for logins, tokens, service accounts
//! and odd files. Prints every disagreement.
//!
//! Where the library has a defect the vectors carry `wanted` beside `outcome`; either answer agrees. The library reports an
//! empty role between two separators in a row; roles here are words, so empty ones are left out on both sides.

use std::fs;
use std::path::Path;

use bnna_auth::csvauth::{Key, Outcome, Table};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    aes_128_key_hex: Option<String>,
    #[serde(default)]
    cases: Vec<Case>,
    wrong_key_hex: Option<String>,
    #[serde(default)]
    cases_with_wrong_key: Vec<Case>,
    #[serde(default)]
    service_accounts: Vec<Service>,
    #[serde(default)]
    recoverable_logins: Vec<Recoverable>,
    #[serde(default)]
    files: Vec<OddFile>,
}

#[derive(Deserialize)]
struct Case {
    label: String,
    name: String,
    secret: String,
    outcome: String,
    wanted: Option<String>,
    id: Option<String>,
    row_name: Option<String>,
    roles: Option<Vec<String>>,
    bearer_status: Option<u16>,
}

#[derive(Deserialize)]
struct Service {
    purpose: String,
    name: String,
    given_secret: String,
    recoverable_secret: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    extra: String,
    verifies: bool,
}

#[derive(Deserialize)]
struct Recoverable {
    name: String,
    decrypted: String,
}

#[derive(Deserialize)]
struct OddFile {
    file: String,
    load: String,
}

/// Counts agreements and prints disagreements.
#[derive(Default)]
struct Tally {
    checked: usize,
    wrong: usize,
}

impl Tally {
    fn check(&mut self, agrees: bool, disagreement: impl FnOnce() -> String) {
        self.checked += 1;
        if !agrees {
            self.wrong += 1;
            println!("DISAGREES  {}", disagreement());
        }
    }
}

/// Runs the vectors of a directory. Fails when one disagrees or there are none.
pub fn run(dir: &Path) -> Result<(), String> {
    let expected = dir.join("expected.json");
    let text = fs::read(&expected).map_err(|error| format!("cannot read {}: {error}", expected.display()))?;
    let vectors: Expected =
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", expected.display()))?;
    let key_file = dir.join("aes-128.key");
    let key = match (key_file.exists(), &vectors.aes_128_key_hex) {
        (false, Some(hex)) => Key::from_hex(hex).map_err(|error| error.to_string())?,
        _ => Key::load(&key_file).map_err(|error| error.to_string())?,
    };

    let mut tally = Tally::default();
    let table = load(&dir.join("users.tsv"), key.clone())?;
    run_cases(&table, &vectors.cases, "", &mut tally);
    run_services(&table, &vectors.service_accounts, &mut tally);
    for login in &vectors.recoverable_logins {
        let secret = table.login(&login.name).and_then(|row| table.recover(row));
        let agrees = secret.is_some_and(|secret| secret.expose() == login.decrypted);
        tally.check(agrees, || format!("login {}: its secret is not recovered", login.name));
    }
    if !vectors.cases_with_wrong_key.is_empty() {
        let wrong = vectors.wrong_key_hex.as_deref().ok_or("cases_with_wrong_key without wrong_key_hex")?;
        let wrong = Key::from_hex(wrong).map_err(|error| error.to_string())?;
        let table = load(&dir.join("users.tsv"), wrong)?;
        run_cases(&table, &vectors.cases_with_wrong_key, "wrong key: ", &mut tally);
    }
    for odd in &vectors.files {
        let text = fs::read(dir.join(&odd.file)).map_err(|error| format!("cannot read {}: {error}", odd.file))?;
        let loaded = Table::parse(&text, key.clone());
        let got = if loaded.is_ok() { "accept" } else { "reject" };
        tally.check(got == odd.load, || match loaded {
            Ok(_) => format!("{}: accepted, expected {}", odd.file, odd.load),
            Err(error) => format!("{}: rejected ({error}), expected {}", odd.file, odd.load),
        });
    }

    println!("{} checks, {} disagree", tally.checked, tally.wrong);
    match tally {
        Tally { checked: 0, .. } => Err(format!("no vectors found in {}", dir.display())),
        Tally { wrong: 0, .. } => Ok(()),
        Tally { wrong, checked } => Err(format!("{wrong} of {checked} csvauth checks disagree")),
    }
}

fn load(file: &Path, key: Key) -> Result<Table, String> {
    let text = fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Table::parse(&text, key).map_err(|error| format!("{}: {error}", file.display()))
}

fn run_cases(table: &Table, cases: &[Case], prefix: &str, tally: &mut Tally) {
    for case in cases {
        let outcome = table.authenticate(&case.name, &case.secret);
        let got = word(&outcome);
        let agrees = got == case.outcome || case.wanted.as_deref() == Some(got);
        tally.check(agrees, || format!("{prefix}{}: {got}, expected {}", case.label, case.outcome));
        if let (Outcome::Ok(row), "ok") = (&outcome, case.outcome.as_str()) {
            let id = case.id.as_deref().is_none_or(|id| id == row.id());
            let name = case.row_name.as_deref().is_none_or(|name| name == row.name());
            let roles = case.roles.as_ref().is_none_or(|roles| words(roles).eq(row.roles()));
            tally.check(id && name && roles, || {
                format!("{prefix}{}: {:?} named {:?} with roles {:?}", case.label, row.id(), row.name(), row.roles())
            });
        }
        if let Some(status) = case.bearer_status {
            let got = if matches!(table.bearer(&case.secret), Outcome::Ok(_)) { 200 } else { 401 };
            tally.check(got == status, || format!("{prefix}{}: as bearer {got}, expected {status}", case.label));
        }
    }
}

fn run_services(table: &Table, services: &[Service], tally: &mut Tally) {
    for service in services {
        let label = format!("service {}/{}", service.purpose, service.name);
        let Some(row) = table.service(&service.purpose) else {
            tally.check(false, || format!("{label}: not found"));
            continue;
        };
        let same = row.name() == service.name && words(&service.roles).eq(row.roles()) && row.extra() == service.extra;
        tally.check(same, || format!("{label}: {:?} {:?} {:?}", row.name(), row.roles(), row.extra()));
        let verifies = matches!(table.check(row, &service.given_secret), Outcome::Ok(_));
        tally.check(verifies == service.verifies, || format!("{label}: verifies: {verifies}"));
        let recovered = table.recover(row).map(|secret| secret.expose().to_owned()).unwrap_or_default();
        tally.check(recovered == service.recoverable_secret, || {
            format!("{label}: its secret is not recovered as expected")
        });
    }
}

fn words(roles: &[String]) -> impl Iterator<Item = &String> {
    roles.iter().filter(|role| !role.is_empty())
}

fn word(outcome: &Outcome<'_>) -> &'static str {
    match outcome {
        Outcome::Ok(_) => "ok",
        Outcome::NotFound => "not_found",
        Outcome::Unauthorized => "unauthorized",
        Outcome::Locked => "locked",
    }
}
