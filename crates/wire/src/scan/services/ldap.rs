//! LDAP (RFC 4511): a search of the root entry, which servers show to everybody.

use super::shared::{named, some, text};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "ldap", tcp: &[389, 636, 3268, 3269], udp: &[], ask: Ask::Say(say), read };

fn say() -> Vec<u8> {
    // Base object, never dereferenced, one entry, three seconds, filter (objectClass=*).
    let mut search = vec![4, 0, 10, 1, 0, 10, 1, 0, 2, 1, 1, 2, 1, 3, 1, 1, 0, 0x87, 11];
    search.extend(*b"objectClass");
    let mut wanted = Vec::new();
    for name in ["vendorName", "vendorVersion", "dnsHostName", "defaultNamingContext"] {
        wanted.push(4);
        wanted.push(u8::try_from(name.len()).unwrap_or(0));
        wanted.extend(name.bytes());
    }
    search.push(0x30);
    search.push(u8::try_from(wanted.len()).unwrap_or(0));
    search.extend(wanted);
    let mut message = vec![2, 1, 7, 0x63, u8::try_from(search.len()).unwrap_or(0)];
    message.extend(search);
    let mut bytes = vec![0x30, u8::try_from(message.len()).unwrap_or(0)];
    bytes.extend(message);
    bytes
}

fn read(answer: &[u8]) -> Option<Service> {
    (*answer.first()? == 0x30).then_some(())?;
    // The number of our message, then an entry (0x64) or the end of a search (0x65).
    let is_ours = answer
        .windows(4)
        .take(12)
        .any(|part| part.starts_with(&[2, 1, 7]) && matches!(part.last(), Some(0x64 | 0x65)));
    is_ours.then_some(())?;
    let value = |name: &str| {
        let at = answer
            .windows(name.len())
            .position(|part| part.eq_ignore_ascii_case(name.as_bytes()))?;
        // After the name: a set, and in it a string with its length.
        let rest = answer.get(at + name.len()..)?;
        let begin = rest.iter().take(12).position(|byte| *byte == 4)?;
        let length = usize::from(*rest.get(begin + 1)?);
        some(&text(rest.get(begin + 2..begin + 2 + length)?))
    };
    let context = value("defaultNamingContext");
    let product =
        value("vendorName").or_else(|| context.as_ref().and_then(|_| some("Active Directory")));
    let info = value("dnsHostName").or(context);
    Some(Service { product, version: value("vendorVersion"), info, ..named("ldap") })
}
