//! Whom machines call, and with how much.

use model::Timestamp;

use super::{HostLine, SECOND, after, bustle, client, fraction, pause, size};
use crate::dice::Dice;

/// The benign days.
#[derive(Clone, Copy, Debug)]
pub struct FlowLife {
    /// The same seed gives the same lines.
    pub seed: u64,
    /// When the first day begins.
    pub start: Timestamp,
    /// How many days.
    pub days: u32,
    /// How many machines; every tenth sends a backup out each night, and the last watches all others.
    pub clients: u32,
    /// How many connections a machine opens in a busy hour.
    pub an_hour: u32,
}

impl FlowLife {
    /// Gives all lines, in the order of time.
    pub fn lines(&self) -> Vec<HostLine> {
        let mut lines = Vec::new();
        for number in 0..u64::from(self.clients) {
            let mut dice = Dice::new(self.seed ^ number.wrapping_mul(0x9e37_79b9));
            self.people(number, &mut dice, &mut lines);
            self.programs(number, &mut dice, &mut lines);
            if number % 10 == 0 {
                self.backups(number, &mut dice, &mut lines);
            }
        }
        self.watcher(&mut lines);
        lines.sort_by_key(|line| line.time);
        lines
    }

    fn seconds(&self) -> f64 {
        f64::from(self.days) * 86_400.0
    }

    /// Somebody who reads and clicks: many places, some of them off.
    fn people(&self, number: u64, dice: &mut Dice, lines: &mut Vec<HostLine>) {
        let from = client(number);
        let start = self.start.nanos() / SECOND;
        for hour in 0..self.days * 24 {
            let busy = bustle(start + i64::from(hour) * 3_600);
            let every = 3_600.0 / (f64::from(self.an_hour) * busy).max(0.01);
            let mut second = pause(dice, every);
            while second < 3_600.0 {
                let to = format!("203.0.113.{}", 1 + dice.below(200).min(dice.below(200)));
                let state = if dice.chance(4) { "S0" } else { "SF" };
                let (sent, got) = (size(dice, 4_000.0, 1.2), size(dice, 40_000.0, 1.5));
                // Now and then somebody sends a large file, or a film.
                let sent = if dice.below(4_000) == 0 { size(dice, 30e6, 0.6) } else { sent };
                let time = after(self.start, f64::from(hour) * 3_600.0 + second);
                let port = if dice.chance(90) { 443 } else { 80 };
                lines.push(flow(time, &from, (&to, port), state, (sent, got)));
                second += pause(dice, every);
            }
        }
    }

    /// Programs that call by the clock, as half of the machines run the same ones: push, updates, mail.
    fn programs(&self, number: u64, dice: &mut Dice, lines: &mut Vec<HostLine>) {
        let from = client(number);
        for (to, every, jitter) in [
            ("198.51.100.10", 1_700.0, 0.02),
            ("198.51.100.11", 3_600.0, 0.1),
            ("198.51.100.12", 300.0, 0.05),
        ] {
            if dice.chance(50) {
                continue;
            }
            let mut second = fraction(dice) * every;
            while second < self.seconds() {
                let time = after(self.start, second);
                lines.push(flow(time, &from, (to, 443), "SF", (620.0, 900.0)));
                second += every * (1.0 + jitter * (2.0 * fraction(dice) - 1.0));
            }
        }
    }

    /// Each night at two, a few gigabytes in an hour.
    fn backups(&self, number: u64, dice: &mut Dice, lines: &mut Vec<HostLine>) {
        let from = client(number);
        for night in 0..self.days {
            let all = size(dice, 3e9, 0.3);
            for part in 0..60_u32 {
                let second = f64::from(night) * 86_400.0 + 7_200.0 + f64::from(part) * 60.0;
                let time = after(self.start, second + fraction(dice) * 50.0);
                lines.push(flow(time, &from, ("198.51.100.20", 443), "SF", (all / 60.0, 9_000.0)));
            }
        }
    }

    /// Asks a hundred machines every quarter of an hour whether they are there; some are off.
    fn watcher(&self, lines: &mut Vec<HostLine>) {
        let (from, mut dice) =
            (client(u64::from(self.clients)), Dice::new(self.seed.wrapping_add(77)));
        for round in 0..self.days * 96 {
            for machine in 0..100_u64 {
                let second =
                    f64::from(round) * 900.0 + f64::from(u32::try_from(machine).unwrap_or(0));
                let state = if machine % 12 == 0 || dice.chance(1) { "S0" } else { "SF" };
                let time = after(self.start, second);
                let to = format!("10.99.0.{}", machine + 1);
                lines.push(flow(time, &from, (&to, 9_100), state, (400.0, 9_000.0)));
            }
        }
    }
}

