//! How a call is refused: status, message and field errors as they go over the wire.
//!
//! Handlers build these; [`crate::wire`] turns them into a status line and a body. Nothing here knows HTTP types.

use std::collections::BTreeMap;

/// A refused call.
///
/// `message` is what the real server dies with, usually ending in a newline: the reason phrase is its first line, the
/// `message` key of the body is the whole of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// HTTP status, or one of the relay's pseudo-statuses 595 to 599.
    pub status: u16,
    /// The text, with the trailing newline that the real one has.
    pub message: String,
    /// Field errors; empty for anything but a parameter failure.
    pub errors: BTreeMap<String, String>,
    /// What the body holds.
    pub body: FaultBody,
}

/// The body that goes with a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultBody {
    /// `{"data":null,"message":…,"errors":…}`.
    Json,
    /// The message as plain text, without a content type.
    Text,
    /// Nothing at all, and no content type.
    Empty,
}

impl Fault {
    fn json(status: u16, message: String) -> Self {
        Self { status, message, errors: BTreeMap::new(), body: FaultBody::Json }
    }

    /// A plain `die` of the real server: 500 with the text as reason phrase. The newline is added.
    pub fn die(text: impl AsRef<str>) -> Self {
        Self::json(500, format!("{}\n", text.as_ref()))
    }

    /// A JSON refusal with this status; the newline is added.
    pub fn status(status: u16, text: impl AsRef<str>) -> Self {
        Self::json(status, format!("{}\n", text.as_ref()))
    }

    /// `400 Parameter verification failed.` with one field error.
    pub fn param(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self::params(BTreeMap::from([(field.into(), text.into())]))
    }

    /// `400 Parameter verification failed.` with these field errors.
    pub fn params(errors: BTreeMap<String, String>) -> Self {
        Self { errors, ..Self::json(400, "Parameter verification failed.\n".into()) }
    }

    /// `403 Permission check failed (WHAT)`.
    pub fn permission(what: impl AsRef<str>) -> Self {
        Self::json(403, format!("Permission check failed ({})\n", what.as_ref()))
    }

    /// `403 Permission check failed` without detail.
    pub fn forbidden() -> Self {
        Self::json(403, "Permission check failed\n".into())
    }

    /// `501 Method 'VERB PATH' not implemented`, which has no newline.
    pub fn not_implemented(method: &str, path: &str) -> Self {
        Self::json(501, format!("Method '{method} {path}' not implemented"))
    }

    /// A refused credential: no body, and delayed by the wire.
    pub fn unauthorized(text: &str) -> Self {
        Self { body: FaultBody::Empty, ..Self::json(401, format!("{text}\n")) }
    }

    /// The internal relay could not talk to another node (595 to 599): no body.
    pub fn relay(status: u16, text: &str) -> Self {
        Self { body: FaultBody::Empty, ..Self::json(status, text.to_owned()) }
    }

    /// A failure of the HTTP layer itself: the text alone as body, without a content type.
    pub fn plain(status: u16, text: impl Into<String>) -> Self {
        Self { body: FaultBody::Text, ..Self::json(status, text.into()) }
    }

    /// A failure of the HTTP layer without any body.
    pub fn bodyless(status: u16, text: impl Into<String>) -> Self {
        Self { body: FaultBody::Empty, ..Self::json(status, text.into()) }
    }

    /// What becomes of a refusal that is caught and thrown again with a text before it (`create pool failed: …`): a plain 500. The
    /// status and field errors of an exception turn into text.
    #[must_use]
    pub fn nested(self, prefix: &str) -> Self {
        let mut message = prefix.to_owned();
        if self.status != 500 {
            message.push_str(&format!("{} ", self.status));
        }
        message.push_str(&self.message);
        for (field, text) in &self.errors {
            message.push_str(&format!("{field}: {text}\n"));
        }
        Self::json(500, message)
    }

    /// The same refusal with a text put before the message, as Proxmox does (`update sdn zone object failed: …`).
    #[must_use]
    pub fn prefixed(mut self, prefix: &str) -> Self {
        self.message.insert_str(0, prefix);
        self
    }
}
