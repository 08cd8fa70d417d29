//! FTP (RFC 959): `220 (vsFTPd 3.0.3)`.

use super::shared::{find_product, first_line, named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "ftp", tcp: &[21, 990, 2121], udp: &[], ask: Ask::Greeting, read };

const KNOWN: [(&str, &str); 9] = [
    ("vsFTPd", "vsftpd"),
    ("ProFTPD", "ProFTPD"),
    ("Pure-FTPd", "Pure-FTPd"),
    ("FileZilla Server", "FileZilla Server"),
    ("Microsoft FTP Service", "Microsoft FTP Service"),
    ("Serv-U FTP Server", "Serv-U"),
    ("pyftpdlib", "pyftpdlib"),
    ("wu-ftpd", "WU-FTPD"),
    ("MikroTik", "MikroTik router"),
];

fn read(answer: &[u8]) -> Option<Service> {
    let line = first_line(answer);
    let is_greeting = line.starts_with("220") || line.starts_with("421") || line.starts_with("530");
    let lower = line.to_ascii_lowercase();
    // Mail servers greet with the same number, and name their protocol.
    (is_greeting && !lower.contains("smtp")).then_some(())?;
    let mut service = Service { info: some(line.get(4..).unwrap_or_default()), ..named("ftp") };
    find_product(&line, &KNOWN, &mut service);
    (service.product.is_some() || lower.contains("ftp")).then_some(service)
}
