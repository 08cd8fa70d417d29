//! Attacks that only memory finds, each to be sent by its name.
//!
//! A detector judges by what it has seen before. Where some hours of it are enough, a scenario lies within the last hours,
//! and may be sent to a live input; where days are needed, it begins with them, and is for a file that `hunt` or
//! `import` reads, since live inputs hold a time to a day before its receipt.

use std::time::Duration;

use model::Timestamp;

use crate::hosts::{
    FlowAttack, FlowLife, HostLine, LookupAttack, StartAttack, StartLife, WebAttack, WebLife,
    merged,
};
use crate::logins::{LoginAttack, LoginAttackKind, LoginLife, LoginProgram};
use crate::names::Family;
use crate::stage::{Channel, Kind, Sample};

const HOUR: f64 = 3_600.0;
const DAY: u64 = 86_400;

/// One attack with what must be seen before it.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name, such as `dns-tunnel`.
    pub name: &'static str,
    /// What happens in it.
    pub summary: &'static str,
    /// The title of the rule that is to tell of it.
    pub expects: &'static str,
    /// How many days it takes.
    pub days: u32,
    make: fn(&Stage) -> Vec<HostLine>,
}

/// When a scenario plays, and by which chance.
#[derive(Clone, Copy, Debug)]
struct Stage {
    seed: u64,
    start: Timestamp,
    days: u32,
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scenario").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "beacon",
        summary: "an implant calls its master every minute, give or take a fifth",
        expects: "Calls at even intervals",
        days: 1,
        make: |stage| {
            FlowAttack::Beacon { every: 60.0, jitter: 0.2 }.lines(
                stage.seed,
                7,
                stage.at(1.0),
                2.0 * HOUR,
            )
        },
    },
    Scenario {
        name: "data-out",
        summary: "after five days of a small house one machine sends two gigabytes out",
        expects: "Far more sent out than usual",
        days: 5,
        make: data_out,
    },
    Scenario {
        name: "dns-tunnel",
        summary: "a machine carries data out in the names that it asks for",
        expects: "Names that carry data",
        days: 1,
        make: |stage| {
            let tunnel = LookupAttack::Tunnel { letters: 60, base: 32, kind: "TXT", every: 2.0 };
            tunnel.lines(stage.seed, 7, stage.at(1.0), 0.5 * HOUR)
        },
    },
    Scenario {
        name: "error-storm",
        summary: "a program writes ten errors a second for a quarter of an hour",
        expects: "Storm of errors of one program",
        days: 1,
        make: |stage| WebAttack::Complaints(10).lines(stage.seed, 1, stage.at(1.0), 0.25 * HOUR),
    },
    Scenario {
        name: "generated-names",
        summary: "a program tries names that it makes up, none of which exists",
        expects: "Domains that a program made up",
        days: 1,
        make: |stage| {
            let names = LookupAttack::Generated { family: Family::Letters, every: 6.0 };
            names.lines(stage.seed, 7, stage.at(1.0), 0.4 * HOUR)
        },
    },
    Scenario {
        name: "guessed-login",
        summary: "one network tries a password every half hour, and the thirteenth is right",
        expects: "Log-in after patient guessing",
        days: 1,
        make: |stage| stage.guess(LoginAttack { tries: 13, every: 1_800, succeeds: true, ..GUESS }),
    },
    Scenario {
        name: "host-scan",
        summary: "a machine tries one port of very many others",
        expects: "Machines tried on one port",
        days: 1,
        make: |stage| {
            FlowAttack::Machines { every: 20.0 }.lines(stage.seed, 7, stage.at(1.0), HOUR)
        },
    },
    Scenario {
        name: "impossible-travel",
        summary: "a user is at home and, within the hour, on another continent",
        expects: "Impossible travel",
        days: 1,
        make: travel,
    },
    Scenario {
        name: "password-spray",
        summary: "one network tries a password of each of forty users, one every twenty minutes",
        expects: "Slow or scattered password spray",
        days: 1,
        make: |stage| stage.guess(LoginAttack { users: 40, tries: 40, every: 1_200, ..GUESS }),
    },
    Scenario {
        name: "port-scan",
        summary: "a machine tries port after port of another, three a minute",
        expects: "Port scan",
        days: 1,
        make: |stage| FlowAttack::Ports { every: 20.0 }.lines(stage.seed, 7, stage.at(1.0), HOUR),
    },
    Scenario {
        name: "rare-program",
        summary: "after a fortnight of a house a web server starts a shell",
        expects: "Server or document starts a program as never before",
        days: 15,
        make: rare_program,
    },
    Scenario {
        name: "request-flood",
        summary: "after a week of a site three addresses ask it for everything, twenty times a second",
        expects: "Flood of requests to a site",
        days: 8,
        make: request_flood,
    },
    Scenario {
        name: "slow-guessing",
        summary: "one network tries a user's password every five minutes for hours",
        expects: "Slow guessing of passwords",
        days: 1,
        make: |stage| stage.guess(LoginAttack { tries: 150, every: 300, ..GUESS }),
    },
    Scenario {
        name: "stolen-password",
        summary: "after three weeks somebody logs in as one of the users, from abroad and with a tool",
        expects: "Log-in from a country new for the user",
        days: 22,
        make: stolen,
    },
    Scenario {
        name: "two-hundred-networks",
        summary: "each of two hundred networks tries two of a house's users once, after six quiet days",
        expects: "Spray from very many networks",
        days: 8,
        make: scattered,
    },
];

