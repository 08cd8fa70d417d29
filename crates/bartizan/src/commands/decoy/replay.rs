//! `bartizan decoy replay`: a session as text, with its timing.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use honeypot::{TranscriptPart, Vault, Way};

use crate::failure::Outcome;
use crate::output::{complain, printable, say, told};

/// How long a silence is played at most.
const SILENCE_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The session, as `bartizan decoy sessions` and `session.id` show it
    session: String,
    /// Plays it on the terminal in its own time, so many times as fast
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(1..=1000))]
    speed: Option<u32>,
}

pub(super) fn run(args: &Args, vault: &Vault) -> anyhow::Result<Outcome> {
    let transcript = vault.transcript(&args.session)?;
    let head = &transcript.head;
    complain(&format!(
        "{} from {} to {} ({}), {}",
        head.kind, head.source, head.destination, head.name, head.began
    ));
    match args.speed {
        Some(speed) => play(&transcript.parts, speed)?,
        None => {
            for part in &transcript.parts {
                say(&line(part))?;
            }
        }
    }
    match transcript.left_out {
        Some(0) => {}
        Some(bytes) => complain(&format!("{bytes} bytes more were not kept")),
        None => complain("the session did not come to its end in this transcript"),
    }
    Ok(Outcome::Done)
}

/// Gives one part as a line: when, who, what.
fn line(part: &TranscriptPart) -> String {
    let (seconds, millis) = (part.after_ms / 1000, part.after_ms % 1000);
    let way = if part.way == Way::In { '>' } else { '<' };
    format!("{seconds:6}.{millis:03} {way} {}", shown(&part.bytes))
}

/// Gives bytes as text in one line, with nothing that a terminal would obey.
fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                letter => text.push(letter),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    printable(&text)
}

/// Plays what the decoy said, which is what the intruder saw, in its own time.
fn play(parts: &[TranscriptPart], speed: u32) -> anyhow::Result<()> {
    let waits = std::io::stdout().is_terminal();
    let mut at = 0;
    for part in parts.iter().filter(|part| part.way == Way::Out) {
        let silence = Duration::from_millis(u64::from(part.after_ms.saturating_sub(at))) / speed;
        if waits {
            std::thread::sleep(silence.min(SILENCE_MAX));
        }
        at = part.after_ms;
        let text = String::from_utf8_lossy(&part.bytes).replace('\r', "");
        let lines: Vec<String> = text.split('\n').map(printable).collect();
        let mut out = std::io::stdout().lock();
        told(out.write_all(lines.join("\n").as_bytes()).and_then(|()| out.flush()))?;
    }
    told(writeln!(std::io::stdout().lock()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_shows_as_text() {
        let part =
            TranscriptPart { after_ms: 1042, way: Way::In, bytes: b"id\r\n\x1b[2J\xff".to_vec() };
        let line = line(&part);
        assert!(line.starts_with("     1.042 > id\\r\\n"), "{line}");
        assert!(!line.contains('\x1b') && line.ends_with("\\xff"), "{line}");
    }
}
