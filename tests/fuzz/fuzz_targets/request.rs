//! `cargo xtask fuzz --target request`: the façade on a socket of this process, over a store of its own and without clusters.
#![no_main]

#[path = "../targets/request.rs"]
mod target;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bnna_api_kit::{Options, ServerOptions, serve};
use bnna_auth::csvauth::{Key, issue};
use bnna_auth::seal::{MasterKey, MasterKeys};
use bnna_auth::users_table::UsersTable;
use bnna_platform::{Platform, Settings};
use bnna_store::Store;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

/// Longer than any answer takes; a request that is never answered fails the target.
const PATIENCE: Duration = Duration::from_secs(5);

struct Served {
    runtime: Runtime,
    address: String,
    token: String,
    _directory: TempDir,
}

fn start() -> Served {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (address, token) = runtime.block_on(async {
        let key = Key::from_hex(&issue::new_key_file().unwrap()).unwrap();
        let (operator, row) = issue::new_token("ops", &["admin"], &key).unwrap();
        std::fs::write(at("users.tsv"), format!("{}{row}", issue::HEADER)).unwrap();
        let users = Arc::new(UsersTable::open(&at("users.tsv"), key).unwrap());
        let masters = MasterKeys { current: MasterKey::create(&at("master.key")).unwrap(), previous: None };
        let store = Store::open(bnna_store::Options::new(at("store/bnna.db"))).await.unwrap();
        let platform = Platform::start(store, &masters, users, Settings::default()).await.unwrap();
        let app = bnna_api_platform::app(platform, Options::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(serve(listener, app, None, ServerOptions::default(), CancellationToken::new()));
        (address, operator.expose().to_owned())
    });
    Served { runtime, address, token, _directory: directory }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static SERVED: OnceLock<Served> = OnceLock::new();
    let served = SERVED.get_or_init(start);
    served.runtime.block_on(target::request(&served.address, &served.token, data, PATIENCE));
});
