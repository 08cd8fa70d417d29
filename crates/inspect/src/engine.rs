//! Inspection itself: part by part, layer by layer, class by class.

use crate::bytes;
use crate::classes::{CLASSES, Evidence, View};
use crate::parts::{self, PART_BYTES_MAX, PARTS_MAX, Part, REQUEST_BYTES_MAX, Visitor};
use crate::peel::{self, Peeled};
use crate::prefilter::{self, ClassSet};
use crate::verdict::{EVIDENCE_BYTES_MAX, FINDINGS_MAX};
use crate::{Finding, Request, Verdict};

/// The score from which a request counts as an attack.
pub const ATTACK_SCORE_MIN: f64 = 0.5;
/// What each layer of encoding beyond the first adds to a finding: honest clients encode once.
const DEPTH_SCORE: f64 = 0.04;

/// Inspects one request.
pub fn inspect(request: &Request<'_>) -> Verdict {
    let mut inspection = Inspection::default();
    parts::visit(request, &mut inspection);
    inspection.verdict()
}

#[derive(Default)]
struct Inspection {
    findings: Vec<Finding>,
    parts: usize,
    bytes: usize,
    unseen_bytes: usize,
}

impl Visitor for Inspection {
    fn part(&mut self, part: &Part<'_>) {
        let room = REQUEST_BYTES_MAX.saturating_sub(self.bytes).min(PART_BYTES_MAX);
        let seen = part.text.len().min(if self.parts < PARTS_MAX { room } else { 0 });
        self.parts += 1;
        self.bytes += seen;
        self.unseen_bytes += part.text.len() - seen;
        let text = part.text.get(..seen).unwrap_or_default();
        self.inspect_part(&Part { text, ..*part });
    }
}

impl Inspection {
    fn inspect_part(&mut self, part: &Part<'_>) {
        let kinds = bytes::kinds_of(part.text);
        let layers = if peel::may_be_encoded(part, kinds) {
            peel::each_layer(part, kinds, &mut |peeled| self.inspect_layer(part, peeled))
        } else {
            0
        };
        // Encoded text as it came is what no application reads.
        if layers == 0 {
            self.inspect_layer(part, &Peeled::bare(part.text, kinds));
        }
    }

    fn inspect_layer(&mut self, part: &Part<'_>, peeled: &Peeled<'_>) {
        let called = prefilter::called(part.kind, peeled.kinds, peeled.text);
        if called != 0 {
            self.confirm(part, called, peeled);
        }
    }

    /// Asks the classes in `called` about one view of a part.
    fn confirm(&mut self, part: &Part<'_>, called: ClassSet, peeled: &Peeled<'_>) {
        let lower = peeled.text.to_ascii_lowercase();
        let view =
            View { text: peeled.text, lower: &lower, kind: part.kind, layers: peeled.layers };
        for (row, bit) in CLASSES.iter().zip(prefilter::bits()) {
            if called & bit == 0 {
                continue;
            }
            if let Some(evidence) = (row.confirm)(&view) {
                self.add(part, peeled, Found { class: row.class, evidence });
            }
        }
    }

    fn add(&mut self, part: &Part<'_>, peeled: &Peeled<'_>, found: Found) {
        let extra = f64::from(peeled.depth.saturating_sub(1)) * DEPTH_SCORE;
        let score = (found.evidence.score + extra).min(1.0);
        let place = part.place.to_place();
        let known = self
            .findings
            .iter()
            .position(|finding| finding.class == found.class && finding.place == place);
        // Deeper layers of one part repeat what the first one showed.
        let score_known = known.and_then(|at| self.findings.get(at)).map(|finding| finding.score);
        if score_known.is_some_and(|known| known >= score) {
            return;
        }
        let finding = Finding {
            class: found.class,
            score,
            place,
            evidence: excerpt(peeled.text, &found.evidence),
            layers: peeled.layers.to_vec(),
        };
        if let Some(known) = known.and_then(|at| self.findings.get_mut(at)) {
            *known = finding;
        } else if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.replace_weakest(finding);
        }
    }

    fn replace_weakest(&mut self, finding: Finding) {
        let weakest = self.findings.iter_mut().min_by(|a, b| a.score.total_cmp(&b.score));
        if let Some(weakest) = weakest.filter(|weakest| weakest.score < finding.score) {
            *weakest = finding;
        }
    }

    /// Fuses the findings: hints of one class do not add up, those of different classes do a little.
    fn verdict(mut self) -> Verdict {
        self.findings.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.class.cmp(&b.class)));
        let score = self.findings.first().map_or(0.0, |finding| finding.score);
        Verdict {
            attack: score >= ATTACK_SCORE_MIN,
            score,
            findings: self.findings,
            unseen_bytes: self.unseen_bytes,
        }
    }
}

struct Found {
    class: crate::Class,
    evidence: Evidence,
}

/// Cuts the evidence out of the decoded text, readable and bounded.
fn excerpt(text: &[u8], evidence: &Evidence) -> String {
    let span = text.get(evidence.span.clone()).unwrap_or(text);
    let cut = span.get(..EVIDENCE_BYTES_MAX - '…'.len_utf8()).unwrap_or(span);
    let mut readable: String = String::from_utf8_lossy(cut).into_owned();
    // Replacement characters are longer than the byte they stand for.
    while readable.len() > EVIDENCE_BYTES_MAX - '…'.len_utf8() {
        readable.pop();
    }
    if cut.len() < span.len() {
        readable.push('…');
    }
    readable
}
