//! Pairs of names and values: logfmt, and what firewalls of many makers write.
//!
//! ```text
//! time="2026-11-21T06:58:00Z" level=warn msg="log-in \"failed\"" user=ann remote_ip=203.0.113.9
//! date=2026-11-21 time=06:58:00 devname="fw1" srcip=203.0.113.9 srcport=51514 action="deny"
//! ```
//!
//! There is no standard. A record is taken for this if it holds at least three pairs. The usual
//! names go to their fields, every other stays as it is.

use model::{Event, Field, Timestamp, Value};

use super::shared::{Meaning, names};
use crate::{Context, Format, ParseError, claim, epoch, glean, moment, quoted, web};

pub(crate) const FORMAT: Format = Format {
    id: "key_value",
    summary: "name=value pairs: logfmt, firewalls",
    programs: &[],
    recognises,
    parse,
};

const PAIRS_MIN: usize = 3;
/// How many pairs of one record are read; the rest is counted.
const PAIRS_MAX: usize = 512;
/// How far the first pairs are looked for.
const LOOK_BYTES_MAX: usize = 1_024;
const NAME_BYTES_MAX: usize = 64;
/// How much may stand before the first pair, if it begins with a number: a time, and a word.
const TIME_BYTES_MAX: usize = 48;
/// Sentences that some programs write without quotes: they reach up to the next pair.
const SENTENCES: [&str; 5] = ["msg", "message", "reason", "error", "err"];

fn recognises(text: &str) -> bool {
    let length = text.floor_char_boundary(LOOK_BYTES_MAX);
    begins_with_pairs(text)
        && Pairs(text.get(..length).unwrap_or_default()).take(PAIRS_MIN).count() == PAIRS_MIN
}

/// Tells a record of pairs from prose that holds some: nothing but a time stands before the first.
fn begins_with_pairs(text: &str) -> bool {
    let head = text.split('=').next().unwrap_or_default();
    let before = head.rfind([' ', '\t']).map_or("", |at| head.get(..at).unwrap_or_default());
    before.is_empty()
        || (before.len() <= TIME_BYTES_MAX
            && before.starts_with(|first: char| first.is_ascii_digit() || first == '['))
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let mut pairs = Pairs(text);
    let read: Vec<Pair<'_>> = pairs.by_ref().take(PAIRS_MAX).collect();
    if read.len() < PAIRS_MIN {
        return Err(ParseError::Missing("pairs"));
    }
    let dropped = pairs.count();
    if dropped > 0 {
        event.set(Field::FieldsDropped, i64::try_from(dropped).unwrap_or(i64::MAX));
    }
    for pair in &read {
        write(*pair, event);
    }
    fortigate(event);
    // Where no name tells who it is about, the words may.
    if event.get(Field::SourceIp).is_none() && event.get(Field::DestinationIp).is_none() {
        glean::addresses_and_login(text, event);
    }
    let written = time(&read, context);
    if let Some(time) = written.or_else(|| moment::leading(text, context).map(|(time, _)| time)) {
        event.time = time;
    }
    Ok(())
}

/// A name and its value, escapes still in it where it stood in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair<'t> {
    name: &'t str,
    value: &'t str,
    quoted: bool,
}

/// The pairs of a text, and the words between them passed over.
struct Pairs<'t>(&'t str);

impl<'t> Iterator for Pairs<'t> {
    type Item = Pair<'t>;

    fn next(&mut self) -> Option<Pair<'t>> {
        loop {
            let text = self.0.trim_start_matches([' ', '\t', ',', ';', '|']);
            if text.is_empty() {
                self.0 = text;
                return None;
            }
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-/@".contains(byte);
            let length = text.bytes().take(NAME_BYTES_MAX).take_while(plain).count();
            let (name, rest) = text.split_at_checked(length)?;
            let Some(value) = rest.strip_prefix('=').filter(|_| is_name(name)) else {
                // Not a name: on behind the next space.
                self.0 = text.find([' ', '\t']).and_then(|at| text.get(at..)).unwrap_or_default();
                continue;
            };
            if let Some((value, after)) = value.strip_prefix('"').and_then(quoted::closing) {
                self.0 = after;
                return Some(Pair { name, value, quoted: true });
            }
            let mut end = value.find([' ', '\t']).unwrap_or(value.len());
            if SENTENCES.contains(&name) {
                end = sentence(value, end);
            }
            let (value, after) = value.split_at_checked(end)?;
            self.0 = after;
            let value = value.trim_end_matches([',', ';']);
            return Some(Pair { name, value, quoted: false });
        }
    }
}

/// Gives where a sentence ends whose first word ends at `end`: before the next word with an `=`.
fn sentence(text: &str, end: usize) -> usize {
    let rest = text.get(end..).unwrap_or_default();
    let Some((prose, _)) = rest.split_once('=') else { return text.len() };
    prose.rfind([' ', '\t']).map_or(end, |at| end + at)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_' || first == '@')
}

