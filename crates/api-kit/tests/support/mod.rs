//! A façade with one route of each kind, served on a real socket, and a client that sends bytes as they are given.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use bnna_api_kit::{
    Answer, ApiError, App, AuthFailure, Backend, Caller, Code, Document, Identify, Json, Options, PagedQuery, Path,
    Prefer, Query, Rehearsal, Reply, Routes, ServerOptions, Warning, record_timing, route, serve,
};
use bnna_auth::authorization::Credential;
use bnna_auth::limits::FailureLimit;
use bnna_auth::{Access, Operator, OperatorSource, Principal, Standing, Tenant};
use bnna_platform::repeats::{Claim, Claimed, KeptAnswer, Repeat};
use bnna_platform::views::DryRun;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub const ADMIN: &str = "Bearer admin-token";
pub const VIEWER: &str = "Bearer viewer-token";

/// A tenant's token of `acme`, made of one letter; the other accounts' by other letters.
pub fn tenant(letter: char) -> String {
    format!("Bearer bn_{}", letter.to_string().repeat(44))
}

/// Knows two operators and the tenants a (acme, active), s (slow, suspended) and d (dead, disabled).
#[derive(Default)]
pub struct Known {
    pub asked: AtomicUsize,
}

impl Identify for Known {
    fn principal<'a>(
        &'a self,
        credential: &'a Credential,
        _: IpAddr,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Principal, AuthFailure>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        async move {
            match credential {
                Credential::Csvauth(token) => {
                    let roles: Vec<String> = match token.expose() {
                        "admin-token" | "пароль" => vec![],
                        "viewer-token" => vec!["viewer".into()],
                        "upstream-token" => return Err(AuthFailure::Upstream("no cluster answers".into())),
                        _ => return Err(AuthFailure::Unknown),
                    };
                    let operator = Operator::new("ops~QSY6rqTE", "ops", &roles, OperatorSource::Csvauth);
                    Ok(Principal::Operator(operator))
                }
                Credential::Tenant(token) => {
                    let slug = match &token.expose()[3..4] {
                        "a" => "acme",
                        "s" => "slow",
                        "d" => "dead",
                        _ => return Err(AuthFailure::Unknown),
                    };
                    Ok(Principal::Tenant(Tenant {
                        token_id: Uuid::nil(),
                        account_id: Uuid::nil(),
                        account_slug: slug.into(),
                        role_id: None,
                        label: "ci".into(),
                        subject: None,
                        expires_at: None,
                    }))
                }
                Credential::PveRoot(_) => Err(AuthFailure::Unknown),
            }
        }
        .boxed()
    }

    fn standing<'a>(&'a self, slug: &'a str) -> BoxFuture<'a, Result<Option<Standing>, AuthFailure>> {
        let standing = match slug {
            "acme" => Some(Standing::Active),
            "slow" => Some(Standing::Suspended),
            "dead" => Some(Standing::Disabled),
            _ => None,
        };
        async move { Ok(standing) }.boxed()
    }
}

#[derive(Clone, Default)]
pub struct Shop {
    /// Told when a slow write has begun, and by the test when it may end.
    pub begun: Arc<Notify>,
    pub may_end: Arc<Notify>,
    pub ended: Arc<Notify>,
}

/// Rehearses nothing and remembers nothing: that is the platform's, and tested with it.
impl Backend for Shop {
    fn rehearse(&self) -> BoxFuture<'_, Result<Rehearsal<Self>, ApiError>> {
        let would = |status: StatusCode| {
            let (would, acl, records, deletes) = (vec![], vec![], vec![], vec![]);
            let dry_run = DryRun { dry_run: true, status: status.as_u16(), would, acl, records, deletes };
            async move { Ok(dry_run) }.boxed()
        };
        let rehearsal = Rehearsal { state: Self::default(), would: Box::new(would) };
        async move { Ok(rehearsal) }.boxed()
    }

    fn claim<'a>(&'a self, _: &'a Repeat, _: &'a str) -> BoxFuture<'a, Result<Claimed, ApiError>> {
        async move { Ok(Claimed::TooMany) }.boxed()
    }

    fn keep_answer<'a>(&'a self, _: &'a Claim, _: &'a KeptAnswer) -> BoxFuture<'a, Result<(), ApiError>> {
        async move { Ok(()) }.boxed()
    }

    fn release(&self, _: Claim) -> BoxFuture<'_, Result<(), ApiError>> {
        async move { Ok(()) }.boxed()
    }
}

