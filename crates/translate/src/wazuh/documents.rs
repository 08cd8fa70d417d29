//! What was translated, as files of Sigma rules.

use super::chain::Chain;
use super::counting::{self, Composite};
use super::rule::Rule;
use super::xml::Fault;
use super::{Options, Translation, untranslated};
use crate::detection;
use crate::{SigmaFile, Untranslated, yaml};

/// Bounds a title, as Sigma does.
const TITLE_CHARACTERS_MAX: usize = 256;
/// Bounds what is kept of a file's heading.
const HEADING_CHARACTERS_MAX: usize = 200;

/// All that the documents are made of.
pub(crate) struct Documents<'r> {
    pub(crate) chain: Chain<'r>,
    pub(crate) paths: &'r [&'r str],
    /// The comments at the beginning of each file.
    pub(crate) headings: &'r [Vec<String>],
    pub(crate) options: &'r Options,
    /// How many of the files are known only to be built on.
    pub(crate) base: usize,
}

/// A rule as YAML, but for its head.
struct Document {
    body: String,
    /// The documents that only it needs, before it.
    before: String,
    notes: Vec<String>,
    counted: Vec<usize>,
}

impl Documents<'_> {
    pub(crate) fn write(&self) -> Translation {
        let rules = self.chain.rules;
        let mut documents: Vec<Option<Result<Document, Fault>>> =
            rules.iter().enumerate().map(|(place, rule)| self.event(place, rule)).collect();
        self.count(&mut documents);
        let mut translation = Translation::default();
        // A counted rule of the base comes out with the first file that counts it.
        let mut carried_by: Vec<Option<usize>> =
            rules.iter().map(|rule| (rule.file >= self.base).then_some(rule.file)).collect();
        let mut needed = vec![false; rules.len()];
        self.find_needed(&documents, &mut carried_by, &mut needed);
        let mut texts: Vec<(String, usize)> = vec![(String::new(), 0); self.paths.len()];
        for (place, rule) in rules.iter().enumerate() {
            let ours = rule.file >= self.base;
            translation.rules += usize::from(ours);
            let reports = ours && rule.alerts();
            let needed = needed.get(place).copied().unwrap_or_default();
            match documents.get(place) {
                Some(Some(Err(fault))) if ours => {
                    translation.untranslated.push(self.told(rule, fault.clone()));
                }
                Some(Some(Ok(document))) if reports || needed => {
                    if let Some(text) = carried_by
                        .get(place)
                        .copied()
                        .flatten()
                        .and_then(|file| texts.get_mut(file))
                    {
                        text.0.push_str(&document.before);
                        text.0.push_str(&self.whole(rule, document, reports));
                        text.1 += usize::from(reports);
                    }
                    translation.translated += usize::from(reports);
                    translation.folded += usize::from(ours && !reports);
                    if ours {
                        let notes = document.notes.iter().map(|note| rule.fault(note.clone()));
                        translation.notes.extend(notes.map(|note| self.told(rule, note)));
                    }
                }
                _ => translation.folded += usize::from(ours),
            }
        }
        for (source, (text, rules)) in self.paths.iter().zip(texts) {
            if !text.is_empty() {
                translation.files.push(SigmaFile { source: (*source).to_owned(), text, rules });
            }
        }
        translation
    }

    /// Gives the document of a rule that looks at one event, or why there is none; of one that
    /// raises no alert only why it cannot be asked.
    fn event(&self, place: usize, rule: &Rule) -> Option<Result<Document, Fault>> {
        if rule.counts() {
            return None;
        }
        if rule.frequency.is_some() {
            let reason = "it has a frequency and neither <if_matched_sid> nor <if_matched_group>";
            return Some(Err(rule.fault(reason)));
        }
        if rule.level == 0 || rule.noalert {
            return self.chain.full(place).err().map(Err);
        }
        Some(self.chain.speaks(place).and_then(|(node, notes)| {
            let mut body = String::new();
            detection::write(&node, &mut body).map_err(|error| rule.fault(error.to_string()))?;
            Ok(Document { body, before: String::new(), notes, counted: Vec::new() })
        }))
    }

    /// Makes the documents of the rules that look back: in rounds, for they count each other.
    fn count(&self, documents: &mut [Option<Result<Document, Fault>>]) {
        let waiting: Vec<usize> = self
            .chain
            .rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.counts())
            .map(|(place, _)| place)
            .collect();
        let mut left = waiting.len();
        loop {
            let mut open = 0;
            for place in &waiting {
                if matches!(documents.get(*place), Some(Some(Ok(_)))) {
                    continue;
                }
                let is_there = |other: usize| matches!(documents.get(other), Some(Some(Ok(_))));
                let made = self.composite(*place, &is_there);
                open += usize::from(made.is_err());
                if let Some(slot) = documents.get_mut(*place) {
                    *slot = Some(made);
                }
            }
            if open == left {
                break;
            }
            left = open;
        }
    }

    fn composite(&self, place: usize, is_there: &dyn Fn(usize) -> bool) -> Result<Document, Fault> {
        let composite = counting::read(&self.chain, place, self.options.counting, is_there)?;
        let Some(rule) = self.chain.rule(place) else {
            return Err(Fault { line: 1, column: 1, reason: "there is no such rule".to_owned() });
        };
        let mut notes = self.chain.notes(place).to_vec();
        for counted in &composite.counted {
            let note = self.chain.stand_in(*counted).filter(|note| !notes.contains(note));
            notes.extend(note);
        }
        let (body, before) = self.correlation(rule, &composite)?;
        Ok(Document { body, before, notes, counted: composite.counted })
    }

    /// Writes the correlation, and before it the rules that only it needs.
    fn correlation(&self, rule: &Rule, composite: &Composite) -> Result<(String, String), Fault> {
        let counted: Vec<String> = composite
            .counted
            .iter()
            .filter_map(|place| self.chain.rule(*place))
            .map(|rule| self.id(rule))
            .collect();
        let (mut body, mut before) = (String::new(), String::new());
        let Some(last) = &composite.last else {
            let different = composite.different.as_deref();
            write_count(&mut body, composite, &counted, composite.count, different);
            return Ok((body, before));
        };
        let (first, then) =
            (format!("{}_before", self.id(rule)), format!("{}_event", self.id(rule)));
        let mut detection = String::new();
        detection::write(last, &mut detection).map_err(|error| rule.fault(error.to_string()))?;
        let earlier = composite.count.saturating_sub(1).max(1);
        let first = match counted.as_slice() {
            [only] if earlier == 1 => only.clone(),
            _ => {
                let mut count = String::new();
                write_count(&mut count, composite, &counted, earlier, None);
                before.push_str(&self.helper(rule, &first, "the events before", &count));
                first
            }
        };
        before.push_str(&self.helper(rule, &then, "the event after them", &detection));
        yaml::line(&mut body, 0, "correlation:");
        yaml::line(&mut body, 4, "type: temporal_ordered");
        yaml::list(&mut body, 4, "rules", &[first, then]);
        yaml::list(&mut body, 4, "group-by", &composite.same);
        yaml::line(&mut body, 4, &format!("timespan: {}s", composite.seconds));
        Ok((body, before))
    }

    /// Writes a rule that serves another one only.
    fn helper(&self, rule: &Rule, id: &str, what: &str, body: &str) -> String {
        let mut out = String::from("---\n");
        yaml::pair(&mut out, 0, "title", &format!("{}: {what}", title(rule)));
        yaml::pair(&mut out, 0, "id", id);
        yaml::line(&mut out, 0, "status: experimental");
        self.write_origin(&mut out, rule);
        out.push_str(body);
        yaml::line(&mut out, 0, "level: informational");
        out.push_str("bartizan:\n    reports: false\n");
        out
    }

    fn whole(&self, rule: &Rule, document: &Document, reports: bool) -> String {
        let mut out = String::from("---\n");
        yaml::pair(&mut out, 0, "title", &title(rule));
        yaml::pair(&mut out, 0, "id", &self.id(rule));
        let related: Vec<String> = rule
            .relation
            .sids
            .iter()
            .filter_map(|id| self.chain.rule(self.chain.place(*id)?))
            .filter(|parent| parent.alerts() && parent.file >= self.base)
            .map(|parent| self.id(parent))
            .collect();
        if !related.is_empty() {
            yaml::line(&mut out, 0, "related:");
        }
        for id in related {
            yaml::line(&mut out, 4, &format!("- id: {}", yaml::scalar(&id)));
            yaml::line(&mut out, 4, "  type: derived");
        }
        yaml::line(&mut out, 0, "status: experimental");
        let path = self.paths.get(rule.file).copied().unwrap_or_default();
        let mut description =
            format!("Translated from Wazuh's rule {} of level {}.", rule.id, rule.level);
        for note in &document.notes {
            description.extend([" Not quite the same: ", note, "."]);
        }
        yaml::pair(&mut out, 0, "description", &description);
        let place = format!("Wazuh rule {}, {path}:{}", rule.id, rule.line);
        let references: Vec<String> = std::iter::once(place).chain(rule.links.clone()).collect();
        yaml::list(&mut out, 0, "references", &references);
        self.write_origin(&mut out, rule);
        yaml::list(&mut out, 0, "tags", &tags(rule));
        out.push_str(&document.body);
        yaml::line(&mut out, 0, &format!("level: {}", level(rule.level)));
        yaml::line(&mut out, 0, "bartizan:");
        yaml::line(&mut out, 4, &format!("reports: {reports}"));
        out
    }

    /// Writes who the rule is from, and under what licence, as its file's heading says.
    fn write_origin(&self, out: &mut String, rule: &Rule) {
        let heading = self.headings.get(rule.file).map_or(&[][..], Vec::as_slice);
        let author = said(heading, &["copyright", "author", "created by", "written by"]);
        yaml::pair(out, 0, "author", author.as_deref().unwrap_or("unknown"));
        if let Some(license) = said(heading, &["license", "licence", "gpl"]) {
            yaml::pair(out, 0, "license", &license);
        }
    }

    fn id(&self, rule: &Rule) -> String {
        format!("{}_{}", self.options.prefix, rule.id)
    }

    fn told(&self, rule: &Rule, fault: Fault) -> Untranslated {
        let path = self.paths.get(rule.file).copied().unwrap_or_default();
        untranslated(path, Some(rule.id.to_string()), fault)
    }

    /// Finds the rules that others count, and the file with which each comes out.
    fn find_needed(
        &self,
        documents: &[Option<Result<Document, Fault>>],
        carried_by: &mut [Option<usize>],
        needed: &mut [bool],
    ) {
        let counting = self.chain.rules.iter().enumerate().filter(|(place, rule)| {
            rule.file >= self.base
                && rule.alerts()
                && matches!(documents.get(*place), Some(Some(Ok(_))))
        });
        let mut waiting: Vec<(usize, usize)> =
            counting.map(|(place, rule)| (place, rule.file)).collect();
        while let Some((place, file)) = waiting.pop() {
            let Some(Some(Ok(document))) = documents.get(place) else { continue };
            for counted in &document.counted {
                let Some(flag) = needed.get_mut(*counted) else { continue };
                if !std::mem::replace(flag, true)
                    && let Some(carrier) = carried_by.get_mut(*counted)
                {
                    waiting.push((*counted, *carrier.get_or_insert(file)));
                }
            }
        }
    }
}

