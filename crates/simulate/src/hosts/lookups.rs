//! What machines ask name servers for.

use model::Timestamp;

use super::{DAY, HostLine, SECOND, after, bustle, client, fraction, pause};
use crate::dice::Dice;
use crate::names::{Family, Namer};

const HEX: &[u8] = b"0123456789abcdef";
const BASE32: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
const BASE64: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
const TOPS: &[&str] = &["com", "net", "org", "info", "de", "co.uk", "io"];

/// The benign days.
#[derive(Clone, Copy, Debug)]
pub struct LookupLife {
    /// The same seed gives the same lines.
    pub seed: u64,
    /// When the first day begins.
    pub start: Timestamp,
    /// How many days.
    pub days: u32,
    /// How many machines; the last of them is a mail server.
    pub clients: u32,
    /// How many questions a machine asks in a busy hour.
    pub an_hour: u32,
    /// How many files the virus scanner of a machine looks up over DNS in a busy hour.
    pub scanned_an_hour: u32,
}

impl LookupLife {
    /// Gives all lines, in the order of time.
    pub fn lines(&self) -> Vec<HostLine> {
        let mut lines = Vec::new();
        for number in 0..u64::from(self.clients) {
            let mut dice = Dice::new(self.seed ^ number.wrapping_mul(0x9e37_79b9));
            let mut namer = Namer::new(self.seed ^ number);
            let sites: Vec<String> =
                (0..40).map(|_| format!("{}.{}", namer.chosen(), dice.pick(TOPS))).collect();
            let is_mail = number + 1 == u64::from(self.clients);
            self.clients_days(number, is_mail, &sites, &mut dice, &mut namer, &mut lines);
        }
        lines.sort_by_key(|line| line.time);
        lines
    }

    fn clients_days(
        &self,
        number: u64,
        is_mail: bool,
        sites: &[String],
        dice: &mut Dice,
        namer: &mut Namer,
        lines: &mut Vec<HostLine>,
    ) {
        let from = client(number);
        let start = self.start.nanos() / SECOND;
        for hour in 0..i64::from(self.days) * 24 {
            let busy = if is_mail { 1.0 } else { bustle(start + hour * 3_600) };
            let mut in_hour =
                |dice: &mut Dice, mean: u32, ask: &mut dyn FnMut(&mut Dice) -> Asked| {
                    let every = 3_600.0 / (f64::from(mean) * busy).max(0.01);
                    let mut second = pause(dice, every);
                    while second < 3_600.0 {
                        let time = after(
                            self.start,
                            f64::from(i32::try_from(hour * 3_600).unwrap_or(0)) + second,
                        );
                        let asked = ask(dice);
                        lines.push(line(time, &from, &asked));
                        second += pause(dice, every);
                    }
                };
            in_hour(dice, self.an_hour, &mut |dice| everyday(dice, sites, namer));
            if is_mail {
                in_hour(dice, self.an_hour * 4, &mut |dice| of_mail(dice, namer));
            } else {
                in_hour(dice, self.scanned_an_hour, &mut |dice| {
                    Asked::found(format!(
                        "{}.{}.files.scanner.example",
                        dice.text(HEX, 32),
                        dice.below(9)
                    ))
                });
            }
        }
    }
}

/// One question and its answer.
struct Asked {
    name: String,
    kind: &'static str,
    code: &'static str,
}

impl Asked {
    fn found(name: String) -> Self {
        Self { name, kind: "A", code: "NOERROR" }
    }

    fn missing(name: String) -> Self {
        Self { name, kind: "A", code: "NXDOMAIN" }
    }
}

fn line(time: Timestamp, from: &str, asked: &Asked) -> HostLine {
    let second = time.nanos() / SECOND;
    let Asked { name, kind, code } = asked;
    let text = format!("[{second}] unbound[75:0] info: {from} {name}. {kind} IN {code} 0.012 0 90");
    HostLine { time, text, attack: None }
}