const GUESS: LoginAttack = LoginAttack {
    seed: 0,
    kind: LoginAttackKind::Guess,
    second: 3_600,
    user: 0,
    users: 1,
    networks: 1,
    tries: 0,
    every: 0,
    jitter: 20,
    succeeds: false,
    program: LoginProgram::Ssh,
};

impl Scenario {
    /// Gives the scenario of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    /// Tells whether live inputs take it: it lies within the day that they let a sender's clock be late.
    pub fn is_live(&self) -> bool {
        self.days <= 1
    }

    /// Gives its samples in the order of time, the last of them at a moment at the latest.
    pub fn samples(&self, seed: u64, end: Timestamp) -> Vec<Sample> {
        // What lies within a day ends a little before, so that nothing is late for what takes it.
        let back = u64::from(self.days) * DAY - if self.is_live() { 1_800 } else { 0 };
        let start = end.minus(Duration::from_secs(back));
        let lines = (self.make)(&Stage { seed, start, days: self.days });
        let lines = lines.into_iter().filter(|line| line.time <= end);
        lines.map(|line| self.sample(line)).collect()
    }

    fn sample(&self, HostLine { time, text, attack }: HostLine) -> Sample {
        let is_frame =
            text.starts_with('<') && text.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        // Unbound's own file begins with its name, which stands in syslog's header otherwise.
        let frame = match text.split_once("] unbound[") {
            _ if is_frame => text.clone(),
            Some((_, rest)) => format!("<30>1 {time} ns.simulated.example unbound 75 - - [{rest}"),
            None => format!("<14>1 {time} sensor.simulated.example simulate - - - {text}"),
        };
        let kind = if self.days > 1 && attack.is_none() { Kind::Benign } else { Kind::Hidden };
        Sample { kind, channel: Channel::Syslog, label: self.name, time, line: text, frame }
    }
}

impl Stage {
    /// Gives a moment so many hours after the beginning.
    fn at(&self, hours: f64) -> Timestamp {
        self.start.plus(Duration::from_secs_f64(hours * HOUR))
    }

    /// Gives an hour of the last day at which people work.
    fn last_day(&self) -> Timestamp {
        self.at(f64::from(self.days) * 24.0 - 6.0)
    }

    fn life(&self, users: usize) -> LoginLife {
        LoginLife { seed: self.seed, users, days: u64::from(self.days), start: self.start }
    }

    fn guess(&self, attack: LoginAttack) -> Vec<HostLine> {
        let lines = LoginAttack { seed: self.seed, ..attack }.lines(&self.life(100));
        lines.into_iter().map(HostLine::from).collect()
    }
}

