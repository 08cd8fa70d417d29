//! Tests on text: a literal in one of four places, a pattern with wildcards, a regular expression.

use std::sync::Arc;

use crate::Regex;
use crate::fold::{self, fold};

/// Whether case counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Case {
    /// It does not, by Unicode's simple folding.
    #[default]
    Folded,
    /// It does.
    Exact,
}

/// Where a literal must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placement {
    /// It is the whole text.
    Whole,
    /// The text begins with it.
    Start,
    /// The text ends with it.
    End,
    /// The text holds it.
    Anywhere,
}

impl Placement {
    /// Tells whether `needle` stands so in `text`.
    pub fn holds(self, case: Case, text: &str, needle: &str) -> bool {
        match (self, case) {
            (Self::Whole, Case::Folded) => fold::equals(text, needle),
            (Self::Start, Case::Folded) => fold::starts_with(text, needle),
            (Self::End, Case::Folded) => fold::ends_with(text, needle),
            (Self::Anywhere, Case::Folded) => fold::contains(text, needle),
            (Self::Whole, Case::Exact) => text == needle,
            (Self::Start, Case::Exact) => text.starts_with(needle),
            (Self::End, Case::Exact) => text.ends_with(needle),
            (Self::Anywhere, Case::Exact) => {
                memchr::memmem::find(text.as_bytes(), needle.as_bytes()).is_some()
            }
        }
    }
}

/// A text that is looked for as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Literal {
    placement: Placement,
    case: Case,
    /// Shared by the tests of all fields that the same text is looked for in.
    text: Arc<str>,
}

impl Literal {
    /// Gives a test for `text`; it is folded here, once, where case does not count.
    pub fn new(placement: Placement, case: Case, text: &str) -> Self {
        let text = match case {
            Case::Folded => fold::fold_text(text),
            Case::Exact => text.to_owned(),
        };
        Self { placement, case, text: text.into() }
    }

    /// Gives where it must stand.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// Gives whether case counts.
    pub fn case(&self) -> Case {
        self.case
    }

    /// Gives what is looked for, folded where case does not count.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Tells whether it stands in `text` where it must.
    pub fn matches(&self, text: &str) -> bool {
        self.placement.holds(self.case, text, &self.text)
    }
}

/// One step of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Glyph {
    /// This character.
    Char(char),
    /// Any one character.
    One,
    /// Any characters, or none.
    Any,
}

/// A pattern over the whole text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wildcard {
    case: Case,
    glyphs: Arc<[Glyph]>,
}

impl Wildcard {
    /// Gives whether case counts.
    pub fn case(&self) -> Case {
        self.case
    }

    /// Gives the pattern's steps, folded where case does not count, with no two [`Glyph::Any`] in a row.
    pub fn glyphs(&self) -> &[Glyph] {
        &self.glyphs
    }