/// What people's machines ask for: sites, content networks, clouds, what is gone or mistyped.
fn everyday(dice: &mut Dice, sites: &[String], namer: &mut Namer) -> Asked {
    let site = |dice: &mut Dice| {
        let most = u64::try_from(sites.len()).unwrap_or(1);
        let at = usize::try_from(dice.below(most).min(dice.below(most))).unwrap_or_default();
        sites.get(at).cloned().unwrap_or_default()
    };
    match dice.below(1_000) {
        0..600 => {
            let sub = dice.pick(&["www", "api", "static", "img", "mail", "login", "m"]);
            Asked::found(format!("{sub}.{}", site(dice)))
        }
        600..720 => {
            let edge = dice.pick(&["cloudedge.example", "cdnnet.example", "contentnet.example"]);
            Asked::found(format!("d{}.{edge}", dice.text(BASE32, 13)))
        }
        720..790 => {
            let [a, b, c, d] = [0; 4].map(|_| dice.below(256));
            Asked::found(format!("ec2-{a}-{b}-{c}-{d}.eu-west-1.compute.clouds.example"))
        }
        790..880 => {
            let [a, b] = [0; 2].map(|_| dice.below(256));
            let name = format!("{a}.{b}.2.192.in-addr.arpa");
            Asked { name, kind: "PTR", code: "NXDOMAIN" }
        }
        880..940 => Asked::found(format!("{}.{}", namer.chosen(), dice.pick(TOPS))),
        // Advertising has domains of its own, some of which nobody could pronounce.
        940..950 => {
            Asked::found(format!("{}.{}", namer.generated(Family::Short, 0), dice.pick(TOPS)))
        }
        // Mistyped, or gone.
        950..958 => Asked::missing(format!("{}.{}", namer.chosen(), dice.pick(TOPS))),
        // What Chromium asks for at its start, and the search list of a network.
        958..964 => Asked::missing(namer.generated(Family::Letters, 0)),
        964..980 => Asked::missing(format!("{}.house.example", dice.text(HEX, 6))),
        980..990 => Asked::found(format!(
            "xn--{}-{}.{}",
            namer.chosen(),
            dice.text(BASE32, 3),
            dice.pick(TOPS)
        )),
        _ => Asked { kind: "TXT", ..Asked::found(format!("_dmarc.{}", site(dice))) },
    }
}

/// What a mail server asks for: lists of senders of spam, and whether senders exist, many of which do not.
fn of_mail(dice: &mut Dice, namer: &mut Namer) -> Asked {
    match dice.below(100) {
        0..50 => {
            let [a, b, c, d] = [0; 4].map(|_| dice.below(256));
            Asked::missing(format!("{a}.{b}.{c}.{d}.senders.blocked.example"))
        }
        50..92 => Asked::found(format!("{}.{}", namer.chosen(), dice.pick(TOPS))),
        92..99 => Asked::missing(format!("{}.{}", namer.chosen(), dice.pick(TOPS))),
        _ => Asked::missing(format!("{}.{}", namer.generated(Family::Letters, 0), dice.pick(TOPS))),
    }
}

/// One attack over DNS.
#[derive(Clone, Copy, Debug)]
pub enum LookupAttack {
    /// Data goes out in the names: so many letters of base 32, 16 or 64, every so many seconds.
    Tunnel {
        /// How many letters each name carries.
        letters: usize,
        /// The base of the encoding: 16, 32 or 64.
        base: u8,
        /// The type of the records that are asked for.
        kind: &'static str,
        /// The mean seconds between two questions.
        every: f64,
    },
    /// Names that are made up are tried, every so many seconds.
    Generated {
        /// How they are made.
        family: Family,
        /// The mean seconds between two names.
        every: f64,
    },
}

impl LookupAttack {
    /// Gives the lines of an attack from a machine, which begins at a moment and goes on for some seconds.
    pub fn lines(&self, seed: u64, from: u64, start: Timestamp, seconds: f64) -> Vec<HostLine> {
        let (mut dice, mut namer) = (Dice::new(seed), Namer::new(seed));
        let from = client(from);
        let day = u64::try_from(start.nanos() / SECOND / DAY).unwrap_or_default();
        let domain = format!("tunnel-{}.example", dice.text(BASE32, 5));
        let (mut lines, mut second) = (Vec::new(), 0.0);
        while second < seconds {
            let (asked, every) = match self {
                Self::Tunnel { letters, base, kind, every } => {
                    let alphabet = match base {
                        16 => HEX,
                        32 => BASE32,
                        _ => BASE64,
                    };
                    let data = dice.text(alphabet, *letters);
                    let labels: Vec<&str> = data
                        .as_bytes()
                        .chunks(60)
                        .filter_map(|part| std::str::from_utf8(part).ok())
                        .collect();
                    let name = format!("{}.{domain}", labels.join("."));
                    (Asked { name, kind, code: "NOERROR" }, *every)
                }
                Self::Generated { family, every } => {
                    let name = namer.generated(*family, day);
                    (Asked::missing(format!("{name}.{}", dice.pick(TOPS))), *every)
                }
            };
            lines.push(line(after(start, second), &from, &asked));
            second += every * (0.5 + fraction(&mut dice));
        }
        lines
    }
}
