//! `cargo xtask schemathesis`: requests made up from the checked-in OpenAPI document, good and bad ones, against a running
//! demo: no 5xx, no answer that the document does not have.

use std::fmt::Write as _;
use std::fs;

use bnpd::demo::{Args as DemoArgs, Demo};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::process::{self, workspace_root};
use crate::python::Package;

const SCHEMATHESIS: Package = Package { name: "schemathesis", version: "4.32.5", with: &[] };

/// What an answer is checked for. Who may call what is the authorisation matrix's matter.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
response_headers_conformance,unsupported_method";

/// Accounts that are there, so that requests get past "not found".
const ACCOUNTS: [&str; 3] = ["acme", "globex", "initech"];

#[derive(clap::Args)]
pub struct Args {
    /// Where the generator begins; the same seed makes the same requests.
    #[arg(long, default_value_t = 20_260_101)]
    seed: u64,
    /// Seconds to go on for.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Cases for each route and kind of test.
    #[arg(long, default_value_t = 10)]
    cases: u32,
}

impl Default for Args {
    fn default() -> Self {
        Self { seed: 20_260_101, seconds: 60, cases: 10 }
    }
}

pub fn run(args: &Args) -> Result<(), String> {
    let program = SCHEMATHESIS.program("schemathesis")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::tempdir().map_err(|error| format!("cannot make a directory: {error}"))?;
    let estate = DemoArgs { data: Some(directory.path().join("demo")), seed: None, listen: ([127, 0, 0, 1], 0).into() };
    let demo = runtime.block_on(Demo::start(estate)).map_err(|error| format!("the demo does not start: {error}"))?;
    let base = format!("http://{}", demo.address());
    let authorization = format!("Authorization: Bearer {}", demo.operator_token().expose_secret());
    let config = directory.path().join("schemathesis.toml");
    let known = runtime.block_on(populate(&base, demo.operator_token().expose_secret()))?;
    fs::write(&config, known).map_err(|error| format!("cannot write {}: {error}", config.display()))?;
    let document = workspace_root().join("docs/openapi-platform.json");
    let (seed, seconds, cases) = (args.seed.to_string(), args.seconds.to_string(), args.cases.to_string());
    let outcome = process::run_hiding(
        directory.path(),
        &program,
        &[
            "--config-file",
            &config.to_string_lossy(),
            "run",
            &document.to_string_lossy(),
            "--url",
            &base,
            "--seed",
            &seed,
            "--max-time",
            &seconds,
            "--max-examples",
            &cases,
            "--phases",
            "examples,coverage,fuzzing",
            "--request-timeout",
            "60",
            "--checks",
            CHECKS,
            "--continue-on-failure",
            "--warnings",
            "off",
            "--no-color",
        ],
        &["--header", &authorization],
    );
    let ended = runtime.block_on(demo.shutdown()).map_err(|error| format!("the demo does not end well: {error}"));
    outcome.and(ended)
}

/// Makes accounts and names what there is, for the values of path parameters.
async fn populate(base: &str, token: &str) -> Result<String, String> {
    let http = reqwest::Client::builder().no_proxy().build().map_err(|error| error.to_string())?;
    let ask = async |request: reqwest::RequestBuilder| -> Result<Value, String> {
        let answer = request.bearer_auth(token).send().await.map_err(|error| error.to_string())?;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| format!("no JSON: {error}: {text}"))
    };
    for slug in ACCOUNTS {
        let body = json!({ "slug": slug }).to_string();
        let made = http.post(format!("{base}/api/platform/accounts")).header("content-type", "application/json");
        ask(made.body(body)).await?;
    }
    let listing = ask(http.get(format!("{base}/api/instances"))).await?;
    let guests = listing.get("result").and_then(Value::as_array).ok_or("the demo lists no guests")?;
    let numbers: Vec<String> = guests.iter().filter_map(|guest| guest.get("vmid")).map(ToString::to_string).collect();
    if numbers.is_empty() {
        return Err("the demo lists no guests".to_owned());
    }
    let mut config = "[parameters]\n".to_owned();
    let _ = writeln!(config, "\"path.slug\" = {ACCOUNTS:?}");
    let _ = writeln!(config, "\"path.vmid\" = [{}]", numbers.join(", "));
    let _ = writeln!(config, "\"path.host\" = [\"pve-a\", \"pve-b\"]");
    Ok(config)
}
