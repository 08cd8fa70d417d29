//! Health as text, so that it outlives the process.
//!
//! One thing a line, its parts between tabs:
//!
//! ```text
//! bartizan health 1
//! since   1795219200000000000
//! source  12  1795219201000000000  498672  498672  linux    sshd  12 0 0 …
//! shape   0   12  1795219201000000000  source.ip user.name
//! rule    ssh_brute_force  1  1795219201000000000  40
//! ```

use std::fmt::Write;

use model::Timestamp;

use super::{HOURS, Health, Hours, RULES_MAX, SHAPES_MAX, SOURCES_MAX, Shape, Source, Work};
use super::{fields_key, labels_key};

const FIRST_LINE: &str = "bartizan health 1";
/// Stands for a label of which nothing is known; an empty one says that there is none.
const OPEN: &str = "*";

impl Health {
    /// Gives all that is known as text, to be kept between two runs.
    pub fn snapshot(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        let time = |time: Timestamp| time.nanos();
        // Writing to a String cannot fail, here and below.
        if let Some(since) = self.since {
            let _ = writeln!(text, "since\t{}", time(since));
        }
        for source in &self.sources {
            let [product, category, service] =
                source.labels.each_ref().map(|label| label.as_deref().unwrap_or(OPEN));
            let Hours { counts, newest, first } = &source.hours;
            let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
            let _ = writeln!(
                text,
                "source\t{}\t{}\t{newest}\t{first}\t{product}\t{category}\t{service}\t{}",
                source.events,
                time(source.last),
                counts.join(" "),
            );
        }
        let names: Vec<&str> = self.names.all().collect();
        let name = |id: &u32| usize::try_from(*id).ok().and_then(|id| names.get(id)).copied();
        for (place, shape) in self.shapes.iter().enumerate() {
            let is_rest =
                self.sources.get(shape.source).is_some_and(|source| source.rest == Some(place));
            let kind = if is_rest { "rest" } else { "shape" };
            let Shape { source, events, last, fields } = shape;
            let _ = write!(text, "{kind}\t{source}\t{events}\t{}", time(*last));
            for field in fields.iter().filter_map(name) {
                let _ = write!(text, "\t{field}");
            }
            text.push('\n');
        }
        let mut rules: Vec<(&String, &Work)> = self.rules.iter().collect();
        rules.sort_unstable_by_key(|(id, _)| *id);
        for (id, work) in rules.into_iter().filter(|(id, _)| !id.contains(char::is_control)) {
            let last = work.last.map_or(String::new(), |last| time(last).to_string());
            let evaluated = work.evaluated.saturating_add(work.evaluating);
            let _ = writeln!(text, "rule\t{id}\t{}\t{last}\t{evaluated}", work.hits);
        }
        text
    }

    /// Gives what a snapshot says; `None` where it is of another version or says nothing of the kind.
    pub fn restore(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return None;
        }
        let mut health = Self::default();
        for line in lines {
            let mut parts = line.split('\t');
            let kind = parts.next()?;
            let parts: Vec<&str> = parts.collect();
            match kind {
                "since" => health.since = parts.first().and_then(|part| time(part)),
                "source" => health.read_source(&parts)?,
                "shape" | "rest" => health.read_shape(kind, &parts)?,
                "rule" => health.read_rule(&parts)?,
                _ => return None,
            }
        }
        Some(health)
    }

    fn read_source(&mut self, parts: &[&str]) -> Option<()> {
        let [events, last, newest, first, product, category, service, counts] = parts else {
            return None;
        };
        let mut hours =
            Hours { newest: newest.parse().ok()?, first: first.parse().ok()?, ..Hours::default() };
        let mut read = counts.split(' ').map(|count| count.parse().ok());
        for count in &mut hours.counts {
            *count = read.next()??;
        }
        let labels = [product, category, service].map(|label| (*label != OPEN).then_some(*label));
        if self.sources.len() >= SOURCES_MAX || read.next().is_some() || hours.counts.len() != HOURS
        {
            return None;
        }
        self.source_of.insert(labels_key(&labels), self.sources.len());
        self.sources.push(Source {
            labels: labels.map(|label| label.map(Box::from)),
            events: events.parse().ok()?,
            last: time(last)?,
            hours,
            ..Source::default()
        });
        Some(())
    }

    fn read_shape(&mut self, kind: &str, parts: &[&str]) -> Option<()> {
        let [source, events, last, names @ ..] = parts else { return None };
        let source: usize = source.parse().ok()?;
        if self.shapes.len() >= SHAPES_MAX + SOURCES_MAX {
            return None;
        }
        let mut fields: Vec<u32> =
            names.iter().filter_map(|name| self.names.id_or_new(name)).collect();
        fields.sort_unstable();
        let place = self.shapes.len();
        let owner = self.sources.get_mut(source)?;
        if kind == "rest" {
            owner.rest = Some(place);
        } else {
            owner.shapes += 1;
            self.shape_with.insert(fields_key(source, &fields), place);
        }
        self.shapes.push(Shape { source, fields, events: events.parse().ok()?, last: time(last)? });
        Some(())
    }

    fn read_rule(&mut self, parts: &[&str]) -> Option<()> {
        let [id, hits, last, evaluated] = parts else { return None };
        if self.rules.len() >= RULES_MAX {
            return None;
        }
        let work = Work {
            hits: hits.parse().ok()?,
            last: time(last),
            evaluated: evaluated.parse().ok()?,
            evaluating: 0,
        };
        self.rules.insert((*id).to_owned(), work);
        Some(())
    }
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(Timestamp::from_nanos)
}
