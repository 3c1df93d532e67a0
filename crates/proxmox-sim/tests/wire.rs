//! The HTTP layer, faults and the life of a simulator, asked over the wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use proxmox_sim::{Cluster, FaultKind, FaultRule, Sim, SimBuilder};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

async fn start() -> Sim {
    SimBuilder::from_state(Cluster::fresh(&["pve1", "pve2"])).root_token("lab", Some("s3cret")).start().await.unwrap()
}

const ROOT: &str = "Authorization: PVEAPIToken=root@pam!lab=s3cret\r\n";

/// Sends bytes to a node and reads until the connection ends. The certificate is verified against the cluster's authority.
async fn raw(sim: &Sim, node: &str, request: &str) -> std::io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(sim.authority().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(sim.address(node).unwrap()).await?;
    let name = ServerName::try_from(node.to_owned()).unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    // A connection that is cut has no goodbye.
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap();
    if answer.is_empty() {
        read?;
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n{ROOT}Connection: close\r\n\r\n")
}

async fn status_line(sim: &Sim, request: &str) -> String {
    raw(sim, "pve1", request).await.unwrap().lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_reason_phrase_carries_the_error() {
    let sim = start().await;
    let answer = raw(&sim, "pve1", &get("/api2/json/nosuch")).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 501 Method 'GET /nosuch' not implemented\r\n"), "{answer}");
    assert!(answer.contains("Server: pve-api-daemon/3.0\r\n"), "{answer}");
    assert!(answer.contains("application/json;charset=UTF-8"), "{answer}");
}

#[tokio::test]
async fn words_that_are_no_verbs_are_refused_before_credentials() {
    let sim = start().await;
    let line = status_line(&sim, "PATCH /api2/json/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert_eq!(line, "HTTP/1.1 501 method 'PATCH' not available");
    let line = status_line(&sim, "GET /api2/json/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert_eq!(line, "HTTP/1.1 401 No ticket");
}

#[tokio::test]
async fn chunked_bodies_are_refused() {
    let sim = start().await;
    let request = format!(
        "POST /api2/json/pools HTTP/1.1\r\nHost: x\r\n{ROOT}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"
    );
    assert_eq!(status_line(&sim, &request).await, "HTTP/1.1 501 chunked transfer encoding not supported");
}

#[tokio::test]
async fn bodies_over_the_limit_and_long_header_lines_end_the_connection() {
    let sim = start().await;
    let request = format!("POST /api2/json/pools HTTP/1.1\r\nHost: x\r\n{ROOT}Content-Length: 600000\r\n\r\nx");
    assert_eq!(raw(&sim, "pve1", &request).await.unwrap_or_default(), "");
    let long = "y".repeat(9000);
    let request = format!("GET /api2/json/version HTTP/1.1\r\nHost: x\r\n{ROOT}X-Long: {long}\r\n\r\n");
    assert_eq!(raw(&sim, "pve1", &request).await.unwrap_or_default(), "");
}

#[tokio::test]
async fn a_node_that_is_down_answers_nobody_and_relays_to_it_fail() {
    let sim = start().await;
    sim.with_state(|cluster| cluster.set_node_online("pve2", false));
    assert!(raw(&sim, "pve2", &get("/api2/json/version")).await.unwrap_or_default().is_empty());
    let line = status_line(&sim, &get("/api2/json/nodes/pve2/tasks")).await;
    assert_eq!(line, "HTTP/1.1 595 No route to host");
    sim.with_state(|cluster| cluster.set_node_online("pve2", true));
    assert!(raw(&sim, "pve2", &get("/api2/json/version")).await.unwrap().starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn without_quorum_reads_go_on_and_writes_are_refused() {
    let sim = start().await;
    sim.with_state(|cluster| cluster.nodes.quorum_lost = true);
    assert_eq!(status_line(&sim, &get("/api2/json/access/users")).await, "HTTP/1.1 200 OK");
    let body = "groupid=ops";
    let request = format!(
        "POST /api2/json/access/groups HTTP/1.1\r\nHost: x\r\n{ROOT}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(
        status_line(&sim, &request).await,
        "HTTP/1.1 500 create group failed: cfs-lock 'file-user_cfg' error: no quorum!"
    );
}

#[tokio::test]
async fn faults_strike_as_often_as_they_are_told() {
    let sim = start().await;
    sim.inject(FaultRule::once(FaultKind::Status(596, "Broken pipe".to_owned())).on("GET", "/version"));
    assert_eq!(status_line(&sim, &get("/api2/json/version")).await, "HTTP/1.1 596 Broken pipe");
    assert_eq!(status_line(&sim, &get("/api2/json/version")).await, "HTTP/1.1 200 OK");

    sim.inject(FaultRule::once(FaultKind::ResetAfterDone).on("POST", "/access/groups"));
    let body = "groupid=ops";
    let request = format!(
        "POST /api2/json/access/groups HTTP/1.1\r\nHost: x\r\n{ROOT}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(raw(&sim, "pve1", &request).await.unwrap_or_default(), "", "the answer is lost");
    assert!(sim.with_state(|cluster| cluster.access.groups.contains_key("ops")), "the work is done");

    sim.inject(FaultRule::once(FaultKind::TruncatedBody).on("GET", "/access/roles"));
    let answer = raw(&sim, "pve1", &get("/api2/json/access/roles")).await.unwrap();
    let length: usize = header(&answer, "content-length").parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(body.len() < length, "{} of {length}", body.len());

    sim.inject(FaultRule::always(FaultKind::Refuse).on_node("pve1"));
    assert!(raw(&sim, "pve1", &get("/api2/json/version")).await.unwrap_or_default().is_empty());
    sim.clear_faults();
    assert_eq!(status_line(&sim, &get("/api2/json/version")).await, "HTTP/1.1 200 OK");
}

fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let lines = answer.lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.trim())
}

#[tokio::test]
async fn a_wrong_content_type_is_told_of_a_right_answer() {
    let of_port: FaultRule = serde_json::from_str(r#"{"times": 1, "kind": "wrong-content-type"}"#).unwrap();
    assert_eq!(of_port, FaultRule::once(FaultKind::WrongContentType));
    let sim = start().await;
    sim.inject(of_port);
    let answer = raw(&sim, "pve1", &get("/api2/json/version")).await.unwrap();
    assert_eq!(header(&answer, "content-type"), "text/html");
    assert!(answer.contains("\"release\""), "{answer}");
}

#[tokio::test]
async fn a_saved_state_goes_on_with_the_same_certificate_and_token() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("state.json");
    let sim = start().await;
    sim.with_state(|cluster| cluster.access.set_password("alice@pve", "fake-pass-123"));
    let fingerprint = sim.fingerprint("pve1");
    sim.save(&file).unwrap();
    sim.shutdown().await;

    let sim = SimBuilder::from_state(Cluster::load(&file).unwrap()).root_token("lab", None).start().await.unwrap();
    assert_eq!(sim.fingerprint("pve1"), fingerprint);
    assert_eq!(sim.root_token().unwrap().secret, "s3cret");
    assert!(sim.with_state(|cluster| cluster.access.password_matches("alice@pve", "fake-pass-123")));
    assert_eq!(status_line(&sim, &get("/api2/json/version")).await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_renewed_certificate_is_seen_by_new_connections() {
    let sim = start().await;
    let before = sim.fingerprint("pve1");
    sim.renew_certificate("pve1").unwrap();
    assert_ne!(sim.fingerprint("pve1"), before);
    assert_eq!(status_line(&sim, &get("/api2/json/version")).await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn its_own_port_injects_faults_and_moves_time() {
    let builder = SimBuilder::from_state(Cluster::fresh(&["pve1"])).root_token("lab", Some("s3cret"));
    let clock = proxmox_sim::state::Clock::manual(1_800_000_000);
    let sim = builder.clock(clock).admin_port(0).start().await.unwrap();
    let ask = async |method: &str, path: &str, body: &str| {
        let mut stream = TcpStream::connect(sim.admin_address().unwrap()).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = ask("POST", "/clock", r#"{"advance": 90}"#).await;
    assert!(answer.ends_with(r#"{"now":1800000090}"#), "{answer}");
    let answer = ask("POST", "/faults", r#"{"times": 1, "kind": {"status": [595, "No route to host"]}}"#).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(status_line(&sim, &get("/api2/json/version")).await, "HTTP/1.1 595 No route to host");
    assert!(ask("POST", "/faults", "{}").await.starts_with("HTTP/1.1 400"));
    assert!(ask("GET", "/nosuch", "").await.starts_with("HTTP/1.1 404"));
}
