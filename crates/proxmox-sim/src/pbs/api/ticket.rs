//! Who is asking: tokens, tickets with their CSRF token, passwords. And the two calls about them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::percent_decode_str;
use proxmox_client::ids::{AuthId, UserId};
use serde_json::json;

use crate::pbs::call::{Answer, Call, Outcome, Refusal};
use crate::pbs::rights::Permission;
use crate::pbs::schema::{anything, boolean, integer, one_line, text, userid};
use crate::pbs::state::{Pbs, password_hash};
use crate::pbs::table::{Endpoint, call};

/// Seconds for which a ticket holds.
const LIFETIME: i64 = 2 * 3600;

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    vec![
        call("POST", "/access/ticket", create).permission(Permission::World).params([
            text("username", 3, 64, userid),
            text("password", 0, usize::MAX, anything),
            text("path", 0, usize::MAX, anything).optional(),
            text("privs", 0, usize::MAX, anything).optional(),
            integer("port", 0, 65535).optional(),
            text("tfa-challenge", 0, usize::MAX, anything).optional(),
            boolean("http-only").optional().since(4),
        ]),
        call("DELETE", "/access/ticket", |_, _| Ok(Answer::null())).permission(Permission::World).since(4),
        call("PUT", "/access/password", change_password).params([
            text("userid", 3, 64, userid),
            text("password", 5, 64, one_line),
            text("confirmation-password", 1, 1024, one_line).optional().since(4),
        ]),
        call("GET", "/access/domains", domains).permission(Permission::World),
    ]
}

/// The credentials that a request carries.
#[derive(Default)]
pub(in crate::pbs) struct Credentials {
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The ticket cookie, decoded.
    pub ticket: Option<String>,
    /// The `CSRFPreventionToken` header.
    pub csrf: Option<String>,
    /// The request only reads.
    pub reads: bool,
}

/// Who a request's credentials belong to; `Err` is what follows `authentication failed - `.
pub(in crate::pbs) fn authenticate(pbs: &Pbs, credentials: &Credentials) -> Result<AuthId, String> {
    if let Some(ticket) = &credentials.ticket {
        return by_ticket(pbs, ticket, credentials);
    }
    let header = credentials.authorization.as_deref().unwrap_or_default();
    let token = header.strip_prefix("PBSAPIToken ").or_else(|| header.strip_prefix("PBSAPIToken="));
    let Some(token) = token else { return Err("no authentication credentials provided.".to_owned()) };
    let (id, secret) = token.split_once(':').map_or((token, None), |(id, secret)| (id, Some(secret)));
    let auth_id = parse_auth_id(id)?;
    if !pbs.is_active(&auth_id) {
        return Err("user account or token disabled or expired.".to_owned());
    }
    let secret = secret.ok_or("failed to split API token header")?;
    let secret = percent_decode_str(secret).decode_utf8_lossy();
    if auth_id.token().is_none() {
        return Err("not an API token ID".to_owned());
    }
    let stored = pbs.tokens.get(&auth_id.to_string()).ok_or("invalid API token")?;
    if !same(stored.secret.0.as_bytes(), secret.as_bytes()) {
        return Err("invalid credentials".to_owned());
    }
    Ok(auth_id)
}

fn parse_auth_id(id: &str) -> Result<AuthId, String> {
    let Some((_, tail)) = id.split_once('@') else { return Err("not a valid user id".to_owned()) };
    if tail.ends_with('!') {
        return Err("empty token name in userid".to_owned());
    }
    let user = match id.rsplit_once('!') {
        Some((user, _)) if user.contains('@') => user,
        _ => id,
    };
    user.parse::<UserId>().map_err(|_| "not a valid user id".to_owned())?;
    id.parse().map_err(|_| "invalid token name".to_owned())
}

fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

fn sign(pbs: &Pbs, text: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, pbs.ticket_key.0.as_bytes());
    STANDARD_NO_PAD.encode(ring::hmac::sign(&key, text.as_bytes()))
}

fn by_ticket(pbs: &Pbs, ticket: &str, credentials: &Credentials) -> Result<AuthId, String> {
    let user = verify_ticket(pbs, ticket)?;
    let auth_id = AuthId::User(user);
    if !pbs.is_active(&auth_id) {
        return Err("user account disabled or expired.".to_owned());
    }
    if !credentials.reads {
        let csrf = credentials.csrf.as_deref().ok_or("missing CSRF prevention token")?;
        let (stamp, _) = csrf.split_once(':').ok_or("invalid csrf token - format error")?;
        if !same(csrf.as_bytes(), csrf_token(pbs, stamp, &auth_id.to_string()).as_bytes()) {
            return Err("invalid csrf token - signature mismatch".to_owned());
        }
    }
    Ok(auth_id)
}

