//! Doors for the fuzzer, and a test that goes through them with bytes at random.

pub use crate::decoys::fuzz;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fuzz;

    /// What real clients send, to be changed here and there.
    const SAMPLES: &[(&str, &[u8])] = &[
        ("http", b"\x1fPOST /wp-login.php?a=%41 HTTP/1.1\r\nHost: a:80\r\nUser-Agent: x Chrome/1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 13\r\n\r\nlog=a&pwd=b%4GET /.env HTTP/1.0\r\n\r\nPOST /xmlrpc.php HTTP/1.0\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n<a>\r\n0\r\n\r\n"),
        ("http", b"\x02POST /upload HTTP/1.0\r\nAuthorization: Basic YTpi\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 78\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nabc\r\n--b--\r\n"),
        ("elasticsearch", b"\x08GET /_cat/indices?v HTTP/1.1\r\nHost: x\r\n\r\nPOST /a/_search HTTP/1.0\r\nContent-Length: 12\r\n\r\n{\"script\":1}"),
        ("redis", b"\x05*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nab\r\nCONFIG SET dir /tmp\r\nSAVE\r\nEVAL \"return 1\" 0\r\nKEYS *\r\nINFO\r\n"),
        ("ftp", b"\x01USER ftp\nPASS x\nCWD pub\nRETR x.tar.gz\nSTOR /pub/y\nRNFR y\nRNTO z\nLIST -la\nMDTM x.tar.gz\n"),
        ("smtp", b"\x01EHLO x\nAUTH PLAIN AGEAYg==\nAUTH LOGIN\nYQ==\nYg==\nMAIL FROM:<a@b>\nRCPT TO:<ahoff>\nDATA\n"),
        ("mysql", b"\x26\0\0\x01\0\x82\0\0\0\0\0\x01\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0root\0\0\x1c\0\0\0\x03select version(), @@port, 1"),
        ("mysql", b"\x26\0\0\x01\0\x82\0\0\0\0\0\x01\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0root\0\0\x09\0\0\0\x16select ?\x0d\0\0\0\x17\x01\0\0\0\0\x01\0\0\0\0\x01\x03\0\x05\0\0\0\x19\x01\0\0\0"),
        ("postgresql", b"\0\0\0\x13\0\x03\0\0user\0root\0\0p\0\0\0\x09md5a\0Q\0\0\0\x1dcopy t from program 'id';\0P\0\0\0\x0f\0select 1\0\0\0B\0\0\0\x06\0\0D\0\0\0\x06P\0E\0\0\0\x04S\0\0\0\x04"),
        ("mongodb", b"\x24\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x0f\0\0\0\x10ping\0\x01\0\0\0\0"),
        ("rdp", b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\x000\x05\xa0\x03\x02\x01\x06"),
        ("smb", b"\0\0\0\x2f\xffSMBr\0\0\0\0\x08\x01\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0c\0\x02NT LM 0.12\0"),
        ("vnc", b"\x06RFB 003.008\n\x020123456789abcdef"),
    ];

    proptest! {
        #[test]
        fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            for (kind, _) in SAMPLES {
                fuzz(kind, &bytes);
            }
        }

        #[test]
        fn changed_bytes(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..12)) {
            for (kind, sample) in SAMPLES {
                let mut bytes = sample.to_vec();
                for (at, byte, how) in &changes {
                    let at = at.index(bytes.len());
                    match how {
                        0 => bytes[at] = *byte,
                        1 => bytes.insert(at, *byte),
                        _ if bytes.len() > 1 => drop(bytes.remove(at)),
                        _ => {}
                    }
                }
                fuzz(kind, &bytes);
            }
        }
    }
}
