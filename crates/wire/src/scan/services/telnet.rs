//! Telnet (RFC 854): options first (255 253 …), or a prompt to log in.

use super::shared::{find_product, named, some, text};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "telnet", tcp: &[23, 2323, 992], udp: &[], ask: Ask::Greeting, read };

const KNOWN: [(&str, &str); 4] = [
    ("BusyBox", "BusyBox telnetd"),
    ("MikroTik", "MikroTik router"),
    ("Cisco", "Cisco IOS"),
    ("Welcome to Microsoft Telnet Service", "Microsoft Telnet"),
];

fn read(answer: &[u8]) -> Option<Service> {
    let mut said = Vec::new();
    let mut options = 0_u32;
    let mut bytes = answer.iter();
    while let Some(byte) = bytes.next() {
        if *byte != 255 {
            said.push(*byte);
            continue;
        }
        // A command of 251 to 254 is followed by an option.
        if matches!(bytes.next(), Some(251..=254)) {
            bytes.next();
            options += 1;
        }
    }
    let said = text(&said);
    let lower = said.to_ascii_lowercase();
    let prompts =
        lower.ends_with("login:") || lower.ends_with("username:") || lower.ends_with("password:");
    (options > 0 || prompts).then_some(())?;
    let mut service = Service { info: some(&said), ..named("telnet") };
    find_product(&said, &KNOWN, &mut service);
    Some(service)
}
