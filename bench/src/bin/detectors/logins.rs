//! Users and log-ins: a company of a thousand people over six weeks, and attacks on it.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bench::timing;
use detect::{Engine, Memory};
use model::{Clock, Event, EventId, Origin, Record, Text, Timestamp};
use parse::{Parser, ParserConfig};
use simulate::{LoginAttack, LoginAttackKind, LoginLife, LoginLine, LoginProgram};

use crate::Measured;
use crate::play::{Line, Player, Told, median};

const DETECTORS: [&str; 2] = ["guessing", "whereabouts"];
/// From this day on everything is known that there is to learn.
const DAY_KNOWN: u64 = 14;
const DAY: u64 = 86_400;
/// How many attacks each scene plays.
const ATTACKS: usize = 40;

/// Gives what is measured of the detectors of users and log-ins.
pub(crate) fn measure() -> Vec<Measured> {
    let mut rows = benign();
    let small = life(300, 28);
    let lines = small.lines();
    for scene in SCENES {
        rows.push(attacked(&small, &lines, scene));
    }
    rows.push(scattered(&small, &lines));
    real();
    cost(&lines);
    rows
}

/// Two hundred networks, each of which tries two accounts once, within ten hours: each such day by itself, since the
/// house learns from the one before.
fn scattered(life: &LoginLife, benign: &[LoginLine]) -> Measured {
    const DAYS: u64 = 10;
    let (mut found, mut after) = (0, Vec::new());
    for number in 0..DAYS {
        let attack = LoginAttack {
            seed: 5 + number * 1_009,
            second: (DAY_KNOWN + number) * DAY + 7_200,
            users: 200,
            networks: 200,
            tries: 400,
            every: 90,
            ..GUESS
        };
        let mut lines: Vec<Line> = played(benign, None).collect();
        lines.extend(played(&attack.lines(life), Some(0)));
        lines.sort_by_key(|line| line.time);
        let told = Player::new(&DETECTORS).play(&lines);
        let of = |one: &&Told| one.attack.is_some() && one.detection.rule.title == SCATTERED;
        if let Some(first) = told.iter().find(of) {
            found += 1;
            after.push(first.after);
        }
    }
    Measured {
        detector: "guessing",
        scene: "spray: 200 users, 200 networks, each of which tries two once".to_owned(),
        recall: f64::from(found) / DAYS as f64,
        false_alerts_per_day_per_thousand: f64::NAN,
        seconds_to_detect: median(after),
        bytes_per_entity: f64::NAN,
    }
}

const SCATTERED: &str = "Spray from very many networks";

fn life(users: usize, days: u64) -> LoginLife {
    // A Monday.
    let start = Timestamp::parse("2026-09-07T00:00:00Z").unwrap_or_default();
    LoginLife { seed: 20_261, users, days, start }
}

fn played(lines: &[LoginLine], attack: Option<usize>) -> impl Iterator<Item = Line> + '_ {
    lines.iter().map(move |line| Line { time: line.time, text: line.text.clone(), attack })
}

/// Nothing but people and programs: every alert is a false one, but those of the program whose password is
/// wrong.
fn benign() -> Vec<Measured> {
    let life = life(1_000, 42);
    let lines: Vec<Line> = played(&life.lines(), None).collect();
    println!("{} log-ins of {} people in {} days\n", lines.len(), life.users, life.days);
    let mut player = Player::new(&DETECTORS);
    let told = player.play(&lines);
    let known = life.start.plus(std::time::Duration::from_secs(DAY_KNOWN * DAY));
    let mut rows = Vec::new();
    for (detector, rules) in [("guessing", &GUESSING[..]), ("whereabouts", &WHEREABOUTS[..])] {
        let after = |told: &&Told| told.detection.time >= known;
        let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
        for one in told.iter().filter(after) {
            *by_rule.entry(one.detection.rule.title.as_str()).or_default() += 1;
        }
        let days = (life.days - DAY_KNOWN) as f64 * life.users as f64 / 1_000.0;
        for rule in rules {
            let alerts = by_rule.get(rule).copied().unwrap_or_default();
            rows.push(Measured {
                detector,
                scene: format!("peace: {rule}"),
                recall: f64::NAN,
                false_alerts_per_day_per_thousand: alerts as f64 / days,
                seconds_to_detect: f64::NAN,
                bytes_per_entity: player.bytes(detector) / life.users as f64,
            });
        }
    }
    if std::env::args().any(|argument| argument == "--alerts") {
        for one in &told {
            println!("{} {}", one.detection.time, one.detection.summary);
        }
    }
    rows
}

const GUESSING: [&str; 7] = [
    SCATTERED,
    "Slow guessing of passwords",
    "One account guessed from many networks",
    "A name guessed from many networks",
    "Slow or scattered password spray",
    "Slow search for names",
    "Log-in after patient guessing",
];
const WHEREABOUTS: [&str; 3] = [
    "Impossible travel",
    "Log-in from a country new for the user",
    "Log-in from a network new for the user",
];

