//! What a point read is compared with: axum, a route, a JSON answer, and nothing else. `bench bare`.

use std::io::Write as _;

use axum::Json;
use axum::routing::get;
use serde_json::{Value, json};

/// Serves until its standard input ends; prints its address.
///
/// # Errors
/// It cannot listen.
pub async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", listener.local_addr()?)?;
    out.flush()?;
    drop(out);
    let app = axum::Router::new().route("/api/platform/accounts/{slug}", get(account));
    let ended = async {
        let _ = tokio::task::spawn_blocking(|| std::io::stdin().lines().for_each(drop)).await;
    };
    axum::serve(listener, app).with_graceful_shutdown(ended).await?;
    Ok(())
}

/// An account as bnpd would show it.
async fn account(axum::extract::Path(slug): axum::extract::Path<String>) -> Json<Value> {
    Json(json!({
        "result": {
            "id": "01900000-0000-7000-8000-000000000000", "slug": slug, "display_name": "", "email": "", "status": "active",
            "clusters": [{ "host": "sim-00", "pool": slug }], "adopted": false,
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"
        },
        "timings": [{ "name": "auth", "ms": 0.001 }, { "name": "total", "ms": 0.002 }]
    }))
}
