//! Who asks: an API token, or a user with a password whose ticket is renewed in time.

use std::fmt;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::call::{Method, Product};
use crate::error::{BuildError, CallName, Error, Refusal, Result, Unreadable};
use crate::ids::{TokenId, UserId};
use crate::lenient;
use crate::params::Params;

/// Tickets live two hours; one this old is renewed before it is used again.
const RENEW_AFTER: Duration = Duration::from_secs(90 * 60);

/// Credentials for one cluster or backup server.
#[derive(Clone)]
pub enum Credentials {
    /// An API token: no session, no expiry of its own.
    Token {
        /// Which token.
        id: TokenId,
        /// Its secret, shown once when it was made.
        secret: SecretString,
    },
    /// A user with a password. A ticket is asked for when the first call needs it, and renewed.
    Password {
        /// Which user.
        user: UserId,
        /// Its password.
        password: SecretString,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { id, .. } => write!(f, "Token({id}, [redacted])"),
            Self::Password { user, .. } => write!(f, "Password({user}, [redacted])"),
        }
    }
}

/// Credentials made ready for use.
pub(super) enum Authority {
    Header(SecretString),
    Ticket { user: UserId, password: SecretString, current: tokio::sync::Mutex<Option<Ticket>> },
}

pub(super) struct Ticket {
    cookie: SecretString,
    csrf: SecretString,
    obtained: Instant,
}

#[derive(Deserialize)]
struct TicketAnswer {
    ticket: Option<String>,
    #[serde(rename = "CSRFPreventionToken")]
    csrf: Option<String>,
    #[serde(rename = "NeedTFA")]
    needs_second_factor: Option<bool>,
}

impl Authority {
    pub(super) fn new(product: Product, credentials: Credentials) -> Result<Self, BuildError> {
        match credentials {
            Credentials::Token { id, secret } => {
                // The one difference in the header: PVE parts id and secret with '=', PBS with ':'.
                let (scheme, separator) = match product {
                    Product::Pve => ("PVEAPIToken", '='),
                    Product::Pbs => ("PBSAPIToken", ':'),
                };
                let plain = secret.expose_secret();
                if plain.is_empty() || plain.chars().any(|c| c.is_whitespace() || c.is_control()) {
                    return Err(BuildError::Credentials(format!("the secret of {id} is empty or has blanks")));
                }
                if plain.starts_with(['=', ':']) || plain.contains('!') {
                    let text =
                        format!("the secret of {id} begins with a separator or holds the id: give only the secret");
                    return Err(BuildError::Credentials(text));
                }
                let header = format!("{scheme}={}{separator}{}", unescapable(&id.to_string()), unescapable(plain));
                Ok(Self::Header(header.into()))
            }
            Credentials::Password { user, password } => {
                Ok(Self::Ticket { user, password, current: tokio::sync::Mutex::new(None) })
            }
        }
    }

    /// Whether what is sent can run out.
    pub(super) const fn expires(&self) -> bool {
        matches!(self, Self::Ticket { .. })
    }

    /// Drops the ticket, so that the next call logs in.
    pub(super) async fn forget(&self) {
        if let Self::Ticket { current, .. } = self {
            *current.lock().await = None;
        }
    }