fn write(Pair { name, value, quoted }: Pair<'_>, event: &mut Event) {
    if value.is_empty() {
        return;
    }
    let undone;
    let value = if quoted && value.contains('\\') {
        let mut out = String::with_capacity(value.len());
        quoted::undo(value, &mut out);
        undone = out;
        undone.as_str()
    } else {
        value
    };
    match (name, value.parse::<u16>()) {
        ("status" | "status_code" | "code", Ok(status @ 100..600)) => web::status(event, status),
        ("status", _) if names::outcome(event, value) => event.set_extra(name, value),
        _ if names::set(event, name, value) => {}
        _ => claim::set(event, name, Value::Text(value)),
    }
}

/// Tells what a FortiGate says of attacks and of log-ins to its VPN in the words of all; its own
/// stands beside.
fn fortigate(event: &mut Event) {
    let is = |name, value| event.get_extra(name).and_then(Value::as_text) == Some(value);
    let attack = is("subtype", "ips") && event.get(Field::RuleName).is_some();
    let own = match event.text(Field::EventAction) {
        Some(own) if attack || own == "ssl-login-fail" => own.to_owned(),
        Some("tunnel-up") if is_ssl(event) => "tunnel-up".to_owned(),
        _ => return,
    };
    event.set_extra("action", own.as_str());
    if !attack {
        let outcome = if own == "tunnel-up" { "success" } else { "failure" };
        Meaning { action: "vpn_login", category: "authentication", kind: "start", outcome }
            .write(event);
        return;
    }
    Meaning { action: "ids_alert", category: "network", kind: "info", outcome: "" }.write(event);
    event.set(Field::EventKind, "alert");
    // In the figures that rules ask for: 1 is worst.
    let severity = match event.text(Field::LogLevel) {
        Some("critical" | "high") => 1_i64,
        Some("medium" | "alert") => 2,
        _ => 3,
    };
    event.set(Field::EventSeverity, severity);
}

fn is_ssl(event: &Event) -> bool {
    let kind = event.get_extra("tunneltype").and_then(Value::as_text);
    kind.is_some_and(|kind| kind.starts_with("ssl"))
}

