//! Which programs machines start.

use model::Timestamp;

use super::{HostLine, after, bustle, fraction, pause};
use crate::dice::Dice;

/// The benign days: groups of machines, each with its own programs, which are rolled out, set up by people at desks,
/// updated in folders with numbers, and run from folders for a moment. Of six groups one is of servers, whose clock
/// starts scripts with names by chance, one writes software, and one builds it: these start what nobody has seen
/// before all day long.
#[derive(Clone, Copy, Debug)]
pub struct StartLife {
    /// The same seed gives the same lines.
    pub seed: u64,
    /// When the first day begins.
    pub start: Timestamp,
    /// How many days.
    pub days: u32,
    /// How many groups.
    pub groups: u32,
    /// How many machines are in each group.
    pub machines: u32,
    /// How many programs a machine starts in a busy hour.
    pub an_hour: u32,
    /// How many times a week a group is given new software, which one machine has to try for a day first.
    pub rollouts_a_week: u32,
    /// How many times a week somebody starts a tool on one machine of a group that nobody used there before.
    pub tools_a_week: u32,
    /// How many times in four weeks somebody at a desk downloads a program and sets it up.
    pub setups_a_month: u32,
}

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const HEX: &[u8] = b"0123456789abcdef";
const BASE36: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const BASE62: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const EXPLORER: &str = r"C:\Windows\explorer.exe";
const COMMAND: &str = r"C:\Windows\System32\cmd.exe";
const INSTALLER: &str = r"C:\Windows\System32\msiexec.exe";

/// What a group of machines is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trade {
    Desks,
    Servers,
    Developers,
    Builders,
}

const TRADES: [(&str, Trade); 6] = [
    ("desk", Trade::Desks),
    ("shop", Trade::Desks),
    ("lab", Trade::Developers),
    ("front", Trade::Servers),
    ("depot", Trade::Desks),
    ("build", Trade::Builders),
];

