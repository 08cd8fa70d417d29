//! All atoms of one place, found in one look at its value.

use model::Value;
use query::Number;

use super::atoms::{AtomId, Atoms, Key};
use super::grams::Common;
use super::places::Places;
use super::texts::Texts;
use super::usize_of;

/// What finds the atoms of a place.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    /// The atom that there is a value.
    present: Option<AtomId>,
    /// Whole numbers, in order.
    integers: Vec<(i64, AtomId)>,
    texts: Option<Texts>,
    /// Whether some check reads the folded text.
    kept: bool,
}

/// Gives the finders of all places.
pub(crate) fn all(places: &Places, atoms: &Atoms) -> Vec<Finder> {
    let mut finders: Vec<Finder> = (0..places.len()).map(|_| Finder::default()).collect();
    let mut texts: Vec<Vec<(&[u8], AtomId)>> = vec![Vec::new(); places.len()];
    for (atom, (place, key)) in (0..).zip(&atoms.list) {
        let place = usize_of(*place);
        match (key, finders.get_mut(place)) {
            (Key::Present, Some(finder)) => finder.present = Some(atom),
            (Key::Integer(number), Some(finder)) => finder.integers.push((*number, atom)),
            (Key::Text(text), _) => {
                texts.get_mut(place).into_iter().for_each(|list| list.push((&**text, atom)));
            }
            (_, None) => {}
        }
    }
    let common = Common::of(texts.iter().flatten().map(|(text, _)| *text));
    for (finder, texts) in finders.iter_mut().zip(&texts) {
        finder.integers.sort_unstable();
        finder.texts = (!texts.is_empty()).then(|| Texts::of(texts, &common));
    }
    finders
}

impl Finder {
    /// Gives what finds the texts, if any are looked for.
    #[inline]
    pub(crate) fn texts(&self) -> Option<&Texts> {
        self.texts.as_ref()
    }

    /// Notes that some check reads the folded text.
    pub(super) fn keep_text(&mut self) {
        self.kept = true;
    }

    /// Tells whether the value's text is needed at all.
    #[inline]
    pub(crate) fn needs_text(&self) -> bool {
        self.kept || self.texts.is_some()
    }

    /// Finds what a single value is, but for its text.
    #[inline]
    pub(crate) fn find(&self, value: Value<'_>, mut found: impl FnMut(AtomId)) {
        if let Some(atom) = self.present {
            found(atom);
        }
        if self.integers.is_empty() {
            return;
        }
        let number = match value {
            Value::Integer(number) => Some(number),
            Value::Text(text) => match Number::parse(text.trim()) {
                Some(Number::Integer(number)) => Some(number),
                Some(Number::Float(_)) => None,
                None => return,
            },
            Value::Float(_) => None,
            _ => return,
        };
        if let Some(number) = number {
            let at = self.integers.binary_search_by_key(&number, |(number, _)| *number);
            if let Some((_, atom)) = at.ok().and_then(|at| self.integers.get(at)) {
                found(*atom);
            }
            return;
        }
        // A fraction is compared at its own precision, at which several whole numbers may be equal.
        for (number, atom) in &self.integers {
            if Number::Integer(*number).order_of(value).is_some_and(std::cmp::Ordering::is_eq) {
                found(*atom);
            }
        }
    }
}