/// Finds the time: one name with all of it, or a date and a time of day.
fn time(pairs: &[Pair<'_>], context: &Context<'_>) -> Option<Timestamp> {
    let find = |name: &str| pairs.iter().find(|pair| pair.name == name).map(|pair| pair.value);
    let whole = ["@timestamp", "eventtime", "timestamp", "ts", "time", "t"];
    let read = |text: &str| {
        epoch::text(text).or_else(|| moment::leading(text, context).map(|(time, _)| time))
    };
    if let Some(time) = whole.iter().find_map(|name| read(find(name)?)) {
        return Some(time);
    }
    let (date, time) = (find("date")?, find("time")?);
    let zone = find("tz").unwrap_or_default();
    moment::leading(&format!("{date} {time} {zone}"), context).map(|(time, _)| time)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn logfmt() {
        check(
            r#"time="2026-11-21T06:58:00Z" level=warn msg="log-in \"failed\"" user=ann remote_ip=203.0.113.9 empty= took=1.5ms"#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.000Z
                log.level = warn
                message = log-in "failed"
                source.ip = 203.0.113.9
                user.name = ann
                time = 2026-11-21T06:58:00Z
                took = 1.5ms
            "#]],
        );
    }

    #[test]
    fn firewall() {
        check(
            r#"date=2026-11-21 time=06:58:00 tz="+0100" devname="fw1" logid="0000000013" type="traffic" level="notice" srcip=203.0.113.9 srcport=51514 srcintf="wan1" dstip=192.0.2.1 dstport=443 proto=6 action="deny" policyid=7 service="HTTPS" sentbyte=120 rcvdbyte=0 user="O\"Neil""#,
            expect![[r#"
                @timestamp = 2026-11-21T05:58:00.000Z
                destination.bytes = 0
                destination.ip = 192.0.2.1
                destination.port = 443
                event.action = deny
                event.code = 0000000013
                log.level = notice
                network.protocol = HTTPS
                network.transport = tcp
                observer.ingress.interface.name = wan1
                observer.name = fw1
                rule.id = 7
                source.bytes = 120
                source.ip = 203.0.113.9
                source.port = 51514
                user.name = O"Neil
                date = 2026-11-21
                time = 06:58:00
                tz = +0100
                type = traffic
            "#]],
        );
        check(
            "id=fw sn=0 fw=192.0.2.254 pri=6 c=262144 m=98 src=203.0.113.9:51514:X1 dst=192.0.2.1:443:X0:h.example proto=tcp/https",
            expect![[r"
                destination.ip = 192.0.2.1
                destination.port = 443
                network.protocol = https
                network.transport = tcp
                source.ip = 203.0.113.9
                source.port = 51514
                id = fw
                sn = 0
                fw = 192.0.2.254
                pri = 6
                c = 262144
                m = 98
            "]],
        );
    }

    #[test]
    fn virtual_private_network() {
        check(
            r#"date=2026-11-21 time=06:58:00 tz="+0000" logid="0101039426" type="event" subtype="vpn" action="ssl-login-fail" tunneltype="ssl-web" remip=203.0.113.9 user="ann" reason="sslvpn_login_unknown_user""#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.action = vpn_login
                event.category = authentication
                event.code = 0101039426
                event.outcome = failure
                event.reason = sslvpn_login_unknown_user
                event.type = start
                source.ip = 203.0.113.9
                user.name = ann
                date = 2026-11-21
                time = 06:58:00
                tz = +0000
                type = event
                subtype = vpn
                tunneltype = ssl-web
                action = ssl-login-fail
            "]],
        );
        check(
            r#"date=2026-11-21 time=06:58:00 tz="+0000" logid="0101039947" type="event" subtype="vpn" action="tunnel-up" tunneltype="ssl-tunnel" remip=203.0.113.9 user="ann""#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.action = vpn_login
                event.category = authentication
                event.code = 0101039947
                event.outcome = success
                event.type = start
                source.ip = 203.0.113.9
                user.name = ann
                date = 2026-11-21
                time = 06:58:00
                tz = +0000
                type = event
                subtype = vpn
                tunneltype = ssl-tunnel
                action = tunnel-up
            "]],
        );
    }

    #[test]
    fn attack_and_administrator() {
        check(
            r#"date=2026-11-21 time=06:58:00 tz="+0000" type="utm" subtype="ips" level="alert" severity="critical" srcip=203.0.113.9 dstip=192.0.2.1 action="dropped" attack="Apache.Log4j" attackid=51006"#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                destination.ip = 192.0.2.1
                event.action = ids_alert
                event.category = network
                event.kind = alert
                event.severity = 1
                event.type = info
                log.level = critical
                rule.id = 51006
                rule.name = Apache.Log4j
                source.ip = 203.0.113.9
                date = 2026-11-21
                time = 06:58:00
                tz = +0000
                type = utm
                subtype = ips
                action = dropped
            "]],
        );
        check(
            r#"date=2026-11-21 time=06:58:00 tz="+0000" logdesc="Admin login failed" user="admin" srcip=203.0.113.9 action="login" status="failed""#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.action = login
                event.outcome = failure
                source.ip = 203.0.113.9
                user.name = admin
                date = 2026-11-21
                time = 06:58:00
                tz = +0000
                logdesc = Admin login failed
                status = failed
            "]],
        );
    }

    #[test]
    fn prose_with_pairs() {
        check(
            "2026-11-21 06:58:00 REFUSED src=203.0.113.9, dst=192.0.2.1; port=22 (a=b) msg=not a word x=y",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                destination.ip = 192.0.2.1
                message = not a word
                source.ip = 203.0.113.9
                port = 22
                x = y
            "]],
        );
    }

    #[test]
    fn our_own_fields_cannot_be_set() {
        check(
            "bartizan.simulated=true event.module=sshd bartizan.repeat=9",
            expect![[r"
            sender.bartizan.simulated = true
            sender.event.module = sshd
            sender.bartizan.repeat = 9
        "]],
        );
    }

    #[test]
    fn too_few_pairs() {
        assert!(!recognises("connection refused: a=1 b=2 c=3"));
        for text in ["", "a=1 b=2", "a = 1 b = 2 c = 3", "=1 =2 =3", "a", "1=2 3=4 5=6"] {
            assert!(!recognises(text), "{text}");
            testing::check(&FORMAT, text, expect![[r#"Missing("pairs")"#]]);
        }
    }

    proptest! {
        #[test]
        fn written_and_read_again(values in prop::collection::vec("[^\\r\\n\\t]{1,12}", 3..9)) {
            let mut line = String::new();
            for (number, value) in values.iter().enumerate() {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                line.push_str(&["k", &number.to_string(), "=\"", &value, "\" "].concat());
            }
            prop_assert!(recognises(&line));
            let event = testing::read(&FORMAT, &line).unwrap();
            for (number, value) in values.iter().enumerate() {
                let found = event.get_extra(&format!("k{number}"));
                prop_assert_eq!(found, Some(Value::Text(value)));
            }
        }

        #[test]
        fn any_text_is_survived(text in "\\PC{0,20}[a-c=\" \\\\,é]{0,40}") {
            let _ = recognises(&text);
            let _ = testing::read(&FORMAT, &text);
        }
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
