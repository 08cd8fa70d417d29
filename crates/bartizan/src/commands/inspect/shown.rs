//! How verdicts are shown: as JSON, a line a request, or in columns, a row a finding.

use std::io::{BufWriter, StdoutLock, Write as _, stdout};

use inspect::{ATTACK_SCORE_MIN, Answer, Grade, Verdict};
use serde::Serialize;
use serde_json::Value;

use crate::output::{Cell, Printer, Shape, told};

/// The columns of the table for people.
const COLUMNS: &[&str] =
    &["id", "verdict", "score", "class", "grade", "place", "layers", "outcome", "evidence"];

#[derive(Serialize)]
pub(super) struct VerdictLine {
    id: Value,
    pub(super) attack: bool,
    classes: Vec<&'static str>,
    score: f64,
    adjusted_score: f64,
    outcome: &'static str,
    evidence: Vec<EvidenceView>,
    not_observable: Vec<&'static str>,
    unseen_bytes: usize,
}

#[derive(Serialize)]
struct EvidenceView {
    class: &'static str,
    score: f64,
    grade: &'static str,
    place: String,
    span: String,
    layers: Vec<&'static str>,
}

/// Stands in the place of a verdict, so that answers and requests stay side by side.
#[derive(Serialize)]
pub(super) struct FaultLine {
    pub(super) id: Value,
    pub(super) error: String,
}

/// What is printed, in one of the shapes.
pub(super) enum Answers {
    Lines(BufWriter<StdoutLock<'static>>),
    Rows(Box<Printer>),
}

impl Answers {
    pub(super) fn new(shape: Shape) -> anyhow::Result<Self> {
        Ok(match shape {
            Shape::Json => Self::Lines(BufWriter::new(stdout().lock())),
            Shape::Table | Shape::Csv => Self::Rows(Box::new(Printer::new(shape, COLUMNS)?)),
        })
    }

    pub(super) fn add(&mut self, answer: &Result<VerdictLine, FaultLine>) -> anyhow::Result<()> {
        match self {
            Self::Lines(out) => {
                let line = match answer {
                    Ok(verdict) => serde_json::to_string(verdict)?,
                    Err(fault) => serde_json::to_string(fault)?,
                };
                told(writeln!(out, "{line}"))
            }
            Self::Rows(printer) => match answer {
                Ok(verdict) => verdict.rows().try_for_each(|row| printer.row(&row)),
                Err(fault) => printer.row(&fault.cells()),
            },
        }
    }

    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Lines(out) => told(out.flush()),
            Self::Rows(_) => Ok(()),
        }
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Lines(_) => Ok(()),
            Self::Rows(printer) => printer.finish(),
        }
    }
}

impl VerdictLine {
    /// One row a finding, and one for a request without any.
    fn rows(&self) -> impl Iterator<Item = Vec<Cell>> {
        let clean = self.evidence.is_empty().then(|| self.row(None));
        clean.into_iter().chain(self.evidence.iter().map(|evidence| self.row(Some(evidence))))
    }

    fn row(&self, evidence: Option<&EvidenceView>) -> Vec<Cell> {
        let word = match evidence {
            Some(evidence) if self.attack && evidence.score >= ATTACK_SCORE_MIN => "attack",
            Some(_) => "hint",
            None => "clean",
        };
        let text = |text: Option<&str>| Cell::from(text);
        vec![
            id_cell(&self.id),
            word.into(),
            Cell::Plain(format!("{:.2}", evidence.map_or(self.score, |evidence| evidence.score))),
            text(evidence.map(|evidence| evidence.class)),
            text(evidence.map(|evidence| evidence.grade)),
            text(evidence.map(|evidence| evidence.place.as_str())),
            Cell::from(evidence.map(|evidence| evidence.layers.join(" "))),
            self.outcome.into(),
            text(evidence.map(|evidence| evidence.span.as_str())),
        ]
    }
}

impl FaultLine {
    fn cells(&self) -> Vec<Cell> {
        let empty = COLUMNS.iter().skip(3).map(|_| Cell::Null);
        let mut cells = vec![id_cell(&self.id), "not judged".into(), Cell::Null];
        cells.extend(empty);
        if let Some(last) = cells.last_mut() {
            *last = self.error.as_str().into();
        }
        cells
    }
}

fn id_cell(id: &Value) -> Cell {
    id.as_str().map_or_else(|| Cell::Plain(id.to_string()), Cell::from)
}

pub(super) fn view(id: Value, verdict: &Verdict, answer: &Answer) -> VerdictLine {
    let evidence: Vec<EvidenceView> = verdict
        .findings
        .iter()
        .map(|finding| EvidenceView {
            class: finding.class.as_str(),
            score: finding.score,
            grade: finding.grade.as_str(),
            place: finding.place.to_string(),
            span: finding.evidence.clone(),
            layers: finding.layers.iter().map(|layer| layer.as_str()).collect(),
        })
        .collect();
    let mut classes: Vec<&'static str> = Vec::new();
    for finding in verdict.findings.iter().filter(|finding| finding.grade != Grade::Mention) {
        if !classes.contains(&finding.class.as_str()) {
            classes.push(finding.class.as_str());
        }
    }
    let judged = verdict.judge(answer);
    VerdictLine {
        id,
        attack: verdict.attack,
        classes,
        score: verdict.score,
        adjusted_score: judged.score,
        outcome: judged.outcome.as_str(),
        evidence,
        not_observable: verdict.not_observable.iter().map(|class| class.as_str()).collect(),
        unseen_bytes: verdict.unseen_bytes,
    }
}
