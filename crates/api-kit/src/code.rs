//! The words for what went wrong, and the HTTP status of each: the one place where a status is decided.

use axum::http::StatusCode;

/// A stable word of an error body. Closed: a new word is added here, with its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// 400: the request is not what it should be, in a way that no field can be named for.
    BadRequest,
    /// 400: a field of body, query or path breaks a rule; the word is `invalid_<field>`.
    Invalid(String),
    /// 400: a field that nobody reads.
    UnknownField,
    /// 401: no credential, or none that is valid.
    Unauthorized,
    /// 403: this kind of caller may not.
    Forbidden,
    /// 403: a tenant's token on another account.
    WrongAccount,
    /// 403: the account is suspended and the call writes.
    AccountSuspended,
    /// 403: the account is disabled.
    AccountDisabled,
    /// 403: the account gives the caller no role.
    NoRole,
    /// 403: the feature is switched off here.
    NotEnabled,
    /// 404: there is no such thing, or none the caller may know of.
    NotFound,
    /// 405: the path exists, not with this method; the answer carries `Allow`.
    MethodNotAllowed,
    /// 409: it is there already.
    Exists,
    /// 409: something uses it.
    InUse,
    /// 409: it holds things.
    NotEmpty,
    /// 409: it runs.
    Running,
    /// 409: a quota would be exceeded.
    QuotaExceeded,
    /// 409: nothing is left to hand out.
    Exhausted,
    /// 409: more than one thing is meant.
    Ambiguous,
    /// 409: not in the state it is in.
    State,
    /// 409: the operation that was waited for was cancelled.
    Cancelled,
    /// 409: the `Idempotency-Key` was used for another request.
    KeyReused,
    /// 409: the first request with this `Idempotency-Key` was cut off, and whether it did anything has to be looked at.
    CutOff,
    /// 413: the body is too long.
    PayloadTooLarge,
    /// 415: the body is not JSON.
    UnsupportedMediaType,
    /// 429: too many failed authentications, of this address or overall; the answer carries `Retry-After`.
    TooManyFailures,
    /// 500: our fault.
    Internal,
    /// 502: a cluster, database or provider refused or failed.
    Upstream,
    /// 503: the store cannot do it now.
    Store,
    /// 503: too busy, or shutting down.
    Unavailable,
    /// 504: a cluster, database or provider did not answer in time.
    UpstreamTimeout,
    /// 504: the call took longer than calls may; what it began may go on.
    Timeout,
}

