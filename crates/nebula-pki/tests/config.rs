//! Rendered configurations: their text, and that every real `nebula` here takes them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod peer;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nebula_pki::config::{
    ConfigError, Firewall, HostConfig, LogFormat, LogLevel, Peer, Pki, Ports, Protocol, Route, Rule, UnsafeRoute,
};
use nebula_pki::{Authority, CaRequest, HostRequest, Timestamp, Version};

/// Everything that can be said, said.
fn full(pki: Pki) -> HostConfig {
    let mut config = HostConfig::new(pki);
    config.pki.blocklist.insert("22".repeat(32).parse().unwrap());
    config.pki.blocklist.insert("11".repeat(32).parse().unwrap());
    config.pki.disconnect_invalid = Some(true);
    let endpoints = ["198.51.100.7:4242", "192.0.2.1:4243"].map(|text| text.parse().unwrap());
    config.static_host_map.insert("10.42.0.2".parse().unwrap(), BTreeSet::from(endpoints));
    config.static_host_map.insert("10.42.0.1".parse().unwrap(), BTreeSet::from(["192.0.2.9:4242".parse().unwrap()]));
    config.lighthouse.hosts = vec!["10.42.0.1".parse().unwrap()];
    config.lighthouse.interval = Some(Duration::from_secs(60));
    config.relay.relays = vec!["10.42.0.2".parse().unwrap()];
    config.punchy.delay = Some(Duration::from_secs(1));
    config.punchy.respond_delay = Some(Duration::from_millis(2500));
    config.tun.routes = vec![Route { mtu: 1200, route: "10.42.9.0/24".parse().unwrap() }];
    config.tun.unsafe_routes =
        vec![UnsafeRoute { route: "192.168.4.0/24".parse().unwrap(), via: "10.42.0.9".parse().unwrap() }];
    config.logging.level = LogLevel::Warning;
    config.logging.format = LogFormat::Json;
    config.logging.disable_timestamp = true;
    let mut strict = Rule::new("443".parse().unwrap(), Protocol::Tcp, Peer::Host("web1".to_owned()));
    strict.ca_name = Some("lab".to_owned());
    strict.ca_sha = Some("ab".repeat(32).parse().unwrap());
    config.firewall = Firewall::allow_inbound(vec![
        Rule::new(Ports::one(22), Protocol::Tcp, Peer::Group("infra".to_owned())),
        Rule::new(
            "8000-8080".parse().unwrap(),
            Protocol::Udp,
            Peer::AllGroups(["web", "on"].map(str::to_owned).into()),
        ),
        Rule::new(Ports::Any, Protocol::Icmp, Peer::Cidr("10.42.0.0/24".parse().unwrap())),
        strict,
    ]);
    config
}

fn text_pki() -> Pki {
    let block = |what: &str| format!("-----BEGIN NEBULA {what}-----\nAAAA\n-----END NEBULA {what}-----\n");
    Pki::new(block("CERTIFICATE"), block("CERTIFICATE"), block("X25519 PRIVATE KEY").into())
}

fn issued(version: Version, networks: &[&str]) -> Pki {
    let now = Timestamp::now();
    let ca = Authority::create(&CaRequest::new("lab", now.plus(-60), now.plus(3600))).unwrap();
    let mut request = HostRequest::new("web1", networks.iter().map(|text| text.parse().unwrap()));
    request.version = version;
    let host = ca.issue(&request, now).unwrap();
    Pki::new(ca.certificate().to_pem(), host.certificate.to_pem(), host.key.to_pem())
}

#[test]
fn the_rendered_file_is_the_golden_one_and_always_the_same() {
    let rendered = full(text_pki()).to_yaml().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/host.yaml");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, rendered.as_str()).unwrap();
    }
    assert_eq!(*rendered, std::fs::read_to_string(golden).unwrap());
    assert_eq!(*rendered, *full(text_pki()).to_yaml().unwrap());
}

