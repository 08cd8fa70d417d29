//! IMAP (RFC 9051): `* OK [CAPABILITY IMAP4rev1 …] Dovecot ready.`

use super::shared::{find_product, first_line, named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "imap", tcp: &[143, 993], udp: &[], ask: Ask::Greeting, read };

const KNOWN: [(&str, &str); 4] = [
    ("Dovecot", "Dovecot"),
    ("Cyrus IMAP", "Cyrus"),
    ("Courier-IMAP", "Courier"),
    ("Microsoft Exchange", "Microsoft Exchange"),
];

fn read(answer: &[u8]) -> Option<Service> {
    let line = first_line(answer);
    let greets = ["* OK", "* PREAUTH", "* BYE"].iter().find_map(|word| line.strip_prefix(word))?;
    let after = greets.rsplit(']').next().unwrap_or_default();
    let mut service = Service { info: some(after), ..named("imap") };
    find_product(&line, &KNOWN, &mut service);
    Some(service)
}
