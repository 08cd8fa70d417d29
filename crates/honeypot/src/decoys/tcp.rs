//! Any port: records the first words of whoever comes, and answers nothing or with a banner.

use futures::FutureExt as _;

use super::Decoy;
use crate::session::{End, Fields, Session};

pub(crate) const DECOY: Decoy = Decoy {
    id: "tcp",
    port: 4444,
    summary: "any port: records the first bytes, may greet with a banner",
    serve: |session| serve(session).boxed(),
};

/// How much of the first words is told.
const FIRST_BYTES_MAX: usize = 1024;
/// How much is taken all in all.
const BYTES_MAX: usize = 64 * 1024;

async fn serve(session: &mut Session) -> Result<(), End> {
    if let Some(banner) = session.service().banner.clone() {
        session.write(format!("{banner}\r\n").as_bytes()).await?;
    }
    let first = session.read_some(FIRST_BYTES_MAX).await?;
    session.met(&first);
    let mut fields = Fields::new()
        .with_bytes("bartizan.decoy.first", &first)
        .with("bartizan.decoy.speaks", speaks(&first));
    if let Some(banner) = &session.service().banner {
        fields.set("bartizan.decoy.banner_sent", banner.clone());
    }
    session.tell("request", fields).await;
    let mut taken = first.len();
    while taken < BYTES_MAX {
        taken += session.read_some(FIRST_BYTES_MAX).await?.len();
    }
    Ok(())
}

/// Gives what the first words look like.
fn speaks(first: &[u8]) -> &'static str {
    match first {
        [22, 3, ..] => "tls",
        [b'S', b'S', b'H', b'-', ..] => "ssh",
        [3, 0, _, _, _, 0xe0, ..] => "rdp",
        [0, _, _, _, 0xff | 0xfe, b'S', b'M', b'B', ..] => "smb",
        [5, 1..=9, ..] => "socks5",
        [4, 1 | 2, ..] => "socks4",
        [0xff, 0xfb..=0xfe, ..] => "telnet",
        _ if is_http(first) => "http",
        _ if first.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => {
            "text"
        }
        _ => "bytes",
    }
}

fn is_http(first: &[u8]) -> bool {
    let methods: [&[u8]; 7] =
        [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"CONNECT ", b"DELETE "];
    methods.iter().any(|method| first.starts_with(method))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::testing::House;

    #[test]
    fn first_words_are_known() {
        assert_eq!(speaks(b"GET / HTTP/1.0\r\n"), "http");
        assert_eq!(speaks(b"\x16\x03\x01"), "tls");
        assert_eq!(speaks(b"hello\n"), "text");
        assert_eq!(speaks(b"\x00\x01"), "bytes");
    }

    #[tokio::test]
    async fn greets_and_tells_what_came_first() {
        let house = House::with_banner("tcp", "hello").await;
        let mut stream = house.connect().await;
        let mut greeting = [0; 7];
        stream.read_exact(&mut greeting).await.unwrap();
        assert_eq!(&greeting, b"hello\r\n");
        stream.write_all(b"GET /x HTTP/1.0\r\n\r\n").await.unwrap();
        let event = house.event("request").await;
        assert_eq!(event["bartizan"]["decoy"]["first"], "GET /x HTTP/1.0\r\n\r\n");
        assert_eq!(event["bartizan"]["decoy"]["speaks"], "http");
        assert_eq!(event["network"]["protocol"], "tcp");
        drop(stream);
        let event = house.event("disconnect").await;
        assert_eq!(event["event"]["reason"], "closed");
        assert_eq!(event["bartizan"]["decoy"]["bytes_in"], 19);
        let session = event["session"]["id"].as_str().unwrap();
        let transcript = house.vault().transcript(session).unwrap();
        assert_eq!(transcript.parts[0].bytes, b"GET /x HTTP/1.0\r\n\r\n");
        assert_eq!(transcript.left_out, Some(0));
    }
}
