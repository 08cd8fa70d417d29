//! How packets lie in the files of the ring, which are pcapng: a section header, one description an interface (moments in nanoseconds), then one "enhanced
//! packet" a packet; each block says its length at both ends.

use std::io::{self, Read};

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const ORDER: u32 = 0x1A2B_3C4D;
/// Bounds a block; the largest packet is far shorter.
const BLOCK_BYTES_MAX: u32 = 1 << 20;
/// What a packet's block holds besides its bytes.
const PACKET_OVERHEAD: u32 = 32;
/// Ends the description of an interface: moments are in units of 10^-9 seconds.
const RESOLUTION: [u8; 12] = [9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];

/// Writes the beginning of a file: the section and its interfaces, each by its link layer.
pub(super) fn begin(links: &[u32], out: &mut Vec<u8>) {
    block(SECTION, out, |out| {
        out.extend(ORDER.to_le_bytes());
        out.extend(1_u16.to_le_bytes());
        out.extend(0_u16.to_le_bytes());
        out.extend(u64::MAX.to_le_bytes());
    });
    for link in links {
        block(INTERFACE, out, |out| {
            out.extend(u16::try_from(*link).unwrap_or(u16::MAX).to_le_bytes());
            out.extend(0_u16.to_le_bytes());
            out.extend(0_u32.to_le_bytes());
            out.extend(RESOLUTION);
        });
    }
}

/// Writes a packet.
pub(super) fn packet(
    interface: u16,
    time_ns: u64,
    wire_length: u32,
    bytes: &[u8],
    out: &mut Vec<u8>,
) {
    let Ok(kept) = u32::try_from(bytes.len()) else { return };
    if kept > BLOCK_BYTES_MAX - PACKET_OVERHEAD - 4 {
        return;
    }
    block(PACKET, out, |out| {
        out.extend(u32::from(interface).to_le_bytes());
        let [a, b, c, d, low @ ..] = time_ns.to_be_bytes();
        out.extend(u32::from_be_bytes([a, b, c, d]).to_le_bytes());
        out.extend(u32::from_be_bytes(low).to_le_bytes());
        out.extend(kept.to_le_bytes());
        out.extend(wire_length.to_le_bytes());
        out.extend(bytes);
        let padding = bytes.len().next_multiple_of(4) - bytes.len();
        out.extend(std::iter::repeat_n(0, padding));
    });
}

fn block(kind: u32, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(kind.to_le_bytes());
    out.extend([0; 4]);
    body(out);
    let length = u32::try_from(out.len() - start + 4).unwrap_or(0).to_le_bytes();
    if let Some(place) = out.get_mut(start + 4..start + 8) {
        place.copy_from_slice(&length);
    }
    out.extend(length);
}

/// One block as it is read again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Block<'b> {
    /// The link layer of the next interface.
    Interface(u32),
    Packet {
        interface: u32,
        time_ns: u64,
        wire_length: u32,
        bytes: &'b [u8],
    },
    Other,
}

/// Reads the next block into `room`; `None` at the end, also where the file ends within a block, which
/// is how one looks that is being written.
pub(super) fn next<'b>(
    from: &mut impl Read,
    room: &'b mut Vec<u8>,
) -> io::Result<Option<(Block<'b>, u32)>> {
    let mut head = [0; 8];
    if !fill(from, &mut head)? {
        return Ok(None);
    }
    let kind = number(&head, 0).unwrap_or_default();
    let length = number(&head, 4).unwrap_or_default();
    if !(12..=BLOCK_BYTES_MAX).contains(&length) || !length.is_multiple_of(4) {
        let message = format!("a block that says it has {length} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    room.clear();
    room.resize(usize::try_from(length - 8).map_err(io::Error::other)?, 0);
    if !fill(from, room)? {
        return Ok(None);
    }
    let block = match kind {
        INTERFACE => {
            let link = room.first_chunk().map_or(0, |bytes| u16::from_le_bytes(*bytes));
            Block::Interface(link.into())
        }
        PACKET => packet_of(room).unwrap_or(Block::Other),
        _ => Block::Other,
    };
    Ok(Some((block, length)))
}

fn packet_of(body: &[u8]) -> Option<Block<'_>> {
    let time_ns = u64::from(number(body, 4)?) << 32 | u64::from(number(body, 8)?);
    let kept = usize::try_from(number(body, 12)?).ok()?;
    Some(Block::Packet {
        interface: number(body, 0)?,
        time_ns,
        wire_length: number(body, 16)?,
        bytes: body.get(20..20_usize.checked_add(kept)?)?,
    })
}

fn number(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

/// Fills the room, or tells that the end came before.
fn fill(from: &mut impl Read, room: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(room) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
