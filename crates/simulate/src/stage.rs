//! Where the scenes play: gives them time and chance, and takes what they make.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use model::Timestamp;

use crate::access::Access;
use crate::cast;
use crate::dice::Dice;
use crate::syslog::{Message, Shape};

/// What a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Everyday traffic: nothing should say a word about it.
    Benign,
    /// An attack that rules name.
    Named,
    /// An attack that hides: in odd encodings, below thresholds, in noise.
    Hidden,
}

/// Which log a sample belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// The system's log.
    Syslog,
    /// A web server's access log.
    Access,
}

/// One line of a log, and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What it is.
    pub kind: Kind,
    /// Which log it belongs to.
    pub channel: Channel,
    /// The scene that it is part of, such as `ssh_brute_force`.
    pub label: &'static str,
    /// The time that the line tells.
    pub time: Timestamp,
    /// The line as it stands in its log's file.
    pub line: String,
    /// The line as it goes to a syslog server: with priority and header, also for access logs.
    pub frame: String,
}

/// How far apart the happenings of one scene are at most: brute force is quick, however slow the rate.
const PACE_MAX: Duration = Duration::from_secs(2);
/// Addresses that guess slowly, each with its patience.
const PATIENT_MAX: usize = 8;
/// Never more than four tries a minute from one address.
const PATIENCE: Duration = Duration::from_secs(16);

/// The stage of one generator.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) dice: Dice,
    now: Timestamp,
    pace: Duration,
    playing: (Kind, &'static str),
    /// The process that serves the connection of this scene.
    session: u64,
    made: VecDeque<Sample>,
    /// Who guesses slowly, and when last.
    patient: Vec<(IpAddr, Timestamp)>,
}

impl Stage {
    pub(crate) fn new(seed: u64, step: Duration) -> Self {
        Self {
            dice: Dice::new(seed),
            now: Timestamp::default(),
            pace: step.min(PACE_MAX),
            playing: (Kind::Benign, ""),
            session: 0,
            made: VecDeque::new(),
            patient: Vec::new(),
        }
    }

    /// Begins a scene at a moment.
    pub(crate) fn begin(&mut self, kind: Kind, label: &'static str, now: Timestamp) {
        self.playing = (kind, label);
        self.now = now;
        self.connect();
    }

    /// Begins another connection, which another process serves.
    pub(crate) fn connect(&mut self) {
        self.session = self.dice.between(700, 90_000);
    }

    /// Gives the time of the next line.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Gives the next of what the scenes made.
    pub(crate) fn take(&mut self) -> Option<Sample> {
        self.made.pop_front()
    }

    /// Adds a message to a host's system log.
    pub(crate) fn log(&mut self, host: &str, program: &str, text: &str) {
        let (priority, pid) = match program {
            "sshd" => (38, Some(self.session)),
            "sudo" | "su" => (85, None),
            "CRON" => (78, Some(self.dice.between(700, 90_000))),
            "useradd" | "usermod" | "passwd" => (86, Some(self.dice.between(700, 90_000))),
            "kernel" => (6, None),
            "systemd" => (30, Some(1)),
            _ => (30, Some(self.dice.between(400, 2000))),
        };
        let shape = if self.dice.chance(30) { Shape::Rfc5424 } else { Shape::Rfc3164 };
        let message = Message { priority, time: self.now, host, program, pid, text };
        self.add(Channel::Syslog, message.line(), message.frame(shape));
    }

    /// Adds a request to a web server's access log.
    pub(crate) fn access(&mut self, access: &Access) {
        let line = access.line(self.now);
        let host = self.dice.pick(cast::WEB_HOSTS);
        let message = Message {
            priority: 190,
            time: self.now,
            host,
            program: "nginx",
            pid: None,
            text: &line,
        };
        let frame = message.frame(Shape::Rfc3164);
        self.add(Channel::Access, line, frame);
    }

    /// Gives an address that has waited long enough for its next slow guess, if there is one.
    pub(crate) fn patient(&mut self) -> Option<IpAddr> {
        let now = self.now;
        if self.patient.len() < PATIENT_MAX {
            let fresh = cast::countless(&mut self.dice);
            self.patient.push((fresh, now));
            return Some(fresh);
        }
        let due = self.patient.iter_mut().find(|(_, last)| now.since(*last) >= PATIENCE)?;
        due.1 = now;
        Some(due.0)
    }

    fn add(&mut self, channel: Channel, line: String, frame: String) {
        let (kind, label) = self.playing;
        self.made.push_back(Sample { kind, channel, label, time: self.now, line, frame });
        self.now = self.now.plus(self.pace);
    }
}
