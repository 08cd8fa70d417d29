//! Rows of a segment, as runs.

use std::ops::Range;

/// Rows of a segment in ascending runs that do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows(Vec<Range<usize>>);

impl Rows {
    /// Gives the rows of one run.
    pub(crate) fn run(run: Range<usize>) -> Self {
        let mut rows = Self::default();
        rows.push(run);
        rows
    }

    /// Adds a run that begins at or after the begin of the last one.
    pub(crate) fn push(&mut self, run: Range<usize>) {
        if run.start >= run.end {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.end >= run.start => last.end = last.end.max(run.end),
            _ => self.0.push(run),
        }
    }

    /// Gives the runs.
    pub(crate) fn runs(&self) -> &[Range<usize>] {
        &self.0
    }

    /// Gives how many rows there are.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(ExactSizeIterator::len).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives the rows that are in both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let mut both = Self::default();
        let (mut ours, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(one), Some(two)) = (ours.peek(), theirs.peek()) {
            both.push(one.start.max(two.start)..one.end.min(two.end));
            if one.end < two.end {
                ours.next();
            } else {
                theirs.next();
            }
        }
        both
    }

    /// Gives the rows that are in either.
    pub(crate) fn or(&self, other: &Self) -> Self {
        let mut all: Vec<Range<usize>> = self.0.iter().chain(&other.0).cloned().collect();
        all.sort_unstable_by_key(|run| run.start);
        let mut either = Self::default();
        for run in all {
            either.push(run);
        }
        either
    }

    /// Takes so many rows off the end.
    pub(crate) fn take_last(&mut self, mut count: usize) -> Self {
        let mut taken = Vec::new();
        while count > 0
            && let Some(last) = self.0.last_mut()
        {
            let start = last.end.saturating_sub(count).max(last.start);
            count -= last.end - start;
            taken.push(start..last.end);
            last.end = start;
            if last.start >= last.end {
                self.0.pop();
            }
        }
        taken.reverse();
        Self(taken)
    }

    /// Takes so many rows off the begin.
    pub(crate) fn take_first(&mut self, mut count: usize) -> Self {
        let mut taken = Vec::new();
        for run in &mut self.0 {
            if count == 0 {
                break;
            }
            let end = run.start.saturating_add(count).min(run.end);
            count -= end - run.start;
            taken.push(run.start..end);
            run.start = end;
        }
        self.0.retain(|run| run.start < run.end);
        Self(taken)
    }

    /// Gives the rows within a span, counted from its begin.
    pub(crate) fn within(&self, span: &Range<usize>) -> Self {
        let first = self.0.partition_point(|run| run.end <= span.start);
        let mut found = Self::default();
        for run in self.0.get(first..).unwrap_or_default() {
            if run.start >= span.end {
                break;
            }
            let (start, end) = (run.start.max(span.start), run.end.min(span.end));
            found.push(start - span.start..end - span.start);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn rows(set: &BTreeSet<usize>) -> Rows {
        let mut rows = Rows::default();
        for row in set {
            rows.push(*row..row + 1);
        }
        rows
    }

    proptest! {
        #[test]
        fn same_as_sets(
            one in prop::collection::btree_set(0_usize..60, 0..40),
            two in prop::collection::btree_set(0_usize..60, 0..40),
            start in 0_usize..60,
            length in 0_usize..60,
        ) {
            let span = start..start + length;
            prop_assert_eq!(rows(&one).and(&rows(&two)), rows(&(&one & &two)));
            prop_assert_eq!(rows(&one).or(&rows(&two)), rows(&(&one | &two)));
            let within = one.iter().filter(|row| span.contains(row)).map(|row| row - start).collect();
            prop_assert_eq!(rows(&one).within(&span), rows(&within));
            prop_assert_eq!(rows(&one).count(), one.len());
            let sorted: Vec<usize> = one.iter().copied().collect();
            let count = length.min(sorted.len());
            let mut left = rows(&one);
            let taken = left.take_first(length);
            prop_assert_eq!(taken, rows(&sorted[..count].iter().copied().collect()));
            prop_assert_eq!(left, rows(&sorted[count..].iter().copied().collect()));
            let mut left = rows(&one);
            let taken = left.take_last(length);
            let rest = sorted.len() - count;
            prop_assert_eq!(taken, rows(&sorted[rest..].iter().copied().collect()));
            prop_assert_eq!(left, rows(&sorted[..rest].iter().copied().collect()));
        }
    }
}