#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Thing {
    /// One word.
    name: String,
    #[serde(default)]
    quota: Option<Quota>,
    #[serde(default, rename = "providerId", alias = "provider_id")]
    provider_id: Option<String>,
    #[serde(default)]
    extra: Option<Value>,
}

#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Quota {
    cores: u32,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    cluster: Option<String>,
    running: Option<bool>,
}

/// Says that it lives.
#[utoipa::path(get, path = "/health", responses((status = 200, body = String, content_type = "text/plain")))]
async fn health() -> &'static str {
    "ok"
}

/// Lists things.
#[utoipa::path(get, path = "/api/things", params(Filter, bnna_api_kit::Page), responses((status = 200, body = Vec<String>)))]
async fn list_things(query: PagedQuery<Filter>) -> Reply<Vec<String>> {
    record_timing("pve:pve1", Duration::from_millis(2));
    let things = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
    let (page, next) = query.page.cut(things, Clone::clone);
    let missing = query.filter.cluster.map(|cluster| Warning { cluster, message: "does not answer".into() });
    let _ = query.filter.running;
    Ok(Answer::ok(page).with_next_cursor(next).with_warnings(missing))
}

/// Makes a thing.
#[utoipa::path(post, path = "/api/things", request_body = Thing, responses((status = 201, body = Thing)))]
async fn create_thing(caller: Caller, Json(thing): Json<Thing>) -> Reply<Thing> {
    caller.grant.may_operate()?;
    if thing.name == "taken" {
        return Err(ApiError::from_word("exists", "there is a thing of this name", None));
    }
    Ok(Answer::created(thing))
}

/// One thing.
#[utoipa::path(get, path = "/api/things/{number}", params(("number" = u32, Path)), responses((status = 200, body = u32)))]
async fn get_thing(Path(number): Path<u32>, Query(filter): Query<Filter>) -> Reply<u32> {
    let _ = filter;
    if number == 404 { Err(ApiError::not_found("thing 404 not found")) } else { Ok(Answer::ok(number)) }
}

/// What an account has.
#[utoipa::path(get, path = "/api/accounts/{slug}/things", params(("slug" = String, Path)), responses((status = 200, body = String)))]
async fn account_things(caller: Caller) -> Reply<String> {
    Ok(Answer::ok(caller.grant.account().unwrap_or_default().to_owned()))
}

/// Gives an account something.
#[utoipa::path(post, path = "/api/accounts/{slug}/things", params(("slug" = String, Path)), responses((status = 200, body = String)))]
async fn add_account_thing(caller: Caller, Path(slug): Path<String>) -> Reply<String> {
    let granted = caller.grant.may_write(&slug, Standing::Active)?;
    Ok(Answer::ok(granted.account().to_owned()).carrying_a_secret())
}

/// Who is asking.
#[utoipa::path(get, path = "/api/whoami", responses((status = 200, body = BTreeMap<String, String>)))]
async fn whoami(caller: Caller, prefer: Prefer) -> Reply<BTreeMap<&'static str, String>> {
    Ok(Answer::ok(BTreeMap::from([
        ("kind", caller.principal()?.kind().to_owned()),
        ("request_id", caller.request_id.clone()),
        ("wait", prefer.wait.as_secs().to_string()),
    ])))
}

/// Secrets of the platform.
#[utoipa::path(get, path = "/api/credentials/export", responses((status = 200, body = String)))]
async fn export() -> Reply<&'static str> {
    Ok(Answer::ok("bundle").carrying_a_secret())
}

/// Breaks.
#[utoipa::path(get, path = "/api/panic", responses((status = 200, body = String)))]
async fn panics() -> Reply<String> {
    panic!("secret detail of a panic")
}

/// Breaks while it changes something.
#[utoipa::path(post, path = "/api/panic", responses((status = 200, body = String)))]
async fn panics_writing() -> Reply<String> {
    panic!("secret detail of a panic")
}

