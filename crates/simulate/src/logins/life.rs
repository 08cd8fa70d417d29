//! The benign days.

use std::time::Duration;

use model::Timestamp;

use super::LoginLine;
use super::lines::{Attempt, LoginProgram};
use super::places::{self, Site};
use crate::cast;
use crate::dice::Dice;

const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;
/// Of so many accounts one is a program's.
const PROGRAMS: usize = 40;
/// Of so many programs one never had the right password.
const BROKEN: usize = 10;

/// The life of a company that logs in.
#[derive(Clone, Copy, Debug)]
pub struct LoginLife {
    /// The same seed gives the same lines.
    pub seed: u64,
    /// How many people there are.
    pub users: usize,
    /// How many days are played.
    pub days: u64,
    /// When the first day begins.
    pub start: Timestamp,
}

/// Who somebody is.
struct Person {
    name: String,
    home: Site,
    mobile: u64,
    desk: &'static str,
    phone: String,
    /// What the person works with besides the web.
    program: LoginProgram,
    /// How often in a hundred days the person works at home.
    at_home: u64,
    /// Whether the person has bought a tunnel.
    hides: bool,
    dice: Dice,
    /// Until when the person is away, and where.
    trip: Option<(u64, Site)>,
}

/// A moment of one person's day.
struct Moment<'a> {
    second: u64,
    program: LoginProgram,
    site: &'a Site,
    agent: &'a str,
}

impl LoginLife {
    /// Gives the name of a user.
    pub fn user(&self, index: usize) -> String {
        format!("user{index:05}")
    }

    /// Gives all lines, in the order of time.
    pub fn lines(&self) -> Vec<LoginLine> {
        let mut lines = Vec::new();
        for index in 0..self.users {
            self.person(index).live(self, &mut lines);
        }
        for index in 0..self.users / PROGRAMS {
            self.program(index, &mut lines);
        }
        lines.sort_by_key(|line| line.time);
        lines
    }

    /// Gives the moments at which a user logs in to the web application and is let in.
    pub fn web_logins(&self, index: usize) -> Vec<Timestamp> {
        let mut lines = Vec::new();
        self.person(index).live(self, &mut lines);
        let web = |line: &&LoginLine| line.text.starts_with('{') && line.text.contains("success");
        let mut times: Vec<Timestamp> = lines.iter().filter(web).map(|line| line.time).collect();
        times.sort_unstable();
        times
    }

    /// Gives what a user's browser calls itself on a day.
    pub(super) fn agent(&self, index: usize, day: u64) -> String {
        browser(self.person(index).desk, day)
    }

    fn person(&self, index: usize) -> Person {
        let mut dice =
            Dice::new(self.seed ^ u64::try_from(index).unwrap_or(0).wrapping_mul(0x9E37));
        dice.next();
        let program = match dice.below(10) {
            0..2 => LoginProgram::Ssh,
            2..5 => LoginProgram::Windows,
            _ => LoginProgram::Web,
        };
        Person {
            name: self.user(index),
            home: places::home(&mut dice),
            mobile: dice.below(3),
            desk: dice.favour(cast::BROWSERS),
            phone: phone(&mut dice),
            program,
            at_home: dice.between(10, 80),
            hides: dice.chance(3),
            dice,
            trip: None,
        }
    }

    /// Plays an account of a program: every hour, from one machine, all days.
    fn program(&self, index: usize, lines: &mut Vec<LoginLine>) {
        let number = u64::try_from(index).unwrap_or(0);
        let site = places::own(200 + number);
        let mut dice = Dice::new(self.seed ^ (number << 32));
        let broken = index % BROKEN == BROKEN - 1;
        let (user, every) = (format!("svc-{index}"), if broken { 300 } else { HOUR });
        // The broken one was set up in the middle of it.
        let begin = if broken { self.days / 2 * DAY } else { 0 };
        for second in (begin..self.days * DAY).step_by(usize::try_from(every).unwrap_or(3_600)) {
            let attempt = Attempt {
                time: self.at(second + dice.below(30)),
                program: LoginProgram::Ssh,
                user: &user,
                address: site.network.address(&mut dice),
                site: &site,
                agent: "",
                worked: !broken,
            };
            lines.push(attempt.line());
        }
    }

    pub(crate) fn at(&self, second: u64) -> Timestamp {
        self.start.plus(Duration::from_secs(second))
    }
}

impl Person {
    fn live(&mut self, life: &LoginLife, lines: &mut Vec<LoginLine>) {
        for day in 0..life.days {
            if self.dice.below(500) == 0 {
                self.phone = phone(&mut self.dice);
            }
            if self.trip.is_some_and(|(until, _)| until <= day) {
                self.trip = None;
            }
            let works = day % 7 < 5 || self.dice.chance(10);
            match (self.trip, works) {
                (Some((_, site)), _) => self.away(life, day * DAY, &site, lines),
                (None, true) => self.work(life, day, lines),
                (None, false) => self.rest(life, day * DAY, lines),
            }
        }
    }

