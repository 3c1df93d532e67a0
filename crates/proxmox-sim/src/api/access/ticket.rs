//! Credentials: tickets, the CSRF token that goes with them, and API tokens.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::hmac;
use serde_json::json;

use crate::api::{Call, Caller, Endpoint, Fault, Outcome, Reply, set_key, split_list};
use crate::state::Cluster;
use crate::verify::formats::split_userid;
use crate::verify::{boolean, integer, text};

/// A ticket is good for so many seconds.
const LIFETIME: i64 = 2 * 3600;
/// Clocks of nodes may differ by so many seconds.
const SKEW: i64 = 300;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/access/ticket", read).world().additional_params(),
        Endpoint::post("/access/ticket", create).world().no_token().params(vec![
            text("username").max_len(64),
            text("password"),
            text("realm").max_len(32).format("pve-realm").optional(),
            text("otp").optional(),
            text("path").max_len(64).requires("privs").optional(),
            text("privs").max_len(64).format("pve-priv-list").requires("path").optional(),
            boolean("new-format").optional(),
            text("tfa-challenge").optional(),
        ]),
        Endpoint::post("/access/vncticket", verify_console).world().params(vec![
            text("authid").max_len(64),
            text("path").max_len(64),
            integer("port").optional(),
            text("privs").max_len(64).format("pve-priv-list"),
            text("vncticket"),
        ]),
    ]
}

/// The credentials that a request carries.
#[derive(Default, Clone)]
pub struct Credentials {
    /// The API token from the `Authorization` header, decoded.
    pub token: Option<String>,
    /// The ticket from the `PVEAuthCookie` cookie, decoded.
    pub ticket: Option<String>,
    /// The `CSRFPreventionToken` header.
    pub csrf: Option<String>,
}

/// Who a request's credentials belong to. A ticket wins over a token. `needs_csrf` is whether the request changes something and is
/// no upload.
///
/// # Errors
/// 401, always without a body.
pub fn authenticate(cluster: &Cluster, credentials: &Credentials, needs_csrf: bool) -> Result<Caller, Fault> {
    let refused = || Fault::unauthorized("Authentication failed!");
    if let Some(ticket) = credentials.ticket.as_deref().filter(|ticket| !ticket.is_empty()) {
        let user = ticket_user(cluster, ticket).ok_or_else(refused)?;
        enabled(cluster, &user).ok_or_else(refused)?;
        let csrf = credentials.csrf.as_deref().unwrap_or_default();
        if needs_csrf && !good_csrf(cluster, &user, csrf) {
            return Err(Fault::unauthorized("Permission denied - invalid csrf token"));
        }
        return Ok(Caller::User(user));
    }
    let Some(value) = credentials.token.as_deref().filter(|value| !value.is_empty()) else {
        return Err(Fault::unauthorized("No ticket"));
    };
    let (id, secret) = value.split_once('=').ok_or_else(refused)?;
    let (userid, name) = id.split_once('!').ok_or_else(refused)?;
    enabled(cluster, userid).ok_or_else(refused)?;
    let token = cluster.access.users.get(userid).and_then(|user| user.tokens.get(name)).ok_or_else(refused)?;
    let expired = token.expire != 0 && token.expire <= cluster.now();
    if expired || !same(token.secret.0.as_bytes(), secret.as_bytes()) {
        return Err(refused());
    }
    Ok(Caller::Token { user: userid.to_owned(), name: name.to_owned() })
}

/// Compares without telling by the time where two differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

fn enabled(cluster: &Cluster, userid: &str) -> Option<()> {
    let user = cluster.access.users.get(userid)?;
    (user.enable && (user.expire == 0 || user.expire > cluster.now())).then_some(())
}

fn signature(cluster: &Cluster, what: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, cluster.access.ticket_key.0.as_bytes());
    hmac::sign(&key, what.as_bytes()).as_ref().to_vec()
}

fn make_ticket(cluster: &Cluster, userid: &str) -> String {
    let plain = format!("PVE:{userid}:{:08X}", cluster.now());
    format!("{plain}::{}", STANDARD.encode(signature(cluster, &plain)))
}

/// The user of a good ticket.
fn ticket_user(cluster: &Cluster, ticket: &str) -> Option<String> {
    let (plain, signed) = ticket.split_once("::")?;
    let signed = STANDARD.decode(signed).ok()?;
    if !same(&signature(cluster, plain), &signed) {
        return None;
    }
    let (userid, time) = plain.strip_prefix("PVE:")?.rsplit_once(':')?;
    fresh(cluster, time).then(|| userid.to_owned())
}

fn fresh(cluster: &Cluster, time: &str) -> bool {
    let age = i64::from_str_radix(time, 16).map(|time| cluster.now() - time);
    age.is_ok_and(|age| (-SKEW..=LIFETIME).contains(&age))
}

fn make_csrf(cluster: &Cluster, userid: &str) -> String {
    let time = format!("{:08X}", cluster.now());
    let signed = STANDARD_NO_PAD.encode(signature(cluster, &format!("{time}:csrf:{userid}")));
    format!("{time}:{signed}")
}

fn good_csrf(cluster: &Cluster, userid: &str, token: &str) -> bool {
    let Some((time, signed)) = token.split_once(':') else { return false };
    let Ok(signed) = STANDARD_NO_PAD.decode(signed) else { return false };
    fresh(cluster, time) && same(&signature(cluster, &format!("{time}:csrf:{userid}")), &signed)
}

fn read(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(Reply::null())
}

/// The one answer to every failed login: it does not tell why.
fn failure() -> Fault {
    Fault::status(401, "authentication failure")
}

/// Checks a password, or a still good ticket in its place.
fn log_in(cluster: &Cluster, userid: &str, call: &Call) -> Option<()> {
    split_userid(userid).ok()?;
    enabled(cluster, userid)?;
    let password = call.required("password");
    let renewed = ticket_user(cluster, password).is_some_and(|owner| owner == userid);
    (renewed || cluster.access.password_matches(userid, password)).then_some(())
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let mut userid = call.required("username").to_owned();
    if let Some(realm) = call.text("realm").filter(|realm| !realm.is_empty()) {
        userid = format!("{userid}@{realm}");
    }
    log_in(cluster, &userid, call).ok_or_else(failure)?;
    // No user has a second factor here, so none can be given.
    if call.text("otp").is_some() || call.text("tfa-challenge").is_some() {
        return Err(failure());
    }
    if let (Some(path), Some(privileges)) = (call.text("path"), call.text("privs")) {
        let privileges: Vec<&str> = split_list(privileges).collect();
        let who = Caller::User(userid.clone());
        let allowed = !path.is_empty() && !privileges.is_empty() && cluster.check(&who, path, &privileges).is_ok();
        return if allowed { Ok(Reply::data(json!({ "username": userid }))) } else { Err(failure()) };
    }
    cluster.log_login(&userid, &call.entry);
    let mut answer = json!({
        "username": userid,
        "ticket": make_ticket(cluster, &userid),
        "CSRFPreventionToken": make_csrf(cluster, &userid),
        "cap": cluster.capabilities(&userid),
    });
    if let Some(name) = &cluster.name
        && cluster.has(&Caller::User(userid), "/", "Sys.Audit")
    {
        set_key(&mut answer, "clustername", name.as_str());
    }
    Ok(Reply::data(answer))
}

/// Consoles are not simulated, so no console ticket is good.
fn verify_console(_: &mut Cluster, _: &Call) -> Outcome {
    Err(failure())
}
