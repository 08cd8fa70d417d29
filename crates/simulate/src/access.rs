//! Access-log lines as nginx writes them (the combined format), and ways to write a request's target.
//!
//! ```text
//! 192.0.2.7 - - [21/Nov/2026:06:58:00 +0000] "GET /cart HTTP/1.1" 200 512 "-" "Mozilla/5.0 …"
//! ```

use std::fmt::Write;
use std::net::IpAddr;

use model::Timestamp;

use crate::syslog::month;

/// One request, as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) client: IpAddr,
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) status: u64,
    pub(crate) bytes: u64,
    pub(crate) referer: String,
    pub(crate) agent: String,
}

impl Access {
    pub(crate) fn get(client: IpAddr, target: impl Into<String>) -> Self {
        Self {
            client,
            method: "GET",
            target: target.into(),
            status: 200,
            bytes: 512,
            referer: "-".to_owned(),
            agent: "-".to_owned(),
        }
    }

    /// Gives the line of the access log.
    pub(crate) fn line(&self, time: Timestamp) -> String {
        let at = time.civil();
        let mut line = String::with_capacity(160 + self.target.len() + self.agent.len());
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            line,
            "{} - - [{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000] \"{} ",
            self.client,
            at.day,
            month(at.month),
            at.year,
            at.hour,
            at.minute,
            at.second,
            self.method
        );
        escape(&mut line, &self.target);
        let _ = write!(line, " HTTP/1.1\" {} {} \"", self.status, self.bytes);
        escape(&mut line, &self.referer);
        line.push_str("\" \"");
        escape(&mut line, &self.agent);
        line.push('"');
        line
    }
}

/// Writes what the client sent as nginx does: quotes, backslashes and unprintable bytes as `\xHH`.
fn escape(line: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f.. => {
                let _ = write!(line, "\\x{byte:02X}");
            }
            _ => line.push(char::from(byte)),
        }
    }
}

/// Writes a value as browsers do: all but letters, digits and `-_.~` as `%HH`.
pub(crate) fn percent(text: &str) -> String {
    each_byte(text, |out, byte| {
        // Writing to a string cannot fail, here and below.
        let _ = if byte == b'.' { write!(out, ".") } else { write!(out, "%{byte:02X}") };
    })
}

/// As [`percent`], and each percent sign once more.
pub(crate) fn percent_twice(text: &str) -> String {
    percent(text).replace('%', "%25")
}

/// Writes each special character as two bytes where one would do (overlong UTF-8).
pub(crate) fn overlong(text: &str) -> String {
    each_byte(text, |out, byte| {
        let _ = write!(out, "%{:02x}%{:02x}", 0xc0 | (byte >> 6), 0x80 | (byte & 0x3f));
    })
}

/// Writes each special character as `%uHHHH`, which old servers of one maker understand.
pub(crate) fn percent_u(text: &str) -> String {
    each_byte(text, |out, byte| {
        let _ = write!(out, "%u00{byte:02x}");
    })
}

/// Writes each special character as its wide twin, which some data bases fold back.
pub(crate) fn fullwidth(text: &str) -> String {
    let wide = |c: char| match c {
        '!'..='/' | ':'..='@' | '['..='`' | '{'..='~' => {
            char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c)
        }
        _ => c,
    };
    percent(&text.chars().map(wide).collect::<String>())
}

/// Changes the case of every second letter and puts comments for blanks.
pub(crate) fn mixed_case_comments(text: &str) -> String {
    let mut upper = false;
    let mixed: String = text
        .chars()
        .map(|c| {
            upper = !upper;
            if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
        })
        .collect();
    percent(&mixed.replace(' ', "/**/")).replace("%2F%2A%2A%2F", "/**/")
}

fn each_byte(text: &str, special: impl Fn(&mut String, u8)) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            special(&mut out, byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn a_line_cannot_be_broken_from_outside() {
        let mut access = Access::get(IpAddr::from([192, 0, 2, 7]), "/\"\\x\né");
        access.agent = "a\"b".to_owned();
        let line = access.line(Timestamp::parse("2026-11-21T06:58:00Z").unwrap());
        check(
            &line,
            expect![[
                r#"192.0.2.7 - - [21/Nov/2026:06:58:00 +0000] "GET /\x22\x5Cx\x0A\xC3\xA9 HTTP/1.1" 200 512 "-" "a\x22b""#
            ]],
        );
    }

    #[test]
    fn disguises() {
        check(&percent("../a b"), expect!["..%2Fa%20b"]);
        check(&percent_twice("<a"), expect!["%253Ca"]);
        check(&overlong("../"), expect!["%c0%ae%c0%ae%c0%af"]);
        check(&percent_u("<a"), expect!["%u003ca"]);
        check(&fullwidth("<a"), expect!["%EF%BC%9Ca"]);
        check(&mixed_case_comments("1 union select 2"), expect!["1/**/UnIoN/**/SeLeCt/**/2"]);
    }

    #[track_caller]
    fn check(shown: &str, expect: Expect) {
        expect.assert_eq(shown);
    }
}
