//! Syslog messages, as they go over the wire and as they stand in files.
//!
//! ```text
//! <38>Nov 21 06:58:00 web-1.simulated.example sshd[811]: Failed password for …      RFC 3164
//! <38>1 2026-11-21T06:58:00.000Z web-1.simulated.example sshd 811 - - Failed …      RFC 5424
//! Nov 21 06:58:00 web-1.simulated.example sshd[811]: Failed password for …          in a file
//! ```
//!
//! Times are in UTC, also where the shape tells no zone.

use std::fmt::Write;

use model::Timestamp;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// One message before it takes a shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    /// Facility times eight plus severity.
    pub(crate) priority: u64,
    pub(crate) time: Timestamp,
    pub(crate) host: &'a str,
    pub(crate) program: &'a str,
    pub(crate) pid: Option<u64>,
    pub(crate) text: &'a str,
}

/// Which standard the frame follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Rfc3164,
    Rfc5424,
}

impl Message<'_> {
    /// Gives the message as it goes over the wire.
    pub(crate) fn frame(&self, shape: Shape) -> String {
        let Self { priority, time, host, program, text, .. } = self;
        match shape {
            Shape::Rfc3164 => format!("<{priority}>{}", self.line()),
            Shape::Rfc5424 => {
                let pid = self.pid.map_or("-".to_owned(), |pid| pid.to_string());
                format!("<{priority}>1 {time} {host} {program} {pid} - - {text}")
            }
        }
    }

    /// Gives the message as it stands in a file.
    pub(crate) fn line(&self) -> String {
        let mut line = String::with_capacity(64 + self.text.len());
        write_short_time(&mut line, self.time);
        let Self { host, program, text, .. } = self;
        // Writing to a string cannot fail, here and below.
        let _ = match self.pid {
            Some(pid) => write!(line, " {host} {program}[{pid}]: {text}"),
            None => write!(line, " {host} {program}: {text}"),
        };
        line
    }
}

/// Writes `Nov 21 06:58:00`.
pub(crate) fn write_short_time(line: &mut String, time: Timestamp) {
    let at = time.civil();
    let _ = write!(
        line,
        "{} {:2} {:02}:{:02}:{:02}",
        month(at.month),
        at.day,
        at.hour,
        at.minute,
        at.second
    );
}

/// Gives the short name of a month from 1 to 12.
pub(crate) fn month(number: u8) -> &'static str {
    MONTHS.get(usize::from(number.saturating_sub(1))).copied().unwrap_or("Jan")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn every_shape() {
        check(
            Some(811),
            expect![[r"
                <38>Nov  1 06:58:00 web-1 sshd[811]: hello
                <38>1 2026-11-01T06:58:00.000Z web-1 sshd 811 - - hello
                Nov  1 06:58:00 web-1 sshd[811]: hello"]],
        );
        check(
            None,
            expect![[r"
                <38>Nov  1 06:58:00 web-1 sshd: hello
                <38>1 2026-11-01T06:58:00.000Z web-1 sshd - - - hello
                Nov  1 06:58:00 web-1 sshd: hello"]],
        );
    }

    #[track_caller]
    fn check(pid: Option<u64>, expect: Expect) {
        let time = Timestamp::parse("2026-11-01T06:58:00Z").unwrap();
        let message =
            Message { priority: 38, time, host: "web-1", program: "sshd", pid, text: "hello" };
        let shapes = [Shape::Rfc3164, Shape::Rfc5424].map(|shape| message.frame(shape));
        expect.assert_eq(&format!("{}\n{}\n{}", shapes[0], shapes[1], message.line()));
    }
}
