//! Bodies too large for memory: files sent up, files read down.

use std::time::{Duration, Instant};

use bytes::Bytes;
#[cfg(feature = "pve")]
use serde::de::DeserializeOwned;
#[cfg(feature = "pve")]
use tokio::io::AsyncRead;
use tokio::sync::OwnedSemaphorePermit;
#[cfg(feature = "pve")]
use tokio_util::io::ReaderStream;

use super::{Answer, Connection, failure, read_answer, secret_header};
use crate::call::{Call, fill};
use crate::error::{CallName, Error, MaybeSent, Result, Unreadable};
#[cfg(feature = "pve")]
use crate::lenient;
use crate::params::Params;

/// A file to send.
#[cfg(feature = "pve")]
pub(crate) struct FileBody<R> {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) content: R,
    pub(crate) deadline: Duration,
}

/// A file on its way down, read a piece at a time. Waiting for a piece is bounded by the client's total timeout.
pub struct Download {
    response: reqwest::Response,
    call: CallName,
    host: String,
    idle: Duration,
    size: Option<u64>,
    _slot: OwnedSemaphorePermit,
}

impl Download {
    /// Its size in bytes, when the server says so beforehand.
    #[must_use]
    pub const fn size(&self) -> Option<u64> {
        self.size
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`Error::MaybeSent`] when the connection ends early or nothing comes for too long.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        match tokio::time::timeout(self.idle, self.response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(failure::during_answer(&error, &self.call, &self.host, self.idle)),
            Err(_) => {
                let cause = MaybeSent::Timeout(self.idle);
                Err(Error::MaybeSent { call: self.call.clone(), host: self.host.clone(), cause })
            }
        }
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download")
            .field("call", &self.call.to_string())
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Connection {
    #[cfg(feature = "pve")]
    /// Sends a file as `multipart/form-data`: `fields` in order, then the file in a part named `filename`, as PVE wants
    /// it. Goes to the preferred address, once: what was read cannot be read again.
    pub(crate) async fn upload<R, T>(&self, call: &Call, args: &[&str], fields: &Params, file: FileBody<R>) -> Result<T>
    where
        R: AsyncRead + Send + 'static,
        T: DeserializeOwned,
    {
        let malformed = |text: String| Error::malformed(call.method, call.template, text);
        let path = fill(call.template, args).map_err(malformed)?;
        if file.name.is_empty() || file.name.contains(['/', '\\', '"']) || file.name.chars().any(char::is_control) {
            return Err(malformed("the file name is empty, or has a slash, a quote or a control character".to_owned()));
        }
        let name = CallName { method: call.method, template: call.template.to_owned() };
        self.refuse_in_rehearsal(&name, &path)?;
        let host = self.inner.hosts.preferred().ok_or_else(|| malformed("no address".to_owned()))?;
        let _slot = host.slot(&name, self.inner.timeouts.queue).await?;
        let headers = self.authorise(host, call.method).await?;
        let mut form = reqwest::multipart::Form::new();
        for (field, value) in fields.iter() {
            form = form.text(field.to_owned(), value.to_owned());
        }
        let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(file.content, 64 * 1024));
        form =
            form.part("filename", reqwest::multipart::Part::stream_with_length(body, file.size).file_name(file.name));
        let begun = Instant::now();
        let mut request = self.inner.http.post(format!("{}{path}", host.base())).timeout(file.deadline).multipart(form);
        for (header, value) in headers {
            request = request.header(header, secret_header(&value));
        }
        if let Some(id) = self.current_id() {
            request = request.header("x-request-id", id.as_ref());
        }
        let sent = request.send().await;
        let failed = |error| failure::classify(&error, &name, host.name(), &self.inner.timeouts, file.deadline);
        let result = match sent.map_err(failed) {
            Ok(response) => self.collect(response, &name, host.name(), file.deadline).await,
            Err(error) => Err(error),
        };
        let result = result.and_then(|answer| read_answer(&name, host.name(), &answer));
        self.note(&name, host, begun, result.as_ref().map(|envelope| envelope.status));
        let envelope = result?;
        let status = envelope.status;
        lenient::from_value(envelope.data).map_err(|cause| Error::Unreadable {
            call: name.clone(),
            host: host.name().to_owned(),
            status,
            cause: Unreadable::Decode(cause),
        })
    }

    /// Begins to read a file. The answer to the call is the file itself.
    pub(crate) async fn download(&self, call: &Call, args: &[&str], params: &Params) -> Result<Download> {
        let malformed = |text: String| Error::malformed(call.method, call.template, text);
        let path = fill(call.template, args).map_err(malformed)?;
        let name = CallName { method: call.method, template: call.template.to_owned() };
        let host = self.inner.hosts.preferred().ok_or_else(|| malformed("no address".to_owned()))?;
        let slot = host.owned_slot(&name, self.inner.timeouts.queue).await?;
        let headers = self.authorise(host, call.method).await?;
        let begun = Instant::now();
        let idle = self.inner.timeouts.total;
        let mut request = self.inner.http.get(format!("{}{path}?{}", host.base(), params.encode()));
        for (header, value) in headers {
            request = request.header(header, secret_header(&value));
        }
        if let Some(id) = self.current_id() {
            request = request.header("x-request-id", id.as_ref());
        }
        let result = match tokio::time::timeout(idle, request.send()).await {
            Ok(sent) => sent.map_err(|error| failure::classify(&error, &name, host.name(), &self.inner.timeouts, idle)),
            Err(_) => {
                let cause = MaybeSent::Timeout(idle);
                Err(Error::MaybeSent { call: name.clone(), host: host.name().to_owned(), cause })
            }
        };
        let result = match result {
            Ok(response) if response.status().as_u16() != 200 => {
                let answer = self.collect(response, &name, host.name(), idle).await;
                Err(answer.and_then(|answer| read_answer(&name, host.name(), &answer)).err().unwrap_or_else(|| {
                    Error::Unreadable {
                        call: name.clone(),
                        host: host.name().to_owned(),
                        status: 200,
                        cause: Unreadable::NotJson { content_type: String::new(), start: String::new() },
                    }
                }))
            }
            other => other,
        };
        self.note(&name, host, begun, result.as_ref().map(|response| response.status().as_u16()));
        let response = result?;
        let size = response.content_length();
        Ok(Download { response, call: name, host: host.name().to_owned(), idle, size, _slot: slot })
    }

    /// An answer in memory, bounded.
    pub(super) async fn collect(
        &self,
        response: reqwest::Response,
        name: &CallName,
        host: &str,
        left: Duration,
    ) -> Result<Answer> {
        let status = response.status();
        let reason = match response.extensions().get::<hyper::ext::ReasonPhrase>() {
            Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
            None => status.canonical_reason().unwrap_or_default().to_owned(),
        };
        let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let limit = self.inner.limits.answer_bytes;
        let body = super::bounded_body(response, limit).await.map_err(|error| match error {
            Some(error) => failure::during_answer(&error, name, host, left),
            None => Error::Unreadable {
                call: name.clone(),
                host: host.to_owned(),
                status: status.as_u16(),
                cause: Unreadable::TooLarge { limit },
            },
        })?;
        Ok(Answer { status: status.as_u16(), reason, content_type, body })
    }
}
