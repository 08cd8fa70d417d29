//! One document of a rule file.

use std::sync::Arc;

use model::{Level, RuleHeader};
use query::Predicate;

use crate::correlations::draft::Draft;
use crate::fault::Fault;
use crate::options::Placeholders;
use crate::reading::filter::Filter;
use crate::reading::modifiers::Scope;
use crate::reading::yaml::{Kind, Yaml};
use crate::rule::{Example, ExampleLine, Status};
use crate::summary::Summary;
use crate::{Logsource, reading::detection};

/// Bounds how often one line of an example is repeated.
const REPEAT_MAX: usize = 10_000;
/// Bounds what the examples of one file are written out to, in bytes.
pub(crate) const EXAMPLE_BYTES_MAX: usize = 16 << 20;

/// A rule whose references are not resolved yet.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) header: Arc<RuleHeader>,
    pub(crate) name: Option<String>,
    pub(crate) date: String,
    pub(crate) modified: String,
    pub(crate) status: Status,
    pub(crate) logsource: Logsource,
    pub(crate) related: Vec<(String, String)>,
    pub(crate) taxonomy: String,
    pub(crate) reports: Option<bool>,
    pub(crate) examples: Vec<Example>,
    pub(crate) summary: Option<Summary>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Event(Predicate),
    Correlation(Draft),
    Filter(Filter),
    /// It was taken out.
    Nothing,
}

/// Reads a document. Its examples take of the `room` that the file has for them.
pub(crate) fn read(
    yaml: &Yaml,
    placeholders: &Placeholders,
    room: &mut usize,
) -> Result<Document, Fault> {
    if !matches!(yaml.kind, Kind::Map(_)) {
        return Err(Fault::at(yaml, "a rule is a map"));
    }
    let own = yaml.get("bartizan");
    let logsource = yaml.get("logsource").map(logsource).unwrap_or_default();
    let body = body(yaml, &logsource, placeholders)?;
    Ok(Document {
        header: Arc::new(header(yaml)?),
        name: text(yaml, "name"),
        date: text(yaml, "date").unwrap_or_default(),
        modified: text(yaml, "modified").unwrap_or_default(),
        status: status(yaml)?,
        logsource,
        related: related(yaml),
        taxonomy: text(yaml, "taxonomy").unwrap_or_else(|| "sigma".to_owned()),
        reports: own.and_then(|own| own.get("reports")).and_then(flag),
        examples: own
            .and_then(|own| own.get("examples"))
            .map(|written| examples(written, room))
            .transpose()?
            .unwrap_or_default(),
        summary: own.and_then(|own| own.get("summary")).map(summary).transpose()?,
        body,
    })
}

fn body(yaml: &Yaml, logsource: &Logsource, placeholders: &Placeholders) -> Result<Body, Fault> {
    if let Some(correlation) = yaml.get("correlation") {
        let generate = [correlation.get("generate"), yaml.get("generate")];
        let generate = generate.into_iter().flatten().find_map(flag).unwrap_or(false);
        return Draft::parse(correlation, generate).map(Body::Correlation);
    }
    if let Some(detection) = yaml.get("detection") {
        let node = detection::compile(detection, &Scope::new(logsource, placeholders))?;
        return Ok(Body::Event(Predicate::new(node)));
    }
    if let Some(filter) = yaml.get("filter") {
        let scope = Scope::new(logsource, placeholders);
        return Filter::parse(filter, &scope).map(Body::Filter);
    }
    Err(Fault::at(yaml, "a rule has a `detection`, a `correlation` or a `filter`"))
}

fn header(yaml: &Yaml) -> Result<RuleHeader, Fault> {
    let level = match yaml.get("level") {
        None => Level::default(),
        Some(word) => word.text().and_then(Level::parse).ok_or_else(|| {
            Fault::at(word, "the level is informational, low, medium, high or critical")
        })?,
    };
    let Some(title) = text(yaml, "title") else {
        return Err(Fault::at(yaml, "a rule needs a `title`"));
    };
    Ok(RuleHeader {
        id: text(yaml, "id").or_else(|| text(yaml, "name")).unwrap_or_else(|| snake_case(&title)),
        title,
        level,
        tags: texts(yaml, "tags"),
        description: text(yaml, "description").unwrap_or_default().trim_end().to_owned(),
        references: texts(yaml, "references"),
        false_positives: texts(yaml, "falsepositives"),
        author: text(yaml, "author").unwrap_or_default(),
        license: text(yaml, "license").unwrap_or_default(),
    })
}

