//! Collections: files whose documents complete one another by `action`, as rules of old were written.
//!
//! - `global` is merged into each document that follows it, and its values come before theirs;
//! - `reset` ends that;
//! - `repeat` is merged into a copy of the document before it, and makes a rule of its own.

use std::collections::HashMap;

use crate::fault::Fault;
use crate::reading::document::snake_case;
use crate::reading::yaml::{Kind, Yaml, size};

/// Bounds what merging copies and compares, in nodes, kilobytes of text, and pairs of keys.
const STEPS_MAX: usize = 500_000;

const TOO_MUCH: &str = "the actions of this file multiply too much";

/// Gives the documents of a file as rules that stand for themselves.
pub(crate) fn expand(documents: Vec<Yaml>) -> (Vec<Yaml>, Option<Fault>) {
    if documents.iter().all(|document| document.get("action").is_none()) {
        return (documents, None);
    }
    let mut collection = Collection::default();
    for document in documents {
        if let Err(fault) = collection.take(document) {
            return (collection.rules, Some(fault));
        }
    }
    (collection.rules, None)
}

#[derive(Default)]
struct Collection {
    rules: Vec<Yaml>,
    global: Option<Yaml>,
    /// How often each id was used.
    used: HashMap<String, usize>,
    /// The id of the last rule, as it was written.
    base: String,
    steps: usize,
}

/// Where a rule has its id from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IdOrigin {
    /// From its own document.
    Own,
    /// From the global one.
    Global,
    /// From the rule before.
    Before,
}

impl Collection {
    fn take(&mut self, document: Yaml) -> Result<(), Fault> {
        let Yaml { line, column, .. } = document;
        // A fault in what is merged is one of the document that asks for it.
        self.add(document).map_err(|fault| match fault.message.as_str() {
            TOO_MUCH => Fault { line, column, ..fault },
            _ => fault,
        })
    }

    fn add(&mut self, mut document: Yaml) -> Result<(), Fault> {
        let action = remove(&mut document, "action");
        let word = action.as_ref().map(|action| action.text().unwrap_or_default().to_owned());
        let mut origin = IdOrigin::Global;
        if document.get("id").is_some() {
            origin = IdOrigin::Own;
        } else if word.as_deref() == Some("repeat") {
            origin = IdOrigin::Before;
        }
        let mut rule = match (word.as_deref(), &action) {
            (Some("global"), _) => {
                let mut global = self.global.take();
                match &mut global {
                    None => global = Some(document),
                    Some(global) => self.merge(global, &document)?,
                }
                self.global = global;
                return Ok(());
            }
            (Some("reset"), _) => {
                self.global = None;
                return Ok(());
            }
            (Some("repeat"), _) => {
                let Some(before) = self.rules.last() else {
                    return Err(Fault::at(
                        &document,
                        "there is no document before this one to repeat",
                    ));
                };
                self.steps += steps_of(before);
                let mut rule = before.clone();
                (rule.line, rule.column) = (document.line, document.column);
                self.merge(&mut rule, &document)?;
                rule
            }
            (Some(_), Some(action)) => {
                return Err(Fault::at(action, "the action is global, reset or repeat"));
            }
            _ => {
                let global = self.global.take();
                let merged =
                    global.as_ref().map_or(Ok(()), |global| self.merge(&mut document, global));
                self.global = global;
                merged?;
                document
            }
        };
        self.number(&mut rule, origin);
        self.rules.push(rule);
        Ok(())
    }

    /// Gives a rule whose id came from another document an id of its own, from the second use on:
    /// `ID_2`.
    fn number(&mut self, rule: &mut Yaml, origin: IdOrigin) {
        let Kind::Map(entries) = &mut rule.kind else { return };
        // A rule without an id has that of its title.
        let has = |key: &str| entries.iter().position(|(known, _)| known.text() == Some(key));
        if let (None, Some(title)) = (has("id"), has("title"))
            && let Some((key, title)) = entries.get(title).cloned()
        {
            let id = snake_case(&title.scalar().unwrap_or_default());
            let key = Yaml { kind: Kind::Text("id".to_owned()), ..key };
            entries.push((key, Yaml { kind: Kind::Text(id), ..title }));
        }
        let id = entries.iter_mut().find(|(key, _)| key.text() == Some("id"));
        let Some((written, value)) = id.and_then(|(_, value)| Some((value.scalar()?, value)))
        else {
            return;
        };
        let base = if origin == IdOrigin::Before { self.base.clone() } else { written };
        let used = self.used.entry(base.clone()).or_default();
        *used += 1;
        if *used > 1 && origin != IdOrigin::Own {
            value.kind = Kind::Text(format!("{base}_{used}"));
        }
        self.base = base;
    }

    /// Merges one map into another; where both have a value that is no map, the merged one counts.
    fn merge(&mut self, into: &mut Yaml, from: &Yaml) -> Result<(), Fault> {
        let (Kind::Map(entries), Kind::Map(more)) = (&mut into.kind, &from.kind) else {
            return Ok(());
        };
        self.steps += entries.len() * more.len() + steps_of(from);
        if self.steps > STEPS_MAX {
            return Err(Fault::at(from, TOO_MUCH));
        }
        for (key, value) in more {
            let known = entries.iter_mut().find(|(known, _)| known == key);
            match known {
                Some((_, known)) if is_map(known) && is_map(value) => self.merge(known, value)?,
                Some((_, known)) => *known = value.clone(),
                None => entries.push((key.clone(), value.clone())),
            }
        }
        Ok(())
    }
}

fn steps_of(node: &Yaml) -> usize {
    let (nodes, bytes) = size(node);
    nodes + bytes / 1_024
}

fn is_map(node: &Yaml) -> bool {
    matches!(node.kind, Kind::Map(_))
}

fn remove(document: &mut Yaml, key: &str) -> Option<Yaml> {
    let Kind::Map(entries) = &mut document.kind else { return None };
    let at = entries.iter().position(|(known, _)| known.text() == Some(key))?;
    Some(entries.remove(at).1)
}