/// One program that somebody starts again and again: its file and that of its parent.
type Program = (String, &'static str);

impl StartLife {
    /// Gives all lines, in the order of time.
    pub fn lines(&self) -> Vec<HostLine> {
        let mut lines = Vec::new();
        for group in 0..self.groups {
            let mut dice = Dice::new(self.seed ^ u64::from(group).wrapping_mul(0x9e37_79b9));
            let trade = trade(group).1;
            let programs: Vec<Program> = common(trade)
                .into_iter()
                .chain((0..60).map(|_| everyday(trade, &mut dice)))
                .collect();
            for machine in 0..self.machines {
                self.days_of(group, machine, &programs, &mut dice, &mut lines);
                if trade == Trade::Desks || trade == Trade::Developers {
                    self.setups(group, machine, &mut dice, &mut lines);
                }
            }
            self.rollouts(group, &mut dice, &mut lines);
            self.tools(group, &mut dice, &mut lines);
        }
        lines.sort_by_key(|line| line.time);
        lines
    }

    fn days_of(
        &self,
        group: u32,
        machine: u32,
        programs: &[Program],
        dice: &mut Dice,
        lines: &mut Vec<HostLine>,
    ) {
        let start = self.start.nanos() / super::SECOND;
        let host = host(group, machine);
        for hour in 0..self.days * 24 {
            let busy = bustle(start + i64::from(hour) * 3_600);
            let every = 3_600.0 / (f64::from(self.an_hour) * busy).max(0.01);
            let mut second = pause(dice, every);
            while second < 3_600.0 {
                let time = after(self.start, f64::from(hour) * 3_600.0 + second);
                let day = hour / 24;
                let made = passing(trade(group).1, machine, day, dice);
                let most = u64::try_from(programs.len()).unwrap_or(1);
                let at = dice.below(most).min(dice.below(most)).min(dice.below(most));
                let usual = programs.get(usize::try_from(at).unwrap_or(0));
                let usual = usual.map(|(file, parent)| (installed(file, machine, day), *parent));
                if let Some((file, parent)) = made.or(usual) {
                    lines.push(line(time, &host, &file, parent));
                }
                second += pause(dice, every);
            }
        }
    }

    /// Somebody downloads a program, sets it up, and uses it.
    fn setups(&self, group: u32, machine: u32, dice: &mut Dice, lines: &mut Vec<HostLine>) {
        let mean = 28.0 * 86_400.0 / f64::from(self.setups_a_month.max(1));
        let mut second = pause(dice, mean);
        while self.setups_a_month > 0 && second < f64::from(self.days) * 86_400.0 {
            let (host, user) = (host(group, machine), user(machine));
            let (word, version) = (word(dice), version(dice));
            let setup = format!(r"C:\Users\{user}\Downloads\{word}-Setup-{version}.exe");
            let part = dice.text(BASE36, 5);
            let second_part = format!(
                r"C:\Users\{user}\AppData\Local\Temp\is-{part}.tmp\{word}-Setup-{version}.tmp"
            );
            let own = dice.chance(40);
            let place = if own {
                let folder = dice.pick(&[r"Local\Programs", "Roaming"]);
                format!(r"C:\Users\{user}\AppData\{folder}")
            } else {
                r"C:\Program Files".to_owned()
            };
            let program = format!(r"{place}\{word}\{word}.exe");
            let steps = [
                (&*setup, EXPLORER, 0.0),
                (&*second_part, &*setup, 3.0),
                (&*program, EXPLORER, 90.0),
            ];
            for (file, parent, late) in steps {
                lines.push(line(after(self.start, second + late), &host, file, parent));
            }
            // It is used from then on, or never again.
            let again = if dice.chance(50) { 0 } else { dice.between(1, 12) };
            for _ in 0..again {
                let late = fraction(dice) * 14.0 * 86_400.0;
                if second + late < f64::from(self.days) * 86_400.0 {
                    lines.push(line(after(self.start, second + late), &host, &program, EXPLORER));
                }
            }
            second += pause(dice, mean);
        }
    }

    /// New software comes to one machine, and a day later to all machines of the group within some minutes.
    fn rollouts(&self, group: u32, dice: &mut Dice, lines: &mut Vec<HostLine>) {
        let is_server = trade(group).1 == Trade::Servers;
        for _ in 0..self.days * self.rollouts_a_week / 7 {
            let word = word(dice);
            let at = fraction(dice) * f64::from(self.days) * 86_400.0;
            for machine in 0..self.machines {
                let tries = if machine == 0 { 0.0 } else { 86_400.0 };
                let at = at + tries + pause(dice, 420.0);
                if at > f64::from(self.days) * 86_400.0 {
                    continue;
                }
                let (script, program, installer) = if is_server {
                    let script = format!("/var/lib/dpkg/info/{word}.postinst");
                    (script, format!("/usr/bin/{word}"), "/usr/bin/dpkg")
                } else {
                    let part = dice.text(BASE36, 4);
                    let script = format!(r"C:\Windows\Installer\MSI{part}.tmp");
                    (script, format!(r"C:\Program Files\{word}\{word}.exe"), INSTALLER)
                };
                let host = host(group, machine);
                lines.push(line(after(self.start, at), &host, &script, installer));
                lines.push(line(after(self.start, at + 9.0), &host, &program, installer));
            }
        }
    }

    fn tools(&self, group: u32, dice: &mut Dice, lines: &mut Vec<HostLine>) {
        for _ in 0..self.days * self.tools_a_week / 7 {
            let word = word(dice);
            let at = fraction(dice) * f64::from(self.days) * 86_400.0;
            let machine = u32::try_from(dice.below(u64::from(self.machines))).unwrap_or(0);
            let (file, parent) = if trade(group).1 == Trade::Servers {
                (format!("/usr/local/bin/{word}"), "/bin/bash")
            } else {
                (format!(r"C:\Tools\{word}.exe"), COMMAND)
            };
            lines.push(line(after(self.start, at), &host(group, machine), &file, parent));
        }
    }
}

/// Gives the programs that every machine of a trade has.
fn common(trade: Trade) -> Vec<Program> {
    let all: &[(&str, &str)] = match trade {
        Trade::Servers | Trade::Builders => {
            &[("/bin/sh", "/usr/sbin/cron"), ("/bin/sh", "/bin/bash"), ("/usr/bin/id", "/bin/bash")]
        }
        _ => &[(r"C:\Windows\System32\powershell.exe", EXPLORER), (COMMAND, EXPLORER)],
    };
    all.iter().map(|(file, parent)| ((*file).to_owned(), *parent)).collect()
}

/// Gives a program of a group's everyday.
fn everyday(trade: Trade, dice: &mut Dice) -> Program {
    let word = word(dice);
    if trade == Trade::Servers {
        let place =
            dice.pick(&["/usr/bin", "/usr/bin", "/usr/sbin", "/usr/lib/tools", "/opt/shop/bin"]);
        let parents =
            ["/usr/lib/systemd/systemd", "/usr/sbin/cron", "/bin/bash", "/usr/sbin/nginx"];
        return (format!("{place}/{word}"), dice.pick(&parents));
    }
    let file = match dice.below(10) {
        0..4 => format!(r"C:\Windows\System32\{word}.exe"),
        4..8 => format!(r"C:\Program Files\{word}\{word}.exe"),
        // Programs that live with their user, and bring each version in a folder of its own.
        8 => format!(r"C:\Users\USER\AppData\Local\{word}\app-VERSION\{word}.exe"),
        _ => format!(r"C:\Users\USER\AppData\Roaming\{word}\bin\{word}.exe"),
    };
    let services = r"C:\Windows\System32\services.exe";
    let host = r"C:\Windows\System32\svchost.exe";
    (file, dice.pick(&[EXPLORER, EXPLORER, services, host, COMMAND]))
}

/// Gives the file of a program on a machine on a day: whose it is, and in which version.
fn installed(file: &str, machine: u32, day: u32) -> String {
    let version = format!("4.{}.{}", day / 7, 10 + day / 7 * 3);
    file.replace("USER", &user(machine)).replace("VERSION", &version)
}

/// Gives a program that is there for a moment, where the trade has such.
fn passing(
    trade: Trade,
    machine: u32,
    day: u32,
    dice: &mut Dice,
) -> Option<(String, &'static str)> {
    match trade {
        Trade::Builders if dice.chance(30) => {
            let (part, run) = (dice.text(HEX, 16), dice.below(10_000));
            let file = format!(
                "/builds/runner-{}/run-{run}/target/debug/deps/unit-{part}",
                dice.text(BASE62, 8)
            );
            Some((file, "/usr/local/cargo/bin/cargo"))
        }
        Trade::Builders if dice.chance(10) => {
            Some((format!("/tmp/tmp.{}", dice.text(BASE62, 10)), "/bin/sh"))
        }
        Trade::Developers if dice.chance(12) => {
            let user = user(machine);
            // What somebody works on for some days, and a trial that is built once.
            let project =
                Dice::new(u64::from(machine) * 1_009 + u64::from(day / 4)).text(LETTERS, 6);
            let project = if dice.chance(15) { word(dice) } else { project };
            let file = format!(r"C:\Users\{user}\source\{project}\target\debug\{project}.exe");
            Some((file, r"C:\Users\dev\.cargo\bin\cargo.exe"))
        }
        Trade::Servers if dice.chance(8) => {
            Some((format!("/tmp/tmp.{}", dice.text(BASE62, 10)), "/usr/sbin/cron"))
        }
        Trade::Desks if dice.chance(2) => {
            let (user, part) = (user(machine), dice.text(HEX, 8));
            let file = format!(r"C:\Users\{user}\AppData\Local\Temp\{part}-update.exe");
            Some((file, r"C:\Windows\System32\svchost.exe"))
        }
        _ => None,
    }
}

/// One intruder on one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAttack {
    /// A program of his own in a folder of the user's that programs keep their settings in, as if the user had started it.
    Dropped,
    /// The same in the folder of what the user downloads, where others put what they set up.
    Downloaded,
    /// A program that every machine has, from a parent that never starts it.
    OddParent,
    /// A service of his own, brought over the network into the system's folder.
    Service,
    /// What a server that serves pages was made to start: a shell, and what it is asked for.
    WebShell,
    /// A program in a hidden folder of a server, started by its clock.
    Miner,
    /// A program of his own with a name as the builds there have, where software is built.
    Built,
}