fn write_count(
    out: &mut String,
    composite: &Composite,
    counted: &[String],
    count: u32,
    different: Option<&str>,
) {
    let kind = if different.is_some() { "value_count" } else { "event_count" };
    yaml::line(out, 0, "correlation:");
    yaml::line(out, 4, &format!("type: {kind}"));
    yaml::list(out, 4, "rules", counted);
    yaml::list(out, 4, "group-by", &composite.same);
    yaml::line(out, 4, &format!("timespan: {}s", composite.seconds));
    yaml::line(out, 4, "condition:");
    if let Some(field) = different {
        yaml::pair(out, 8, "field", field);
    }
    yaml::line(out, 8, &format!("gte: {count}"));
}

/// Gives the description, its `$(field)`s as the fields' names.
fn title(rule: &Rule) -> String {
    let mut title = String::new();
    let mut rest = rule.description.as_str();
    while let Some((before, after)) = rest.split_once("$(") {
        title.push_str(before);
        let (name, after) = after.split_once(')').unwrap_or((after, ""));
        title.push_str(name);
        rest = after;
    }
    title.push_str(rest);
    let words: Vec<&str> = title.split_whitespace().collect();
    let title: String = words.join(" ").chars().take(TITLE_CHARACTERS_MAX).collect();
    if title.is_empty() { format!("Wazuh rule {}", rule.id) } else { title }
}

