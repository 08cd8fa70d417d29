//! MySQL and MariaDB: the greeting of protocol 10 begins with the version; a host that may not connect
//! is told so with error 1130.

use super::shared::{named, some, text, until_zero};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "mysql", tcp: &[3306, 33060], udp: &[], ask: Ask::Greeting, read };

fn read(answer: &[u8]) -> Option<Service> {
    let length = usize::from(*answer.first()?) | usize::from(*answer.get(1)?) << 8;
    let (0, 0, body) = (*answer.get(2)?, *answer.get(3)?, answer.get(4..)?) else { return None };
    match body.first()? {
        10 if length > 20 => {
            let said = until_zero(body.get(1..)?);
            said.starts_with(|letter: char| letter.is_ascii_digit()).then_some(())?;
            let is_maria = said.contains("MariaDB");
            // MariaDB writes an old number before its own, for clients that compare.
            let version = said.strip_prefix("5.5.5-").unwrap_or(&said);
            let (version, rest) = version.split_once('-').unwrap_or((version, ""));
            let product = if is_maria { "MariaDB" } else { "MySQL" };
            Some(Service {
                product: some(product),
                version: some(version),
                info: some(rest),
                ..named("mysql")
            })
        }
        0xff if length > 3 => {
            let code = u16::from_le_bytes([*body.get(1)?, *body.get(2)?]);
            (1000..5000).contains(&code).then_some(())?;
            let said = text(body.get(3..)?);
            let product = if said.contains("MariaDB") { "MariaDB" } else { "MySQL" };
            Some(Service { product: some(product), info: some(&said), ..named("mysql") })
        }
        _ => None,
    }
}
