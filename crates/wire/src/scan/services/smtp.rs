//! SMTP (RFC 5321): `220 mail.example ESMTP Postfix (Debian/GNU)`.

use super::shared::{find_product, first_line, named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "smtp", tcp: &[25, 465, 587, 2525], udp: &[], ask: Ask::Greeting, read };

const KNOWN: [(&str, &str); 8] = [
    ("Postfix", "Postfix"),
    ("Exim", "Exim"),
    ("Sendmail", "Sendmail"),
    ("Microsoft ESMTP MAIL Service", "Microsoft Exchange"),
    ("OpenSMTPD", "OpenSMTPD"),
    ("MailEnable", "MailEnable"),
    ("hMailServer", "hMailServer"),
    ("Haraka", "Haraka"),
];

fn read(answer: &[u8]) -> Option<Service> {
    let line = first_line(answer);
    let is_greeting = ["220", "421", "554"].iter().any(|code| line.starts_with(code));
    (is_greeting && line.to_ascii_lowercase().contains("smtp")).then_some(())?;
    let host = line.get(4..).and_then(|rest| rest.split(' ').next());
    let mut service = Service { info: host.and_then(some), ..named("smtp") };
    find_product(&line, &KNOWN, &mut service);
    Some(service)
}
