//! The head of an SMB2 message ([MS-SMB2] 2.2.1), and the numbers that several parts use.

use bytes::BufMut;

use crate::octets::{Octets, part};

/// Bytes of the head.
pub(super) const BYTES: usize = 64;
pub(super) const MAGIC: &[u8; 4] = b"\xfeSMB";

pub(super) const NEGOTIATE: u16 = 0;
pub(super) const SESSION_SETUP: u16 = 1;
pub(super) const LOGOFF: u16 = 2;
pub(super) const TREE_CONNECT: u16 = 3;
pub(super) const TREE_DISCONNECT: u16 = 4;
pub(super) const CREATE: u16 = 5;
pub(super) const CLOSE: u16 = 6;
pub(super) const FLUSH: u16 = 7;
pub(super) const READ: u16 = 8;
pub(super) const WRITE: u16 = 9;
pub(super) const LOCK: u16 = 10;
pub(super) const IOCTL: u16 = 11;
pub(super) const CANCEL: u16 = 12;
pub(super) const ECHO: u16 = 13;
pub(super) const QUERY_DIRECTORY: u16 = 14;
pub(super) const QUERY_INFO: u16 = 16;
pub(super) const SET_INFO: u16 = 17;

pub(super) const SUCCESS: u32 = 0;
pub(super) const BUFFER_OVERFLOW: u32 = 0x8000_0005;
pub(super) const NO_MORE_FILES: u32 = 0x8000_0006;
pub(super) const INVALID_INFO_CLASS: u32 = 0xc000_0003;
pub(super) const INVALID_PARAMETER: u32 = 0xc000_000d;
pub(super) const NO_SUCH_FILE: u32 = 0xc000_000f;
pub(super) const END_OF_FILE: u32 = 0xc000_0011;
pub(super) const MORE_PROCESSING_REQUIRED: u32 = 0xc000_0016;
pub(super) const ACCESS_DENIED: u32 = 0xc000_0022;
pub(super) const OBJECT_NAME_NOT_FOUND: u32 = 0xc000_0034;
pub(super) const OBJECT_NAME_COLLISION: u32 = 0xc000_0035;
pub(super) const LOGON_FAILURE: u32 = 0xc000_006d;
pub(super) const DISK_FULL: u32 = 0xc000_007f;
pub(super) const PIPE_EMPTY: u32 = 0xc000_00d9;
pub(super) const INSUFFICIENT_RESOURCES: u32 = 0xc000_009a;
pub(super) const FILE_IS_A_DIRECTORY: u32 = 0xc000_00ba;
pub(super) const NOT_SUPPORTED: u32 = 0xc000_00bb;
pub(super) const NETWORK_NAME_DELETED: u32 = 0xc000_00c9;
pub(super) const BAD_NETWORK_NAME: u32 = 0xc000_00cc;
pub(super) const FILE_CLOSED: u32 = 0xc000_0128;
pub(super) const NOT_FOUND: u32 = 0xc000_0225;
pub(super) const USER_SESSION_DELETED: u32 = 0xc000_0203;

const RESPONSE: u32 = 1;
const RELATED: u32 = 4;

/// What a request's head says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) credit_charge: u16,
    pub(super) command: u16,
    pub(super) credits: u16,
    pub(super) flags: u32,
    pub(super) next: u32,
    pub(super) message: u64,
    pub(super) process: u32,
    pub(super) tree: u32,
    pub(super) session: u64,
}

impl Head {
    /// Reads the head of a request.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut octets = Octets::new(bytes);
        if octets.take(4)? != MAGIC || octets.u16_le()? != 64 {
            return None;
        }
        let credit_charge = octets.u16_le()?;
        octets.take(4)?;
        let head = Self {
            credit_charge,
            command: octets.u16_le()?,
            credits: octets.u16_le()?,
            flags: octets.u32_le()?,
            next: octets.u32_le()?,
            message: octets.u64_le()?,
            process: octets.u32_le()?,
            tree: octets.u32_le()?,
            session: octets.u64_le()?,
        };
        octets.take(16)?;
        (head.flags & RESPONSE == 0).then_some(head)
    }

    /// The head of an answer to an old dialect's question, which has none of these numbers.
    pub(super) fn first() -> Self {
        Self {
            credit_charge: 0,
            command: NEGOTIATE,
            credits: 1,
            flags: 0,
            next: 0,
            message: 0,
            process: 0,
            tree: 0,
            session: 0,
        }
    }

    /// Tells whether the request goes on with what the one before it named.
    pub(super) fn is_related(&self) -> bool {
        self.flags & RELATED != 0
    }

    /// Writes the answer's head and body.
    pub(super) fn answer(&self, status: u32, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(BYTES + body.len());
        out.put_slice(MAGIC);
        out.put_u16_le(64);
        out.put_u16_le(self.credit_charge);
        out.put_u32_le(status);
        out.put_u16_le(self.command);
        out.put_u16_le(self.credits.clamp(1, 64));
        out.put_u32_le(RESPONSE | (self.flags & RELATED));
        out.put_u32_le(0);
        out.put_u64_le(self.message);
        out.put_u32_le(self.process);
        out.put_u32_le(self.tree);
        out.put_u64_le(self.session);
        out.put_bytes(0, 16);
        out.put_slice(body);
        out
    }
}

/// The body that goes with an error.
pub(super) fn error() -> Vec<u8> {
    vec![9, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// What a request points to, by an offset from the front of its head.
pub(super) fn pointed(message: &[u8], offset: usize, length: usize) -> Option<&[u8]> {
    if length == 0 {
        return Some(&[]);
    }
    part(message, offset, length)
}