fn status(yaml: &Yaml) -> Result<Status, Fault> {
    let Some(word) = yaml.get("status") else { return Ok(Status::default()) };
    match word.text() {
        Some("stable") => Ok(Status::Stable),
        Some("test") => Ok(Status::Test),
        Some("experimental") => Ok(Status::Experimental),
        Some(old @ ("deprecated" | "unsupported")) => {
            Err(Fault::at(word, format!("its status is {old}: it is not run")))
        }
        _ => Err(Fault::at(
            word,
            "the status is stable, test, experimental, deprecated or unsupported",
        )),
    }
}

fn logsource(yaml: &Yaml) -> Logsource {
    let name = |key| text(yaml, key).map(|name| name.to_ascii_lowercase());
    Logsource { product: name("product"), category: name("category"), service: name("service") }
}

fn related(yaml: &Yaml) -> Vec<(String, String)> {
    let Some(related) = yaml.get("related") else { return Vec::new() };
    let pair = |entry: &Yaml| Some((text(entry, "id")?, text(entry, "type")?));
    related.each().iter().filter_map(pair).collect()
}

fn summary(template: &Yaml) -> Result<Summary, Fault> {
    Summary::parse(template.text().unwrap_or_default()).map_err(|error| Fault::at(template, error))
}

fn examples(yaml: &Yaml, room: &mut usize) -> Result<Vec<Example>, Fault> {
    let mut examples = Vec::new();
    for (key, matches) in [("match", true), ("no_match", false)] {
        for example in yaml.get(key).map(Yaml::each).unwrap_or_default() {
            let lines = example.each().iter().map(|line| example_line(line, room));
            examples.push(Example { written: lines.collect::<Result<_, _>>()?, matches });
        }
    }
    Ok(examples)
}

/// Reads a line, or `{repeat: 6, line: …}`.
fn example_line(yaml: &Yaml, room: &mut usize) -> Result<ExampleLine, Fault> {
    let repeated = match (yaml.text(), yaml.get("repeat").map(|times| &times.kind)) {
        (Some(line), _) => Some((line.to_owned(), None)),
        (None, Some(Kind::Integer(times))) => {
            let times = usize::try_from(*times).ok().filter(|times| *times <= REPEAT_MAX);
            times.zip(text(yaml, "line")).map(|(times, line)| (line, Some(times)))
        }
        _ => None,
    };
    let Some((text, times)) = repeated else {
        return Err(Fault::at(yaml, "an example is a line, or `repeat` and `line`"));
    };
    // The number that `{n}` becomes takes no more room than what it replaces, but for a few digits.
    let bytes = times.unwrap_or(1).saturating_mul(text.len() * 2 + size_of::<String>());
    *room = room.checked_sub(bytes).ok_or_else(|| {
        Fault::at(
            yaml,
            format!("the examples of one file come to more than {EXAMPLE_BYTES_MAX} bytes"),
        )
    })?;
    Ok(ExampleLine { text, times })
}

fn text(yaml: &Yaml, key: &str) -> Option<String> {
    yaml.get(key).and_then(Yaml::scalar)
}

fn texts(yaml: &Yaml, key: &str) -> Vec<String> {
    yaml.get(key)
        .map(|list| list.each().iter().filter_map(Yaml::scalar).collect())
        .unwrap_or_default()
}

fn flag(yaml: &Yaml) -> Option<bool> {
    if let Kind::Flag(flag) = yaml.kind { Some(flag) } else { None }
}

/// Gives a rule without an id a name that lasts as long as its title.
pub(crate) fn snake_case(title: &str) -> String {
    let words = title.split(|character: char| !character.is_alphanumeric());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.join("_")
}
