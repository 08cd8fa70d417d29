//! POP3 (RFC 1939): `+OK Dovecot ready.`

use super::shared::{find_product, first_line, named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "pop3", tcp: &[110, 995], udp: &[], ask: Ask::Greeting, read };

const KNOWN: [(&str, &str); 5] = [
    ("Dovecot", "Dovecot"),
    ("Cyrus POP3", "Cyrus"),
    ("Courier", "Courier"),
    ("Microsoft Exchange", "Microsoft Exchange"),
    ("Qpopper", "Qpopper"),
];

fn read(answer: &[u8]) -> Option<Service> {
    let line = first_line(answer);
    let rest = line.strip_prefix("+OK").or_else(|| line.strip_prefix("-ERR"))?;
    let mut service = Service { info: some(rest), ..named("pop3") };
    find_product(&line, &KNOWN, &mut service);
    Some(service)
}