fn data_out(stage: &Stage) -> Vec<HostLine> {
    let life = FlowLife {
        seed: stage.seed,
        start: stage.start,
        days: stage.days,
        clients: 6,
        an_hour: 20,
    };
    let attack = FlowAttack::Outbound { bytes: 2e9 }.lines(stage.seed, 3, stage.last_day(), 300.0);
    merged(life.lines(), vec![attack])
}

fn rare_program(stage: &Stage) -> Vec<HostLine> {
    let life = StartLife {
        seed: stage.seed,
        start: stage.start,
        days: stage.days,
        groups: 4,
        machines: 5,
        an_hour: 6,
        rollouts_a_week: 1,
        tools_a_week: 0,
        setups_a_month: 1,
    };
    let attack = StartAttack::WebShell.lines(stage.seed, 3, 2, stage.last_day());
    merged(life.lines(), vec![attack])
}

fn request_flood(stage: &Stage) -> Vec<HostLine> {
    let life = WebLife {
        seed: stage.seed,
        start: stage.start,
        days: stage.days,
        sites: 1,
        a_minute: 4,
        releases_a_day: 1,
        peaks_a_week: 1,
    };
    let attack = WebAttack::FewSources(20).lines(stage.seed, 0, stage.last_day(), 300.0);
    merged(life.lines(), vec![attack])
}

/// A log-in of a user's own, and another an hour later from where nobody can be by then.
fn travel(stage: &Stage) -> Vec<HostLine> {
    let life = stage.life(100);
    let attack = LoginAttack {
        seed: stage.seed,
        kind: LoginAttackKind::StolenAbroad,
        program: LoginProgram::Web,
        every: 2_400,
        ..GUESS
    };
    // Whoever of them logs in at all within the time.
    let begun = life.at(attack.second);
    let user =
        (0..life.users).find(|user| life.web_logins(*user).iter().any(|time| *time >= begun));
    let attack = LoginAttack { user: user.unwrap_or(0), ..attack };
    let own = life.lines().into_iter().map(HostLine::from).collect();
    merged(own, vec![attack.lines(&life).into_iter().map(HostLine::from).collect()])
}

fn stolen(stage: &Stage) -> Vec<HostLine> {
    let life = stage.life(40);
    let attack = LoginAttack {
        seed: stage.seed,
        kind: LoginAttackKind::StolenAbroad,
        program: LoginProgram::Web,
        second: u64::from(stage.days - 2) * DAY,
        every: 54_000,
        ..GUESS
    };
    // Whoever of them is known for long enough.
    let user = (0..life.users).max_by_key(|user| life.web_logins(*user).len());
    let attack = LoginAttack { user: user.unwrap_or(0), ..attack };
    let own = life.lines().into_iter().map(HostLine::from).collect();
    merged(own, vec![attack.lines(&life).into_iter().map(HostLine::from).collect()])
}

fn scattered(stage: &Stage) -> Vec<HostLine> {
    let life = stage.life(250);
    let attack = LoginAttack {
        seed: stage.seed,
        second: u64::from(stage.days - 1) * DAY + 3_600,
        users: 200,
        networks: 200,
        tries: 400,
        every: 90,
        ..GUESS
    };
    let own = life.lines().into_iter().map(HostLine::from).collect();
    merged(own, vec![attack.lines(&life).into_iter().map(HostLine::from).collect()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_and_the_same_seed_gives_the_same() {
        let end = Timestamp::parse("2026-11-21T12:00:00Z").unwrap();
        for scenario in SCENARIOS {
            assert_eq!(Scenario::named(scenario.name).unwrap().summary, scenario.summary);
            let samples = scenario.samples(1, end);
            assert!(samples.len() >= 13, "{}: {}", scenario.name, samples.len());
            assert!(samples.is_sorted_by_key(|sample| sample.time), "{}", scenario.name);
            assert!(
                samples.iter().all(|sample| sample.time <= end && !sample.frame.contains('\n'))
            );
            assert_eq!(samples, scenario.samples(1, end), "{}", scenario.name);
            let day = end.minus(Duration::from_secs(DAY));
            assert_eq!(scenario.is_live(), samples.iter().all(|sample| sample.time > day));
        }
    }
}