/// One kind of attack, and the rules one of which is to tell of it.
struct Scene {
    detector: &'static str,
    name: &'static str,
    rules: &'static [&'static str],
    attack: LoginAttack,
}

const GUESS: LoginAttack = LoginAttack {
    seed: 0,
    kind: LoginAttackKind::Guess,
    second: 0,
    user: 0,
    users: 1,
    networks: 1,
    tries: 48,
    every: 1_800,
    jitter: 30,
    succeeds: false,
    program: LoginProgram::Ssh,
};
const STOLEN: LoginAttack =
    LoginAttack { kind: LoginAttackKind::StolenAbroad, program: LoginProgram::Web, ..GUESS };

const fn guess(name: &'static str, attack: LoginAttack) -> Scene {
    Scene { detector: "guessing", name, rules: &GUESSING, attack }
}

const fn stolen(name: &'static str, rules: &'static [&'static str], attack: LoginAttack) -> Scene {
    Scene { detector: "whereabouts", name, rules, attack }
}

const SCENES: &[Scene] = &[
    guess(
        "one network, one user, a try every minute for 4 h",
        LoginAttack { tries: 240, every: 60, ..GUESS },
    ),
    guess("a try every 5 minutes for a day", LoginAttack { tries: 288, every: 300, ..GUESS }),
    guess("a try every 30 minutes for a day", GUESS),
    guess("a try every 60 minutes for a day", LoginAttack { tries: 24, every: 3_600, ..GUESS }),
    guess(
        "one user from 8 networks, 10 minutes",
        LoginAttack { networks: 8, tries: 24, every: 25, ..GUESS },
    ),
    guess(
        "one user from 20 networks, a try every 10 minutes",
        LoginAttack { networks: 20, tries: 60, every: 600, ..GUESS },
    ),
    guess("one user from 5 networks, a try every 30 minutes", LoginAttack { networks: 5, ..GUESS }),
    guess(
        "one user from 200 networks, one try each, over a day",
        LoginAttack { networks: 200, tries: 200, every: 400, ..GUESS },
    ),
    guess(
        "spray: 5 users, 1 network, a try every 10 minutes",
        LoginAttack { users: 5, tries: 15, every: 600, ..GUESS },
    ),
    guess(
        "spray: 20 users, 1 network, a try every 20 minutes",
        LoginAttack { users: 20, tries: 40, every: 1_200, ..GUESS },
    ),
    guess(
        "spray: 100 users, 1 network, a try every 3 minutes",
        LoginAttack { users: 100, tries: 200, every: 180, ..GUESS },
    ),
    guess(
        "spray: 100 users, 20 networks, a try a minute",
        LoginAttack { users: 100, networks: 20, tries: 300, every: 60, ..GUESS },
    ),
    guess(
        "spray on Windows: 50 users, 3 networks, a try every 5 minutes",
        LoginAttack {
            users: 50,
            networks: 3,
            tries: 150,
            every: 300,
            program: LoginProgram::Windows,
            ..GUESS
        },
    ),
    Scene {
        rules: &["Log-in after patient guessing"],
        ..guess(
            "let in after 12 tries, one every 30 minutes",
            LoginAttack { tries: 13, succeeds: true, ..GUESS },
        )
    },
    Scene {
        rules: &["Log-in after patient guessing"],
        ..guess(
            "let in after 40 tries from 10 networks",
            LoginAttack { tries: 41, networks: 10, every: 600, succeeds: true, ..GUESS },
        )
    },
    Scene {
        rules: &["Log-in after patient guessing"],
        ..guess(
            "let in after a slow spray of 20 users",
            LoginAttack { users: 20, tries: 41, every: 1_200, succeeds: true, ..GUESS },
        )
    },
    stolen("stolen, abroad, with a tool: impossible travel", &["Impossible travel"], STOLEN),
    stolen(
        "stolen, abroad, with the user's browser: impossible travel",
        &["Impossible travel"],
        LoginAttack { kind: LoginAttackKind::StolenAbroadDisguised, ..STOLEN },
    ),
    stolen("stolen, abroad, with a tool: any rule", &WHEREABOUTS, STOLEN),
    stolen(
        "stolen, abroad, with a tool, 20 h after the user",
        &WHEREABOUTS,
        LoginAttack { every: 72_000, ..STOLEN },
    ),
    stolen(
        "stolen, abroad, with the user's browser, 20 h after the user",
        &WHEREABOUTS,
        LoginAttack { every: 72_000, kind: LoginAttackKind::StolenAbroadDisguised, ..STOLEN },
    ),
    stolen(
        "stolen, in the country, with a tool",
        &WHEREABOUTS,
        LoginAttack { kind: LoginAttackKind::StolenNear, ..STOLEN },
    ),
];

/// Plays one kind of attack on many users, among all that people do.
fn attacked(life: &LoginLife, benign: &[LoginLine], scene: &Scene) -> Measured {
    let mut lines: Vec<Line> = played(benign, None).collect();
    for number in 0..ATTACKS {
        let at = number as u64;
        let attack = LoginAttack {
            seed: 77 + at * 1_001,
            second: (DAY_KNOWN + 1 + at % 11) * DAY + at * 3_011 % DAY,
            // Sprays of many users overlap in whom they are about.
            user: number * 7 % (life.users - scene.attack.users),
            ..scene.attack
        };
        lines.extend(played(&attack.lines(life), Some(number)));
    }
    lines.sort_by_key(|line| line.time);
    let mut player = Player::new(&DETECTORS);
    let told = player.play(&lines);
    let mut found = HashSet::new();
    let mut after = Vec::new();
    for one in &told {
        let of_scene = scene.rules.contains(&one.detection.rule.title.as_str());
        if let Some(attack) = one.attack.filter(|_| of_scene)
            && found.insert(attack)
        {
            after.push(one.after);
        }
    }
    Measured {
        detector: scene.detector,
        scene: scene.name.to_owned(),
        recall: found.len() as f64 / ATTACKS as f64,
        false_alerts_per_day_per_thousand: f64::NAN,
        seconds_to_detect: median(after),
        bytes_per_entity: f64::NAN,
    }
}

/// Plays real logs, where they are, and tells what comes of each.
fn real() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    let mut logs: Vec<(String, Vec<String>)> = Vec::new();
    for entry in fs::read_dir(corpora.join("logs")).into_iter().flatten().flatten() {
        let files = fs::read_dir(entry.path()).into_iter().flatten().flatten();
        for file in files
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|end| end == "log"))
        {
            let text = fs::read(&file).unwrap_or_default();
            let lines = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
            logs.push((file.file_name().unwrap_or_default().to_string_lossy().into_owned(), lines));
        }
    }
    if let Ok(text) = fs::read_to_string(corpora.join("parsed/server-log-lines.jsonl")) {
        // Cases of many programs, each by itself.
        for case in
            text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        {
            let lines =
                case.get("log_lines").and_then(|lines| lines.as_array()).into_iter().flatten();
            let lines = lines.filter_map(|line| line.as_str().map(str::to_owned)).collect();
            logs.push((
                case.get("uid").and_then(|uid| uid.as_str()).unwrap_or_default().to_owned(),
                lines,
            ));
        }
    }
    logs.sort();
    let (mut lines_played, mut alerts) = (0, 0);
    for (name, lines) in &logs {
        let now = Timestamp::parse("2026-11-21T00:00:00Z").unwrap_or_default();
        let line = |text: &String| Line { time: now, text: text.clone(), attack: None };
        let mut player = Player::new(&DETECTORS);
        let told = player.play(&lines.iter().map(line).collect::<Vec<Line>>());
        lines_played += lines.len();
        alerts += told.len();
        for one in told {
            println!("{name}: {} {}", one.detection.rule.title, one.detection.summary);
        }
    }
    println!("real logs: {} files and cases, {lines_played} lines, {alerts} alerts", logs.len());
}

