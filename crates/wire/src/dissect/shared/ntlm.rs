//! NTLMSSP, the log-in that SMB, RDP and others wrap ([MS-NLMP]). Answers to the challenge are
//! recognised and never kept.

use super::bytes::{Bytes, utf16};

const SIGNATURE: &[u8] = b"NTLMSSP\0";
/// Bounds a name within.
const NAME_BYTES_MAX: usize = 512;
/// Bounds where the signature is looked for: a token's wrapping is short.
const WRAPPING_BYTES_MAX: usize = 512;

/// One of the three messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ntlm {
    /// The client offers.
    Negotiate,
    /// The server asks, and says who it is.
    Challenge {
        /// The server's or the domain's name.
        target: String,
    },
    /// The client answers, and says who it is.
    Authenticate {
        /// The user's name; empty for an anonymous session.
        user: String,
        domain: String,
        workstation: String,
    },
}

/// Finds the message in a token, whatever wraps it.
pub(crate) fn find(token: &[u8]) -> Option<Ntlm> {
    let window = token.get(..WRAPPING_BYTES_MAX).unwrap_or(token);
    let start = memchr::memmem::find(window, SIGNATURE)?;
    read(token.get(start..)?)
}

fn read(message: &[u8]) -> Option<Ntlm> {
    let mut bytes = Bytes::new(message);
    bytes.skip(SIGNATURE.len())?;
    match bytes.le32()? {
        1 => Some(Ntlm::Negotiate),
        2 => {
            let target = field(message, &mut bytes)?;
            let unicode = bytes.le32()? & 1 != 0;
            Some(Ntlm::Challenge { target: text(target, unicode) })
        }
        3 => {
            bytes.skip(16)?;
            let [domain, user, workstation] = [
                field(message, &mut bytes)?,
                field(message, &mut bytes)?,
                field(message, &mut bytes)?,
            ];
            bytes.skip(8)?;
            // Very old clients end before the flags; theirs is no Unicode.
            let unicode = bytes.le32().is_some_and(|flags| flags & 1 != 0);
            Some(Ntlm::Authenticate {
                user: text(user, unicode),
                domain: text(domain, unicode),
                workstation: text(workstation, unicode),
            })
        }
        _ => None,
    }
}

/// A field is told by its length and its place in the message.
fn field<'a>(message: &'a [u8], bytes: &mut Bytes<'a>) -> Option<&'a [u8]> {
    let length = usize::from(bytes.le16()?).min(NAME_BYTES_MAX);
    bytes.skip(2)?;
    let start = usize::try_from(bytes.le32()?).ok()?;
    if length == 0 {
        return Some(&[]);
    }
    message.get(start..start.checked_add(length)?)
}

fn text(bytes: &[u8], unicode: bool) -> String {
    if unicode { utf16(bytes) } else { String::from_utf8_lossy(bytes).into_owned() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An answer to the challenge by `user` of `domain` at `workstation`.
    pub(crate) fn authenticate(user: &str, domain: &str, workstation: &str) -> Vec<u8> {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let parts = [vec![1; 24], vec![2; 24], wide(domain), wide(user), wide(workstation), vec![]];
        let mut message = SIGNATURE.to_vec();
        message.extend(3_u32.to_le_bytes());
        let mut place = 64_u32;
        for part in &parts {
            let length = u16::try_from(part.len()).unwrap();
            message.extend([length.to_le_bytes(), length.to_le_bytes()].concat());
            message.extend(place.to_le_bytes());
            place += u32::from(length);
        }
        message.extend(1_u32.to_le_bytes());
        message.extend(parts.concat());
        message
    }

    #[test]
    fn who_answers_the_challenge() {
        let mut token = b"\x60\x10wrapped".to_vec();
        token.extend(authenticate("ann", "CORP", "DESK1"));
        assert_eq!(
            find(&token),
            Some(Ntlm::Authenticate {
                user: "ann".into(),
                domain: "CORP".into(),
                workstation: "DESK1".into()
            })
        );
    }

    #[test]
    fn a_place_outside_the_message() {
        let mut message = authenticate("ann", "CORP", "DESK1");
        message[28 + 4..28 + 8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(find(&message), None);
        for length in 0..message.len() {
            let _ = find(&message[..length]);
        }
    }
}