impl Code {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest | Self::Invalid(_) | Self::UnknownField => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden
            | Self::WrongAccount
            | Self::AccountSuspended
            | Self::AccountDisabled
            | Self::NoRole
            | Self::NotEnabled => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Exists
            | Self::InUse
            | Self::NotEmpty
            | Self::Running
            | Self::QuotaExceeded
            | Self::Exhausted
            | Self::Ambiguous
            | Self::State
            | Self::Cancelled
            | Self::KeyReused
            | Self::CutOff => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyFailures => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Upstream => StatusCode::BAD_GATEWAY,
            Self::Store | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamTimeout | Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The word in the body.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Invalid(field) => format!("invalid_{field}"),
            other => other.fixed_word().to_owned(),
        }
    }

    fn fixed_word(&self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Invalid(_) => "invalid",
            Self::UnknownField => "unknown_field",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::WrongAccount => "wrong_account",
            Self::AccountSuspended => "account_suspended",
            Self::AccountDisabled => "account_disabled",
            Self::NoRole => "no_role",
            Self::NotEnabled => "not_enabled",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Exists => "exists",
            Self::InUse => "in_use",
            Self::NotEmpty => "not_empty",
            Self::Running => "running",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Exhausted => "exhausted",
            Self::Ambiguous => "ambiguous",
            Self::State => "state",
            Self::Cancelled => "cancelled",
            Self::KeyReused => "key_reused",
            Self::CutOff => "cut_off",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::TooManyFailures => "too_many_failures",
            Self::Internal => "internal",
            Self::Upstream => "upstream",
            Self::Store => "store",
            Self::Unavailable => "unavailable",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::Timeout => "timeout",
        }
    }

    /// The code of a word, as a use case's error gives it; nothing for a word that is not in the table.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        if let Some(field) = word.strip_prefix("invalid_") {
            return Some(Self::invalid(field));
        }
        Self::FIXED.iter().find(|code| code.fixed_word() == word).cloned()
    }

    /// `invalid_<field>`, the field reduced to lower-case letters, digits and `_`.
    #[must_use]
    pub fn invalid(field: &str) -> Self {
        let mut word = String::with_capacity(field.len().min(64));
        for character in field.chars().take(64) {
            match character {
                'A'..='Z' => {
                    // providerId becomes provider_id.
                    if !word.is_empty() && !word.ends_with('_') {
                        word.push('_');
                    }
                    word.push(character.to_ascii_lowercase());
                }
                'a'..='z' | '0'..='9' | '_' => word.push(character),
                _ => word.push('_'),
            }
        }
        if word.is_empty() { Self::BadRequest } else { Self::Invalid(word) }
    }

    /// Every code whose word is fixed, in the order of their status: for documents and tests.
    pub const FIXED: &'static [Self] = &[
        Self::BadRequest,
        Self::UnknownField,
        Self::Unauthorized,
        Self::Forbidden,
        Self::WrongAccount,
        Self::AccountSuspended,
        Self::AccountDisabled,
        Self::NoRole,
        Self::NotEnabled,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Exists,
        Self::InUse,
        Self::NotEmpty,
        Self::Running,
        Self::QuotaExceeded,
        Self::Exhausted,
        Self::Ambiguous,
        Self::State,
        Self::Cancelled,
        Self::KeyReused,
        Self::CutOff,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::TooManyFailures,
        Self::Internal,
        Self::Upstream,
        Self::Store,
        Self::Unavailable,
        Self::UpstreamTimeout,
        Self::Timeout,
    ];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Code;

    #[test]
    fn every_word_parses_back_and_is_used_once() {
        let words: BTreeSet<String> = Code::FIXED.iter().map(Code::word).collect();
        assert_eq!(words.len(), Code::FIXED.len());
        for code in Code::FIXED {
            assert_eq!(Code::parse(&code.word()).as_ref(), Some(code));
        }
        assert_eq!(Code::parse("nonsense"), None);
    }

    #[test]
    fn every_word_has_the_documented_status() {
        let documented = [
            (400, "bad_request unknown_field invalid_slug"),
            (401, "unauthorized"),
            (403, "forbidden wrong_account account_suspended account_disabled no_role not_enabled"),
            (404, "not_found"),
            (405, "method_not_allowed"),
            (
                409,
                "exists in_use not_empty running quota_exceeded exhausted ambiguous state cancelled key_reused cut_off",
            ),
            (413, "payload_too_large"),
            (415, "unsupported_media_type"),
            (429, "too_many_failures"),
            (500, "internal"),
            (502, "upstream"),
            (503, "store unavailable"),
            (504, "upstream_timeout timeout"),
        ];
        let mut seen = 0;
        for (status, words) in documented {
            for word in words.split(' ') {
                assert_eq!(Code::parse(word).map(|code| code.status().as_u16()), Some(status), "{word}");
                seen += 1;
            }
        }
        assert_eq!(seen, Code::FIXED.len() + 1, "each fixed word and one invalid_<field>");
    }

    #[test]
    fn a_field_becomes_a_word() {
        assert_eq!(Code::parse("invalid_slug"), Some(Code::Invalid("slug".into())));
        assert_eq!(Code::invalid("providerId").word(), "invalid_provider_id");
        assert_eq!(Code::invalid("dns.default-provider").word(), "invalid_dns_default_provider");
        assert_eq!(Code::invalid(""), Code::BadRequest);
    }
}
