//! What the table `[scan]` of the configuration holds.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ports::Ports;
use super::run::{Plan, RETRIES_MAX, Way};
use super::targets::{Targets, resolve, resolve_nothing};

const SCHEDULES_MAX: usize = 64;
const TIMEOUT_MS_MIN: u64 = 20;
const TIMEOUT_MS_MAX: u64 = 60_000;
const EVERY_MIN: Duration = Duration::from_mins(1);
const EVERY_MAX: Duration = Duration::from_hours(366 * 24);

/// Scans that the product makes by itself, and the bounds of all scans.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Packets a second at most; 0 for as many as the link and the targets bear.
    pub rate: u32,
    /// How long the answer to a probe is waited for at most, in milliseconds.
    pub timeout_ms: u64,
    /// How often a probe is repeated at most.
    pub retries: u8,
    /// How long each answer of a service is waited for, in milliseconds.
    pub service_timeout_ms: u64,
    /// Addresses that are never scanned.
    pub deny: Vec<String>,
    /// The only addresses that are ever scanned; empty for all that are not denied.
    pub allow: Vec<String>,
    /// Whether you are entitled to scan public addresses.
    pub i_am_entitled: bool,
    /// A file of service probes of your own, in the language of nmap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<PathBuf>,
    /// What is scanned again and again.
    pub schedules: Vec<Schedule>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rate: 0,
            timeout_ms: 1_000,
            retries: RETRIES_MAX,
            service_timeout_ms: 2_000,
            deny: Vec::new(),
            allow: Vec::new(),
            i_am_entitled: false,
            probes: None,
            schedules: Vec::new(),
        }
    }
}

/// One scan that is made again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Its name, by which its runs are known.
    pub name: String,
    /// Hosts, ranges and networks.
    pub targets: Vec<String>,
    /// Ports, such as `1-1024,top:100`.
    #[serde(default = "usual_ports")]
    pub ports: String,
    /// How often, such as `24h`.
    pub every: String,
    /// The only addresses that it may touch, whatever a name stands for.
    #[serde(default)]
    pub allow: Vec<String>,
    /// `connect`, `syn`, `udp`, or `auto`: SYN where that is permitted.
    #[serde(default = "usual_way")]
    pub way: String,
    /// Whether services are asked who they are.
    #[serde(default = "usual_fingerprint")]
    pub fingerprint: bool,
}

fn usual_ports() -> String {
    "top:100".to_owned()
}

fn usual_way() -> String {
    "auto".to_owned()
}

fn usual_fingerprint() -> bool {
    true
}

