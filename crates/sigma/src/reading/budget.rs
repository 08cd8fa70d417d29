//! What one rule may grow to.
//!
//! A rule file may come from anybody, and a few lines can stand for much: a condition that names a
//! long list a thousand times, dashes in every form, expressions that count to a thousand.

use std::cell::Cell;

/// Bounds the tests that one rule is made of, those of a selection counted as often as its condition
/// names it.
const TESTS_MAX: usize = 200_000;
/// Bounds the regular expressions of one rule; each may take as much as `query` lets it.
const REGEXES_MAX: usize = 40;

/// What is left for one rule.
#[derive(Debug)]
pub(crate) struct Budget {
    tests: Cell<usize>,
    regexes: Cell<usize>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { tests: Cell::new(TESTS_MAX), regexes: Cell::new(REGEXES_MAX) }
    }
}

impl Budget {
    /// Takes room for so many tests, or tells that there is none.
    pub(crate) fn take_tests(&self, count: usize) -> Result<(), String> {
        let fault = || format!("the rule stands for more than {TESTS_MAX} tests");
        self.tests.set(self.tests.get().checked_sub(count).ok_or_else(fault)?);
        Ok(())
    }

    /// Takes room for a regular expression, or tells that there is none.
    pub(crate) fn take_regex(&self) -> Result<(), String> {
        let fault = || format!("a rule holds at most {REGEXES_MAX} regular expressions");
        self.regexes.set(self.regexes.get().checked_sub(1).ok_or_else(fault)?);
        Ok(())
    }
}