fn csrf_token(pbs: &Pbs, stamp: &str, user: &str) -> String {
    format!("{stamp}:{}", sign(pbs, &format!("csrf:{stamp}:{user}")))
}

/// Whom a ticket was made for.
fn verify_ticket(pbs: &Pbs, ticket: &str) -> Result<UserId, String> {
    let mut parts = ticket.splitn(4, ':');
    let prefix = parts.next().ok_or("ticket without prefix")?;
    let data = parts.next().ok_or("ticket without data")?;
    let stamp = parts.next().ok_or("ticket without timestamp")?;
    let time = i64::from_str_radix(stamp, 16).map_err(|error| format!("ticket with bad timestamp: {error}"))?;
    let signature = parts.next().ok_or("ticket without signature")?;
    let signature = signature.strip_prefix(':').ok_or("ticket without signature separator")?;
    if prefix != "PBS" {
        return Err("ticket with invalid prefix".to_owned());
    }
    let age = pbs.now().saturating_sub(time);
    if age < -300 {
        return Err("invalid ticket - timestamp newer than expected.".to_owned());
    }
    if age > LIFETIME {
        return Err("invalid ticket - expired.".to_owned());
    }
    if !same(signature.as_bytes(), sign(pbs, &format!("PBS:{data}:{stamp}")).as_bytes()) {
        return Err("signature verification failed".to_owned());
    }
    data.parse().map_err(|_| "not a valid user id".to_owned())
}

fn create(pbs: &mut Pbs, call: &Call) -> Outcome {
    let refused = || Refusal { status: 401, text: "permission check failed.".to_owned() };
    let user = call.required("username");
    let password = call.required("password");
    let auth_id: AuthId = user.parse().map_err(|_| refused())?;
    let renews = password.starts_with("PBS:") && verify_ticket(pbs, password).is_ok_and(|owner| owner.as_str() == user);
    if !pbs.is_active(&auth_id) || !(renews || pbs.password_matches(user, password)) {
        return Err(refused());
    }
    let stamp = format!("{:08X}", pbs.now());
    let ticket = format!("PBS:{user}:{stamp}");
    let ticket = format!("{ticket}::{}", sign(pbs, &ticket));
    let csrf = csrf_token(pbs, &stamp, user);
    if call.flag("http-only") == Some(true) {
        let info = format!("PBS:{user}:{stamp}::ticketinfo");
        let encoded = percent_encoding::utf8_percent_encode(&ticket, percent_encoding::NON_ALPHANUMERIC).to_string();
        let mut answer = Answer::data(json!({ "username": user, "ticket-info": info, "CSRFPreventionToken": csrf }));
        answer.cookie = Some(format!("__Host-PBSAuthCookie={encoded}; Path=/; Secure; HttpOnly; SameSite=Lax"));
        return Ok(answer);
    }
    Ok(Answer::data(json!({ "username": user, "ticket": ticket, "CSRFPreventionToken": csrf })))
}

fn change_password(pbs: &mut Pbs, call: &Call) -> Outcome {
    let Some(AuthId::User(asking)) = &call.caller else {
        return Err(Refusal::bad("API tokens cannot access this API endpoint"));
    };
    let user = call.required("userid");
    let own = asking.as_str() == user;
    if !own && !pbs.holds_any(call.caller.as_ref(), "/access/users", &["Permissions.Modify"]) {
        return Err(Refusal::bad(format!("you are not authorized to change the password for user '{user}'.")));
    }
    if user.ends_with("@pam") && !asking.is_root() {
        return Err(Refusal::bad("only the superuser can change PAM passwords"));
    }
    let Some(entry) = pbs.users.get_mut(user) else { return Err(Refusal::no_such("user", user)) };
    entry.password = Some(password_hash(call.required("password")));
    Ok(Answer::null())
}

fn domains(_: &mut Pbs, _: &Call) -> Outcome {
    let rows = json!([
        { "realm": "pam", "type": "pam", "comment": "Linux PAM standard authentication", "default": true },
        { "realm": "pbs", "type": "pbs", "comment": "Proxmox Backup authentication server" },
    ]);
    Ok(Answer::data(rows).with("digest", crate::pbs::state::sha256_hex("")))
}
