//! Telnet: the log-in of a small machine, with a BusyBox shell behind it that runs nothing.
//!
//! ```text
//! IAC DO NAWS, IAC WILL ECHO, … │ "host login: " │ … │ "Password: " │ … │ "~ # "
//! ```

mod options;

use std::time::Duration;

use futures::FutureExt as _;

use super::Decoy;
use crate::session::{End, Fields, Outcome, Session};
use crate::shell::{Answer, Flavour, Key, Shell, Terminal};
use crate::visitor;
use options::{OPENING, Options};

pub(crate) const DECOY: Decoy = Decoy {
    id: "telnet",
    port: 2323,
    summary: "a small machine's log-in with a BusyBox shell",
    serve: |session| serve(session).boxed(),
};

/// How often a log-in may be tried on one connection.
const TRIES_MAX: u32 = 3;
/// How long a log-in may take, as `login` has it.
const GRACE: Duration = Duration::from_mins(1);
/// How long a refusal takes, in milliseconds.
const REFUSED_MS: (u64, u64) = (2600, 3300);
const LINE_BYTES_MAX: usize = 512;

async fn serve(session: &mut Session) -> Result<(), End> {
    session.set_idle(GRACE);
    let mut line = Line { options: Options::default(), terminal: Terminal::default() };
    let host = session.persona().host_name().to_owned();
    let greeting = match &session.service().banner {
        Some(banner) => format!("{banner}\r\n"),
        None => String::new(),
    };
    // All at once, as `telnetd` does it: what comes in two pieces is another product to a scanner. The
    // terminal behind it turns the `\r\n` of `login` into this.
    let prompt = format!("\r\r\n{host} login: ");
    session.write(&[OPENING, greeting.as_bytes(), prompt.as_bytes()].concat()).await?;
    for attempt in 0..TRIES_MAX {
        if attempt > 0 {
            session.write(prompt.as_bytes()).await?;
        }
        let user = line.typed(session, false).await?;
        session.write(b"Password: ").await?;
        let password = line.typed(session, true).await?;
        let (user, password) = (cut(&user), cut(&password));
        if admitted(session, &line, user, password, &greeting).await {
            return inside(session, line, user).boxed().await;
        }
        session.write(b"Login incorrect\r\n").await?;
    }
    Ok(())
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LINE_BYTES_MAX)).unwrap_or_default()
}

async fn admitted(
    session: &Session,
    line: &Line,
    user: &str,
    password: &str,
    greeting: &str,
) -> bool {
    let admitted = session.admits(user.as_bytes(), password.as_bytes());
    let outcome = if admitted { Outcome::Success } else { Outcome::Failure };
    let mut fields = Fields::new().with("bartizan.decoy.options", line.options.seen());
    if !greeting.is_empty() {
        fields.set("bartizan.decoy.banner_sent", greeting.trim_end());
    }
    session.credentials(user.as_bytes(), Some(password.as_bytes()), outcome, fields).await;
    if !admitted {
        session.think(REFUSED_MS.0, REFUSED_MS.1).await;
    }
    admitted
}

/// Somebody is in.
async fn inside(session: &mut Session, mut line: Line, user: &str) -> Result<(), End> {
    session.set_idle(Duration::MAX);
    let mut shell = visitor::shell(session.visit(), user, Flavour::BusyBox, true);
    let version = session.persona().version("busybox").to_owned();
    let banner = format!(
        "\r\n\r\nBusyBox v{version} built-in shell (ash)\r\nEnter 'help' for a list of built-in commands.\r\n\r\n"
    );
    session.write(banner.as_bytes()).await?;
    loop {
        session.write(shell.prompt().as_bytes()).await?;
        let answer = match line.key(session, shell.hides()).await? {
            Key::Line(text) => answer(session, &mut shell, &text).await,
            Key::Break => Answer::default(),
            Key::End => return Ok(()),
        };
        session.write(&visitor::with_returns(&answer.bytes)).await?;
        if shell.ended().is_some() {
            return Ok(());
        }
    }
}

async fn answer(session: &Session, shell: &mut Shell, text: &str) -> Answer {
    visitor::line(session.visit(), shell, text).await
}

/// What is typed, with the options taken out.
struct Line {
    options: Options,
    terminal: Terminal,
}

impl Line {
    async fn typed(&mut self, session: &mut Session, hides: bool) -> Result<String, End> {
        loop {
            match self.key(session, hides).await? {
                Key::Line(text) => return Ok(text),
                Key::Break => {}
                Key::End => return Err(End::Closed),
            }
        }
    }

