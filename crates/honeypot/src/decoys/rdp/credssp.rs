//! CredSSP's requests ([MS-CSSP] 2.2.1), of which the tokens and the version are read.
//!
//! ```text
//! SEQUENCE { [0] version, [1] SEQUENCE OF SEQUENCE { [0] token }, …, [4] error }
//! ```

use crate::der::{self, INTEGER, OCTET_STRING, SEQUENCE, context, value};
use crate::octets::Octets;

/// The newest version that is spoken.
const NEWEST: u8 = 6;
const PARTS_MAX: usize = 8;
const LOGON_FAILURE: u32 = 0xc000_006d;

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request<'a> {
    /// The client's version.
    pub(super) version: u8,
    /// What the log-in says.
    pub(super) token: Option<&'a [u8]>,
}

/// Reads a request.
pub(super) fn read(message: &[u8]) -> Option<Request<'_>> {
    let (tag, body) = der::read(&mut Octets::new(message))?;
    if tag != SEQUENCE {
        return None;
    }
    let mut octets = Octets::new(body);
    let mut request = Request { version: 0, token: None };
    for _ in 0..PARTS_MAX {
        if octets.is_empty() {
            break;
        }
        let (tag, held) = der::read(&mut octets)?;
        if tag == context(0) {
            let (_, number) =
                der::read(&mut Octets::new(held)).filter(|(tag, _)| *tag == INTEGER)?;
            request.version = *number.last()?;
        } else if tag == context(1) {
            request.token = Some(token_within(held)?);
        }
    }
    Some(request)
}

fn token_within(held: &[u8]) -> Option<&[u8]> {
    let mut held = held;
    for wanted in [SEQUENCE, SEQUENCE, context(0), OCTET_STRING] {
        let (tag, inner) = der::read(&mut Octets::new(held))?;
        if tag != wanted {
            return None;
        }
        held = inner;
    }
    Some(held)
}

fn versioned(version: u8, part: &[u8]) -> Vec<u8> {
    let version = value(context(0), &[&der::integer(version.clamp(2, NEWEST).into())]);
    value(SEQUENCE, &[&version, part])
}

/// Carries a token to the client.
pub(super) fn token(version: u8, token: &[u8]) -> Vec<u8> {
    let token = value(context(0), &[&value(OCTET_STRING, &[token])]);
    let tokens = value(SEQUENCE, &[&value(SEQUENCE, &[&token])]);
    versioned(version, &value(context(1), &[&tokens]))
}

/// Says that the log-in failed; old versions have no word for it, so nothing is said.
pub(super) fn refusal(version: u8) -> Vec<u8> {
    if !matches!(version, 3 | 4 | 6..) {
        return Vec::new();
    }
    // Four bytes as they are, though the first of them makes the number negative.
    let error = value(INTEGER, &[&LOGON_FAILURE.to_be_bytes()]);
    versioned(version, &value(context(4), &[&error]))
}