fn flow(time: Timestamp, from: &str, to: (&str, u16), state: &str, bytes: (f64, f64)) -> HostLine {
    let (seconds, millis) = (time.nanos() / SECOND, time.nanos() % SECOND / 1_000_000);
    let (to, port) = to;
    let answered = state == "SF";
    let (sent, got) = if answered { bytes } else { (0.0, 0.0) };
    let packets = if answered { 10 } else { 0 };
    let text = format!(
        "{{\"ts\":{seconds}.{millis:03},\"uid\":\"C1\",\"id.orig_h\":\"{from}\",\"id.orig_p\":40000,\"id.resp_h\":\"{to}\",\
         \"id.resp_p\":{port},\"proto\":\"tcp\",\"orig_bytes\":{sent:.0},\"resp_bytes\":{got:.0},\"conn_state\":\"{state}\",\
         \"orig_pkts\":12,\"resp_pkts\":{packets}}}"
    );
    HostLine { time, text, attack: None }
}

/// One attack that shows in connections.
#[derive(Clone, Copy, Debug)]
pub enum FlowAttack {
    /// An implant calls its master every so many seconds, give or take a share of them.
    Beacon {
        /// The seconds between two calls.
        every: f64,
        /// By which share of it a gap is shorter or longer, 0 to 1.
        jitter: f64,
    },
    /// The same to a place that the machine's user calls as well, about so many times a minute, by chance.
    HiddenBeacon {
        /// The seconds between two calls of the implant.
        every: f64,
        /// By which share of it a gap is shorter or longer, 0 to 1.
        jitter: f64,
        /// How many calls of the user come within a minute, in the mean.
        a_minute: f64,
    },
    /// So many bytes go out every five minutes.
    Outbound {
        /// How many bytes within five minutes.
        bytes: f64,
    },
    /// Ports of one machine are tried, one every so many seconds, most of them closed.
    Ports {
        /// The seconds between two tries.
        every: f64,
    },
    /// One port of many machines is tried, one every so many seconds, most of them not there.
    Machines {
        /// The seconds between two tries.
        every: f64,
    },
}

impl FlowAttack {
    /// Gives the lines of an attack from a machine, which begins at a moment and goes on for some seconds.
    pub fn lines(&self, seed: u64, from: u64, start: Timestamp, seconds: f64) -> Vec<HostLine> {
        if let Self::HiddenBeacon { every, jitter, a_minute } = *self {
            let beacon = Self::Beacon { every, jitter }.lines(seed, from, start, seconds);
            return hidden(seed, from, beacon, a_minute);
        }
        let mut dice = Dice::new(seed);
        let source = client(from);
        let place = place(seed);
        let (mut lines, mut second, mut number) = (Vec::new(), 0.0, 0_u64);
        while second < seconds {
            let time = after(start, second);
            let state = if dice.chance(6) { "SF" } else { "REJ" };
            let (line, gap) = match self {
                Self::Beacon { every, jitter } | Self::HiddenBeacon { every, jitter, .. } => {
                    let sent = 500.0 + fraction(&mut dice) * 40.0;
                    let gap = every * (1.0 + jitter * (2.0 * fraction(&mut dice) - 1.0));
                    (flow(time, &source, (&place, 443), "SF", (sent, 300.0)), gap)
                }
                Self::Outbound { bytes } => {
                    (flow(time, &source, (&place, 443), "SF", (bytes / 10.0, 4_000.0)), 30.0)
                }
                Self::Ports { every } => {
                    let port = u16::try_from(1 + number * 61 % 60_000).unwrap_or(1);
                    (flow(time, &source, ("10.99.1.9", port), state, (60.0, 0.0)), *every)
                }
                Self::Machines { every } => {
                    let to = format!("10.98.{}.{}", number / 250 % 250, 1 + number % 250);
                    let state = if state == "REJ" { "S0" } else { state };
                    (flow(time, &source, (&to, 445), state, (60.0, 0.0)), *every)
                }
            };
            lines.push(line);
            second += gap.max(0.001);
            number += 1;
        }
        lines
    }
}

/// Gives the place that an attack calls.
fn place(seed: u64) -> String {
    format!("198.51.100.{}", 100 + seed % 150)
}

/// Puts what a user does at the same place among the calls of an implant.
fn hidden(seed: u64, from: u64, beacon: Vec<HostLine>, a_minute: f64) -> Vec<HostLine> {
    let (mut dice, source) = (Dice::new(seed ^ 0x5eed), client(from));
    let (Some(first), Some(last)) = (beacon.first(), beacon.last()) else { return beacon };
    let (start, seconds) = (first.time, last.time.since(first.time).as_secs_f64());
    let mut lines = beacon.clone();
    let mut second = pause(&mut dice, 60.0 / a_minute);
    while second < seconds {
        let bytes = (size(&mut dice, 4_000.0, 1.2), size(&mut dice, 40_000.0, 1.5));
        lines.push(flow(after(start, second), &source, (&place(seed), 443), "SF", bytes));
        second += pause(&mut dice, 60.0 / a_minute);
    }
    lines.sort_by_key(|line| line.time);
    lines
}
