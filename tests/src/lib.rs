//! What the suites share: a whole house (two simulated clusters, a backup server, bnpd) on loopback, and clients for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod bench;
pub mod bnpd_process;
pub mod checker;
pub mod ground;

use std::sync::Once;
use std::time::Duration;

use bnpd::demo::{Args, Demo};
use proxmox_client::{Pve, TokenId, Trust, UserId};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tempfile::TempDir;

static PROVIDER: Once = Once::new();

/// Installs ring for clients that ask rustls for a default.
pub fn install_provider() {
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// An answer of the API.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON, null where it is none.
    pub body: Value,
}

impl Answer {
    /// The result in the envelope.
    pub fn result(&self) -> &Value {
        &self.body["result"]
    }

    /// The error's code.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The error's text.
    pub fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }

    /// Checks the status and the envelope, and gives the answer back.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        if !self.text.is_empty() && self.body.is_object() {
            assert!(self.body["timings"].is_array(), "an answer without timings: {}", self.text);
        }
        self
    }

    /// Checks the status and the error's code.
    #[track_caller]
    pub fn fails(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.code(), code, "{}", answer.text);
        answer
    }
}

/// Two simulated clusters, a backup server and bnpd.
pub struct House {
    demo: Option<Demo>,
    directory: TempDir,
    http: reqwest::Client,
    token: String,
    base: String,
}

impl House {
    /// Builds it.
    pub async fn start() -> Self {
        install_provider();
        let directory = tempfile::tempdir().unwrap();
        let demo = Demo::start(args(&directory)).await.unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
        let base = format!("http://{}", demo.address());
        let token = demo.operator_token().expose_secret().to_owned();
        Self { demo: Some(demo), directory, http, token, base }
    }

    /// Ends bnpd and the clusters in an orderly way and starts them again over the same directory.
    pub async fn restart(&mut self) {
        self.demo.take().unwrap().shutdown().await.unwrap();
        let demo = Demo::start(args(&self.directory)).await.unwrap();
        self.base = format!("http://{}", demo.address());
        self.demo = Some(demo);
    }

    /// The running demo.
    pub fn demo(&self) -> &Demo {
        self.demo.as_ref().unwrap()
    }

    /// The operator's token.
    pub fn operator(&self) -> &str {
        &self.token
    }

    /// The address of the API, `http://…`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The directory of store and keys.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// The simulator of a cluster.
    pub fn sim(&self, host: &str) -> &proxmox_sim::Sim {
        &self.demo().simulators().clusters().iter().find(|cluster| cluster.host == host).unwrap().sim
    }

    /// A request with any credential.
    pub async fn request(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        self.send(request).await
    }

    /// Sends a request made elsewhere.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, text, body }
    }

    /// The HTTP client.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// As the operator.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, Some(&self.bearer()), None).await
    }

    /// As the operator.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path, Some(&self.bearer()), Some(body)).await
    }

    /// As the operator.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.request(Method::PUT, path, Some(&self.bearer()), Some(body)).await
    }

    /// As the operator.
    pub async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path, Some(&self.bearer()), None).await
    }

    /// A client of a cluster with root's token.
    pub fn root(&self, host: &str) -> Pve {
        let token = self.sim(host).root_token().unwrap();
        self.pve(host, &token.id, &token.secret)
    }

    /// A client of a cluster with some token.
    pub fn pve(&self, host: &str, id: &str, secret: &str) -> Pve {
        let sim = self.sim(host);
        let pins: Vec<String> = sim.addresses().keys().filter_map(|node| sim.fingerprint(node)).collect();
        let mut builder =
            Pve::builder().token(id, secret).trust(Trust::pinned(pins.iter().map(String::as_str)).unwrap());
        for address in sim.addresses().values() {
            builder = builder.address(address.to_string());
        }
        builder.build().unwrap()
    }

    /// A client of a cluster as one of its users, by a token of that user without privilege separation.
    pub async fn user(&self, host: &str, userid: &str) -> Pve {
        let id: TokenId = format!("{userid}!test").parse().unwrap();
        let params = proxmox_client::pve::access::tokens::CreateToken { privsep: Some(false), ..Default::default() };
        let made = self.root(host).access().create_token(&id, &params).await.unwrap();
        self.pve(host, &id.to_string(), made.value.expose())
    }

    /// Makes a user of a cluster that is in these groups.
    pub async fn make_user(&self, host: &str, userid: &str, groups: &[&str]) {
        let userid: UserId = userid.parse().unwrap();
        let mut user = proxmox_client::pve::access::users::CreateUser::new(userid);
        user.groups = groups.iter().map(|group| (*group).to_owned()).collect();
        self.root(host).access().create_user(&user).await.unwrap();
    }

    /// The ACL of a cluster, as sorted lines.
    pub async fn acl(&self, host: &str) -> Vec<String> {
        let rows = self.root(host).access().acl().await.unwrap();
        let mut lines: Vec<String> =
            rows.into_iter().map(|row| format!("{} {} {} {}", row.path, row.ugid, row.roleid, row.propagate)).collect();
        lines.sort();
        lines
    }
}

fn args(directory: &TempDir) -> Args {
    Args { data: Some(directory.path().join("house")), seed: None, listen: ([127, 0, 0, 1], 0).into() }
}
