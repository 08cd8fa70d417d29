//! A million lines in a second or two, for benchmarks: one in five an ssh login, a quarter web requests,
//! a quarter firewall messages, one in five DNS queries, one in ten JSON.
//!
//! Names, users and addresses are favoured unevenly, as in life; ports, ids and sizes are even, so that
//! compression is not flattered.

use std::fmt::Write;
use std::time::Duration;

use model::Timestamp;

use crate::cast;
use crate::dice::Dice;
use crate::syslog::{month, write_short_time};

/// 2026-11-21T00:00:00Z.
const START: Timestamp = Timestamp::from_seconds(1_795_219_200);
const STEP: Duration = Duration::from_micros(8640);
const LINE_BYTES: usize = 256;

/// Gives mixed log lines without end, the same for the same seed.
pub fn corpus(seed: u64) -> impl Iterator<Item = String> {
    let mut dice = Dice::new(seed);
    let mut time = START;
    std::iter::from_fn(move || {
        time = time.plus(STEP);
        let mut line = String::with_capacity(LINE_BYTES);
        // Writing to a string cannot fail.
        let _ = match dice.below(100) {
            0..20 => login(&mut line, &mut dice, time),
            20..45 => request(&mut line, &mut dice, time),
            45..70 => firewall(&mut line, &mut dice, time),
            70..90 => query(&mut line, &mut dice, time),
            _ => json(&mut line, &mut dice, time),
        };
        Some(line)
    })
}

/// Where the lines' addresses are.
const NETWORKS: &[&str] = &["192.0.2", "198.51.100", "203.0.113"];
const PATHS: &[&str] =
    &["/", "/cart", "/login", "/search", "/api/v2/orders", "/static/app.js", "/products"];
const DOMAINS: &[&str] =
    &["www.example.com", "mail.example.org", "cdn.example.net", "api.example.com"];

fn header(line: &mut String, dice: &mut Dice, time: Timestamp) -> std::fmt::Result {
    write_short_time(line, time);
    write!(line, " {} ", dice.favour(cast::HOSTS))
}

fn address(line: &mut String, dice: &mut Dice) -> std::fmt::Result {
    write!(line, "{}.{}", dice.favour(NETWORKS), dice.between(1, 254))
}

fn login(line: &mut String, dice: &mut Dice, time: Timestamp) -> std::fmt::Result {
    header(line, dice, time)?;
    let (outcome, user) = if dice.chance(30) {
        ("Accepted", dice.favour(cast::PEOPLE))
    } else {
        ("Failed", dice.favour(cast::GUESSED_USERS))
    };
    write!(line, "sshd[{}]: {outcome} password for {user} from ", dice.between(700, 90_000))?;
    address(line, dice)?;
    write!(line, " port {} ssh2", cast::port(dice))
}

fn request(line: &mut String, dice: &mut Dice, time: Timestamp) -> std::fmt::Result {
    address(line, dice)?;
    let at = time.civil();
    write!(
        line,
        " - - [{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000] \"GET {}?id={} HTTP/1.1\" {} {} \"-\" \"{}\"",
        at.day,
        month(at.month),
        at.year,
        at.hour,
        at.minute,
        at.second,
        dice.favour(PATHS),
        dice.below(1_000_000),
        dice.favour(&[200, 304, 404, 301, 500]),
        dice.below(90_000),
        dice.favour(cast::BROWSERS)
    )
}

fn firewall(line: &mut String, dice: &mut Dice, time: Timestamp) -> std::fmt::Result {
    header(line, dice, time)?;
    let uptime = time.since(START).as_micros();
    let (seconds, micros) = (uptime / 1_000_000, uptime % 1_000_000);
    write!(line, "kernel: [{seconds:7}.{micros:06}] [UFW BLOCK] IN=eth0 OUT= SRC=")?;
    address(line, dice)?;
    line.push_str(" DST=");
    address(line, dice)?;
    write!(
        line,
        " LEN={} TOS=0x00 PREC=0x00 TTL={} ID={} PROTO=TCP SPT={} DPT={} WINDOW=1024 RES=0x00 SYN URGP=0",
        dice.between(40, 1500),
        dice.between(32, 255),
        dice.below(65_536),
        cast::port(dice),
        dice.favour(&[22, 23, 445, 3389, 80, 443, 8080, 5900])
    )
}

fn query(line: &mut String, dice: &mut Dice, time: Timestamp) -> std::fmt::Result {
    header(line, dice, time)?;
    write!(
        line,
        "dnsmasq[{}]: query[{}] {}.{} from ",
        dice.between(400, 2000),
        dice.favour(&["A", "AAAA", "PTR", "TXT"]),
        dice.below(100_000),
        dice.favour(DOMAINS)
    )?;
    address(line, dice)
}

fn json(line: &mut String, dice: &mut Dice, time: Timestamp) -> std::fmt::Result {
    write!(
        line,
        "{{\"time\":\"{time}\",\"level\":\"{}\",\"host\":\"{}\",\"user\":\"{}\",\"client_ip\":\"",
        dice.favour(&["info", "warn", "error"]),
        dice.favour(cast::HOSTS),
        dice.favour(cast::PEOPLE)
    )?;
    address(line, dice)?;
    write!(
        line,
        "\",\"duration_ms\":{},\"bytes\":{},\"message\":\"request {:016x} done\"}}",
        dice.below(5000),
        dice.below(1_000_000),
        dice.next()
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_first_of_seed_one() {
        let lines: Vec<String> = corpus(1).take(8).collect();
        expect![[r#"
            Nov 21 00:00:00 build.simulated.example kernel: [      0.008640] [UFW BLOCK] IN=eth0 OUT= SRC=192.0.2.194 DST=198.51.100.73 LEN=1200 TOS=0x00 PREC=0x00 TTL=122 ID=39676 PROTO=TCP SPT=45611 DPT=445 WINDOW=1024 RES=0x00 SYN URGP=0
            Nov 21 00:00:00 mail.simulated.example sshd[7970]: Failed password for admin from 192.0.2.73 port 34120 ssh2
            Nov 21 00:00:00 web-1.simulated.example kernel: [      0.025920] [UFW BLOCK] IN=eth0 OUT= SRC=198.51.100.149 DST=192.0.2.65 LEN=813 TOS=0x00 PREC=0x00 TTL=153 ID=49036 PROTO=TCP SPT=55862 DPT=443 WINDOW=1024 RES=0x00 SYN URGP=0
            Nov 21 00:00:00 web-2.simulated.example dnsmasq[1791]: query[AAAA] 15917.api.example.com from 192.0.2.83
            {"time":"2026-11-21T00:00:00.043200Z","level":"info","host":"web-1.simulated.example","user":"ingrid","client_ip":"192.0.2.192","duration_ms":2670,"bytes":720407,"message":"request 47a9dc6739325fac done"}
            Nov 21 00:00:00 web-1.simulated.example sshd[87562]: Accepted password for alice from 198.51.100.120 port 50384 ssh2
            Nov 21 00:00:00 web-1.simulated.example dnsmasq[1439]: query[A] 88716.cdn.example.net from 192.0.2.45
            Nov 21 00:00:00 bastion.simulated.example dnsmasq[554]: query[PTR] 9390.api.example.com from 192.0.2.187"#]].assert_eq(&lines.join("\n"));
    }

    #[test]
    fn the_same_for_the_same_seed() {
        assert!(corpus(4).take(2000).eq(corpus(4).take(2000)));
        assert!(!corpus(4).take(20).eq(corpus(5).take(20)));
        assert!(corpus(4).take(20_000).all(|line| line.len() < 400 && !line.contains('\n')));
    }
}
