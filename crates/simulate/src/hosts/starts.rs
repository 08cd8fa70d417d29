//! Which programs machines start.

use model::Timestamp;

use super::{DAY, HostLine, after, bustle, pause};
use crate::dice::Dice;

/// The benign days: groups of machines, each with its own programs; one group builds software, and starts what
/// nobody has seen before all day long.
#[derive(Clone, Copy, Debug)]
pub struct StartLife {
    /// The same seed gives the same lines.
    pub seed: u64,
    /// When the first day begins.
    pub start: Timestamp,
    /// How many days.
    pub days: u32,
    /// How many groups, and how many machines in each.
    pub groups: u32,
    /// How many machines are in each group.
    pub machines: u32,
    /// How many programs a machine starts in a busy hour.
    pub an_hour: u32,
    /// How many times a week a group is given new software.
    pub rollouts_a_week: u32,
    /// How many times a week somebody starts a tool on one machine of a group that nobody used there before.
    pub tools_a_week: u32,
}

const PARENTS: &[&str] = &["explorer.exe", "services.exe", "svchost.exe", "cmd.exe", "taskeng.exe"];
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";

impl StartLife {
    /// Gives all lines, in the order of time.
    pub fn lines(&self) -> Vec<HostLine> {
        let mut lines = Vec::new();
        for group in 0..self.groups {
            let mut dice = Dice::new(self.seed ^ u64::from(group).wrapping_mul(0x9e37_79b9));
            let programs: Vec<(String, &str)> =
                (0..60).map(|_| (program(&mut dice), dice.pick(PARENTS))).collect();
            for machine in 0..self.machines {
                self.everyday(group, machine, &programs, &mut dice, &mut lines);
            }
            self.rollouts(group, &mut dice, &mut lines);
            self.tools(group, &mut dice, &mut lines);
        }
        lines.sort_by_key(|line| line.time);
        lines
    }

    fn everyday(
        &self,
        group: u32,
        machine: u32,
        programs: &[(String, &str)],
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
                // The last group builds: a fifth of what it starts was made a minute ago.
                if group + 1 == self.groups && dice.chance(20) {
                    let made = format!("test-{}.exe", dice.text(LETTERS, 8));
                    lines.push(line(time, &host, &made, "cargo.exe"));
                } else {
                    let most = u64::try_from(programs.len()).unwrap_or(1);
                    let at = dice.below(most).min(dice.below(most)).min(dice.below(most));
                    if let Some((name, parent)) = programs.get(usize::try_from(at).unwrap_or(0)) {
                        lines.push(line(time, &host, name, parent));
                    }
                }
                second += pause(dice, every);
            }
        }
    }

    /// New software comes to all machines of a group within some minutes.
    fn rollouts(&self, group: u32, dice: &mut Dice, lines: &mut Vec<HostLine>) {
        for _ in 0..self.days * self.rollouts_a_week / 7 {
            let name = program(dice);
            let at =
                f64::from(u32::try_from(dice.below(u64::from(self.days) * 86_400)).unwrap_or(0));
            for machine in 0..self.machines {
                let late = pause(dice, 420.0);
                lines.push(line(
                    after(self.start, at + late),
                    &host(group, machine),
                    &name,
                    "msiexec.exe",
                ));
            }
        }
    }

    fn tools(&self, group: u32, dice: &mut Dice, lines: &mut Vec<HostLine>) {
        for _ in 0..self.days * self.tools_a_week / 7 {
            let name = program(dice);
            let at =
                f64::from(u32::try_from(dice.below(u64::from(self.days) * 86_400)).unwrap_or(0));
            let machine = u32::try_from(dice.below(u64::from(self.machines))).unwrap_or(0);
            lines.push(line(after(self.start, at), &host(group, machine), &name, "cmd.exe"));
        }
    }
}

/// One intruder on one machine.
#[derive(Clone, Copy, Debug)]
pub enum StartAttack {
    /// A program of his own, from a parent that starts others too.
    Dropped,
    /// A program that every machine has, from a parent that never starts it.
    OddParent,
}

impl StartAttack {
    /// Gives the lines of an attack on a machine of a group.
    pub fn lines(&self, seed: u64, group: u32, machine: u32, at: Timestamp) -> Vec<HostLine> {
        let mut dice = Dice::new(seed);
        let (name, parent) = match self {
            Self::Dropped => (format!("{}.exe", dice.text(LETTERS, 9)), "explorer.exe"),
            Self::OddParent => {
                ("powershell.exe".to_owned(), dice.pick(&["winword.exe", "w3wp.exe", "mshta.exe"]))
            }
        };
        (0..3)
            .map(|again| {
                line(after(at, f64::from(again) * 40.0), &host(group, machine), &name, parent)
            })
            .collect()
    }

    /// Gives how long after its last line an attack is given up, in seconds.
    pub fn patience() -> i64 {
        DAY / 12
    }
}

fn host(group: u32, machine: u32) -> String {
    let name = ["desk", "shop", "lab", "front", "depot", "build"];
    let name = name.get(usize::try_from(group).unwrap_or(0) % 6).copied().unwrap_or("desk");
    format!(
        "{name}{}-{machine}.house.example",
        char::from(b'a' + u8::try_from(group / 6 % 26).unwrap_or(0))
    )
}

fn program(dice: &mut Dice) -> String {
    format!(
        "{}{}.exe",
        dice.pick(&["acro", "cal", "data", "edit", "fin", "net", "office", "pack", "sync", "tele"]),
        dice.text(LETTERS, 4)
    )
}

fn line(time: Timestamp, host: &str, name: &str, parent: &str) -> HostLine {
    let text = format!(
        "<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System>\
         <Provider Name=\"Microsoft-Windows-Sysmon\"/><EventID>1</EventID><TimeCreated SystemTime=\"{time}\"/>\
         <Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>{host}</Computer></System><EventData>\
         <Data Name=\"Image\">C:\\Programs\\{name}</Data><Data Name=\"CommandLine\">{name}</Data>\
         <Data Name=\"ParentImage\">C:\\Windows\\{parent}</Data></EventData></Event>"
    );
    HostLine { time, text, attack: None }
}