    /// A day at a desk, here or at home; sometimes it ends on a plane.
    fn work(&mut self, life: &LoginLife, day: u64, lines: &mut Vec<LoginLine>) {
        let at_home = self.dice.chance(self.at_home);
        let (home, office, tunnel) = (self.home, places::office(), places::tunnel());
        let desk = browser(self.desk, day);
        let mut second = day * DAY + self.dice.between(6 * HOUR, 9 * HOUR);
        let mut at = if at_home { home } else { office };
        // The telephone over breakfast.
        if self.dice.chance(40) {
            let site = places::mobile(self.mobile, &mut self.dice);
            let agent = self.phone.clone();
            let moment = Moment {
                second: second - 1_200,
                program: LoginProgram::Web,
                site: &site,
                agent: &agent,
            };
            self.log_in(life, &moment, lines);
        }
        for _ in 0..self.dice.between(2, 4) {
            // From home through the company's tunnel: another city within a minute.
            let site = if at_home && self.dice.chance(30) { tunnel } else { at };
            let moment = Moment { second, program: LoginProgram::Web, site: &site, agent: &desk };
            self.log_in(life, &moment, lines);
            if self.program != LoginProgram::Web {
                let own =
                    places::own(1_000 + u64::try_from(self.name.len()).unwrap_or(0) + self.mobile);
                let from = if at_home { tunnel } else { own };
                let moment =
                    Moment { second: second + 60, program: self.program, site: &from, agent: "" };
                self.log_in(life, &moment, lines);
            }
            second += self.dice.between(HOUR / 2, 3 * HOUR);
        }
        if self.hides && self.dice.chance(20) {
            let site = places::bought_tunnel(&mut self.dice);
            let moment = Moment {
                second: second + 300,
                program: LoginProgram::Web,
                site: &site,
                agent: &desk,
            };
            self.log_in(life, &moment, lines);
        }
        if self.dice.below(90) == 0 {
            self.change_password(life, second, lines);
        }
        let away = match self.dice.below(720) {
            0..4 => places::far(&mut self.dice),
            4..16 => places::hotel(&mut self.dice),
            _ => return,
        };
        if at_home {
            at = home;
        }
        let arrival = second + at.flight_seconds(&away);
        let moment =
            Moment { second: arrival, program: LoginProgram::Web, site: &away, agent: &desk };
        self.log_in(life, &moment, lines);
        let days = arrival / DAY - day + self.dice.between(1, 4);
        self.trip = Some((day + days, away));
    }

    /// A day on the road. The last of them ends early enough to be home the next morning.
    fn away(&mut self, life: &LoginLife, midnight: u64, site: &Site, lines: &mut Vec<LoginLine>) {
        let (desk, phone) = (browser(self.desk, midnight / DAY), self.phone.clone());
        let first = midnight + self.dice.between(7 * HOUR, 8 * HOUR);
        // After a flight that went on past the morning nobody is there yet.
        let earliest = lines.last().map_or(0, |line| line.time.since(life.start).as_secs() + 600);
        for (agent, after) in [(&desk, 0), (&phone, HOUR), (&desk, 2 * HOUR)] {
            let second = (first + after).max(earliest);
            let last =
                self.trip.is_some_and(|(until, _)| second + 12 * HOUR > until * DAY + 8 * HOUR);
            if last {
                return;
            }
            let moment = Moment { second, program: LoginProgram::Web, site, agent };
            self.log_in(life, &moment, lines);
        }
    }

    fn rest(&mut self, life: &LoginLife, midnight: u64, lines: &mut Vec<LoginLine>) {
        if !self.dice.chance(30) {
            return;
        }
        let second = midnight + self.dice.between(9 * HOUR, 20 * HOUR);
        let (home, phone) = (self.home, self.phone.clone());
        let moment = Moment { second, program: LoginProgram::Web, site: &home, agent: &phone };
        self.log_in(life, &moment, lines);
    }

    /// Logs in, with a few wrong tries before now and then.
    fn log_in(&mut self, life: &LoginLife, moment: &Moment<'_>, lines: &mut Vec<LoginLine>) {
        let wrong = if self.dice.chance(6) { self.dice.between(1, 3) } else { 0 };
        let address = moment.site.network.address(&mut self.dice);
        for number in 0..=wrong {
            let attempt = Attempt {
                time: life.at(moment.second + number * 7),
                program: moment.program,
                user: &self.name,
                address,
                site: moment.site,
                agent: moment.agent,
                worked: number == wrong,
            };
            lines.push(attempt.line());
        }
    }

    /// The telephone keeps the old password for hours, at home or on the road.
    fn change_password(&mut self, life: &LoginLife, from: u64, lines: &mut Vec<LoginLine>) {
        let every = self.dice.between(120, 1_800);
        let tries = self.dice.between(2, 10) * HOUR / every;
        let (home, phone) = (self.home, self.phone.clone());
        let mobile = places::mobile(self.mobile, &mut self.dice);
        for number in 0..tries {
            let site = if number < tries / 3 { &mobile } else { &home };
            let attempt = Attempt {
                time: life.at(from + number * every),
                program: LoginProgram::Web,
                user: &self.name,
                address: site.network.address(&mut self.dice),
                site,
                agent: &phone,
                worked: false,
            };
            lines.push(attempt.line());
        }
    }
}

/// Gives a browser's name as it is on a day: a new version every four weeks.
fn browser(name: &str, day: u64) -> String {
    name.replace("142.0", &format!("{}.0", 142 + day / 28))
}

/// Gives the name of a telephone of one of a few dozen models.
fn phone(dice: &mut Dice) -> String {
    if dice.chance(40) {
        return cast::BROWSERS.get(3).copied().unwrap_or_default().to_owned();
    }
    let maker =
        dice.favour(&["Pixel", "SM-S", "SM-A", "Redmi Note", "CPH", "moto g", "XQ-", "ASUS_AI"]);
    let model = dice.below(12);
    format!(
        "Mozilla/5.0 (Linux; Android 15; {maker} {model}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"
    )
}
