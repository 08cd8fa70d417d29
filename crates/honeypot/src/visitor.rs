//! What SSH and Telnet have in common once somebody is in: the shell's answers are told and timed.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;

use crate::session::{Fields, Visit, now};
use crate::shell::{Answer, Flavour, Happening, Place, Shell};

/// How long a command may seem to take.
const TAKES_MAX: Duration = Duration::from_secs(12);

/// Gives a shell for a user.
pub(crate) fn shell(visit: &Visit, user: &str, flavour: Flavour, has_terminal: bool) -> Shell {
    Shell::new(Place {
        persona: visit.persona(),
        tree: Arc::clone(visit.tree()),
        user,
        flavour,
        local: visit.local().ip(),
        peer: visit.peer().ip().to_canonical(),
        has_terminal,
        now: now(),
    })
}

/// Answers a line, tells of it, and takes as long as it would.
pub(crate) async fn line(visit: &Visit, shell: &mut Shell, text: &str) -> Answer {
    let hidden = shell.hides();
    if !text.trim().is_empty() {
        let fields = Fields::new();
        let fields = if hidden { fields.with("bartizan.decoy.answer", true) } else { fields };
        visit.command(text.as_bytes(), fields).await;
    }
    let answer = shell.line(text, now());
    happened(visit, &answer).await;
    answer
}

/// Tells what else happened, and takes as long as it would.
pub(crate) async fn happened(visit: &Visit, answer: &Answer) {
    for happening in &answer.happenings {
        match happening {
            Happening::Download(url) => {
                let fields = Fields::new()
                    .with("url.original", url.clone())
                    .with("event.outcome", "failure");
                visit.tell("download", fields).await;
            }
            Happening::Written { path, bytes } => {
                visit.upload(path.as_bytes(), bytes).await;
            }
        }
    }
    let takes = Duration::from_millis(answer.takes_ms).min(TAKES_MAX);
    if !takes.is_zero() {
        tokio::time::sleep(takes).await;
    }
}

/// Gives what stands before the first prompt of a log-in.
pub(crate) fn greeting(visit: &Visit, user: &str) -> String {
    let (persona, at) = (visit.persona(), now());
    let os = persona.os();
    let known = persona.users().iter().find(|known| known.name == user);
    let last = known.map_or_else(String::new, |known| {
        // Somebody was here some hours before, whenever one looks.
        let hours = persona.number(&format!("last {user} {}", at.seconds() / 200_000), 9, 55);
        let last = at.minus(Duration::from_secs(hours * 3413)).max(known.last_login);
        format!("Last login: {} from {}\n", moment(last), known.last_from)
    });
    if os.id == "ubuntu" {
        return format!(
            "Welcome to {} (GNU/Linux {} x86_64)\n\n * Documentation:  https://help.ubuntu.com\n * Management:     https://landscape.canonical.com\n * Support:        https://ubuntu.com/pro\n\n{last}",
            os.pretty, os.kernel
        );
    }
    format!(
        "Linux {} {} {} x86_64\n\nThe programs included with the Debian GNU/Linux system are free software;\nthe exact distribution terms for each program are described in the\nindividual files in /usr/share/doc/*/copyright.\n\nDebian GNU/Linux comes with ABSOLUTELY NO WARRANTY, to the extent\npermitted by applicable law.\n{last}",
        persona.host_name(),
        os.kernel,
        os.kernel_build
    )
}

/// Gives `Sat Nov 21 06:58:00 2026`.
fn moment(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let civil = at.civil();
    let day = usize::try_from(at.seconds().div_euclid(86_400).rem_euclid(7)).unwrap_or(0);
    let (day, month) = (DAYS.get(day), MONTHS.get(usize::from(civil.month).saturating_sub(1)));
    format!(
        "{} {} {:2} {:02}:{:02}:{:02} {}",
        day.unwrap_or(&"Mon"),
        month.unwrap_or(&"Jan"),
        civil.day,
        civil.hour,
        civil.minute,
        civil.second,
        civil.year
    )
}

/// Gives text as a terminal wants it: each line's end with a return before it.
pub(crate) fn with_returns(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    let mut before = 0;
    for byte in bytes {
        if *byte == b'\n' && before != b'\r' {
            text.push(b'\r');
        }
        text.push(*byte);
        before = *byte;
    }
    text
}
