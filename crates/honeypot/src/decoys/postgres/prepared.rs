//! Statements that are prepared, bound and then executed: the extended protocol.

use super::data::Data;
use super::query::{self, Outcome};
use super::{MESSAGE_BYTES_MAX, message, typed};
use crate::octets::{Octets, text};
use crate::talk::{NAME_BYTES_MAX, Then, Turn};

/// Statements that are kept by name.
const PREPARED_MAX: usize = 8;
/// Letters of each.
const LETTERS_MAX: usize = 4096;

/// What a session prepared.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    statements: Vec<(String, String)>,
    bound: Option<String>,
}

impl Prepared {
    /// The statement that is to be executed.
    pub(super) fn bound(&self) -> Option<String> {
        self.bound.clone()
    }

    fn named(&self, name: &[u8]) -> Option<String> {
        let name = text(name, NAME_BYTES_MAX);
        self.statements.iter().find(|(own, _)| *own == name).map(|(_, sql)| sql.clone())
    }

    /// Keeps a statement.
    pub(super) fn parse(&mut self, body: &[u8], turn: &mut Turn) {
        let mut octets = Octets::new(body);
        let (Some(name), Some(sql)) = (octets.until_zero(), octets.until_zero()) else {
            turn.then = Then::Close;
            return;
        };
        let (name, sql) = (text(name, NAME_BYTES_MAX), text(sql, MESSAGE_BYTES_MAX));
        turn.told.push(typed(&sql));
        self.statements.retain(|(own, _)| *own != name);
        if self.statements.len() >= PREPARED_MAX {
            self.statements.remove(0);
        }
        self.statements.push((name, sql.chars().take(LETTERS_MAX).collect()));
        message::put(&mut turn.out, b'1', &[]);
    }

    /// Chooses what is to be executed.
    pub(super) fn bind(&mut self, body: &[u8], turn: &mut Turn) {
        let mut octets = Octets::new(body);
        let (Some(_portal), Some(name)) = (octets.until_zero(), octets.until_zero()) else {
            turn.then = Then::Close;
            return;
        };
        self.bound = self.named(name);
        message::put(&mut turn.out, b'2', &[]);
    }

    /// Says what columns a statement has, by what it would answer; nothing is changed by that.
    pub(super) fn describe(&self, data: &Data, body: &[u8], turn: &mut Turn) {
        let sql = match body.split_first() {
            Some((b'S', name)) => {
                message::put(&mut turn.out, b't', &[0, 0]);
                self.named(name.strip_suffix(b"\0").unwrap_or(name))
            }
            _ => self.bound(),
        };
        let outcome = sql.map(|sql| query::answer(&mut data.clone(), &sql).0);
        match outcome {
            Some(Outcome::Rows(rows, _)) => message::columns(&mut turn.out, &rows),
            _ => message::put(&mut turn.out, b'n', &[]),
        }
    }
}
