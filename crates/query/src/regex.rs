//! Regular expressions whose work is linear in the text (no look-around, no back-references).

use std::fmt;
use std::sync::Arc;

/// Bounds the memory of one compiled expression.
const REGEX_BYTES_MAX: usize = 4 << 20;
/// Bounds the work of compiling one.
const PATTERN_BYTES_MAX: usize = 8 << 10;

/// How an expression is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RegexFlags {
    /// Case does not count (`i`).
    pub fold_case: bool,
    /// `^` and `$` also match at line ends (`m`).
    pub lines: bool,
    /// `.` also matches a line end (`s`).
    pub dot_all: bool,
}

/// Why an expression was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RegexError(String);

/// A compiled regular expression.
#[derive(Clone)]
pub struct Regex {
    /// Shared, because each copy would keep automata of its own.
    compiled: Arc<regex::Regex>,
    flags: RegexFlags,
}

impl Regex {
    /// Compiles an expression.
    pub fn new(pattern: &str, flags: RegexFlags) -> Result<Self, RegexError> {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(RegexError(format!(
                "regular expression is over {PATTERN_BYTES_MAX} bytes"
            )));
        }
        let compiled = regex::RegexBuilder::new(pattern)
            .case_insensitive(flags.fold_case)
            .multi_line(flags.lines)
            .dot_matches_new_line(flags.dot_all)
            .size_limit(REGEX_BYTES_MAX)
            .dfa_size_limit(REGEX_BYTES_MAX)
            .build()
            .map_err(|error| RegexError(one_line(&error)))?;
        Ok(Self { compiled: Arc::new(compiled), flags })
    }

    /// Gives the expression as it was written.
    pub fn pattern(&self) -> &str {
        self.compiled.as_str()
    }

    /// Gives how it is read.
    pub fn flags(&self) -> RegexFlags {
        self.flags
    }

    /// Tells whether it matches anywhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }
}

/// The library draws the pattern with a caret over several lines; its last line says what is wrong.
fn one_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or_default();
    format!("regular expression: {}", reason.trim_start_matches("error: "))
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.pattern() == other.pattern() && self.flags == other.flags
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/{}", self.pattern(), self.flags)
    }
}

impl fmt::Display for RegexFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (set, letter) in [(self.fold_case, "i"), (self.lines, "m"), (self.dot_all, "s")] {
            if set {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn flags_change_the_reading() {
        let matches = |flags, text| Regex::new("^a.b$", flags).unwrap().is_match(text);
        assert!(!matches(RegexFlags::default(), "A.B"));
        assert!(matches(RegexFlags { fold_case: true, ..RegexFlags::default() }, "AxB"));
        assert!(matches(RegexFlags { lines: true, ..RegexFlags::default() }, "1\naxb\n2"));
        assert!(matches(RegexFlags { dot_all: true, ..RegexFlags::default() }, "a\nb"));
    }

    #[test]
    fn what_is_refused() {
        check("(a", expect!["regular expression: unclosed group"]);
        check(
            "(?=a)",
            expect![
                "regular expression: look-around, including look-ahead and look-behind, is not supported"
            ],
        );
        check(
            "((a{1000}){1000}){1000}",
            expect!["regular expression: Compiled regex exceeds size limit of 4194304 bytes."],
        );
        check(&"a".repeat(9000), expect!["regular expression is over 8192 bytes"]);
    }

    #[track_caller]
    fn check(pattern: &str, expect: Expect) {
        expect.assert_eq(&Regex::new(pattern, RegexFlags::default()).unwrap_err().to_string());
    }
}