    /// The headers for a request of `method`; logs in by `login` when there is no ticket or it is old.
    pub(super) async fn headers<F>(
        &self,
        product: Product,
        host: &str,
        method: Method,
        login: impl FnOnce(&'static str, Params) -> F,
    ) -> Result<Vec<(&'static str, String)>>
    where
        F: Future<Output = Result<Value>>,
    {
        let (user, password, current) = match self {
            Self::Header(header) => return Ok(vec![("authorization", header.expose_secret().to_owned())]),
            Self::Ticket { user, password, current } => (user, password, current),
        };
        // Held while logging in: one login serves all that wait.
        let mut current = current.lock().await;
        let ticket = match current.take() {
            Some(ticket) if ticket.obtained.elapsed() < RENEW_AFTER => ticket,
            _ => {
                let mut params = Params::new().with("username", user);
                params.push("password", password.expose_secret());
                if product == Product::Pve {
                    params.push("new-format", "1");
                }
                read_ticket(product, host, login("/access/ticket", params).await?)?
            }
        };
        let mut headers = vec![("cookie", ticket.cookie.expose_secret().to_owned())];
        if method != Method::Get {
            headers.push(("csrfpreventiontoken", ticket.csrf.expose_secret().to_owned()));
        }
        *current = Some(ticket);
        Ok(headers)
    }
}

fn read_ticket(product: Product, host: &str, data: Value) -> Result<Ticket> {
    let call = CallName { method: Method::Post, template: "/access/ticket".to_owned() };
    let answer: TicketAnswer = lenient::from_value(data).map_err(|cause| Error::Unreadable {
        call: call.clone(),
        host: host.to_owned(),
        status: 200,
        cause: Unreadable::Decode(cause),
    })?;
    let name = match product {
        Product::Pve => "PVEAuthCookie",
        Product::Pbs => "PBSAuthCookie",
    };
    let usable = !answer.needs_second_factor.unwrap_or_default();
    match (answer.ticket, answer.csrf) {
        (Some(ticket), Some(csrf)) if usable => {
            let cookie = format!("{name}={}", crate::ids::path_segment(&ticket)).into();
            Ok(Ticket { cookie, csrf: csrf.into(), obtained: Instant::now() })
        }
        _ => Err(Error::Answered(Box::new(Refusal {
            call,
            host: host.to_owned(),
            status: 401,
            reason: "the user needs a second factor, which this client cannot give: use an API token".to_owned(),
            message: None,
            fields: std::collections::BTreeMap::new(),
        }))),
    }
}

/// The server takes percent escapes back in this header: what would look like one, or is not ASCII, is escaped.
fn unescapable(text: &str) -> String {
    const SET: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS.add(b'%').add(b' ').add(b'"');
    percent_encoding::utf8_percent_encode(text, SET).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(product: Product, id: &str, secret: &str) -> Result<String, BuildError> {
        let credentials = Credentials::Token { id: id.parse().unwrap(), secret: secret.to_owned().into() };
        match Authority::new(product, credentials)? {
            Authority::Header(header) => Ok(header.expose_secret().to_owned()),
            Authority::Ticket { .. } => panic!("a token is a header"),
        }
    }

    #[test]
    fn separators_differ_by_product() {
        assert_eq!(header(Product::Pve, "root@pam!ci", "aa-bb").unwrap(), "PVEAPIToken=root@pam!ci=aa-bb");
        assert_eq!(header(Product::Pbs, "root@pam!ci", "aa-bb").unwrap(), "PBSAPIToken=root@pam!ci:aa-bb");
        assert_eq!(header(Product::Pbs, "ä@pbs!ci", "a%b").unwrap(), "PBSAPIToken=%C3%A4@pbs!ci:a%25b");
    }

    #[test]
    fn secrets_with_a_separator_or_the_whole_token_are_refused() {
        for secret in ["", "a b", "=aa", ":aa", "root@pam!ci=aa", "a\nb"] {
            let error = header(Product::Pve, "root@pam!ci", secret).unwrap_err().to_string();
            assert!(secret.is_empty() || !error.contains(secret), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let credentials = Credentials::Password { user: UserId::root(), password: "hunter2".to_owned().into() };
        assert_eq!(format!("{credentials:?}"), "Password(root@pam, [redacted])");
    }

    #[test]
    fn tickets_are_escaped_in_the_cookie() {
        let data = serde_json::json!({"ticket": "PVE:root@pam:6B::a+b/c==", "CSRFPreventionToken": "6B:x"});
        let ticket = read_ticket(Product::Pve, "h", data).unwrap();
        assert_eq!(ticket.cookie.expose_secret(), "PVEAuthCookie=PVE%3Aroot%40pam%3A6B%3A%3Aa%2Bb%2Fc%3D%3D");
        let second = serde_json::json!({"ticket": "PVE:!tfa!x", "CSRFPreventionToken": "x", "NeedTFA": 1});
        assert!(read_ticket(Product::Pve, "h", second).is_err());
    }
}
