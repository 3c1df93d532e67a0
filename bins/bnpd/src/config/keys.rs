//! Every key of the configuration, once: where it stands, what it means, what it is when nobody says. The reader, `bnpd init`
//! and `bnpd check-config` all go by this table.

/// A key of the configuration.
#[derive(Debug)]
pub(super) struct Key {
    /// Its section, empty for none; `clusters` is a list of tables.
    pub section: &'static str,
    /// Its name in the section.
    pub name: &'static str,
    /// The default as TOML, or `None` where it has to be given (in a list's table) or is absent.
    pub default: Option<&'static str>,
    /// What `bnpd init` shows when there is no default.
    pub example: &'static str,
    /// What it means, with its unit.
    pub doc: &'static str,
    /// Never printed.
    pub secret: bool,
}

const fn key(section: &'static str, name: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key { section, name, default: Some(default), example: "", doc, secret: false }
}

const fn cluster(name: &'static str, example: &'static str, doc: &'static str) -> Key {
    Key { section: "clusters", name, default: None, example, doc, secret: false }
}

/// The sections in the order of the file, with what each is about.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("server", "Where bnpd listens and how much one request may take."),
    ("store", "Where bnpd keeps what is its own: accounts, tokens, operations, the audit trail."),
    ("auth", "Who may call: operators' tokens, the keys that seal secrets, limits on guessing."),
    ("platform", "How bnpd talks to the clusters."),
    ("log", "What bnpd writes to standard error."),
    (
        "clusters",
        "The Proxmox clusters, one [[clusters]] table each. More can be added while bnpd runs (PUT /api/platform/clusters/{host}).",
    ),
];

/// All keys.
pub(super) const KEYS: &[Key] = &[
    key("server", "listen", "\"127.0.0.1:8430\"", "Address and port of the platform API."),
    key(
        "server",
        "tls_certificate",
        "\"\"",
        "PEM file with the certificate chain; empty: plain HTTP, for use behind a TLS router.",
    ),
    key("server", "tls_key", "\"\"", "PEM file with the private key of tls_certificate."),
    key("server", "request_timeout_seconds", "120", "Longest time one request may take, 1 to 3600 s."),
    key("server", "body_limit_bytes", "1048576", "Largest request body, 1024 to 67108864 bytes."),
    key("server", "connections", "4096", "Most connections at once, 1 to 65535."),
    key(
        "server",
        "drain_seconds",
        "0",
        "How long bnpd goes on serving, and says at /readyz that it ends, once it was asked to end, 0 to 300 s.",
    ),
    key("store", "directory", "\"/var/lib/bnna\"", "Directory of the embedded store; made with mode 0700 if missing."),
    key(
        "auth",
        "users_file",
        "\"/etc/bnna/users.tsv\"",
        "csvauth table with the operators' tokens; read again when it changes.",
    ),
    key("auth", "csvauth_key_file", "\"/etc/bnna/aes-128.key\"", "csvauth's key: 32 hex digits."),
    key(
        "auth",
        "master_key_file",
        "\"/etc/bnna/master.key\"",
        "Key that seals secrets in the store: 64 hex digits, mode 0600.",
    ),
    key(
        "auth",
        "failures_per_minute",
        "20",
        "Failed credentials that one address may send in a minute, 1 to 10000; of all together twenty times as many.",
    ),
    key("platform", "ssh_keys_file", "\"\"", "authorized_keys file with the operators' public keys; empty: none."),
    key(
        "platform",
        "cluster_deadline_seconds",
        "10",
        "How long an answer waits for a cluster before it goes out without it, 1 to 120 s.",
    ),
    key("platform", "cluster_connect_seconds", "5", "Longest time to connect to a cluster, 1 to 60 s."),
    key("platform", "cluster_calls", "6", "Calls that one Proxmox cluster gets at once, 1 to 64."),
    key(
        "platform",
        "cluster_waiting",
        "128",
        "Calls of requests that may wait for their turn at one cluster, 0 to 10000; further ones are refused at once.",
    ),
    key(
        "platform",
        "listing_age_seconds",
        "2",
        "How old a listing of a cluster may be that readers get, 0 to 60 s; 0: every reader asks the cluster. What bnpd changes shows at once.",
    ),
    key(
        "platform",
        "task_deadline_seconds",
        "3600",
        "How long an operation waits for one Proxmox task, 10 to 86400 s.",
    ),
    key(
        "platform",
        "base_domain",
        "\"\"",
        "Base domain of the guests' direct names (tls-A-B-C-D.<base>); a cluster may have its own.",
    ),
    key(
        "platform",
        "canary_every_hours",
        "0",
        "How often every account's canary tries what must be refused to it on the clusters, 0 to 8760 h; 0 is never.",
    ),
    key("log", "format", "\"json\"", "json or text."),
    key("log", "filter", "\"info\"", "What is logged, as tracing directives: info, bnna_platform=debug,info …"),
    cluster(
        "host",
        "\"pve-a.example.net:8006\"",
        "What the API calls the cluster; also its address (port 8006 unless given) when addresses is empty.",
    ),
    cluster("name", "\"\"", "A name for people; the host unless given."),
    cluster("addresses", "[]", "Where it is asked (host:port), in this order; the host itself unless given."),
    cluster("fingerprints", "[]", "SHA-256 fingerprints of the nodes' certificates that are trusted."),
    cluster(
        "ca_file",
        "\"/etc/bnna/pve-a-ca.pem\"",
        "PEM file of the CA that signs the nodes' certificates. Without fingerprints and CA the system's roots decide.",
    ),
    cluster("token_id", "\"bnna@pve!bnpd\"", "bnpd's API token, see docs/operator-token.md."),
    Key { secret: true, ..cluster("token_secret", "\"\"", "Its secret; better kept in token_secret_file.") },
    cluster("token_secret_file", "\"/etc/bnna/pve-a.token\"", "File with the secret alone."),
    cluster("base_domain", "\"\"", "Base domain of the guests' direct names on this cluster."),
    cluster("supernets", "[\"10.11.0.0/16\"]", "Where tenants' networks are taken from."),
    cluster("default_node", "\"\"", "Node for new guests when nobody names one."),
    cluster("default_storage", "\"\"", "Storage that every new account gets space on."),
];

/// The key at a place, if there is one.
pub(super) fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}