/// What is wrong with the configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key, such as `scan.schedules[0].every`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Config {
    /// Gives every fault at once; `path` is where the table stands.
    pub fn validate(&self, path: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut add = |key: &str, message: String| {
            faults.push(Fault { path: format!("{path}.{key}"), message });
        };
        for (key, value) in
            [("timeout_ms", self.timeout_ms), ("service_timeout_ms", self.service_timeout_ms)]
        {
            if !(TIMEOUT_MS_MIN..=TIMEOUT_MS_MAX).contains(&value) {
                add(
                    key,
                    format!(
                        "must be between {TIMEOUT_MS_MIN} and {TIMEOUT_MS_MAX}, but is {value}"
                    ),
                );
            }
        }
        if self.retries > RETRIES_MAX {
            add("retries", format!("is at most {RETRIES_MAX}"));
        }
        for (key, list) in [("deny", &self.deny), ("allow", &self.allow)] {
            if let Err(fault) = addresses(list) {
                add(key, fault);
            }
        }
        if self.schedules.len() > SCHEDULES_MAX {
            add("schedules", format!("are at most {SCHEDULES_MAX}"));
        }
        let mut names = HashSet::new();
        for (index, schedule) in self.schedules.iter().take(SCHEDULES_MAX).enumerate() {
            let mut add =
                |key: &str, message: String| add(&format!("schedules[{index}].{key}"), message);
            if schedule.name.trim().is_empty() || !names.insert(schedule.name.as_str()) {
                add("name", "must be there, and differ from the other names".to_owned());
            }
            if every(&schedule.every).is_none() {
                add("every", "must be between 1m and 366d, such as 24h".to_owned());
            }
            let way = way(&schedule.way);
            if way.is_none() {
                add("way", "must be auto, connect, syn or udp".to_owned());
            }
            let transport = way.unwrap_or(Way::Connect).transport();
            if let Err(fault) = Ports::parse(&schedule.ports, transport) {
                add("ports", fault.to_string());
            }
            if let Err(fault) = addresses(&schedule.allow) {
                add("allow", fault);
            }
            if schedule.targets.is_empty() {
                add("targets", "must name something".to_owned());
            } else if let Some(fault) = self.refusal(schedule) {
                add("targets", fault);
            }
        }
        faults
    }

    /// Gives what is wrong with the targets, as far as that is known without asking for names.
    fn refusal(&self, schedule: &Schedule) -> Option<String> {
        let numbers = |word: &&str| Targets::parse([*word], &resolve_nothing).is_ok();
        let words = schedule.targets.iter().map(String::as_str);
        for word in words.clone() {
            if let Err(fault) =
                Targets::parse([word], &|_| Ok(vec![std::net::Ipv4Addr::LOCALHOST.into()]))
            {
                return Some(fault.to_string());
            }
        }
        let targets = Targets::parse(words.filter(numbers), &resolve_nothing).ok()?;
        if targets.is_empty() {
            return None;
        }
        let outside = self.permitted(&targets, schedule).ok()?;
        if outside != targets {
            let first = targets.without(&outside);
            return Some(format!("{first} is not among what may be scanned (allow, deny)"));
        }
        let ports = Ports::parse("1", Way::Connect.transport()).ok()?;
        self.plan(targets, ports, Way::Connect).check().err().map(|error| error.to_string())
    }

    /// Gives those of the targets that may be scanned.
    fn permitted(&self, targets: &Targets, schedule: &Schedule) -> Result<Targets, String> {
        let mut left = targets.without(&addresses(&self.deny)?);
        for allow in [&self.allow, &schedule.allow] {
            if !allow.is_empty() {
                left = left.without(&left.without(&addresses(allow)?));
            }
        }
        Ok(left)
    }

    /// Gives those of the targets that this configuration lets anybody scan.
    pub fn allowed(&self, targets: &Targets) -> Result<Targets, String> {
        let left = targets.without(&addresses(&self.deny)?);
        if self.allow.is_empty() {
            return Ok(left);
        }
        Ok(left.without(&left.without(&addresses(&self.allow)?)))
    }

    /// Gives the plan of a schedule as names stand today; what it may not touch is left out.
    pub(crate) fn plan_of(&self, schedule: &Schedule) -> Result<Plan, String> {
        let words = schedule.targets.iter().map(String::as_str);
        let targets = Targets::parse(words, &resolve).map_err(|fault| fault.to_string())?;
        let targets = self.permitted(&targets, schedule)?;
        let way = way(&schedule.way).unwrap_or(Way::Connect);
        let ports =
            Ports::parse(&schedule.ports, way.transport()).map_err(|fault| fault.to_string())?;
        let plan = self.plan(targets, ports, way);
        plan.check().map_err(|error| error.to_string())?;
        Ok(plan)
    }

    /// Gives a plan with the settings of this configuration; services are not asked.
    pub fn plan(&self, targets: Targets, ports: Ports, way: Way) -> Plan {
        Plan {
            targets,
            ports,
            way,
            timeout: Duration::from_millis(self.timeout_ms),
            retries: self.retries,
            rate: (self.rate > 0).then_some(self.rate),
            asks: None,
            is_entitled: self.i_am_entitled,
        }
    }
}

impl Schedule {
    pub(crate) fn every(&self) -> Duration {
        every(&self.every).unwrap_or(EVERY_MAX)
    }
}

fn addresses(words: &[String]) -> Result<Targets, String> {
    let words = words.iter().map(String::as_str);
    Targets::parse(words, &resolve_nothing).map_err(|fault| fault.to_string())
}

