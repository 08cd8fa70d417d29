//! Host keys and the certificate, made once and kept.

use std::fmt;
use std::sync::Arc;

use model::Timestamp;
use russh::keys::ssh_key::private::{KeypairData, RsaKeypair};
use russh::keys::{Algorithm, EcdsaCurve, PrivateKey};
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::PersonaError;

/// As `ssh-keygen` makes them.
const RSA_BITS: usize = 3072;

#[derive(Serialize, Deserialize)]
pub(super) struct KeptKeys {
    /// In the form of OpenSSH, in the order in which a server offers them.
    host_keys: Vec<String>,
    tls_key: String,
    tls_certificate: String,
    /// The name that the certificate is for.
    tls_name: String,
}

fn fault(error: impl fmt::Display) -> PersonaError {
    PersonaError::Keys(error.to_string())
}

impl KeptKeys {
    pub(super) fn generate() -> Result<Self, PersonaError> {
        let mut random = russh::keys::key::safe_rng();
        let rsa = RsaKeypair::random(&mut random, RSA_BITS).map_err(fault)?;
        let rsa = PrivateKey::new(KeypairData::from(rsa), "").map_err(fault)?;
        let ecdsa = Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 };
        let ecdsa = PrivateKey::random(&mut random, ecdsa).map_err(fault)?;
        let ed25519 = PrivateKey::random(&mut random, Algorithm::Ed25519).map_err(fault)?;
        let mut host_keys = Vec::new();
        for key in [rsa, ecdsa, ed25519] {
            let text = key.to_openssh(russh::keys::ssh_key::LineEnding::LF).map_err(fault)?;
            host_keys.push(text.to_string());
        }
        let tls_key = rcgen::KeyPair::generate().map_err(fault)?.serialize_pem();
        let (tls_certificate, tls_name) = (String::new(), String::new());
        Ok(Self { host_keys, tls_key, tls_certificate, tls_name })
    }

    /// Makes the certificate if there is none for this name; tells whether it did. It is what Debian's
    /// `ssl-cert` makes when a machine is set up: signed by itself, for ten years.
    pub(super) fn certify(
        &mut self,
        host_name: &str,
        fqdn: &str,
        born: Timestamp,
    ) -> Result<bool, PersonaError> {
        if self.tls_name == fqdn && !self.tls_certificate.is_empty() {
            return Ok(false);
        }
        let key = rcgen::KeyPair::from_pem(&self.tls_key).map_err(fault)?;
        let names = vec![fqdn.to_owned(), host_name.to_owned()];
        let mut parameters = rcgen::CertificateParams::new(names).map_err(fault)?;
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, fqdn);
        let made = born.minus(super::days(97)).civil();
        let date = |year| rcgen::date_time_ymd(year, made.month, made.day.min(28));
        parameters.not_before = date(made.year);
        parameters.not_after = date(made.year + 10);
        let certificate = parameters.self_signed(&key).map_err(fault)?;
        self.tls_certificate = certificate.pem();
        fqdn.clone_into(&mut self.tls_name);
        Ok(true)
    }
}

/// Host keys of SSH, certificate and key of TLS.
pub struct Keys {
    host_keys: Vec<PrivateKey>,
    tls: Arc<rustls::ServerConfig>,
    certificate: CertificateDer<'static>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    pub(super) fn of(kept: &KeptKeys) -> Result<Self, PersonaError> {
        let read = |text: &String| PrivateKey::from_openssh(text).map_err(fault);
        let host_keys = kept.host_keys.iter().map(read).collect::<Result<_, _>>()?;
        let certificate =
            CertificateDer::from_pem_slice(kept.tls_certificate.as_bytes()).map_err(fault)?;
        let key = PrivateKeyDer::from_pem_slice(kept.tls_key.as_bytes()).map_err(fault)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(fault)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .map_err(fault)?;
        Ok(Self { host_keys, tls: Arc::new(tls), certificate })
    }

    /// Gives the host keys: RSA, ECDSA, Ed25519.
    pub fn host_keys(&self) -> &[PrivateKey] {
        &self.host_keys
    }

    /// Gives what serves TLS 1.2 and 1.3 with the machine's certificate.
    pub fn tls(&self) -> &Arc<rustls::ServerConfig> {
        &self.tls
    }

    /// Gives the certificate, in DER.
    pub fn certificate(&self) -> &[u8] {
        self.certificate.as_ref()
    }
}
