//! Names, connections, programs, requests and errors.
//!
//! Each scene is a house of several days with attacks in it, after days without any. An alert counts as false where
//! no attack made it; those of the level `informational` are not counted as alerts at all.

use std::collections::HashSet;

use model::{Level, Timestamp};
use simulate::{
    FAMILIES, Family, FlowAttack, FlowLife, HostLine, LookupAttack, LookupLife, StartAttack,
    StartLife, WebAttack, WebLife, merged,
};

use crate::Measured;
use crate::play::{DAY, Line, Player, Told, at, median, start};

/// How many attacks each scene holds.
const ATTACKS: u64 = 10;

/// A part of what is measured, by its name.
pub(crate) type Part = (&'static str, fn() -> Vec<Measured>);

/// Each part of what is measured of the detectors of hosts and traffic.
pub(crate) const PARTS: [Part; 4] =
    [("lookups", lookups), ("flows", flows), ("starts", starts), ("web", web)];

/// A scene to be played: the life of a house, and the attacks on it.
struct Scene {
    detector: &'static str,
    name: String,
    life: Vec<HostLine>,
    attacks: Vec<Vec<HostLine>>,
    /// How many machines, sites and the like there are.
    entities: f64,
    /// From which day on false alerts are counted, and for how many days.
    from: i64,
    days: f64,
}

impl Scene {
    fn measure(self) -> Measured {
        let (player, told) = self.play();
        self.measured(&player, &told, Level::Low)
    }

    /// What comes out with the alerts alone, and with what is told as informational besides.
    fn measure_both(self) -> [Measured; 2] {
        let (player, told) = self.play();
        [Level::Low, Level::Informational].map(|least| self.measured(&player, &told, least))
    }

    fn play(&self) -> (Player, Vec<Told>) {
        let lines: Vec<Line> = merged(self.life.clone(), self.attacks.clone())
            .into_iter()
            .map(|HostLine { time, text, attack }| Line { time, text, attack })
            .collect();
        let mut player = Player::new(&[self.detector]);
        let told = player.play(&lines);
        (player, told)
    }

    fn measured(&self, player: &Player, told: &[Told], least: Level) -> Measured {
        let count = self.attacks.len();
        // A rule on single questions stands in the same file as the one on the detector.
        let of_detector = |told: &&Told| {
            told.detection.rule.level >= least
                && told.detection.rule.title != "Record of the type NULL asked for"
        };
        let told = || told.iter().filter(of_detector);
        let found: HashSet<usize> = told().filter_map(|told| told.attack).collect();
        let mut first: Vec<(usize, f64)> =
            told().filter_map(|told| Some((told.attack?, told.after))).collect();
        first.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
        first.dedup_by_key(|(attack, _)| *attack);
        // An alert that grows is the same alert.
        let show = std::env::var_os("SHOW").is_some();
        let wrong: HashSet<String> = told()
            .filter(|told| {
                let from = at(self.from, 0.0)..at(self.from + self.days as i64, 0.0);
                told.attack.is_none() && from.contains(&told.detection.time)
            })
            .map(|told| {
                let day = told.detection.time.nanos() / 1_000_000_000 / DAY;
                if show {
                    eprintln!("{}: {}", self.name, told.detection.summary);
                }
                format!("{} {:?} {day}", told.detection.rule.title, told.detection.entity)
            })
            .collect();
        if show {
            for missed in (0..count).filter(|attack| !found.contains(attack)) {
                eprintln!("{}: missed {missed}", self.name);
            }
        }
        let none = f64::NAN;
        Measured {
            detector: self.detector,
            scene: match least {
                Level::Informational => format!("{}; with what is only informational", self.name),
                _ => self.name.clone(),
            },
            recall: if count == 0 { none } else { found.len() as f64 / count as f64 },
            false_alerts_per_day_per_thousand: if self.days > 0.0 {
                wrong.len() as f64 / self.days / self.entities * 1_000.0
            } else {
                none
            },
            seconds_to_detect: median(first.into_iter().map(|(_, after)| after).collect()),
            bytes_per_entity: player.bytes(self.detector) / self.entities,
        }
    }
}

/// The attacks of a scene: each from another machine, at another hour of the last day.
fn ten(mut attack: impl FnMut(u64, Timestamp) -> Vec<HostLine>, day: i64) -> Vec<Vec<HostLine>> {
    (0..ATTACKS).map(|number| attack(number, at(day, 8.0 + number as f64 * 0.9))).collect()
}

fn lookups() -> Vec<Measured> {
    const CLIENTS: u32 = 200;
    let life = LookupLife {
        seed: 7,
        start: start(),
        days: 3,
        clients: CLIENTS,
        an_hour: 60,
        scanned_an_hour: 90,
    };
    let life = life.lines();
    let none = |detector, name: &str, (from, days): (i64, f64)| Scene {
        detector,
        name: name.to_owned(),
        life: life.clone(),
        attacks: Vec::new(),
        entities: f64::from(CLIENTS),
        from,
        days,
    };
    let quiet = "no attack: people, content networks, a virus scanner, a mail server";
    let mut scenes = vec![
        none("tunnel", &format!("{quiet}; the first day"), (0, 1.0)),
        none("tunnel", &format!("{quiet}; the second and third"), (1, 2.0)),
        none("generated", quiet, (0, 3.0)),
    ];
    // The attacks are played among the life of the first two dozen machines, which is enough for their neighbours.
    let few = LookupLife {
        seed: 8,
        start: start(),
        days: 3,
        clients: 24,
        an_hour: 30,
        scanned_an_hour: 60,
    };
    let few = few.lines();
    let tunnels = [
        ("iodine: 180 letters of base 32, NULL, 5 a second", 180, 32, "NULL", 0.2),
        ("dnscat: 60 letters of base 16, TXT, 1 a second", 60, 16, "TXT", 1.0),
        ("implant: 32 letters of base 16, A, 1 in 10 s", 32, 16, "A", 10.0),
        ("slow: 30 letters of base 64, A, 1 in 20 s", 30, 64, "A", 20.0),
        ("slower: 50 letters of base 32, A, 1 a minute", 50, 32, "A", 60.0),
        ("slowest: 50 letters of base 32, A, 1 in 2 min", 50, 32, "A", 120.0),
        ("short: 12 letters of base 16, A, 1 in 10 s", 12, 16, "A", 10.0),
        ("shorter: 6 letters of base 32, A, 1 in 5 s", 6, 32, "A", 5.0),
        ("shortest: 4 letters of base 32, A, 2 a second", 4, 32, "A", 0.5),
    ];
    for (name, letters, base, kind, every) in tunnels {
        let attack = LookupAttack::Tunnel { letters, base, kind, every };
        scenes.push(Scene {
            detector: "tunnel",
            name: name.to_owned(),
            life: few.clone(),
            attacks: ten(|number, at| attack.lines(number, number, at, 7_200.0), 2),
            entities: 24.0,
            from: 0,
            days: 0.0,
        });
    }
    scenes.extend(families(&few));
    scenes.into_iter().map(Scene::measure).collect()
}

/// A scene for each way in which names are made up.
fn families(life: &[HostLine]) -> Vec<Scene> {
    let scene = |family: &Family| {
        let attack = LookupAttack::Generated { family: *family, every: 6.0 };
        Scene {
            detector: "generated",
            name: format!("{family:?}, one name in 6 s"),
            life: life.to_vec(),
            attacks: ten(|number, at| attack.lines(number, number, at, 1_200.0), 2),
            entities: 24.0,
            from: 0,
            days: 0.0,
        }
    };
    FAMILIES.iter().map(scene).collect()
}

fn flows() -> Vec<Measured> {
    const CLIENTS: u32 = 200;
    let life = FlowLife { seed: 7, start: start(), days: 5, clients: CLIENTS, an_hour: 40 }.lines();
    let quiet = "no attack: people, programs by the clock, backups at night, monitoring";
    let mut scenes: Vec<Scene> = ["beacon", "volume", "scan"]
        .into_iter()
        .map(|detector| Scene {
            detector,
            name: quiet.to_owned(),
            life: life.clone(),
            attacks: Vec::new(),
            entities: f64::from(CLIENTS),
            from: 0,
            days: 5.0,
        })
        .collect();
    let few = FlowLife { seed: 8, start: start(), days: 5, clients: 24, an_hour: 40 }.lines();
    let mut add = |detector, name: String, attack: FlowAttack, seconds: f64| {
        scenes.push(Scene {
            detector,
            name,
            life: few.clone(),
            attacks: ten(
                |number, at| attack.lines(number, number * 2 + 1, at, seconds),
                // What takes longer than a day begins earlier.
                if seconds > 86_400.0 { 0 } else { 4 },
            ),
            entities: 24.0,
            from: 0,
            days: 0.0,
        });
    };
    for jitter in [0.0, 0.1, 0.2, 0.3, 0.4, 0.5] {
        let name = format!("a call a minute, jitter {:.0} %", jitter * 100.0);
        add("beacon", name, FlowAttack::Beacon { every: 60.0, jitter }, 4.0 * 3_600.0);
    }
    let every = 900.0;
    add(
        "beacon",
        "a call in 15 min, jitter 20 %".to_owned(),
        FlowAttack::Beacon { every, jitter: 0.2 },
        36_000.0,
    );
    for (name, jitter, a_minute) in [
        ("a call a minute, jitter 20 %, where the user calls once a minute", 0.2, 1.0),
        ("a call a minute, jitter 50 %, where the user calls once a minute", 0.5, 1.0),
        ("a call a minute, jitter 50 %, where the user calls twice a minute", 0.5, 2.0),
    ] {
        let attack = FlowAttack::HiddenBeacon { every: 60.0, jitter, a_minute };
        add("beacon", name.to_owned(), attack, 4.0 * 3_600.0);
    }
    for (name, megabytes, hours) in [
        ("2 GB in 5 min", 2_000.0, 0.1),
        ("200 MB every 5 min for an hour", 200.0, 1.0),
        ("30 MB every 5 min for four hours", 30.0, 4.0),
        ("8 MB every 5 min for six hours", 8.0, 6.0),
    ] {
        let attack = FlowAttack::Outbound { bytes: megabytes * 1e6 };
        add("volume", name.to_owned(), attack, hours * 3_600.0);
    }
    for (name, every, hours) in [
        ("200 a second", 0.005, 0.01),
        ("one in 5 s", 5.0, 0.5),
        ("one a minute", 60.0, 2.0),
        ("one in 15 min", 900.0, 12.0),
        ("one in 3 h, for four days", 10_800.0, 96.0),
    ] {
        add("scan", format!("ports, {name}"), FlowAttack::Ports { every }, hours * 3_600.0);
        add("scan", format!("machines, {name}"), FlowAttack::Machines { every }, hours * 3_600.0);
    }
    scenes.into_iter().map(Scene::measure).collect()
}

fn starts() -> Vec<Measured> {
    let life = StartLife {
        seed: 7,
        start: start(),
        days: 28,
        groups: 6,
        machines: 25,
        an_hour: 6,
        rollouts_a_week: 2,
        tools_a_week: 0,
        setups_a_month: 1,
    };
    let entities = f64::from(life.groups * life.machines);
    let tools = StartLife { tools_a_week: 1, ..life }.lines();
    let other = StartLife { seed: 11, tools_a_week: 1, setups_a_month: 2, ..life }.lines();
    let small = StartLife { seed: 5, groups: 6, machines: 4, tools_a_week: 0, ..life };
    let small_entities = f64::from(small.groups * small.machines);
    let small = small.lines();
    let life = life.lines();
    let scene = |name: &str, life: &Vec<HostLine>, attacks: Vec<Vec<HostLine>>, from, days| Scene {
        detector: "rare",
        name: name.to_owned(),
        life: life.clone(),
        attacks,
        entities,
        from,
        days,
    };
    let attacked = |name: &str, attack: StartAttack| {
        // In the third week; each in a house of its own, for the second of two alike is nothing new.
        let until = at(20, 0.0);
        let few: Vec<HostLine> = tools.iter().filter(|line| line.time < until).cloned().collect();
        let alone = |number: u64| {
            let group = attack.group(u32::try_from(number).unwrap_or_default());
            let machine = u32::try_from(number * 2).unwrap_or_default();
            let lines = attack.lines(number, group, machine, at(18, 8.0 + number as f64 * 0.9));
            scene(name, &few, vec![lines], 0, 0.0).measure_both()
        };
        let all: Vec<[Measured; 2]> = (0..ATTACKS).map(alone).collect();
        let (alerts, noted) = all.into_iter().map(|[one, other]| (one, other)).unzip();
        [alerts, noted].into_iter().filter_map(together).collect::<Vec<Measured>>()
    };
    let quiet = [
        scene("no attack, second week: rollouts, set-ups, builds", &life, Vec::new(), 7, 7.0),
        scene("the same, third and fourth week", &life, Vec::new(), 14, 14.0),
        scene(
            "the same, and a tool a week on one machine of each group",
            &tools,
            Vec::new(),
            14,
            14.0,
        ),
        scene("another house, twice as many set-ups", &other, Vec::new(), 14, 14.0),
        Scene {
            entities: small_entities,
            ..scene("a house of 24 machines", &small, Vec::new(), 7, 21.0)
        },
    ];
    let attacks = [
        ("a program dropped among a user's settings", StartAttack::Dropped),
        ("a program dropped among downloads", StartAttack::Downloaded),
        ("a known program from an odd parent", StartAttack::OddParent),
        ("a service brought into the system's folder", StartAttack::Service),
        ("a shell from a server of pages", StartAttack::WebShell),
        ("a miner from a hidden folder, by the clock", StartAttack::Miner),
        ("a program dropped where software is built", StartAttack::Built),
    ];
    let attacks = attacks.into_iter().flat_map(|(name, attack)| attacked(name, attack));
    quiet.into_iter().flat_map(Scene::measure_both).chain(attacks).collect()
}

/// Gives one measure of attacks that were each played alone.
fn together(all: Vec<Measured>) -> Option<Measured> {
    let found = all.iter().map(|one| one.recall).sum::<f64>() / ATTACKS as f64;
    let after = all.iter().map(|one| one.seconds_to_detect).filter(|after| !after.is_nan());
    let after = median(after.collect());
    let last = all.into_iter().next_back();
    last.map(|one| Measured { recall: found, seconds_to_detect: after, ..one })
}

fn web() -> Vec<Measured> {
    let life = WebLife {
        seed: 7,
        start: start(),
        days: 8,
        sites: 10,
        a_minute: 6,
        releases_a_day: 1,
        peaks_a_week: 2,
    }
    .lines();
    let scene = |detector, name: &str, attacks: Vec<Vec<HostLine>>, days| Scene {
        detector,
        name: name.to_owned(),
        life: life.clone(),
        attacks,
        entities: 10.0,
        from: 0,
        days,
    };
    let quiet = "no attack: releases, advertising, a job that complains at night";
    let mut scenes =
        vec![scene("requests", quiet, Vec::new(), 8.0), scene("errors", quiet, Vec::new(), 8.0)];
    for (detector, name, attack, minutes) in [
        ("requests", "flood from three addresses, 20 a second", WebAttack::FewSources(20), 10.0),
        ("requests", "flood of one page from thousands, 20 a second", WebAttack::OnePage(20), 10.0),
        ("requests", "flood from thousands, 45 % fail, 20 a second", WebAttack::Overload(20), 10.0),
        ("requests", "flood like guests, served, 20 a second", WebAttack::LikeGuests(20), 10.0),
        ("requests", "flood like guests, served, 5 a second", WebAttack::LikeGuests(5), 10.0),
        ("requests", "flood from three addresses, 3 a second", WebAttack::FewSources(3), 10.0),
        ("errors", "80 % fail for 15 min, one request a second", WebAttack::Broken(80, 1), 15.0),
        ("errors", "30 % fail for 15 min, one request a second", WebAttack::Broken(30, 1), 15.0),
        ("errors", "a program complains once a second, 15 min", WebAttack::Complaints(1), 15.0),
        ("errors", "many look for what is gone, 2 a second, 15 min", WebAttack::Refused(2), 15.0),
    ] {
        let attacks = ten(
            |number, at| {
                attack.lines(number, u32::try_from(number).unwrap_or(0), at, minutes * 60.0)
            },
            7,
        );
        scenes.push(scene(detector, name, attacks, 0.0));
    }
    scenes.into_iter().map(Scene::measure).collect()
}
