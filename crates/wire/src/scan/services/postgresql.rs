//! PostgreSQL: a start-up message for a user that does not exist is answered by an error, or by the
//! wish for a password.

use super::shared::{named, some, text};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "postgresql", tcp: &[5432, 5433], udp: &[], ask: Ask::Say(say), read };

fn say() -> Vec<u8> {
    let parameters = b"user\0bartizan\0database\0postgres\0\0";
    let length = u32::try_from(parameters.len() + 8).unwrap_or(8);
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend([0, 3, 0, 0]);
    bytes.extend(parameters);
    bytes
}

fn read(answer: &[u8]) -> Option<Service> {
    let length = u32::from_be_bytes(answer.get(1..5)?.try_into().ok()?);
    let body = answer.get(5..)?;
    let service = Service { product: some("PostgreSQL"), ..named("postgresql") };
    match answer.first()? {
        b'R' if (8..200).contains(&length) => {
            let how = u32::from_be_bytes(body.get(..4)?.try_into().ok()?);
            let info = match how {
                0 => "lets anybody in",
                3 => "asks for a password in clear",
                5 => "asks for a password (MD5)",
                10 => "asks for a password (SCRAM)",
                _ => return None,
            };
            Some(Service { info: some(info), ..service })
        }
        b'E' if (8..4_000).contains(&length) => {
            let fields: Vec<&[u8]> = body.split(|byte| *byte == 0).collect();
            let code = fields.iter().find_map(|field| field.strip_prefix(b"C"))?;
            (code.len() == 5).then_some(())?;
            let said = fields.iter().find_map(|field| field.strip_prefix(b"M"))?;
            Some(Service { info: some(&text(said)), ..service })
        }
        _ => None,
    }
}
