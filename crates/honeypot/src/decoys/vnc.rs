//! VNC: the handshake of RFB with a challenge, whose answer is taken down as others crack it. Nobody gets
//! further.

mod machine;

use futures::FutureExt as _;

use super::Decoy;
use crate::session::{End, Fields, Outcome, Session};
use machine::{Machine, Step};

pub(crate) const DECOY: Decoy = Decoy {
    id: "vnc",
    port: 5900,
    summary: "VNC with a password, tries kept as a hash that can be cracked",
    serve: |session| serve(session).boxed(),
};

async fn serve(session: &mut Session) -> Result<(), End> {
    let own = session.service().banner.clone();
    let version = own.unwrap_or_else(|| session.persona().version("vnc").to_owned());
    session.write(format!("{version}\n").as_bytes()).await?;
    let mut challenge = [0; 16];
    if getrandom::fill(&mut challenge).is_err() {
        return Err(End::Closed);
    }
    let mut machine = Machine::new(challenge);
    loop {
        let piece = session.read_some(1_024).await?;
        let mut input = piece.as_slice();
        while !input.is_empty() {
            match machine.next(&mut input) {
                Step::More => break,
                Step::Say(bytes) => session.write(&bytes).await?,
                Step::Over(bytes) => {
                    let fields = Fields::new()
                        .with("bartizan.decoy.banner_sent", version.clone())
                        .with("bartizan.decoy.client", machine.client())
                        .with_bytes("bartizan.decoy.first", &piece);
                    session.tell("malformed", fields).await;
                    session.write(&bytes).await?;
                    session.close().await;
                    return Err(End::Protocol);
                }
                Step::Tried { response, say } => {
                    let fields = Fields::new()
                        .with("bartizan.decoy.hash", machine.crackable(&response))
                        .with("bartizan.decoy.banner_sent", version.clone())
                        .with("bartizan.decoy.client", machine.client());
                    session.think(20, 80).await;
                    session.credentials(b"", None, Outcome::Failure, fields).await;
                    session.write(&say).await?;
                    session.close().await;
                    return Ok(());
                }
            }
        }
    }
}

/// Gives bytes, cut into pieces by their first one, to everything here that reads them.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let (step, rest) = super::shared::fuzz_pieces(bytes);
    let mut machine = Machine::new([7; 16]);
    for mut piece in rest.chunks(step) {
        while !piece.is_empty() {
            if let Step::Tried { response, .. } = machine.next(&mut piece) {
                assert_eq!(machine.crackable(&response).len(), "$vnc$**".len() + 64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shared::testing::{nmap, run};
    use crate::testing::House;

    #[tokio::test]
    async fn the_answer_to_the_challenge_is_kept() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let house = House::new("vnc").await;
        let mut stream = house.connect().await;
        let mut greeting = [0; 12];
        stream.read_exact(&mut greeting).await.unwrap();
        assert_eq!(&greeting, b"RFB 003.008\n");
        stream.write_all(b"RFB 003.008\n\x02").await.unwrap();
        let mut challenge = [0; 18];
        stream.read_exact(&mut challenge).await.unwrap();
        stream.write_all(&[7; 16]).await.unwrap();
        let mut end = Vec::new();
        stream.read_to_end(&mut end).await.unwrap();
        assert_eq!(end, b"\0\0\0\x01\0\0\0\x16Authentication failure");
        let event = house.event("login").await;
        let hash = format!("$vnc$*{}*{}", crate::text::hex(&challenge[2..]), "07".repeat(16));
        assert_eq!(event["bartizan"]["decoy"]["hash"], hash);
        assert_eq!(event["bartizan"]["decoy"]["client"], "RFB 003.008\\n");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn hydra_tries_a_password() {
        let house = House::new("vnc").await;
        let port = house.address.port().to_string();
        let args = ["-s", &port, "-t", "1", "-I", "-p", "letmein", "vnc://127.0.0.1"];
        let Some(told) = run("hydra", &args).await else { return };
        assert!(told.contains("0 valid password"), "{told}");
        let event = house.event("login").await;
        assert!(event["bartizan"]["decoy"]["hash"].as_str().unwrap().starts_with("$vnc$*"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nmap_names_it() {
        let house = House::new("vnc").await;
        let Some(told) = nmap(&house).await else { return };
        assert!(told.contains("VNC (protocol 3.8)"), "{told}");
    }
}
