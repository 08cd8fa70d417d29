//! A rule as its file has it, before anything is made of it.

use super::xml::{Element, Fault};

/// Bounds the ids that one rule builds on.
const PARENTS_MAX: usize = 200;
/// Bounds the options of one rule.
const OPTIONS_MAX: usize = 500;

/// A rule, read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    pub(crate) id: u32,
    pub(crate) level: u8,
    /// Which of the files it stands in.
    pub(crate) file: usize,
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// It only leads to the rules that build on it.
    pub(crate) noalert: bool,
    /// It raises alerts that are not kept.
    pub(crate) no_log: bool,
    pub(crate) overwrite: bool,
    pub(crate) frequency: Option<u32>,
    pub(crate) timeframe: Option<u32>,
    pub(crate) groups: Vec<String>,
    /// The groups as one text in lower case, which is how others look for them.
    group_text: String,
    pub(crate) description: String,
    pub(crate) techniques: Vec<String>,
    pub(crate) links: Vec<String>,
    pub(crate) relation: Relation,
    /// What it asks of an event.
    pub(crate) options: Vec<Element>,
    /// `same_…`, `different_…` and `not_same_…`.
    pub(crate) comparisons: Vec<Element>,
    /// The first thing about it that has no counterpart.
    pub(crate) foreign: Option<Fault>,
}

/// The rules that a rule builds on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) sids: Vec<u32>,
    pub(crate) groups: Option<String>,
    pub(crate) level: Option<u8>,
    pub(crate) matched_sids: Vec<u32>,
    pub(crate) matched_groups: Option<String>,
}

impl Relation {
    /// Tells whether it looks back at events before.
    pub(crate) fn counts(&self) -> bool {
        !self.matched_sids.is_empty() || self.matched_groups.is_some()
    }
}

impl Rule {
    /// Reads `<rule>`; `groups` are those of the group around it.
    pub(crate) fn read(element: &Element, file: usize, groups: &[String]) -> Result<Self, Fault> {
        let id = number(element, "id")?.ok_or_else(|| element.fault("a rule without an id"))?;
        let level = number(element, "level")?.filter(|level| *level <= 16);
        let level = level.ok_or_else(|| element.fault("its level is none of 0 to 16"))?;
        if element.children.len() > OPTIONS_MAX {
            return Err(element.fault(format!("it has over {OPTIONS_MAX} options")));
        }
        let mut rule = Self {
            id,
            level: u8::try_from(level).unwrap_or_default(),
            file,
            line: element.line,
            column: element.column,
            noalert: flag(element, "noalert"),
            overwrite: flag(element, "overwrite"),
            frequency: number(element, "frequency")?,
            timeframe: number(element, "timeframe")?,
            groups: groups.to_vec(),
            ..Self::default()
        };
        if element.attribute("maxsize").is_some() {
            rule.find_foreign(element, "it asks how long the record is (`maxsize`)");
        }
        for option in &element.children {
            rule.take(option)?;
        }
        rule.group_text = rule.groups.join(",").to_ascii_lowercase();
        Ok(rule)
    }

    fn take(&mut self, option: &Element) -> Result<(), Fault> {
        let said = option.text.trim();
        match option.name.as_str() {
            "description" => self.description.push_str(said),
            "group" => self.groups.extend(words(said)),
            "info" if option.attribute("type") == Some("link") => self.links.push(said.to_owned()),
            "info" => {}
            "mitre" => {
                let ids = option.children.iter().filter(|child| child.name == "id");
                self.techniques.extend(ids.map(|id| id.text.trim().to_owned()));
            }
            "options" => self.no_log |= said.split(',').any(|word| word.trim() == "no_log"),
            "if_sid" => self.relation.sids.extend(ids(option)?),
            "if_matched_sid" => self.relation.matched_sids.extend(ids(option)?),
            "if_group" => self.relation.groups = Some(said.to_owned()),
            "if_matched_group" => self.relation.matched_groups = Some(said.to_owned()),
            "if_level" => {
                let level = said.parse().ok().filter(|level| *level <= 16);
                let fault = || option.fault("<if_level> is none of 0 to 16");
                self.relation.level = Some(level.ok_or_else(fault)?);
            }
            "list" => self.find_foreign(
                option,
                "it looks a value up in a list (CDB), and the list is not here",
            ),
            "check_diff" => self.find_foreign(option, "it compares with the output before"),
            "if_fts" | "if_matched_regex" | "global_frequency" => {
                self.find_foreign(option, &format!("<{}> has no counterpart", option.name));
            }
            name if ["same_", "different_", "not_same_"]
                .iter()
                .any(|way| name.starts_with(way)) =>
            {
                self.comparisons.push(option.clone());
            }
            _ => self.options.push(option.clone()),
        }
        Ok(())
    }

    fn find_foreign(&mut self, place: &Element, reason: &str) {
        self.foreign.get_or_insert_with(|| place.fault(reason));
    }

    /// Takes the place of a rule that it overwrites: what that one builds on stays.
    pub(crate) fn overwriting(self, old: &Self) -> Self {
        let mut groups = self.groups;
        groups.extend(
            old.groups.iter().filter(|group| !groups.contains(group)).cloned().collect::<Vec<_>>(),
        );
        let group_text = groups.join(",").to_ascii_lowercase();
        Self { relation: old.relation.clone(), groups, group_text, ..self }
    }

    pub(crate) fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault { line: self.line, column: self.column, reason: reason.into() }
    }

    /// Tells whether it looks back at events before.
    pub(crate) fn counts(&self) -> bool {
        self.relation.counts()
    }

    /// Tells whether an event that it takes raises an alert.
    pub(crate) fn alerts(&self) -> bool {
        self.level > 0 && !self.noalert && !self.no_log
    }

    /// Tells whether one of its groups is meant by `if_group`: there, a part of a name is enough.
    pub(crate) fn is_of(&self, group: &Group) -> bool {
        group.names.iter().any(|name| self.group_text.contains(name))
    }
}

/// What `if_group` names, ready to be looked for.
pub(crate) struct Group {
    names: Vec<String>,
}

impl Group {
    pub(crate) fn parse(text: &str) -> Self {
        let names = text.split('|').map(|name| name.trim().to_ascii_lowercase());
        Self { names: names.filter(|name| !name.is_empty()).collect() }
    }
}

/// Gives the names of a list with commas.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn number(element: &Element, name: &str) -> Result<Option<u32>, Fault> {
    let Some(text) = element.attribute(name) else { return Ok(None) };
    let number = text.trim().parse().ok().filter(|number| *number <= 99_999_999);
    number.map(Some).ok_or_else(|| element.fault(format!("`{name}` is no number: {text}")))
}

fn flag(element: &Element, name: &str) -> bool {
    element.attribute(name).is_some_and(|word| !matches!(word, "0" | "no"))
}

fn ids(option: &Element) -> Result<Vec<u32>, Fault> {
    let words = option.text.split([',', ' ', '\n', '\t', '\r']).filter(|word| !word.is_empty());
    let ids: Result<Vec<u32>, _> = words.map(str::parse).collect();
    let ids = ids.map_err(|_| option.fault(format!("<{}> holds no list of ids", option.name)))?;
    if ids.is_empty() || ids.len() > PARENTS_MAX {
        let reason = format!("<{}> names 1 to {PARENTS_MAX} rules", option.name);
        return Err(option.fault(reason));
    }
    Ok(ids)
}