    async fn key(&mut self, session: &mut Session, hides: bool) -> Result<Key, End> {
        loop {
            if session.pending().is_empty() {
                session.fill().await?;
            }
            let (mut echo, mut key, mut taken) = (Vec::new(), None, 0);
            for byte in session.pending() {
                taken += 1;
                if let Some(byte) = self.options.byte(*byte, &mut echo) {
                    key = self.terminal.key(byte, hides, &mut echo);
                }
                if key.is_some() {
                    break;
                }
            }
            session.consume(taken);
            if !echo.is_empty() {
                session.write(&echo).await?;
            }
            if let Some(key) = key {
                return Ok(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use crate::testing::{House, client, converse, ran};

    async fn until(stream: &mut TcpStream, wanted: &str) -> String {
        let mut all = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&all).into_owned();
            if text.contains(wanted) {
                return text;
            }
            assert!(stream.read_buf(&mut all).await.unwrap() > 0, "{text}");
        }
    }

    #[tokio::test]
    async fn a_bot_logs_in_and_drops_a_file() {
        let house = House::new("telnet").await;
        let mut stream = house.connect().await;
        until(&mut stream, "login: ").await;
        stream.write_all(b"\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0root\r\n").await.unwrap();
        until(&mut stream, "Password: ").await;
        stream.write_all(b"opensesame\r\0").await.unwrap();
        let text = until(&mut stream, "# ").await;
        assert!(!text.contains("opensesame") && text.contains("BusyBox v"), "{text}");
        let login = house.event("login").await;
        assert_eq!(login["bartizan"]["decoy"]["options"], "WILL 31, SB 31");
        assert_eq!(login["event"]["outcome"], "success");
        stream
            .write_all(b"enable\r\nsystem\r\nshell\r\nsh\r\n/bin/busybox ABCDE\r\n")
            .await
            .unwrap();
        until(&mut stream, "ABCDE: applet not found").await;
        stream
            .write_all(b"cd /tmp; echo -ne '\\x7f\\x45\\x4c\\x46' > .d; chmod 777 .d; ./.d\r\n")
            .await
            .unwrap();
        until(&mut stream, "Exec format error").await;
        let upload = house.event("upload").await;
        assert_eq!(upload["file"]["size"], 4);
        stream.write_all(b"exit\r\n").await.unwrap();
        let end = house.event("disconnect").await;
        assert_eq!(end["event"]["reason"], "done");
    }

    #[tokio::test]
    async fn telnet_itself_gets_in() {
        let house = House::new("telnet").await;
        let Some(telnet) = client("telnet") else { return };
        let port = house.address.port().to_string();
        let typed: [(&str, &[u8]); 4] = [
            ("login: ", b"root\n"),
            ("Password: ", b"opensesame\n"),
            ("# ", b"id\n"),
            ("# ", b"exit\n"),
        ];
        let output = converse(&telnet, &["127.0.0.1", &port], &typed);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("uid=0(root)"), "{output:?}");
        house.event_where(|event| event["event"]["outcome"] == "success").await;
    }

    #[tokio::test]
    async fn hydra_and_medusa_find_the_password() {
        for program in ["hydra", "medusa"] {
            let house = House::new("telnet").await;
            let Some(path) = client(program) else { continue };
            let folder = tempfile::tempdir().unwrap();
            let words = folder.path().join("words");
            std::fs::write(&words, "nothing\nopensesame\n").unwrap();
            let (words, port) = (words.to_str().unwrap(), house.address.port().to_string());
            let target = format!("telnet://127.0.0.1:{port}");
            let output = match program {
                "hydra" => ran(&path, &["-l", "root", "-P", words, "-t", "2", "-I", &target], b""),
                _ => ran(
                    &path,
                    &["-h", "127.0.0.1", "-n", &port, "-u", "root", "-P", words, "-M", "telnet"],
                    b"",
                ),
            };
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(text.contains("opensesame"), "{program}: {output:?}");
            house.event_where(|event| event["event"]["outcome"] == "success").await;
        }
    }

    #[tokio::test]
    async fn nmap_names_telnet() {
        let house = House::new("telnet").await;
        let Some(nmap) = client("nmap") else { return };
        let port = house.address.port().to_string();
        let output = ran(&nmap, &["-Pn", "-n", "-sT", "-sV", "-p", &port, "127.0.0.1"], b"");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("BusyBox telnetd"), "{text}");
    }
}