impl StartAttack {
    /// Gives the lines of an attack on a machine of a group.
    pub fn lines(&self, seed: u64, group: u32, machine: u32, at: Timestamp) -> Vec<HostLine> {
        let mut dice = Dice::new(seed);
        let (user, name) = (user(machine), dice.text(LETTERS, 9));
        let word = word(&mut dice);
        let (file, parent) = match self {
            Self::Dropped => {
                let folder = dice.pick(&["Roaming", "Local"]);
                (format!(r"C:\Users\{user}\AppData\{folder}\{word}\{name}.exe"), EXPLORER)
            }
            Self::Downloaded => (format!(r"C:\Users\{user}\Downloads\{word}.exe"), EXPLORER),
            Self::OddParent => {
                let office = r"C:\Program Files\Office\winword.exe";
                let parent = dice.pick(&[
                    office,
                    r"C:\Windows\System32\mshta.exe",
                    r"C:\Windows\System32\wscript.exe",
                ]);
                (r"C:\Windows\System32\powershell.exe".to_owned(), parent)
            }
            Self::Service => {
                (format!(r"C:\Windows\{name}.exe"), r"C:\Windows\System32\services.exe")
            }
            Self::WebShell => ("/bin/sh".to_owned(), "/usr/sbin/php-fpm"),
            Self::Miner => {
                (format!("/var/tmp/.{}/{word}", dice.text(LETTERS, 3)), "/usr/sbin/cron")
            }
            Self::Built => (
                format!("/builds/{}/target/debug/{word}", dice.text(LETTERS, 6)),
                "/usr/local/cargo/bin/cargo",
            ),
        };
        let mut lines: Vec<HostLine> = (0..3)
            .map(|again| {
                line(after(at, f64::from(again) * 40.0), &host(group, machine), &file, parent)
            })
            .collect();
        if *self == Self::WebShell {
            lines.push(line(after(at, 90.0), &host(group, machine), "/usr/bin/id", "/bin/sh"));
        }
        lines
    }