/// Reads `24h` and the like.
fn every(text: &str) -> Option<Duration> {
    let at = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(at);
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        "w" => 7 * 24 * 60,
        _ => return None,
    };
    let minutes = number.parse::<u64>().ok()?.checked_mul(minutes)?;
    let every = Duration::from_secs(minutes.checked_mul(60)?);
    (EVERY_MIN..=EVERY_MAX).contains(&every).then_some(every)
}

/// Reads a way; `auto` is the best one that this process may go.
fn way(text: &str) -> Option<Way> {
    match text {
        "auto" => Some(Way::best()),
        "connect" => Some(Way::Connect),
        "syn" => Some(Way::Syn),
        "udp" => Some(Way::Udp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const SCHEDULE: &str = "[[schedules]]\nname = 'a'\nevery = '24h'\n";

    #[test]
    fn a_schedule_is_read() {
        check(&format!("{SCHEDULE}targets = ['10.0.0.0/24', 'db.example']\n"), expect!["no fault"]);
        check(
            &format!(
                "allow = ['10.0.0.0/8']\n{SCHEDULE}targets = ['10.0.0.1']\nallow = ['10.0.0.0/24']\n"
            ),
            expect!["no fault"],
        );
        let config: Config = toml_of(&format!("{SCHEDULE}targets = ['10.0.0.1']\n"));
        assert_eq!(config.schedules[0].every(), Duration::from_hours(24));
        assert_eq!(config.schedules[0].ports, "top:100");
    }

    #[test]
    fn all_faults_at_once() {
        check(
            "timeout_ms = 1\nretries = 99\ndeny = ['x y']\n[[schedules]]\nname = ''\nevery = '1s'\n\
             targets = ['8.8.8.8']\nports = '0'\nway = 'fast'\n",
            expect![[r"
                scan.timeout_ms: must be between 20 and 60000, but is 1
                scan.retries: is at most 6
                scan.deny: no address is known for `x`: only addresses are taken here
                scan.schedules[0].name: must be there, and differ from the other names
                scan.schedules[0].every: must be between 1m and 366d, such as 24h
                scan.schedules[0].way: must be auto, connect, syn or udp
                scan.schedules[0].ports: `0` is no port; write 22, 1-1024, all or top:50"]],
        );
        check(
            &format!("{SCHEDULE}targets = ['8.8.8.8']\n"),
            expect![
                "scan.schedules[0].targets: 8.8.8.8 is a public address; scan what is yours, and say so where you are entitled to more"
            ],
        );
        check(
            &format!(
                "deny = ['10.0.0.9']\n{SCHEDULE}targets = ['10.0.0.1-20']\nallow = ['10.0.0.0/28']\n"
            ),
            expect![
                "scan.schedules[0].targets: 10.0.0.9,10.0.0.16-10.0.0.20 is not among what may be scanned (allow, deny)"
            ],
        );
    }

    #[test]
    fn what_a_name_stands_for_is_held_to_the_lists() {
        let config = Config { deny: vec!["127.0.0.2".to_owned()], ..Config::default() };
        let targets = Targets::parse(["127.0.0.1-9"], &resolve_nothing).unwrap();
        assert_eq!(config.allowed(&targets).unwrap().to_string(), "127.0.0.1,127.0.0.3-127.0.0.9");
        let schedule = Schedule {
            name: "a".to_owned(),
            targets: vec!["localhost".to_owned()],
            ports: usual_ports(),
            every: "1h".to_owned(),
            allow: vec!["127.0.0.5".to_owned()],
            way: "connect".to_owned(),
            fingerprint: false,
        };
        assert_eq!(config.plan_of(&schedule).unwrap_err(), "no target is left");
    }

    fn toml_of(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let faults = toml_of(text).validate("scan");
        let lines: Vec<String> =
            faults.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect();
        expect.assert_eq(&if lines.is_empty() { "no fault".to_owned() } else { lines.join("\n") });
    }
}