/// Tells what an event costs the detectors: log-ins, and others.
fn cost(lines: &[LoginLine]) {
    let parser = Parser::new(ParserConfig::default());
    let event = |(number, time, text): (usize, Timestamp, &str)| {
        let origin = Arc::new(Origin { clock: Clock::File(time), ..Origin::default() });
        let text = Text::from(text);
        let record =
            Record { text, received_at: time, origin, truncated_bytes: 0, escaped_bytes: 0 };
        let mut event = parser.parse(record);
        event.id = EventId(number as u64);
        event
    };
    let logins: Vec<Event> = lines
        .iter()
        .enumerate()
        .map(|(number, line)| event((number, line.time, &line.text)))
        .collect();
    let pages = lines.iter().enumerate().map(|(number, line)| {
        let text = r#"192.0.2.7 - - [21/Nov/2026:06:58:00 +0000] "GET /cart HTTP/1.1" 200 512 "-" "Mozilla/5.0""#;
        let mut page = event((number, line.time, text));
        page.time = line.time;
        page
    });
    let pages: Vec<Event> = pages.collect();
    let engine = Engine::default();
    for (what, events) in [("a log-in", &logins), ("a page", &pages)] {
        let time = timing::median(|| {
            let (mut memory, mut found) = (Memory::of_old_events(), Vec::new());
            for event in events {
                engine.follow(event, &[], &mut memory, &mut found);
            }
            found.len()
        });
        println!(
            "{what} costs all detectors {:.0} ns",
            time.as_secs_f64() * 1e9 / events.len() as f64
        );
    }
}