    /// Gives a group of the kind that the attack is on; they repeat after six.
    pub fn group(&self, number: u32) -> u32 {
        match self {
            Self::WebShell | Self::Miner => 3,
            Self::Built => 5,
            _ => [0, 1, 4].get(usize::try_from(number % 3).unwrap_or(0)).copied().unwrap_or(0),
        }
    }
}

fn trade(group: u32) -> (&'static str, Trade) {
    TRADES.get(usize::try_from(group).unwrap_or(0) % 6).copied().unwrap_or(("desk", Trade::Desks))
}

fn host(group: u32, machine: u32) -> String {
    let row = char::from(b'a' + u8::try_from(group / 6 % 26).unwrap_or(0));
    format!("{}{row}-{machine}.house.example", trade(group).0)
}

fn user(machine: u32) -> String {
    format!("u{machine:03}")
}

fn version(dice: &mut Dice) -> String {
    format!("{}.{}.{}", dice.between(1, 12), dice.below(30), dice.below(90))
}

fn word(dice: &mut Dice) -> String {
    const FIRST: &[&str] =
        &["acro", "cal", "data", "edit", "fin", "net", "office", "pack", "sync", "tele"];
    const NEXT: &[&str] = &[
        "bat", "dor", "fil", "gram", "let", "mon", "nix", "port", "quest", "rin", "sol", "tek",
        "vue", "ware", "zor",
    ];
    const LAST: &[&str] =
        &["", "", "er", "o", "a", "is", "ity", "us", "view", "desk", "kit", "hub"];
    let middle = if dice.chance(50) { dice.pick(NEXT) } else { "" };
    format!("{}{middle}{}{}", dice.pick(FIRST), dice.pick(NEXT), dice.pick(LAST))
}

fn line(time: Timestamp, host: &str, file: &str, parent: &str) -> HostLine {
    let name = file.rsplit(['\\', '/']).next().unwrap_or(file);
    let text = format!(
        "<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System>\
         <Provider Name=\"Microsoft-Windows-Sysmon\"/><EventID>1</EventID><TimeCreated SystemTime=\"{time}\"/>\
         <Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>{host}</Computer></System><EventData>\
         <Data Name=\"Image\">{file}</Data><Data Name=\"CommandLine\">{name}</Data>\
         <Data Name=\"ParentImage\">{parent}</Data></EventData></Event>"
    );
    HostLine { time, text, attack: None }
}
