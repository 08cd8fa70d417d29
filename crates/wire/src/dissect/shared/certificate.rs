//! A certificate, as the server sends it before it encrypts (TLS 1.2 and older).

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use super::bytes::hex;
use super::fingerprint;

/// Bounds the other names of one certificate that are told.
const NAMES_MAX: usize = 32;
/// Bounds a distinguished name.
const NAME_BYTES_MAX: usize = 1024;
/// Bounds the serial number (RFC 5280 allows twenty bytes).
const SERIAL_BYTES_MAX: usize = 32;

/// What is told of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(crate) subject: String,
    pub(crate) subject_common_name: Option<String>,
    pub(crate) issuer: String,
    pub(crate) issuer_common_name: Option<String>,
    pub(crate) serial: String,
    pub(crate) not_before: Moment,
    pub(crate) not_after: Moment,
    pub(crate) alternative_names: Vec<String>,
    /// Its subject vouches for itself.
    pub(crate) self_signed: bool,
    pub(crate) sha256: String,
}

/// An end of the time for which it is valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Since 1970-01-01T00:00:00Z.
    pub(crate) seconds: i64,
    /// As `2026-11-21T06:58:00Z`; certificates name years that our own times do not reach.
    pub(crate) text: String,
}

impl Moment {
    fn of(time: ASN1Time) -> Self {
        let at = time.to_datetime();
        let (month, day) = (u8::from(at.month()), at.day());
        let (hour, minute, second) = at.to_hms();
        let text =
            format!("{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", at.year());
        Self { seconds: time.timestamp(), text }
    }
}

impl Certificate {
    /// Counts the bytes that are kept.
    pub(crate) fn held(&self) -> usize {
        let names: usize = self.alternative_names.iter().map(String::len).sum();
        size_of::<Self>() + 2 * (self.subject.len() + self.issuer.len()) + names
    }

    /// Reads a certificate. Where it is none that can be read, its digest alone is told.
    pub(crate) fn read(der: &[u8]) -> Self {
        let sha256 = fingerprint::sha256(der);
        let Ok((_, read)) = X509Certificate::from_der(der) else {
            return Self { sha256, ..Self::default() };
        };
        let serial = read.raw_serial();
        Self {
            subject: name(read.subject()),
            subject_common_name: common_name(read.subject()),
            issuer: name(read.issuer()),
            issuer_common_name: common_name(read.issuer()),
            serial: hex(serial.get(..SERIAL_BYTES_MAX).unwrap_or(serial)).to_uppercase(),
            not_before: Moment::of(read.validity().not_before),
            not_after: Moment::of(read.validity().not_after),
            alternative_names: alternative_names(&read),
            self_signed: read.subject().as_raw() == read.issuer().as_raw(),
            sha256,
        }
    }
}

fn name(name: &X509Name<'_>) -> String {
    let mut text = name.to_string();
    cut(&mut text);
    text
}

fn common_name(name: &X509Name<'_>) -> Option<String> {
    let mut text = name.iter_common_name().next()?.as_str().ok()?.to_owned();
    cut(&mut text);
    Some(text)
}

fn cut(text: &mut String) {
    if text.len() > NAME_BYTES_MAX {
        let end = text.floor_char_boundary(NAME_BYTES_MAX);
        text.truncate(end);
    }
}

fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let of = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|v| std::net::IpAddr::from(v).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|v| std::net::IpAddr::from(v).to_string()),
            _ => None,
        },
        _ => None,
    };
    names.value.general_names.iter().filter_map(of).take(NAMES_MAX).collect()
}
