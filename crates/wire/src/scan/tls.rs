//! The TLS side of a service: which version and cipher it speaks and which certificate it shows.
//!
//! Nothing is trusted and nothing secret is sent, so every certificate is accepted: it is what the
//! scan wants to see.

use std::fmt::Write as _;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
};

use super::services::harmless_text;

/// Bounds the names of a certificate that are kept.
const NAMES_MAX: usize = 32;

/// How a service encrypts, and as whom it presents itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// `1.2` or `1.3`.
    pub version: String,
    /// The cipher suite by its name in the standard.
    pub cipher: String,
    /// The common name of the subject.
    pub subject: Option<String>,
    /// The common name of the issuer, or its organisation.
    pub issuer: Option<String>,
    /// The serial number in hexadecimal digits.
    pub serial: String,
    /// Valid from then on (RFC 3339).
    pub not_before: String,
    /// Valid until then.
    pub not_after: String,
    /// The names for which it is.
    pub names: Vec<String>,
    /// The SHA-256 digest of the whole.
    pub sha256: String,
}

/// A connection that speaks TLS.
pub(crate) type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// Makes connections; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    config: Arc<ClientConfig>,
}

impl Client {
    pub(crate) fn new() -> io::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            Arc::new(Anybody(provider.signature_verification_algorithms.supported_schemes()));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config) })
    }

    /// Shakes hands within `timeout` and gives the connection and what was learned.
    pub(crate) fn shake(
        &self,
        mut stream: TcpStream,
        timeout: Duration,
    ) -> io::Result<(Encrypted, Certificate)> {
        let name = ServerName::IpAddress(stream.peer_addr()?.ip().into());
        let mut connection =
            ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        let until = Instant::now() + timeout;
        while connection.is_handshaking() {
            // A peer that sends byte by byte would otherwise be waited for without end.
            if Instant::now() >= until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            while connection.wants_write() {
                connection.write_tls(&mut stream)?;
            }
            if connection.is_handshaking() {
                if connection.read_tls(&mut stream)? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                connection.process_new_packets().map_err(io::Error::other)?;
            }
        }
        let learned = learned(&connection);
        Ok((StreamOwned::new(connection, stream), learned))
    }
}

fn learned(connection: &ClientConnection) -> Certificate {
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "1.3",
        Some(rustls::ProtocolVersion::TLSv1_2) => "1.2",
        _ => "",
    };
    let cipher = connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
    let mut learned = Certificate {
        version: version.to_owned(),
        cipher: cipher.unwrap_or_default().replace("TLS13_", "TLS_"),
        ..Certificate::default()
    };
    if let Some(der) = connection.peer_certificates().and_then(<[_]>::first) {
        read_certificate(der, &mut learned);
    }
    learned
}

fn read_certificate(der: &[u8], learned: &mut Certificate) {
    let digest = Sha256::digest(der);
    learned.sha256 = hexadecimal(&digest);
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(der) else { return };
    learned.serial = hexadecimal(certificate.raw_serial());
    let common = |name: &x509_parser::x509::X509Name<'_>| {
        let common = name.iter_common_name().next().or_else(|| name.iter_organization().next());
        common.and_then(|part| part.as_str().ok()).map(harmless_text)
    };
    learned.subject = common(certificate.subject());
    learned.issuer = common(certificate.issuer());
    learned.not_before = moment(certificate.validity().not_before.timestamp());
    learned.not_after = moment(certificate.validity().not_after.timestamp());
    if let Ok(Some(names)) = certificate.subject_alternative_name() {
        let names = names.value.general_names.iter().take(NAMES_MAX);
        learned.names = names
            .filter_map(|name| match name {
                x509_parser::extensions::GeneralName::DNSName(name) => Some(harmless_text(name)),
                _ => None,
            })
            .collect();
    }
}

/// Gives the first bytes, as many as a digest has, as digits.
fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in bytes.iter().take(32) {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

fn moment(seconds: i64) -> String {
    let epoch = model::Timestamp::default();
    match u64::try_from(seconds) {
        Ok(seconds) => epoch.plus(Duration::from_secs(seconds)).to_string(),
        Err(_) => epoch.to_string(),
    }
}

/// Takes every certificate.
#[derive(Debug)]
struct Anybody(Vec<SignatureScheme>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}
