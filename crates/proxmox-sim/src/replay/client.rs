//! A small HTTPS client that sends exactly what was recorded and keeps the raw status line.
//!
//! The typed client is not used on purpose: a replay sends what no sane client would.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::ext::ReasonPhrase;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// One exchange takes no longer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// No answer is greater, bytes.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection.
    #[error("cannot connect to {0}: {1}")]
    Connect(SocketAddr, std::io::Error),
    /// Connected, but no answer came.
    #[error("the connection ended without an answer")]
    Closed,
    /// The request cannot be written in HTTP.
    #[error("request cannot be sent: {0}")]
    Request(#[from] http::Error),
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) body: Bytes,
}

/// A request as it shall go over the wire.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<Bytes>,
}

/// One server, pinned.
#[derive(Debug)]
pub(super) struct Client {
    address: SocketAddr,
    tls: TlsConnectorBox,
    idle: Option<SendRequest<Full<Bytes>>>,
}

struct TlsConnectorBox(TlsConnector);

impl std::fmt::Debug for TlsConnectorBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsConnector")
    }
}

impl Client {
    /// A client for a server whose certificate has this SHA-256 fingerprint.
    pub(super) fn new(address: SocketAddr, fingerprint: &str) -> Result<Self, ClientError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let pin = Pin { fingerprint: normalized(fingerprint), provider: provider.clone() };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(pin))
            .with_no_client_auth();
        Ok(Self { address, tls: TlsConnectorBox(TlsConnector::from(Arc::new(config))), idle: None })
    }

    /// Sends a request. A kept connection that turns out to be closed is replaced once, for `GET` only.
    pub(super) async fn send(&mut self, raw: &Raw) -> Result<Answer, ClientError> {
        tokio::time::timeout(TIMEOUT, self.exchange(raw)).await.unwrap_or(Err(ClientError::Closed))
    }

    async fn exchange(&mut self, raw: &Raw) -> Result<Answer, ClientError> {
        let kept = match self.idle.take() {
            Some(mut sender) => sender.ready().await.is_ok().then_some(sender),
            None => None,
        };
        let mut sender = match kept {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let mut request = Request::builder().method(raw.method.as_str()).uri(raw.target.as_str());
        for (name, value) in &raw.headers {
            request = request.header(name, value);
        }
        request = request.header("Host", self.address.to_string());
        if let Some(body) = &raw.body {
            request = request.header("Content-Length", body.len());
        }
        let request = request.body(Full::new(raw.body.clone().unwrap_or_default()))?;
        let response = sender.send_request(request).await.map_err(|_| ClientError::Closed)?;
        let status = response.status();
        let reason = response.extensions().get::<ReasonPhrase>().map_or_else(
            || status.canonical_reason().unwrap_or_default().to_owned(),
            |reason| String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        );
        let body = Limited::new(response.into_body(), ANSWER_LIMIT);
        let body = body.collect().await.map_err(|_| ClientError::Closed)?.to_bytes();
        self.idle = Some(sender);
        Ok(Answer { status: status.as_u16(), reason, body })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let failed = |error| ClientError::Connect(self.address, error);
        let stream = TcpStream::connect(self.address).await.map_err(failed)?;
        let name = ServerName::IpAddress(self.address.ip().into());
        let stream = self.tls.0.connect(name, stream).await.map_err(failed)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| ClientError::Closed)?;
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }
}

fn normalized(fingerprint: &str) -> String {
    fingerprint.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_lowercase()
}

/// Trusts the one certificate with the right fingerprint.
#[derive(Debug)]
struct Pin {
    fingerprint: String,
    provider: Arc<rustls::crypto::CryptoProvider>,
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let sum = ring::digest::digest(&ring::digest::SHA256, end_entity);
        if hex::encode(sum) == self.fingerprint {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::InvalidCertificate(rustls::CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
