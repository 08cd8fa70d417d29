//! What a text must hold so that it can pass, for whoever keeps an index of texts.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::fold::{fold, fold_text};
use crate::{Glyph, Regex, TextMatcher};

/// Bounds the pieces that are given; each one only narrows further.
const PIECES_MAX: usize = 16;
/// Bounds how deep an expression is looked into.
const DEPTH_MAX: usize = 64;
/// A class of more characters is no single letter in its two cases.
const ALIKE_MAX: u32 = 4;

impl TextMatcher {
    /// Gives folded texts, each of which stands in the folded form of every text that passes; none
    /// where nothing of the kind is known.
    pub fn needs(&self) -> Vec<String> {
        let mut pieces = Pieces::default();
        match self {
            Self::Literal(literal) => pieces.run.push_str(&fold_text(literal.text())),
            Self::Wildcard(wildcard) => {
                for glyph in wildcard.glyphs() {
                    match glyph {
                        Glyph::Char(character) => pieces.run.push(fold(*character)),
                        Glyph::One | Glyph::Any => pieces.cut(),
                    }
                }
            }
            Self::Regex(regex) => {
                if let Some(tree) = tree(regex) {
                    pieces.walk(&tree, 0);
                }
            }
        }
        pieces.finish()
    }
}

fn tree(regex: &Regex) -> Option<Hir> {
    let flags = regex.flags();
    ParserBuilder::new()
        .case_insensitive(flags.fold_case)
        .multi_line(flags.lines)
        .dot_matches_new_line(flags.dot_all)
        .build()
        .parse(regex.pattern())
        .ok()
}

/// The pieces so far, and the one that still grows.
#[derive(Default)]
struct Pieces {
    done: Vec<String>,
    run: String,
}

impl Pieces {
    fn cut(&mut self) {
        if !self.run.is_empty() {
            self.done.push(std::mem::take(&mut self.run));
        }
    }

    /// Adds what every match of the expression holds.
    fn walk(&mut self, hir: &Hir, depth: usize) {
        if depth > DEPTH_MAX {
            return self.cut();
        }
        match hir.kind() {
            HirKind::Literal(literal) => match str::from_utf8(&literal.0) {
                Ok(text) => self.run.extend(text.chars().map(fold)),
                Err(_) => self.cut(),
            },
            HirKind::Class(class) => match alike(class) {
                Some(character) => self.run.push(character),
                None => self.cut(),
            },
            HirKind::Capture(capture) => self.walk(&capture.sub, depth + 1),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part, depth + 1)),
            HirKind::Repetition(repetition) => {
                self.cut();
                if repetition.min > 0 {
                    self.walk(&repetition.sub, depth + 1);
                    self.cut();
                }
            }
            HirKind::Alternation(_) => self.cut(),
            // They take no character.
            HirKind::Empty | HirKind::Look(_) => {}
        }
    }

    /// Gives the longest ones.
    fn finish(mut self) -> Vec<String> {
        self.cut();
        self.done.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
        self.done.dedup();
        self.done.truncate(PIECES_MAX);
        self.done
    }
}

/// Gives the folded character of a class that holds one letter in its cases, and nothing else.
fn alike(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else { return None };
    let first = class.ranges().first()?.start();
    let folded = fold(first);
    let mut count = 0;
    for range in class.ranges() {
        count += u32::from(range.end()) - u32::from(range.start()) + 1;
        if count > ALIKE_MAX || (range.start()..=range.end()).any(|one| fold(one) != folded) {
            return None;
        }
    }
    Some(folded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Case, Literal, Placement, RegexFlags};

    #[test]
    fn what_expressions_need() {
        for (pattern, fold_case, expected) in [
            ("abc", false, "abc"),
            ("ABC", true, "abc"),
            (r"user=(\w+) from (10\.0)", false, " from 10.0 user="),
            ("a|b", false, ""),
            ("(xyz)+abc?", false, "xyz ab"),
            ("straße", true, "straße"),
            ("^foo$", false, "foo"),
            ("[ab]cd", false, "cd"),
            ("(?i)KeY", false, "key"),
            (r"\bfoo\b.*bar{2}", false, "foo ba r"),
            (r"(?-u:\xff)abc", false, ""),
        ] {
            let flags = RegexFlags { fold_case, ..RegexFlags::default() };
            let needs = match Regex::new(pattern, flags) {
                Ok(regex) => TextMatcher::Regex(regex).needs().join(" "),
                Err(_) => String::new(),
            };
            assert_eq!(needs, expected, "{pattern}");
        }
    }

    proptest! {
        /// What passes holds all that is said to be needed.
        #[test]
        fn what_passes_holds_what_is_needed(
            text in "[aAbBkKſ.*ßẞıİ1]{0,9}", pattern in "[aAbKkſßẞ.*?+|()1]{0,7}", fold_case: bool,
        ) {
            let folded = fold_text(&text);
            let case = if fold_case { Case::Folded } else { Case::Exact };
            let glyphs: Vec<Glyph> = pattern.chars().map(|character| match character {
                '*' => Glyph::Any,
                '?' => Glyph::One,
                other => Glyph::Char(other),
            }).collect();
            let mut matchers = vec![
                TextMatcher::from_glyphs(case, &glyphs),
                TextMatcher::Literal(Literal::new(Placement::Anywhere, case, &pattern)),
            ];
            let flags = RegexFlags { fold_case, ..RegexFlags::default() };
            matchers.extend(Regex::new(&pattern, flags).ok().map(TextMatcher::Regex));
            for matcher in matchers {
                if matcher.matches(&text) {
                    for need in matcher.needs() {
                        prop_assert!(folded.contains(&need), "{:?} needs {}", matcher, need);
                    }
                }
            }
        }
    }
}
