//! What operators read: the bad-config report, the table of values, the commented file.

use std::path::Path;

use super::{Flags, file, load, table};

fn written(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bnpd.toml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn report(text: &str) -> String {
    let (dir, path) = written(text);
    let mistakes = load(Some(&path), &Flags::default()).config.unwrap_err();
    mistakes.to_string().replace(&dir.path().display().to_string(), "DIR")
}

#[test]
fn every_mistake_is_reported_at_once_with_its_source_and_a_hint() {
    let report = report(
        r#"
        [server]
        listen = "nowhere"
        lisen = "127.0.0.1:1"
        connections = 0
        tls_key = "key.pem"
        [sever]
        [log]
        format = "xml"
        filter = "==="
        [[clusters]]
        host = "pve a"
        fingerprints = ["12:34"]
        token_id = "root"
        token_secret = "hunter2hunter2"
        token_secret_file = "/nowhere/token"
        [[clusters]]
        supernets = ["192.168.0.0/16"]
        "#,
    );
    for expected in [
        "server.listen (file DIR/bnpd.toml): \"nowhere\" is not an address with a port",
        "server.lisen (file DIR/bnpd.toml): no such key; did you mean \"listen\"?",
        "server.connections (file DIR/bnpd.toml): a whole number from 1 to 65535 is expected, got 0",
        "server.tls_certificate (default): tls_certificate and tls_key go together",
        "sever (file DIR/bnpd.toml): no such section; did you mean \"server\"?",
        "log.format (file DIR/bnpd.toml): \"xml\" is neither json nor text",
        "log.filter (file DIR/bnpd.toml): not a list of tracing directives",
        "clusters[0].host (file DIR/bnpd.toml): \"pve a\" is not a host",
        "clusters[0].fingerprints (file DIR/bnpd.toml): \"12:34\" is not a SHA-256 fingerprint",
        "clusters[0].token_id (file DIR/bnpd.toml): \"root\" is not a token id",
        "clusters[0].token_secret (file DIR/bnpd.toml): give token_secret or token_secret_file, not both",
        "clusters[0].token_secret_file (file DIR/bnpd.toml): cannot read /nowhere/token",
        "clusters[1].host (file DIR/bnpd.toml): every cluster needs a host",
        "clusters[1].token_id (file DIR/bnpd.toml): bnpd needs an API token",
        "clusters[1].supernets (file DIR/bnpd.toml): \"192.168.0.0/16\" is not an IPv4 network of 10.0.0.0/8",
    ] {
        assert!(report.contains(expected), "missing {expected:?} in\n{report}");
    }
    assert!(!report.contains("hunter2"), "a secret is in\n{report}");
}

#[test]
fn syntax_errors_and_missing_files_are_named() {
    assert!(report("[server\n").contains("DIR/bnpd.toml"));
    let missing = load(Some(Path::new("/nowhere/bnpd.toml")), &Flags::default()).config.unwrap_err().to_string();
    assert!(missing.contains("/nowhere/bnpd.toml"), "{missing}");
}

#[test]
fn every_value_is_shown_with_where_it_came_from_and_secrets_are_not() {
    let (dir, path) = written(
        "[server]\nlisten = \"127.0.0.1:1\"\n[[clusters]]\nhost = \"pve-a\"\ntoken_id = \"a@pve!b\"\ntoken_secret = \"hunter2hunter2\"\n",
    );
    let explained =
        load(Some(&path), &Flags { listen: Some("127.0.0.1:2".into()), directory: Some(dir.path().to_path_buf()) });
    let config = explained.config.unwrap();
    assert_eq!(config.server.listen.port(), 2, "flags win over the file");
    assert_eq!(config.clusters.len(), 1);
    let shown = table(&explained.shown);
    assert!(shown.contains("flag --listen") && shown.contains("default") && shown.contains("[redacted]"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn the_file_that_init_writes_is_read_without_a_mistake() {
    let (_dir, path) = written(&file(&[("server", "listen", "\"127.0.0.1:9\"".to_owned())]));
    let config = load(Some(&path), &Flags::default()).config.unwrap();
    assert_eq!(config.server.listen.port(), 9);
    assert!(config.clusters.is_empty());
}

#[test]
fn the_examples_of_the_commented_file_are_read_too_when_their_comments_go() {
    let live: String = file(&[])
        .lines()
        .filter(|line| !line.contains("_file =") && !line.starts_with("# Config") && !line.starts_with("# Order"))
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest.starts_with("[[") || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) =>
            {
                rest
            }
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    let (_dir, path) = written(
        &live
            .replace("token_secret = \"\"", "token_secret = \"x\"")
            .replace("tls_certificate = \"\"", "")
            .replace("tls_key = \"\"", ""),
    );
    let config = load(Some(&path), &Flags::default()).config;
    assert!(config.is_ok(), "{}\n{live}", config.unwrap_err());
    assert_eq!(config.unwrap().clusters.len(), 1);
}
