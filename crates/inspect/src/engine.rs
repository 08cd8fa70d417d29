//! Inspection itself: part by part, layer by layer, class by class.

use crate::bytes;
use crate::classes::{CLASSES, Evidence, REQUEST_CLASSES, Sign, View};
use crate::parts::{self, PART_BYTES_MAX, PARTS_MAX, Part, REQUEST_BYTES_MAX, Visitor};
use crate::peel::{self, Peeled, Peeling};
use crate::prefilter::{self, ClassSet};
use crate::verdict::{EVIDENCE_BYTES_MAX, FINDINGS_MAX};
use crate::{Class, Finding, Grade, Place, Request, Verdict, site};

/// The score from which a request counts as an attack.
pub const ATTACK_SCORE_MIN: f64 = 0.5;
/// What each layer of encoding beyond the first adds to a finding: honest clients encode once.
const DEPTH_SCORE: f64 = 0.04;

/// Inspects one request.
pub fn inspect(request: &Request<'_>) -> Verdict {
    let mut inspection = Inspection::default();
    parts::visit(request, &mut inspection);
    for row in REQUEST_CLASSES {
        (row.confirm)(request, &mut |sign| inspection.add_sign(row.class, &sign));
    }
    inspection.verdict(not_observable(request))
}

/// Names the classes that cannot be judged for want of headers, of a body, of the site's own name.
fn not_observable(request: &Request<'_>) -> &'static [Class] {
    use Class::{CrossSiteRequestForgery, MaliciousUpload, RequestSmuggling, SessionFixation};
    let sited = request.whole || site::host(request).is_some();
    match (request.whole, request.body.is_empty(), sited) {
        (true, _, _) => &[],
        (false, false, true) => &[CrossSiteRequestForgery, RequestSmuggling],
        (false, false, false) => &[CrossSiteRequestForgery, RequestSmuggling, SessionFixation],
        (false, true, true) => &[CrossSiteRequestForgery, MaliciousUpload, RequestSmuggling],
        (false, true, false) => {
            &[CrossSiteRequestForgery, MaliciousUpload, RequestSmuggling, SessionFixation]
        }
    }
}

#[derive(Default)]
struct Inspection {
    findings: Vec<Finding>,
    parts: usize,
    bytes: usize,
    unseen_bytes: usize,
    /// Memory that each part uses anew.
    peeling: Peeling,
    lower: Vec<u8>,
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
            let mut peeling = std::mem::take(&mut self.peeling);
            let mut visit = |peeled: &Peeled<'_>| self.inspect_layer(part, peeled);
            let layers = peel::each_layer(part, kinds, &mut peeling, &mut visit);
            self.peeling = peeling;
            layers
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
        let mut lower = std::mem::take(&mut self.lower);
        lower.clear();
        lower.extend_from_slice(peeled.text);
        lower.make_ascii_lowercase();
        let view = View {
            text: peeled.text,
            lower: &lower,
            kind: part.kind,
            name: part.place.name(),
            layers: peeled.layers,
        };
        for (row, bit) in CLASSES.iter().zip(prefilter::bits()) {
            if called & bit == 0 {
                continue;
            }
            if let Some(evidence) = (row.confirm)(&view) {
                self.add(part, peeled, Found { class: row.class, evidence });
            }
        }
        self.lower = lower;
    }

    fn add(&mut self, part: &Part<'_>, peeled: &Peeled<'_>, found: Found) {
        let score = deepened(found.evidence.score, peeled.depth);
        let place = part.place.to_place();
        if self.stronger_known(found.class, &place, score) {
            return;
        }
        self.keep(Finding {
            class: found.class,
            score,
            grade: grade(peeled.text, &found.evidence, score),
            place,
            evidence: excerpt(peeled.text, &found.evidence),
            layers: peeled.layers.to_vec(),
        });
    }

    /// Adds what a class says of the request as a whole.
    fn add_sign(&mut self, class: Class, sign: &Sign<'_>) {
        let score = deepened(sign.score, sign.depth());
        let place = sign.place.to_place();
        if self.stronger_known(class, &place, score) {
            return;
        }
        let all = Evidence { score, span: 0..sign.text.len() };
        self.keep(Finding {
            class,
            score,
            grade: if score < ATTACK_SCORE_MIN { Grade::Mention } else { Grade::Request },
            place,
            evidence: excerpt(sign.text, &all),
            layers: sign.layers.to_vec(),
        });
    }

    /// Deeper layers of one part repeat what the first one showed.
    fn stronger_known(&self, class: Class, place: &Place, score: f64) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|known| known.class == class && known.place == *place && known.score >= score)
    }

    fn keep(&mut self, finding: Finding) {
        let known = self
            .findings
            .iter_mut()
            .find(|known| known.class == finding.class && known.place == finding.place);
        if let Some(known) = known {
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
    fn verdict(mut self, not_observable: &'static [Class]) -> Verdict {
        self.findings.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.class.cmp(&b.class)));
        let score = self.findings.first().map_or(0.0, |finding| finding.score);
        Verdict {
            attack: score >= ATTACK_SCORE_MIN,
            score,
            findings: self.findings,
            unseen_bytes: self.unseen_bytes,
            not_observable,
        }
    }
}

struct Found {
    class: Class,
    evidence: Evidence,
}

fn deepened(score: f64, depth: u32) -> f64 {
    rounded((score + f64::from(depth.saturating_sub(1)) * DEPTH_SCORE).min(1.0))
}

/// Scores are told in thousandths; what lies below is noise of their sums.
pub(crate) fn rounded(score: f64) -> f64 {
    (score * 1_000.0).round() / 1_000.0
}

/// Judges how the evidence stands in its text.
fn grade(text: &[u8], evidence: &Evidence, score: f64) -> Grade {
    if score < ATTACK_SCORE_MIN {
        return Grade::Mention;
    }
    let before = text.get(..evidence.span.start).unwrap_or_default().trim_ascii();
    let within = text.get(evidence.span.clone()).unwrap_or_default().trim_ascii_start();
    let leaves = |byte: Option<&u8>| {
        byte.is_some_and(|byte| {
            matches!(byte, b'\'' | b'"' | b')' | b'}' | b']' | b'>' | b';' | b'|' | b'&' | b'`')
        })
    };
    // What follows a break is no part of the line that was to hold the value.
    let broken = matches!(text.get(evidence.span.start), Some(b'\r' | b'\n'));
    match before {
        _ if broken || leaves(before.last()) || leaves(within.first()) => Grade::BreaksOut,
        b"" => Grade::Whole,
        _ => Grade::Embedded,
    }
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
