//! The program as people start it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BNPD: &str = env!("CARGO_BIN_EXE_bnpd");

fn output(args: &[&str]) -> (bool, String) {
    let output = Command::new(BNPD).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// Starts it, reads what it prints up to a line, and gives what was read.
fn start(args: &[&str], last: &str) -> (std::process::Child, Vec<String>) {
    let mut child = Command::new(BNPD).args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let done = line.contains(last);
        lines.push(line);
        if done {
            return (child, lines);
        }
    }
    let status = child.wait().unwrap();
    panic!("it ended ({status}): {lines:?}")
}

fn interrupt(child: &mut std::process::Child) -> bool {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let until = Instant::now() + Duration::from_secs(60);
    while Instant::now() < until {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    child.kill().unwrap();
    panic!("it did not end")
}

#[test]
fn ctrl_c_ends_the_demo_and_leaves_nothing_behind() {
    let (mut child, lines) = start(&["demo", "--listen", "127.0.0.1:0"], "Ctrl-C ends the demo");
    let directory =
        lines.iter().find(|line| line.contains("directory")).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    assert!(std::path::Path::new(&directory).is_dir(), "{directory}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("curl ")).count(), 5);
    assert!(interrupt(&mut child));
    assert!(!std::path::Path::new(&directory).exists(), "{directory} is left");
}

#[test]
fn a_second_demo_over_the_same_directory_has_the_same_token() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("demo");
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let args = ["demo", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
        let (mut child, lines) = start(&args, "Ctrl-C ends the demo");
        tokens.push(lines.iter().find(|line| line.contains("operator token")).unwrap().clone());
        assert!(interrupt(&mut child));
    }
    assert_eq!(tokens[0], tokens[1]);
}

#[test]
fn init_writes_what_check_config_takes_and_a_bad_file_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let etc = directory.path().join("etc");
    let (etc_text, data) = (etc.to_str().unwrap(), directory.path().join("var"));
    let (well, text) = output(&["init", etc_text, "--data", data.to_str().unwrap()]);
    assert!(well && text.contains("shown once"), "{text}");
    let (well, text) = output(&["init", etc_text]);
    assert!(!well && text.contains("overwrites nothing"), "{text}");
    let config = etc.join("bnpd.toml");
    let (well, text) = output(&["check-config", "--config", config.to_str().unwrap()]);
    assert!(well && text.contains("no mistakes") && text.contains("server.listen"), "{text}");
    std::fs::write(&config, "[server]\nlisten = 7\nlisen = 1\n").unwrap();
    let (well, text) = output(&["check-config", "--config", config.to_str().unwrap()]);
    assert!(!well && text.contains("2 mistake(s)") && text.contains("did you mean"), "{text}");
    let (well, text) = output(&["serve", "--config", "/nowhere/bnpd.toml"]);
    assert!(!well && text.contains("/nowhere/bnpd.toml"), "{text}");
    let (well, text) = output(&["store", "backup", "/tmp/never-written", "--config", config.to_str().unwrap()]);
    assert!(!well, "{text}");
}
