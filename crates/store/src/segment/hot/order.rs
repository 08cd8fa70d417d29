//! The order in which the names of unknown fields stand in most rows.

use std::collections::HashMap;

use super::{NAME_BYTES_MAX, NAMES_MAX};

/// How often one name stood before another.
#[derive(Debug, Default)]
pub(super) struct Precedence {
    names: Vec<String>,
    places: HashMap<String, usize>,
    before: HashMap<(usize, usize), usize>,
}

impl Precedence {
    /// Counts the names of a row.
    pub(super) fn add(&mut self, fields: &[(&str, &str)]) {
        let mut row = Vec::with_capacity(fields.len());
        for (name, _) in fields {
            let known = self.places.get(*name).copied();
            let is_full = self.names.len() >= NAMES_MAX || name.len() > NAME_BYTES_MAX;
            let Some(place) = known.or((!is_full).then_some(self.names.len())) else { continue };
            if known.is_none() {
                self.names.push((*name).to_owned());
                self.places.insert((*name).to_owned(), place);
            }
            for earlier in &row {
                *self.before.entry((*earlier, place)).or_default() += 1;
            }
            row.push(place);
        }
    }

    /// Gives the names in an order that goes with as many rows as it easily can: each time the name
    /// that the fewest rows want behind one that is left.
    pub(super) fn order(self) -> Vec<String> {
        let count = |pair| self.before.get(&pair).copied().unwrap_or_default();
        let mut against: Vec<usize> = vec![0; self.names.len()];
        let edges: Vec<(usize, usize)> = self
            .before
            .keys()
            .copied()
            .filter(|(one, other)| count((*one, *other)) > count((*other, *one)))
            .collect();
        let mut behind: HashMap<usize, Vec<usize>> = HashMap::new();
        for (one, other) in edges {
            behind.entry(one).or_default().push(other);
            if let Some(against) = against.get_mut(other) {
                *against += 1;
            }
        }
        let mut left: Vec<usize> = (0..self.names.len()).collect();
        let mut order = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let wanted = |place: &usize| against.get(*place).copied().unwrap_or_default();
            let Some(next) = (0..left.len()).min_by_key(|at| left.get(*at).map(wanted)) else {
                break;
            };
            let next = left.remove(next);
            for other in behind.remove(&next).unwrap_or_default() {
                if let Some(against) = against.get_mut(other) {
                    *against = against.saturating_sub(1);
                }
            }
            order.extend(self.names.get(next).cloned());
        }
        order
    }
}
