//! Commands of prepared statements.

use super::packet::Answer;
use super::prepared::{self, PARAMETERS_MAX};
use super::query::{self, Asked, Outcome};
use super::{MySql, PACKET_BYTES_MAX, typed};
use crate::octets::text;
use crate::talk::Told;

impl MySql {
    /// Answers a command of prepared statements.
    pub(super) fn statement(
        &mut self,
        kind: u8,
        body: &[u8],
        answer: &mut Answer,
        told: &mut Vec<Told>,
    ) {
        let unknown = |answer: &mut Answer, what: &str| {
            let message = format!("Unknown prepared statement handler (0) given to {what}");
            answer.error(1243, "HY000", &message);
        };
        match kind {
            22 => {
                let sql = text(body, PACKET_BYTES_MAX);
                told.push(typed(&sql));
                let marks = prepared::marks(&sql);
                if marks.len() > PARAMETERS_MAX {
                    let message = "Prepared statement contains too many placeholders";
                    return answer.error(1390, "HY000", message);
                }
                // What it would answer tells its columns; nothing is changed by that.
                let probe = prepared::without_values(&sql, &marks);
                let asked = Asked { sql: &probe };
                match query::answer(&mut self.setup.schema.clone(), &asked, self.number).0 {
                    Outcome::Fault(code, state, message) => answer.error(code, state, &message),
                    Outcome::Done(_) => {
                        let count = marks.len();
                        answer.prepared(self.prepared.keep(&sql, marks), count, &[]);
                    }
                    Outcome::Rows(rows) => {
                        let count = marks.len();
                        answer.prepared(self.prepared.keep(&sql, marks), count, &rows.columns);
                    }
                }
            }
            23 => match self.prepared.execute(body, self.flags) {
                Some(bound) => {
                    let values = prepared::told(&bound.values);
                    told.push(typed(&bound.sql).with("bartizan.decoy.values", values));
                    self.say_as(answer, Asked { sql: &bound.sql }, told, Answer::binary_rows);
                }
                None => unknown(answer, "mysqld_stmt_execute"),
            },
            // Neither of these is answered.
            24 => drop(self.prepared.long_data(body)),
            25 => self.prepared.close(body),
            _ => match self.prepared.reset(body) {
                Some(()) => answer.ok(0),
                None => unknown(answer, "mysqld_stmt_reset"),
            },
        }
    }
}