#[test]
fn the_rendered_file_says_what_the_values_say() {
    let mut config = full(text_pki());
    let names = ["on", "1e3", "0x10", "a: b #c", "\u{e9}\n\"\\", "2026-11-21", "~", "- x", "{}", "12:30:45"];
    config.firewall.inbound =
        names.iter().map(|name| Rule::new(Ports::Any, Protocol::Any, Peer::Group((*name).to_owned()))).collect();
    let yaml = config.to_yaml().unwrap();
    let read: serde_norway::Value = serde_norway::from_str(&yaml).unwrap();
    assert_eq!(read["pki"]["key"].as_str().unwrap(), config.pki.key.as_str());
    let inbound = read["firewall"]["inbound"].as_sequence().unwrap();
    let groups: Vec<_> = inbound.iter().map(|rule| rule["group"].as_str().unwrap()).collect();
    assert_eq!(groups, names);
}

#[test]
fn every_nebula_takes_the_rendered_file() {
    for peer in peer::peers() {
        let directory = tempfile::tempdir().unwrap();
        let mut configs = vec![
            ("plain", HostConfig::new(issued(Version::V1, &["10.42.0.7/16"]))),
            ("full", full(issued(Version::V1, &["10.42.0.7/16"]))),
        ];
        let mut lighthouse = HostConfig::new(issued(Version::V1, &["10.42.0.1/16"]));
        lighthouse.lighthouse.am_lighthouse = true;
        lighthouse.relay.am_relay = true;
        lighthouse.tun.disabled = true;
        configs.push(("lighthouse", lighthouse));
        if peer.version >= nebula_pki::NebulaVersion::new(1, 10, 0) {
            configs.push(("both families", full(issued(Version::V2, &["10.42.0.7/16", "fd00:42::7/64"]))));
        }
        for (what, config) in configs {
            let path = directory.path().join("config.yml");
            std::fs::write(&path, config.to_yaml().unwrap().as_str()).unwrap();
            let output = Command::new(peer.nebula()).arg("-test").arg("-config").arg(&path).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "nebula {} {what}: {said}", peer.version);
        }
    }
}

#[test]
fn what_nebula_would_misread_is_not_rendered() {
    let refuse = |change: &dyn Fn(&mut HostConfig)| {
        let mut config = HostConfig::new(text_pki());
        change(&mut config);
        config.to_yaml().unwrap_err()
    };
    assert_eq!(refuse(&|c| c.pki.ca.clear()), ConfigError::Empty("pki.ca"));
    assert!(matches!(refuse(&|c| c.tun.dev = "a/b".to_owned()), ConfigError::Device { .. }));
    let own = "10.42.0.1".parse().unwrap();
    assert_eq!(
        refuse(&|c| (c.lighthouse.am_lighthouse, c.lighthouse.hosts) = (true, vec![own])),
        ConfigError::LighthouseHosts(1)
    );
    assert_eq!(refuse(&|c| (c.relay.am_relay, c.relay.relays) = (true, vec![own])), ConfigError::RelayRelays(1));
    let open = |groups: &[&str]| {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Rule::new(Ports::Any, Protocol::Any, Peer::AllGroups(groups))
    };
    assert_eq!(refuse(&|c| c.firewall.inbound = vec![open(&[])]), ConfigError::Empty("a group of a rule"));
    for bad in ["", "0", "80-", "88-80", "0-5", "65536", "22,23", "any "] {
        assert!(bad.parse::<Ports>().is_err(), "{bad:?}");
    }
    for bad in ["host", "host:0", "host:65536", "ho st:1", "::1:4242", "[::1]", "http://host:1"] {
        assert!(bad.parse::<nebula_pki::config::Endpoint>().is_err(), "{bad:?}");
    }
}

#[test]
fn the_key_shows_in_no_debug_output() {
    let pki = issued(Version::V1, &["10.42.0.7/16"]);
    let secret = pki.key.lines().nth(1).unwrap().to_owned();
    let config = HostConfig::new(pki);
    let shown = format!("{config:?}");
    assert!(shown.contains("[redacted]") && !shown.contains(&secret), "{shown}");
    assert!(config.to_yaml().unwrap().contains(&secret), "but the file has it");
}
