//! Who gets in, asked of every route over a real socket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    dead_code,
    unreachable_pub
)]

mod support;

use bnna_auth::Access;
use support::start;

/// A path of a route with something in each parameter. The account is `acme`; nothing else exists.
fn path(route: &str) -> String {
    route
        .replace("{slug}", "acme")
        .replace("{key}", "some.key")
        .replace("{vmid}", "1104209")
        .replace("{host}", "pve-a.example.net:8006")
        .replace("{id}", "0190a000-0000-7000-8000-000000000000")
}

#[tokio::test]
async fn without_a_credential_only_public_routes_answer() {
    let served = start().await;
    let app = bnna_api_platform::app(served.platform.clone(), bnna_api_kit::Options::default());
    for route in app.table.iter() {
        let got = served.send(route.method.as_str(), &path(&route.path), &[], b"").await;
        if route.access == Access::Public {
            assert_eq!(got.status, 200, "{} {}", route.method, route.path);
        } else {
            assert_eq!(got.refusal(), (401, "unauthorized".to_owned()), "{} {}", route.method, route.path);
            assert_eq!(got.header("www-authenticate"), Some("Bearer"));
        }
    }
}

#[tokio::test]
async fn a_read_only_operator_changes_nothing() {
    let served = start().await;
    served.account("acme").await;
    for route in bnna_api_platform::routes().table() {
        let got = served.call(&served.viewer, route.method.as_str(), &path(&route.path), "").await;
        if matches!(route.access, Access::Operator | Access::AccountWrite) {
            assert_eq!(got.refusal(), (403, "forbidden".to_owned()), "{} {}", route.method, route.path);
        } else {
            assert_ne!(got.status, 403, "{} {}", route.method, route.path);
            assert_ne!(got.status, 401, "{} {}", route.method, route.path);
        }
    }
}

#[tokio::test]
async fn a_tenants_token_works_on_its_account_only() {
    let served = start().await;
    served.account("acme").await;
    served.account("other").await;
    let (own, foreign) = (served.tenant("acme").await, served.tenant("other").await);
    for route in bnna_api_platform::routes().table() {
        let place = format!("{} {}", route.method, route.path);
        let of_other = served.call(&foreign, route.method.as_str(), &path(&route.path), "").await;
        match route.access {
            Access::Public | Access::AnyCredential => assert_eq!(of_other.status, 200, "{place}"),
            Access::AccountRead | Access::AccountWrite => {
                assert_eq!(of_other.refusal(), (403, "wrong_account".to_owned()), "{place}");
                let of_own = served.call(&own, route.method.as_str(), &path(&route.path), "").await;
                assert!(matches!(of_own.status, 200 | 404), "{place}: {of_own:?}");
            }
            Access::Operator | Access::OperatorRead => {
                assert_eq!(of_other.refusal(), (403, "forbidden".to_owned()), "{place}");
                let of_own = served.call(&own, route.method.as_str(), &path(&route.path), "").await;
                assert_eq!(of_own.refusal(), (403, "forbidden".to_owned()), "{place}");
            }
        }
    }
}

#[tokio::test]
async fn a_credential_that_is_not_known_is_401_whatever_its_kind() {
    let served = start().await;
    let unknown_tenant = format!("Bearer bn_{}", "x".repeat(44));
    let wrong = [
        "Bearer nobody-knows-this",
        unknown_tenant.as_str(),
        "Bearer ",
        "Basic b3BzOm9wcw==",
        "PVEAPIToken=root@pam!x=00000000-0000-0000-0000-000000000000",
        "PVEAPIToken=bob@pve!x=00000000-0000-0000-0000-000000000000",
    ];
    for credential in wrong {
        let got = served.call(credential, "GET", "/api/nodes", "").await;
        assert_eq!(got.refusal(), (401, "unauthorized".to_owned()), "{credential}");
    }
    assert_eq!(served.ops("GET", "/api/nodes", "").await.status, 200, "others are served all the while");
}

#[tokio::test]
async fn inspection_describes_the_caller_and_nothing_else() {
    let served = start().await;
    served.account("acme").await;
    let inspect = "/api/platform/token/inspect";
    let operator = served.ops("GET", inspect, "").await.result();
    assert_eq!((&operator["kind"], &operator["operator"]), (&"csvauth".into(), &true.into()));
    assert_eq!((&operator["read_only"], &operator["roles"]), (&false.into(), &serde_json::json!(["admin"])));
    assert!(operator["id"].as_str().unwrap().starts_with("ops~"), "{operator}");
    let viewer = served.call(&served.viewer, "GET", inspect, "").await.result();
    assert_eq!((&viewer["read_only"], &viewer["operator"]), (&true.into(), &true.into()));

    let credential = served.tenant("acme").await;
    let tenant = served.call(&credential, "GET", inspect, "").await.result();
    assert_eq!((&tenant["kind"], &tenant["account_slug"]), (&"tenant".into(), &"acme".into()));
    assert_eq!((&tenant["operator"], &tenant["label"]), (&false.into(), &"test".into()));
    assert!(tenant["expires_at"].as_str().unwrap().ends_with('Z'), "{tenant}");
    let secret = credential.trim_start_matches("Bearer ");
    assert!(!tenant.to_string().contains(secret));
}

#[tokio::test]
async fn paths_that_are_not_there_are_404_and_methods_405_with_the_ones_there_are() {
    let served = start().await;
    for nowhere in ["/", "/api", "/api/platform", "/api/platform/accounts/acme/nothing", "/API/version"] {
        assert_eq!(served.ops("GET", nowhere, "").await.refusal(), (404, "not_found".to_owned()), "{nowhere}");
    }
    for (method, path, allow) in [
        ("DELETE", "/api/version", "GET, HEAD"),
        ("PUT", "/api/platform/accounts", "GET, HEAD, POST"),
        ("GET", "/api/instances/1104209/start", "POST"),
        ("PATCH", "/api/platform/accounts/acme", "DELETE, GET, HEAD"),
    ] {
        let got = served.ops(method, path, "").await;
        assert_eq!(got.refusal(), (405, "method_not_allowed".to_owned()), "{method} {path}");
        assert_eq!(got.header("allow"), Some(allow), "{method} {path}");
    }
}
