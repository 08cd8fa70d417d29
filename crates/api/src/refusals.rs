//! Who was not let in: to the audit, which counts, and as events to the line, whose rules may tell of it.
//!
//! A wrong password costs its check, of which only a few run at once, so it is written at once. What costs
//! nothing, such as an attempt before the wait is over or a made-up token, is counted in memory and written
//! every few seconds, so that nobody can keep the catalog busy with it.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use catalog::{AuditEntry, Refusal};

use crate::caller::Client;
use crate::runtime::{LogIn, Method};
use crate::{ApiError, App, clock};

/// Different refusals that wait to be written; what comes beyond is counted together.
const WAITING_MAX: usize = 256;
/// Refusals that cost nothing and are written at once between two such writes, each the first of its kind.
const TOLD_AT_ONCE_MAX: usize = 64;
/// How much of a name is kept.
const NAME_CHARS_MAX: usize = 64;

/// Why somebody was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Why {
    WrongPassword,
    UnknownUser,
    DisabledUser,
    /// Before the wait was over.
    TooSoon,
    WrongSetUpLink,
    WrongToken,
}

/// Refusals that wait to be written.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    kept: HashMap<(Why, String), (LogIn, u64)>,
    /// What found no place.
    beyond: u64,
    /// Of which one was written at once since all that waited were last; those that follow wait.
    told: HashSet<(Why, String)>,
}

impl Why {
    fn action(self) -> &'static str {
        match self {
            Self::WrongPassword | Self::UnknownUser | Self::DisabledUser => "log_in_refused",
            Self::TooSoon => "log_in_held_off",
            Self::WrongSetUpLink => "set_up_refused",
            Self::WrongToken => "token_refused",
        }
    }

    /// Gives the reason in words that detectors know.
    fn reason(self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong password",
            Self::UnknownUser => "invalid user",
            Self::DisabledUser => "disabled user",
            Self::TooSoon => "too many attempts",
            Self::WrongSetUpLink => "wrong set-up link",
            Self::WrongToken => "wrong, expired or revoked token",
        }
    }

    fn method(self) -> Method {
        match self {
            Self::WrongSetUpLink => Method::SetUp,
            Self::WrongToken => Method::Token,
            _ => Method::Password,
        }
    }
}

impl App {
    /// Records that somebody was not let in after a check that cost something.
    pub(crate) fn refuse(&self, why: Why, name: &str, client: &Client) -> Result<(), ApiError> {
        let refused = (why, log_in(why, name, client), 1);
        let mut all = self.refusals.waiting().take();
        all.push(refused);
        self.write_refusals(all)
    }

    /// Records that somebody was not let in who was not even heard; soon, and counted until then.
    pub(crate) fn hold_off(&self, why: Why, client: &Client) -> Result<(), ApiError> {
        let due = self.refusals.waiting().hold_off(why, log_in(why, "", client));
        due.map_or(Ok(()), |due| self.write_refusals(vec![due]))
    }

    /// Writes what still waits; the server asks for it every few seconds, and before it ends.
    pub(crate) fn settle_refusals(&self) -> Result<(), ApiError> {
        let all = self.refusals.waiting().settle();
        if all.is_empty() { Ok(()) } else { self.write_refusals(all) }
    }

    fn write_refusals(&self, all: Vec<(Why, LogIn, u64)>) -> Result<(), ApiError> {
        let refusals: Vec<Refusal> = all
            .iter()
            .map(|(why, log_in, times)| Refusal { entry: entry(*why, log_in), times: *times })
            .collect();
        for (_, log_in, times) in all {
            self.runtime.tell_log_in(&LogIn { times, ..log_in });
        }
        Ok(self.catalog.audit_refusals(&refusals)?)
    }
}

impl Refusals {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Takes one more; gives it back to be written now where it is the first of its kind.
    fn hold_off(&mut self, why: Why, log_in: LogIn) -> Option<(Why, LogIn, u64)> {
        let key = (why, log_in.from.clone());
        if self.told.len() < TOLD_AT_ONCE_MAX && self.told.insert(key) {
            return Some((why, log_in, 1));
        }
        self.add(why, log_in);
        None
    }

    /// Gives all that wait, and begins anew.
    fn settle(&mut self) -> Vec<(Why, LogIn, u64)> {
        self.told.clear();
        self.take()
    }

    fn add(&mut self, why: Why, log_in: LogIn) {
        let key = (why, log_in.from.clone());
        if let Some((_, times)) = self.kept.get_mut(&key) {
            *times += 1;
        } else if self.kept.len() < WAITING_MAX {
            self.kept.insert(key, (log_in, 1));
        } else {
            self.beyond += 1;
        }
    }

    fn take(&mut self) -> Vec<(Why, LogIn, u64)> {
        let beyond = std::mem::take(&mut self.beyond);
        let kept = self.kept.drain().map(|((why, _), (log_in, times))| (why, log_in, times));
        let mut all: Vec<_> = kept.collect();
        all.sort_by_key(|(_, log_in, _)| log_in.at);
        if beyond > 0 {
            let several = LogIn {
                at: clock::now(),
                user: String::new(),
                address: None,
                from: "(several)".to_owned(),
                agent: String::new(),
                refused: Some(Why::TooSoon.reason()),
                method: Method::Password,
                times: beyond,
            };
            all.push((Why::TooSoon, several, beyond));
        }
        all
    }
}

fn log_in(why: Why, name: &str, client: &Client) -> LogIn {
    LogIn {
        at: clock::now(),
        user: shown(name, NAME_CHARS_MAX),
        address: client.ip,
        from: client.address(),
        agent: client.agent.clone(),
        refused: Some(why.reason()),
        method: why.method(),
        times: 1,
    }
}

fn entry(why: Why, log_in: &LogIn) -> AuditEntry {
    AuditEntry {
        at: log_in.at,
        by: log_in.user.clone(),
        address: log_in.from.clone(),
        action: why.action().to_owned(),
        detail: match log_in.agent.as_str() {
            "" => why.reason().to_owned(),
            agent => format!("{}; {}", why.reason(), shown(agent, usize::MAX)),
        },
    }
}

/// Gives a stranger's text as it may be kept and shown: cut, and without what moves a cursor or turns the
/// direction of text.
fn shown(text: &str, chars_max: usize) -> String {
    let mut chars = text.trim().chars();
    let mut kept: String =
        chars.by_ref().take(chars_max).map(|c| if is_unseen(c) { '\u{fffd}' } else { c }).collect();
    if chars.next().is_some() {
        kept.push('…');
    }
    kept
}

/// Tells whether a character moves a cursor, turns the direction of text, ends a line for some, or takes no
/// room, rather than being seen.
pub(crate) fn is_unseen(c: char) -> bool {
    let hides = matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    );
    c.is_control() || hides
}
