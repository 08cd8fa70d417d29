//! What a client says of itself in its first message after the connection is confirmed
//! ([MS-RDPBCGR] 2.2.1.3): its name, build and keyboard.

use crate::octets::{Octets, utf16};

const CORE: u16 = 0xc001;
const BLOCKS_MAX: usize = 16;
/// What stands before the client's own data in the conference's wrapping.
const KEY: &[u8] = b"Duca";

/// A client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) name: String,
    pub(super) build: u32,
    pub(super) keyboard: u32,
}

/// Finds and reads it.
pub(super) fn read(message: &[u8]) -> Option<Client> {
    let at = memchr::memmem::find(message, KEY)?;
    let mut octets = Octets::new(message.get(at + KEY.len()..)?);
    // The length, in one byte or two.
    if octets.byte()? >= 0x80 {
        octets.byte()?;
    }
    for _ in 0..BLOCKS_MAX {
        let (kind, length) = (octets.u16_le()?, octets.u16_le()?);
        let data = octets.take(usize::from(length).checked_sub(4)?)?;
        if kind == CORE {
            return core(data);
        }
    }
    None
}

fn core(data: &[u8]) -> Option<Client> {
    let mut octets = Octets::new(data);
    octets.take(12)?;
    let (keyboard, build) = (octets.u32_le()?, octets.u32_le()?);
    let name = utf16(octets.take(32)?, 32);
    let name = name.split('\0').next().unwrap_or_default().to_owned();
    Some(Client { name, build, keyboard })
}