/// Never ends.
#[utoipa::path(get, path = "/api/forever", responses((status = 200, body = String)))]
async fn forever() -> Reply<String> {
    std::future::pending().await
}

/// Ends when it is told to.
#[utoipa::path(post, path = "/api/slow", responses((status = 200, body = String)))]
async fn slow(State(shop): State<Shop>) -> Reply<&'static str> {
    shop.begun.notify_one();
    shop.may_end.notified().await;
    shop.ended.notify_one();
    Ok(Answer::ok("done"))
}

/// Fails in a cluster.
#[utoipa::path(get, path = "/api/broken", responses((status = 200, body = String)))]
async fn broken() -> Reply<String> {
    Err(ApiError::new(Code::Upstream, "pve1: refused").with_details(serde_json::json!({ "system": "pve1" })))
}

pub fn routes() -> Routes<Shop> {
    Routes::new()
        .add(route!(Access::Public, health))
        .add(route!(Access::OperatorRead, list_things))
        .add(route!(Access::Operator, create_thing))
        .add(route!(Access::OperatorRead, get_thing))
        .add(route!(Access::AccountRead, account_things))
        .add(route!(Access::AccountWrite, add_account_thing))
        .add(route!(Access::AnyCredential, whoami))
        .merge(
            Routes::new()
                .add(route!(Access::OperatorRead, export))
                .add(route!(Access::Public, panics))
                .add(route!(Access::Public, panics_writing))
                .add(route!(Access::Public, forever))
                .add(route!(Access::Public, slow))
                .add(route!(Access::OperatorRead, broken)),
        )
}

pub fn options() -> Options {
    Options {
        deadline: Duration::from_secs(20),
        failures: FailureLimit { failures: 5, ..FailureLimit::default() },
        document: Some(Document {
            title: "The shop <API>".into(),
            version: "1.2.3".into(),
            description: "For tests.".into(),
        }),
        ..Options::default()
    }
}

/// A façade on a socket; it ends when dropped.
pub struct Served {
    pub address: SocketAddr,
    pub shop: Shop,
    pub known: Arc<Known>,
    pub shutdown: CancellationToken,
    pub server: tokio::task::JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub async fn start() -> Served {
    start_with(options(), ServerOptions::default(), None).await
}

pub async fn start_with(
    options: Options,
    server: ServerOptions,
    tls: Option<Arc<tokio_rustls::rustls::ServerConfig>>,
) -> Served {
    let (shop, known) = (Shop::default(), Arc::new(Known::default()));
    let identify: Arc<dyn Identify> = Arc::<Known>::clone(&known);
    let app: App = routes().into_app(shop.clone(), identify, &options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(listener, app, tls, server, shutdown.clone()));
    Served { address, shop, known, shutdown, server }
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

    /// The code of an error body, whose shape is checked on the way.
    pub fn code(&self) -> String {
        let body = self.json();
        assert!(body["error"].is_string(), "{body}");
        assert!(body["timings"].as_array().is_some_and(|timings| !timings.is_empty()), "{body}");
        assert!(body.get("result").is_none(), "{body}");
        body["code"].as_str().unwrap().to_owned()
    }
}

impl Served {
    /// Sends bytes and reads the answer to its end.
    pub async fn raw(&self, request: &[u8]) -> Got {
        let stream = TcpStream::connect(self.address).await.unwrap();
        exchange(stream, request).await
    }

    /// Sends a request with headers and a body.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Got {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        self.raw(&[request.as_bytes(), body].concat()).await
    }

    pub async fn get(&self, path: &str, credential: &str) -> Got {
        self.send("GET", path, &[("Authorization", credential)], b"").await
    }

    pub async fn post(&self, path: &str, credential: &str, body: &[u8]) -> Got {
        let headers = [("Authorization", credential), ("Content-Type", "application/json")];
        self.send("POST", path, &headers, body).await
    }
}

pub async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> Got {
    let exchanged = async {
        // A server that refuses early may close before it has read everything: the answer counts.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), exchanged).await.unwrap();
    let split = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8(answer[..split].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Got { status, headers, body: answer[split + 4..].to_vec() }
}