fn tags(rule: &Rule) -> Vec<String> {
    let techniques = rule.techniques.iter().filter(|id| is_technique(id));
    let mut tags: Vec<String> =
        techniques.map(|id| format!("attack.{}", id.to_ascii_lowercase())).collect();
    for group in &rule.groups {
        let name: String = group
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "._-".contains(c) {
                    c.to_ascii_lowercase()
                } else {
                    '_'
                }
            })
            .collect();
        let tag = format!("wazuh.{name}");
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// Tells `T1110` and `T1110.001`.
fn is_technique(id: &str) -> bool {
    let (technique, sub) = id.split_once('.').unwrap_or((id, "000"));
    let digits = |text: &str, many: usize| {
        text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    technique.strip_prefix('T').is_some_and(|number| digits(number, 4)) && digits(sub, 3)
}

/// Gives Sigma's level: what there is of low importance, of attacks, and of attacks that worked.
fn level(level: u8) -> &'static str {
    match level {
        0..=3 => "informational",
        4..=6 => "low",
        7..=11 => "medium",
        12..=14 => "high",
        _ => "critical",
    }
}

/// Gives the first line of a heading with one of the words.
fn said(heading: &[String], words: &[&str]) -> Option<String> {
    let mut lines = heading.iter().flat_map(|comment| comment.lines());
    let line = lines.find(|line| {
        let line = line.to_ascii_lowercase();
        words.iter().any(|word| line.contains(word))
    })?;
    let bare = line.trim().trim_matches(['-', '*', '#', ' ']);
    let bare = match bare.split_once(':') {
        Some((word, rest)) if words.contains(&word.trim().to_ascii_lowercase().as_str()) => {
            rest.trim()
        }
        _ => bare,
    };
    Some(bare.chars().take(HEADING_CHARACTERS_MAX).collect())
}
