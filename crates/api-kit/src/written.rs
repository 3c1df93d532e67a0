//! An answer whose result is JSON already: written once, with its entity tag, and sent to everybody who asks for the same. For lists
//! so long that writing them is most of the work.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use ring::digest;
use serde::Serialize;

use crate::context;
use crate::envelope::{Warning, matches_tag, not_modified, tail};

/// Writes a result: the beginning of its answer, and its entity tag.
#[must_use]
pub fn write<T: Serialize + ?Sized>(result: &T) -> (Bytes, String) {
    let mut text = b"{\"result\":".to_vec();
    let begin = text.len();
    if let Err(error) = serde_json::to_writer(&mut text, result) {
        tracing::error!(%error, "a result cannot be written as JSON");
        text.truncate(begin);
        text.extend_from_slice(b"null");
    }
    let hash = digest::digest(&digest::SHA256, &text);
    let tag = format!("W/\"{}\"", hex::encode(hash.as_ref().get(..16).unwrap_or_default()));
    (text.into(), tag)
}

/// 200 with what [`write()`] has written and what is missing from it.
#[derive(Debug)]
pub struct Written {
    /// The beginning of the answer.
    pub text: Bytes,
    /// Its tag.
    pub tag: String,
    /// What is missing from it.
    pub warnings: Vec<Warning>,
}

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        let Self { text, tag, warnings } = self;
        let context = context::current();
        // With something missing it is another answer than the tag is of.
        let tag = Some(tag).filter(|_| warnings.is_empty());
        if let (Some(tag), Some(context)) = (&tag, &context)
            && context.if_none_match.as_ref().is_some_and(|known| matches_tag(known, tag))
        {
            return not_modified(tag);
        }
        let tail = tail(&warnings, context.as_deref());
        let length = text.len() + tail.len();
        let parts = [text, tail].map(Ok::<Bytes, std::convert::Infallible>);
        let mut response = Response::new(Body::from_stream(futures::stream::iter(parts)));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&tag).ok()) {
            headers.insert(ETAG, tag);
        }
        response
    }
}
