//! HASSH: the MD5 of what a client of SSH offers of key exchanges, ciphers, MACs and compressions
//! towards the server, joined with `;`.

use crate::bytes::Bytes;
use crate::digest::md5;

const KEXINIT: u8 = 20;
const COOKIE_BYTES: usize = 16;

/// Gives the HASSH of a list of algorithms, the payload of SSH's `KEXINIT` (RFC 4253, section 7.1);
/// `None` where it is none.
pub fn hassh(payload: &[u8]) -> Option<String> {
    let mut rest = Bytes::new(payload);
    if rest.u8()? != KEXINIT {
        return None;
    }
    rest.skip(COOKIE_BYTES)?;
    let mut list = || rest.part32().map(|list| String::from_utf8_lossy(list.rest()).into_owned());
    // Key exchanges, host keys, then pairs: towards the server and back.
    let (exchanges, _host_keys) = (list()?, list()?);
    let (ciphers, _) = (list()?, list()?);
    let (macs, _) = (list()?, list()?);
    let (compressions, _) = (list()?, list()?);
    Some(md5(&[exchanges, ciphers, macs, compressions].join(";")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(lists: &[&str]) -> Vec<u8> {
        let mut bytes = vec![KEXINIT];
        bytes.extend([7; COOKIE_BYTES]);
        for list in lists {
            bytes.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
            bytes.extend(list.as_bytes());
        }
        bytes
    }

    #[test]
    fn what_goes_towards_the_server_counts() {
        let lists = ["kex1,kex2", "key", "c1", "c2", "m1", "m2", "none", "zlib"];
        assert_eq!(hassh(&payload(&lists)), Some(md5("kex1,kex2;c1;m1;none")));
        assert_eq!(hassh(&payload(&lists[..7])), None);
        assert_eq!(hassh(b"\x15"), None);
    }
}
