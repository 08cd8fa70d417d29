//! SPNEGO (RFC 4178), as much as offers NTLM and carries its messages.

use crate::der::{ENUMERATED, OCTET_STRING, SEQUENCE, context, value};

/// 1.3.6.1.5.5.2
const SPNEGO: &[u8] = &[0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];
/// 1.3.6.1.4.1.311.2.2.10
const NTLMSSP: &[u8] = &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a];
const APPLICATION_0: u8 = 0x60;
const GENERAL_STRING: u8 = 0x1b;

/// The offer that a server makes before it is asked.
pub(crate) fn offer() -> Vec<u8> {
    let mechanisms = value(context(0), &[&value(SEQUENCE, &[NTLMSSP])]);
    let hint = value(GENERAL_STRING, &[b"not_defined_in_RFC4178@please_ignore"]);
    let hints = value(context(3), &[&value(SEQUENCE, &[&value(context(0), &[&hint])])]);
    let token = value(context(0), &[&value(SEQUENCE, &[&mechanisms, &hints])]);
    value(APPLICATION_0, &[SPNEGO, &token])
}

/// Wraps a challenge as the client wrapped its first message: not at all, or in a token.
pub(crate) fn ask(first: &[u8], challenge: &[u8]) -> Vec<u8> {
    if !is_wrapped(first) {
        return challenge.to_vec();
    }
    let state = value(context(0), &[&value(ENUMERATED, &[&[1]])]);
    let mechanism = value(context(1), &[NTLMSSP]);
    let token = value(context(2), &[&value(OCTET_STRING, &[challenge])]);
    value(context(1), &[&value(SEQUENCE, &[&state, &mechanism, &token])])
}

/// Says that the client is let in.
pub(crate) fn accept(last: &[u8]) -> Vec<u8> {
    if !is_wrapped(last) {
        return Vec::new();
    }
    let state = value(context(0), &[&value(ENUMERATED, &[&[0]])]);
    value(context(1), &[&value(SEQUENCE, &[&state])])
}

/// Asks for NTLM where the client began with another mechanism.
pub(crate) fn prefer_ntlm() -> Vec<u8> {
    let state = value(context(0), &[&value(ENUMERATED, &[&[3]])]);
    let mechanism = value(context(1), &[NTLMSSP]);
    value(context(1), &[&value(SEQUENCE, &[&state, &mechanism])])
}

fn is_wrapped(blob: &[u8]) -> bool {
    matches!(blob.first(), Some(&(APPLICATION_0 | 0xa1)))
}
