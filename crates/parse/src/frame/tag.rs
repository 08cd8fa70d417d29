//! The program's name before the message: `sshd[4711]: `.

/// Bounds how far a program's name is looked for.
const TAG_BYTES_MAX: usize = 128;

/// A program's name, its process, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    pub(super) pid: &'a str,
    pub(super) message: &'a str,
}

/// Reads `sshd[4711]: `, `kernel: `, `su(pam_unix)[12]: `, `%ASA-6-302013: `, and names of two words
/// where a process number follows (`Microsoft Outlook[12]: `).
pub(super) fn read(text: &str) -> Option<Tag<'_>> {
    let bytes = text.as_bytes();
    let mut word_end = None;
    for (at, byte) in bytes.iter().enumerate().take(TAG_BYTES_MAX) {
        match byte {
            b':' if at > 0 && matches!(bytes.get(at + 1), None | Some(b' ' | b'\t')) => {
                return without_process(text, at, word_end);
            }
            b'[' if at > 0 => return with_process(text, at),
            b' ' if word_end.is_none() && at > 0 => word_end = Some(at),
            b'=' | b'"' | b'{' | b'}' | b'|' | b' ' | b'\t' | b',' | b'[' => return None,
            _ => {}
        }
    }
    None
}

/// Reads a tag that ends with a colon at `colon`; with a space in it only the first word is the
/// name, and the second must be a version (`syslogd 1.4.1: `).
fn without_process(text: &str, colon: usize, space: Option<usize>) -> Option<Tag<'_>> {
    let message = text.get(colon + 1..)?;
    let name = match space {
        None => text.get(..colon)?,
        Some(space) => {
            let second = text.get(space + 1..colon)?;
            second.starts_with(|c: char| c.is_ascii_digit()).then_some(())?;
            text.get(..space)?
        }
    };
    Some(Tag { name, pid: "", message: message.strip_prefix(' ').unwrap_or(message) })
}

/// Reads a tag whose process stands in brackets at `open`.
fn with_process(text: &str, open: usize) -> Option<Tag<'_>> {
    let name = text.get(..open)?;
    let (pid, rest) = text.get(open + 1..)?.split_once(']')?;
    if pid.is_empty() || pid.len() > 20 || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // macOS: `com.apple.xpc.launchd[1] (com.apple.quicklook[54]): `.
    let rest = match rest.strip_prefix(" (").and_then(|inner| inner.split_once("):")) {
        Some((inner, rest)) if inner.len() <= TAG_BYTES_MAX => rest,
        _ => rest
            .strip_prefix(':')
            .or_else(|| rest.strip_prefix(" ").filter(|_| !name.contains(' ')))?,
    };
    Some(Tag { name, pid, message: rest.strip_prefix(' ').unwrap_or(rest) })
}

/// Gives the program's bare name: `su(pam_unix)` is `su`, `(systemd)` is `systemd`,
/// `/usr/sbin/cron` is `cron`.
pub(super) fn program(tag: &str) -> &str {
    if let Some(inner) = tag.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        return inner;
    }
    let name = match tag.find('(') {
        Some(open) if open > 0 => tag.get(..open).unwrap_or(tag),
        _ => tag,
    };
    match name.rfind('/') {
        Some(slash) if name.starts_with('/') => name.get(slash + 1..).unwrap_or(name),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn names_seen_in_the_wild() {
        check("sshd[4711]: hello", expect!["sshd | sshd | 4711 | hello"]);
        check("sshd-session[4711]: hello", expect!["sshd-session | sshd-session | 4711 | hello"]);
        check("sudo:    ann : x", expect!["sudo | sudo |  |    ann : x"]);
        check("su(pam_unix)[12]: x", expect!["su(pam_unix) | su | 12 | x"]);
        check("(systemd)[12]: x", expect!["(systemd) | systemd | 12 | x"]);
        check("/usr/sbin/cron[12]: x", expect!["/usr/sbin/cron | cron | 12 | x"]);
        check("postfix/smtpd[12]: x", expect!["postfix/smtpd | postfix/smtpd | 12 | x"]);
        check(
            "run-parts(/etc/cron.daily)[12]: x",
            expect!["run-parts(/etc/cron.daily) | run-parts | 12 | x"],
        );
        check(
            "Microsoft Outlook[12]: x",
            expect!["Microsoft Outlook | Microsoft Outlook | 12 | x"],
        );
        check(
            "com.apple.xpc.launchd[1] (a.b[2]): x",
            expect!["com.apple.xpc.launchd | com.apple.xpc.launchd | 1 | x"],
        );
        check("syslogd 1.4.1: restart.", expect!["syslogd | syslogd |  | restart."]);
        check("%ASA-6-302013: x", expect!["%ASA-6-302013 | %ASA-6-302013 |  | x"]);
        check("kernel:", expect!["kernel | kernel |  | "]);
    }

    #[test]
    fn no_name() {
        check("last message repeated 5 times", expect!["none"]);
        check("CEF:0|a|b", expect!["none"]);
        check("a free text: with a colon", expect!["none"]);
        check("{\"a\": 1}", expect!["none"]);
        check("[12]: x", expect!["none"]);
        check(": x", expect!["none"]);
        check("", expect!["none"]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let told = read(text).map_or("none".to_owned(), |Tag { name, pid, message }| {
            format!("{name} | {} | {pid} | {message}", program(name))
        });
        expect.assert_eq(&told);
    }
}
