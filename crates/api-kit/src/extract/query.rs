//! The query string, read strictly.

use std::collections::HashSet;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use form_urlencoded::Serializer;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::page::Page;
use super::strict;
use crate::code::Code;
use crate::error::ApiError;

/// Longest query string, in bytes.
const MAX_QUERY: usize = 8 * 1024;

/// The query string as a type. Unknown and repeated parameters, wrong types and bad encoding are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        check(query)?;
        read(query).map(Self)
    }
}

/// The query string of a list: `limit` and `cursor`, and the filters as a type, each as strict as [`Query`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagedQuery<T> {
    /// The filters.
    pub filter: T,
    /// The page asked for.
    pub page: Page,
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for PagedQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        check(query)?;
        let (mut page, mut filter) = (Serializer::new(String::new()), Serializer::new(String::new()));
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let of_the_page = matches!(name.as_ref(), "limit" | "cursor");
            (if of_the_page { &mut page } else { &mut filter }).append_pair(&name, &value);
        }
        Ok(Self { filter: read(&filter.finish())?, page: read(&page.finish())? })
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    strict::deserialize(serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes())), "query")
}

/// Refuses what the parser would silently mend: bad percent-encoding, bytes that are not UTF-8, NUL, repeated names.
fn check(query: &str) -> Result<(), ApiError> {
    pairs(query).map(drop)
}

/// The pairs of a query, each as written, and its name and value as meant; refusing what [`check`] refuses.
pub(crate) fn pairs(query: &str) -> Result<Vec<(&str, String, String)>, ApiError> {
    if query.len() > MAX_QUERY {
        return Err(ApiError::bad_request(format!("the query is longer than {MAX_QUERY} bytes")));
    }
    let mut names = HashSet::new();
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if !names.insert(name.clone()) {
            return Err(ApiError::new(Code::BadRequest, format!("the query has {name:?} twice"))
                .with_details(json!({ "field": name })));
        }
        pairs.push((pair, name, value));
    }
    Ok(pairs)
}

fn decode(text: &str) -> Result<String, ApiError> {
    let bad = || ApiError::bad_request("the query is not percent-encoded UTF-8");
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let encoded = byte != b'%' || (0..2).all(|_| rest.next().is_some_and(|digit| digit.is_ascii_hexdigit()));
        if !encoded {
            return Err(bad());
        }
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| bad())?;
    if decoded.contains('\0') { Err(bad()) } else { Ok(decoded.into_owned()) }
}
