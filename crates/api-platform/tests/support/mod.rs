//! The façade on a real socket over a platform with a store of its own and no clusters, and a client that sends bytes as they
//! are given.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bnna_api_kit::{Options, ServerOptions, serve};
use bnna_api_platform::TimingObserver;
use bnna_auth::csvauth::{Key, issue};
use bnna_auth::seal::{MasterKey, MasterKeys};
use bnna_auth::users_table::UsersTable;
use bnna_platform::clusters::ClientSettings;
use bnna_platform::{Platform, Settings};
use bnna_store::{Store, accounts};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The longest that anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A served façade; it ends when dropped.
pub struct Served {
    pub address: SocketAddr,
    pub platform: Platform,
    /// `Authorization` of a full operator.
    pub admin: String,
    /// `Authorization` of an operator that may only look.
    pub viewer: String,
    shutdown: CancellationToken,
    _directory: TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub async fn start() -> Served {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let key = Key::from_hex(&issue::new_key_file().unwrap()).unwrap();
    let (admin, admin_row) = issue::new_token("ops", &["admin"], &key).unwrap();
    let (viewer, viewer_row) = issue::new_token("auditor", &["viewer"], &key).unwrap();
    std::fs::write(at("users.tsv"), format!("{}{admin_row}{viewer_row}", issue::HEADER)).unwrap();
    let users = Arc::new(UsersTable::open(&at("users.tsv"), key).unwrap());
    let masters = MasterKeys { current: MasterKey::create(&at("master.key")).unwrap(), previous: None };
    let store = Store::open(bnna_store::Options::new(at("store/bnna.db"))).await.unwrap();
    let platform = Platform::start(store, &masters, users, settings()).await.unwrap();

    let app = bnna_api_platform::app(platform.clone(), Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    tokio::spawn(serve(listener, app, None, ServerOptions::default(), shutdown.clone()));
    Served {
        address,
        platform,
        admin: format!("Bearer {}", admin.expose()),
        viewer: format!("Bearer {}", viewer.expose()),
        shutdown,
        _directory: directory,
    }
}

/// As bnpd has them: calls to clusters show in `timings`.
fn settings() -> Settings {
    let clients = ClientSettings { observer: Some(Arc::new(TimingObserver)), ..ClientSettings::default() };
    Settings { clients, ..Settings::default() }
}

/// An answer as it came.
#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Got {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The result of a success, whose envelope is checked on the way.
    pub fn result(&self) -> Value {
        let mut body = self.json();
        assert!((200..300).contains(&self.status), "{body}");
        assert!(body["timings"].as_array().is_some_and(|timings| !timings.is_empty()), "{body}");
        assert!(body.get("error").is_none(), "{body}");
        body["result"].take()
    }

    /// The status and the code of an error, whose envelope is checked on the way.
    pub fn refusal(&self) -> (u16, String) {
        let body = self.json();
        assert!(body["error"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        assert!(body["timings"].as_array().is_some_and(|timings| !timings.is_empty()), "{body}");
        assert!(body.get("result").is_none(), "{body}");
        (self.status, body["code"].as_str().unwrap().to_owned())
    }
}

impl Served {
    /// Sends bytes and reads the answer to its end.
    pub async fn raw(&self, request: &[u8]) -> Got {
        let exchanged = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            // A server that refuses early may close before it has read everything: the answer counts.
            let _ = stream.write_all(request).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        let answer = tokio::time::timeout(PATIENCE, exchanged).await.unwrap();
        let split = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(answer[..split].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Got { status, headers, body: answer[split + 4..].to_vec() }
    }

    /// Sends a request with headers and a body.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Got {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            request.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        self.raw(&[request.as_bytes(), body].concat()).await
    }

    /// Sends a request of somebody, with a JSON body unless it is empty.
    pub async fn call(&self, who: &str, method: &str, path: &str, body: &str) -> Got {
        self.send(method, path, &[("Authorization", who)], body.as_bytes()).await
    }

    /// Sends a request of the full operator.
    pub async fn ops(&self, method: &str, path: &str, body: &str) -> Got {
        self.call(&self.admin, method, path, body).await
    }

    /// Puts an account that is on no cluster into the store: there are none to create one on.
    pub async fn account(&self, slug: &str) -> Uuid {
        let now = bnna_store::now();
        let row = accounts::Account {
            id: Uuid::now_v7(),
            slug: slug.to_owned(),
            display_name: slug.to_owned(),
            email: String::new(),
            status: "active".to_owned(),
            pool: slug.to_owned(),
            adopted: false,
            created_at: now,
            updated_at: now,
            suspended_at: None,
            disabled_at: None,
        };
        let id = row.id;
        self.platform.store().write(move |sql| accounts::insert(sql, &row)).await.unwrap();
        id
    }

    /// `Authorization` of a new tenant token of an account.
    pub async fn tenant(&self, slug: &str) -> String {
        let path = format!("/api/platform/accounts/{slug}/impersonate");
        let issued = self.ops("POST", &path, r#"{"label":"test"}"#).await.result();
        format!("Bearer {}", issued["token"].as_str().unwrap())
    }
}