    /// Tells whether the whole of `text` fits. The work is at most the product of both lengths: on
    /// failure only the latest [`Glyph::Any`] has to take one character more.
    pub fn matches(&self, text: &str) -> bool {
        let mut glyphs = &*self.glyphs;
        let mut rest = text.chars();
        let mut retry: Option<(&[Glyph], std::str::Chars<'_>)> = None;
        loop {
            if let [Glyph::Any, tail @ ..] = glyphs {
                retry = Some((tail, rest.clone()));
                glyphs = tail;
                continue;
            }
            let mut ahead = rest.clone();
            match (glyphs, ahead.next()) {
                ([], None) => return true,
                ([glyph, tail @ ..], Some(character)) if self.fits(*glyph, character) => {
                    glyphs = tail;
                    rest = ahead;
                }
                (_, _) => {
                    let Some((tail, start)) = &mut retry else { return false };
                    if start.next().is_none() {
                        return false;
                    }
                    glyphs = tail;
                    rest = start.clone();
                }
            }
        }
    }

    fn fits(&self, glyph: Glyph, character: char) -> bool {
        match (glyph, self.case) {
            (Glyph::Char(wanted), Case::Folded) => wanted == fold(character),
            (Glyph::Char(wanted), Case::Exact) => wanted == character,
            (Glyph::One | Glyph::Any, _) => true,
        }
    }
}

/// A test on text.
#[derive(Clone, Debug, PartialEq)]
pub enum TextMatcher {
    /// A text as it is.
    Literal(Literal),
    /// A pattern with wildcards.
    Wildcard(Wildcard),
    /// A regular expression, found anywhere in the text.
    Regex(Regex),
}

impl TextMatcher {
    /// Gives the plainest test that means the pattern: a [`Wildcard`] only where a wildcard stands
    /// within the pattern or a [`Glyph::One`] anywhere.
    pub fn from_glyphs(case: Case, glyphs: &[Glyph]) -> Self {
        let (glyphs, open_start) = trim_start(glyphs);
        let (glyphs, open_end) = trim_end(glyphs);
        let literal: Option<String> = glyphs
            .iter()
            .map(|glyph| if let Glyph::Char(character) = glyph { Some(*character) } else { None })
            .collect();
        let placement = match (open_start, open_end) {
            (true, true) => Placement::Anywhere,
            (true, false) if glyphs.is_empty() => Placement::Anywhere,
            (true, false) => Placement::End,
            (false, true) => Placement::Start,
            (false, false) => Placement::Whole,
        };
        if let Some(text) = literal {
            return Self::Literal(Literal::new(placement, case, &text));
        }
        let mut whole: Vec<Glyph> = Vec::with_capacity(glyphs.len() + 2);
        whole.extend(open_start.then_some(Glyph::Any));
        whole.extend(glyphs.iter().map(|glyph| match (glyph, case) {
            (Glyph::Char(character), Case::Folded) => Glyph::Char(fold(*character)),
            (glyph, _) => *glyph,
        }));
        whole.extend(open_end.then_some(Glyph::Any));
        whole.dedup_by(|later, earlier| *later == Glyph::Any && *earlier == Glyph::Any);
        Self::Wildcard(Wildcard { case, glyphs: whole.into() })
    }

    /// Tells whether `text` passes.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Literal(literal) => literal.matches(text),
            Self::Wildcard(wildcard) => wildcard.matches(text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

fn trim_start(glyphs: &[Glyph]) -> (&[Glyph], bool) {
    let stars = glyphs.iter().take_while(|glyph| **glyph == Glyph::Any).count();
    (glyphs.get(stars..).unwrap_or_default(), stars > 0)
}

fn trim_end(glyphs: &[Glyph]) -> (&[Glyph], bool) {
    let stars = glyphs.iter().rev().take_while(|glyph| **glyph == Glyph::Any).count();
    (glyphs.get(..glyphs.len() - stars).unwrap_or_default(), stars > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glyphs(pattern: &str) -> Vec<Glyph> {
        let glyph = |character| match character {
            '*' => Glyph::Any,
            '?' => Glyph::One,
            other => Glyph::Char(other),
        };
        pattern.chars().map(glyph).collect()
    }

    /// Tries every way in which the pattern could fit.
    fn naive(pattern: &[Glyph], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([Glyph::Any, tail @ ..], _) => {
                (0..=text.len()).any(|taken| naive(tail, &text[taken..]))
            }
            ([Glyph::One, tail @ ..], [_, rest @ ..]) => naive(tail, rest),
            ([Glyph::Char(wanted), tail @ ..], [first, rest @ ..]) => {
                fold(*wanted) == fold(*first) && naive(tail, rest)
            }
            _ => false,
        }
    }

    #[test]
    fn plain_patterns_become_literals() {
        for (pattern, placement) in [
            ("a", Placement::Whole),
            ("a*", Placement::Start),
            ("**a", Placement::End),
            ("*a*", Placement::Anywhere),
            ("*", Placement::Anywhere),
            ("", Placement::Whole),
        ] {
            let TextMatcher::Literal(literal) =
                TextMatcher::from_glyphs(Case::Folded, &glyphs(pattern))
            else {
                panic!("{pattern} is no literal");
            };
            assert_eq!(literal.placement(), placement, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn same_as_trying_everything(pattern in "[aABé?*]{0,8}", text in "[abAé]{0,10}") {
            let pattern = glyphs(&pattern);
            let characters: Vec<char> = text.chars().collect();
            let matcher = TextMatcher::from_glyphs(Case::Folded, &pattern);
            prop_assert_eq!(matcher.matches(&text), naive(&pattern, &characters));
        }
    }
}
