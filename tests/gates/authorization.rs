//! Who may call what, as the running server answers: `tests/golden/authorization.txt`. `UPDATE_GOLDEN=1` writes it.

use std::fmt::Write as _;
use std::path::Path;

use uuid::Uuid;

use crate::calls::{call, reads, routes};
use crate::furnished::Furnished;

/// A credential with the account whose routes it asks.
struct Caller {
    column: &'static str,
    about: &'static str,
    header: Option<String>,
    slug: &'static str,
    token: Uuid,
}

async fn callers(furnished: &Furnished) -> Vec<Caller> {
    let mut callers = Vec::new();
    let (acme, acme_token) = furnished.tenant("acme").await;
    let (other, _) = furnished.tenant("globex").await;
    let (slow, slow_token) = furnished.tenant("slow").await;
    let (dead, dead_token) = furnished.tenant("dead").await;
    furnished.close().await;
    let mut add = |column, about, header: Option<String>, slug, token| {
        callers.push(Caller { column, about, header, slug, token });
    };
    add("none", "no credential", None, "acme", acme_token);
    add("malformed", "a tenant token that is too short", Some("Bearer bn_short".to_owned()), "acme", acme_token);
    add("unknown", "a bearer that nobody has", Some("Bearer nobody-has-this-one".to_owned()), "acme", acme_token);
    add("operator", "a csvauth token without roles that restrict it", Some(furnished.operator()), "acme", acme_token);
    add("read-only", "a csvauth token with the role viewer", Some(furnished.viewer()), "acme", acme_token);
    add("root", "a token of root@pam", Some(furnished.root()), "acme", acme_token);
    let powerless = furnished.powerless("root@pam!powerless").await;
    add("root-0", "a token of root@pam with separated privileges and none", Some(powerless), "acme", acme_token);
    furnished.house.make_user("pve-a", "ann@pve", &["acme"]).await;
    let ann = furnished.powerless("ann@pve!test").await;
    add("non-root", "a token of another Proxmox user", Some(ann), "acme", acme_token);
    add("tenant", "a token of the account in the path", Some(acme), "acme", acme_token);
    let role = furnished.odd_tenant(|row| row.role_id = Some(Uuid::now_v7().to_string())).await;
    add("role", "the same with a role (there are no roles yet: it names nothing)", Some(role), "acme", acme_token);
    add("other", "a token of another account", Some(other), "acme", acme_token);
    let expired = furnished.odd_tenant(|row| row.expires_at = bnna_store::now()).await;
    add("expired", "a token of the account that has expired", Some(expired), "acme", acme_token);
    let revoked = furnished.odd_tenant(|row| row.revoked_at = Some(bnna_store::now())).await;
    add("revoked", "a token of the account that was revoked", Some(revoked), "acme", acme_token);
    add("suspended", "a token of the account in the path, which is suspended", Some(slow), "slow", slow_token);
    add("disabled", "a token of the account in the path, which is disabled", Some(dead), "dead", dead_token);
    callers
}

#[tokio::test]
async fn who_may_call_what_changes_only_on_purpose() {
    let furnished = Furnished::forgiving().await;
    let callers = callers(&furnished).await;
    let mut text = String::from(
        "# Who may call what: the status with which the running server answers each credential. Calls that change something are\n\
         # asked as dry runs, so that 200 means: they would be done. Written by `UPDATE_GOLDEN=1 cargo test -p bnna-tests --test gates\n\
         # authorization`; read every line that changes.\n#\n",
    );
    for caller in &callers {
        writeln!(text, "# {:<10} {}", caller.column, caller.about).unwrap();
    }
    let width = routes().iter().map(|route| route.path.len()).max().unwrap() + 8;
    write!(text, "\n{:<width$}", "").unwrap();
    for caller in &callers {
        write!(text, " {:>10}", caller.column).unwrap();
    }
    for route in routes() {
        write!(text, "\n{:<width$}", format!("{:<7}{}", route.method.as_str(), route.path)).unwrap();
        for caller in &callers {
            let call = call(&route, &furnished, caller.slug, caller.token);
            let path = if reads(&route) { call.path.clone() } else { call.dry() };
            let header = caller.header.as_deref();
            let answer = furnished.call(header, route.method.as_str(), &path, call.body.as_ref()).await;
            assert!(answer.status < 500 && answer.status != 429, "{} {path}: {}", caller.column, answer.text);
            write!(text, " {:>10}", answer.status).unwrap();
        }
    }
    text.push('\n');
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/authorization.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    for (line, (is, was)) in text.lines().zip(known.lines().chain(std::iter::repeat(""))).enumerate() {
        assert_eq!(is, was, "line {}", line + 1);
    }
    assert_eq!(text, known);
}
