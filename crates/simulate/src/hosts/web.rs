//! What the sites of the house serve, and what its programs complain of.

use std::net::{IpAddr, Ipv6Addr};

use model::Timestamp;

use super::{HostLine, SECOND, after, bustle, fraction, pause};
use crate::access::Access;
use crate::cast;
use crate::dice::Dice;
use crate::syslog::{Message, Shape};

/// The benign days: guests, releases with a short burst of errors, advertising that sends many at once, a job at
/// night that complains every time.
#[derive(Clone, Copy, Debug)]
pub struct WebLife {
    /// The same seed gives the same lines.
    pub seed: u64,
    /// When the first day begins.
    pub start: Timestamp,
    /// How many days.
    pub days: u32,
    /// How many sites.
    pub sites: u32,
    /// How many requests a site has in a busy minute.
    pub a_minute: u32,
    /// How many releases a site has, a day.
    pub releases_a_day: u32,
    /// How many times a week somebody advertises for a site.
    pub peaks_a_week: u32,
}

impl WebLife {
    /// Gives all lines, in the order of time.
    pub fn lines(&self) -> Vec<HostLine> {
        let mut lines = Vec::new();
        for number in 0..self.sites {
            let mut dice = Dice::new(self.seed ^ u64::from(number).wrapping_mul(0x9e37_79b9));
            let releases: Vec<f64> = (0..self.releases_a_day * self.days)
                .map(|_| fraction(&mut dice) * f64::from(self.days) * 86_400.0)
                .collect();
            let peaks: Vec<f64> = (0..self.peaks_a_week * self.days / 7)
                .map(|_| fraction(&mut dice) * f64::from(self.days) * 86_400.0)
                .collect();
            for minute in 0..self.days * 1_440 {
                let at = f64::from(minute) * 60.0;
                let busy = bustle((self.start.nanos() / SECOND) + i64::from(minute) * 60).max(0.1);
                let is_peak = peaks.iter().any(|peak| (*peak..*peak + 3_000.0).contains(&at));
                let mean = f64::from(self.a_minute) * busy * if is_peak { 12.0 } else { 1.0 };
                let mut second = pause(&mut dice, 60.0 / mean);
                while second < 60.0 {
                    let is_release =
                        releases.iter().any(|one| (*one..*one + 100.0).contains(&(at + second)));
                    let broken = if is_release { 60 } else { 0 };
                    let guest = Guest { from: guest(&mut dice), page: page(&mut dice), broken };
                    lines.push(request(after(self.start, at + second), number, &guest, &mut dice));
                    second += pause(&mut dice, 60.0 / mean);
                }
            }
            self.program(number, &mut dice, &mut lines);
        }
        lines.sort_by_key(|line| line.time);
        lines
    }

    /// A program that complains a little all day, and for three minutes of every night loudly.
    fn program(&self, number: u32, dice: &mut Dice, lines: &mut Vec<HostLine>) {
        let mut second = 0.0;
        while second < f64::from(self.days) * 86_400.0 {
            let is_night = (10_800.0..10_980.0).contains(&(second % 86_400.0));
            lines.push(complaint(after(self.start, second), number, dice));
            second += if is_night { pause(dice, 0.8) } else { pause(dice, 600.0).min(10_800.0) };
        }
    }
}

/// One attack on a site, or one way in which it breaks.
#[derive(Clone, Copy, Debug)]
pub enum WebAttack {
    /// A few addresses ask for everything, so many requests a second.
    FewSources(u32),
    /// Very many addresses ask for one page.
    OnePage(u32),
    /// Very many addresses ask for all pages, and the site gives way.
    Overload(u32),
    /// Very many addresses ask for all pages, as guests do, and are served.
    LikeGuests(u32),
    /// So many of a hundred requests fail, at so many a second.
    Broken(u32, u32),
    /// A program complains so many times a second.
    Complaints(u32),
    /// Many look for what is not there, together.
    Refused(u32),
}

impl WebAttack {
    /// Gives the lines of an attack on a site, which begins at a moment and goes on for some seconds.
    pub fn lines(&self, seed: u64, site: u32, start: Timestamp, seconds: f64) -> Vec<HostLine> {
        let mut dice = Dice::new(seed);
        let (Self::FewSources(rate)
        | Self::OnePage(rate)
        | Self::Overload(rate)
        | Self::LikeGuests(rate)
        | Self::Broken(_, rate)
        | Self::Complaints(rate)
        | Self::Refused(rate)) = *self;
        let (mut lines, mut second) = (Vec::new(), 0.0);
        while second < seconds {
            let time = after(start, second);
            let few = IpAddr::V6(Ipv6Addr::from(
                (0x2001_0db8_0bad_u128 << 80) | u128::from(dice.below(3)),
            ));
            let (from, page) = (guest(&mut dice), page(&mut dice));
            let guest = match self {
                Self::FewSources(_) => Guest { from: few, page, broken: 0 },
                Self::OnePage(_) => Guest { from, page: "/search".to_owned(), broken: 0 },
                Self::Overload(_) => Guest { from, page, broken: 45 },
                Self::Broken(broken, _) => Guest { from, page, broken: u64::from(*broken) },
                Self::Refused(_) => {
                    Guest { from, page: format!("/old/{}", dice.below(9_000)), broken: 0 }
                }
                Self::LikeGuests(_) | Self::Complaints(_) => Guest { from, page, broken: 0 },
            };
            lines.push(match self {
                Self::Complaints(_) => complaint(time, site, &mut dice),
                _ => request(time, site, &guest, &mut dice),
            });
            second += pause(&mut dice, 1.0 / f64::from(rate.max(1)));
        }
        lines
    }
}

struct Guest {
    from: IpAddr,
    page: String,
    /// How many of a hundred of his requests fail.
    broken: u64,
}

fn guest(dice: &mut Dice) -> IpAddr {
    let network = 0x2001_0db8_0001_u128 << 80;
    IpAddr::V6(Ipv6Addr::from(network | (u128::from(dice.below(4_000)) << 64) | 7))
}

fn page(dice: &mut Dice) -> String {
    match dice.below(10) {
        0 => "/".to_owned(),
        1 => "/cart".to_owned(),
        2..=4 => format!("/static/{}.js", dice.below(40)),
        _ => format!("/product/{}", dice.below(2_000).min(dice.below(2_000))),
    }
}

fn request(time: Timestamp, site: u32, guest: &Guest, dice: &mut Dice) -> HostLine {
    let mut access = Access::get(guest.from, guest.page.as_str());
    access.bytes = dice.between(300, 60_000);
    dice.pick(cast::BROWSERS).clone_into(&mut access.agent);
    access.status = match dice.below(1_000) {
        _ if dice.below(100) < guest.broken => 503,
        _ if guest.page.starts_with("/old/") => 404,
        0..3 => 500,
        3..23 => 404,
        _ => 200,
    };
    let host = format!("web-{site}.house.example");
    let text = access.line(time);
    let message =
        Message { priority: 190, time, host: &host, program: "nginx", pid: None, text: &text };
    HostLine { time, text: message.frame(Shape::Rfc5424), attack: None }
}

fn complaint(time: Timestamp, site: u32, dice: &mut Dice) -> HostLine {
    let host = format!("web-{site}.house.example");
    let text = format!("cannot read item {}", dice.below(10_000));
    let message =
        Message { priority: 11, time, host: &host, program: "shopd", pid: None, text: &text };
    HostLine { time, text: message.frame(Shape::Rfc5424), attack: None }
}
