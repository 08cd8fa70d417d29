//! The characters of a search text, taken one word at a time.

use crate::{Glyph, SyntaxError};

/// Tells whether a character must be escaped with a backslash outside quotes.
pub(crate) fn is_special(character: char) -> bool {
    matches!(character, '\\' | '(' | ')' | ':' | '<' | '>' | '"' | '*' | '{' | '}')
        || character.is_whitespace()
}

/// Walks over the text.
pub(super) struct Scanner {
    characters: Vec<char>,
    at: usize,
}

/// A value as it was written.
pub(super) struct Phrase {
    /// The words; quoted, it is one.
    pub(super) words: Vec<Vec<Glyph>>,
    /// Where it begins.
    pub(super) column: usize,
}

/// Whether a colon ends a word or belongs to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Colon {
    Ends,
    Belongs,
}

impl Scanner {
    pub(super) fn new(text: &str) -> Self {
        Self { characters: text.chars().collect(), at: 0 }
    }

    pub(super) fn column(&self) -> usize {
        self.at + 1
    }

    pub(super) fn error<T>(&self, message: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError { column: self.column(), message: message.into() })
    }

    /// Gives the next character that is no space, without taking it.
    pub(super) fn peek(&mut self) -> Option<char> {
        while self.here().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        self.here()
    }

    /// Takes the next character if it is this one.
    pub(super) fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// Takes the next word if it is this keyword, in any case, and nothing clings to it.
    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.peek_keyword(keyword);
        if found {
            self.at += keyword.len();
        }
        found
    }

    /// Tells whether the next word is one of `and`, `or`, `not`.
    pub(super) fn at_keyword(&mut self) -> bool {
        ["and", "or", "not"].iter().any(|keyword| self.peek_keyword(keyword))
    }

    fn peek_keyword(&mut self, keyword: &str) -> bool {
        self.peek();
        let mut ahead = self.characters.get(self.at..).unwrap_or_default().iter();
        keyword.chars().all(|letter| ahead.next().is_some_and(|c| c.to_ascii_lowercase() == letter))
            && ahead.next().is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '"'))
    }

    /// Takes a value: quoted, or words up to what cannot belong to it.
    pub(super) fn phrase(&mut self, colon: Colon) -> Result<Phrase, SyntaxError> {
        let first = self.peek();
        let column = self.column();
        if first == Some('"') {
            return Ok(Phrase { words: vec![self.quoted()?], column });
        }
        let mut words = vec![self.word(colon)?];
        while self.peek().is_some_and(|c| !is_special(c) || matches!(c, '\\' | '*'))
            && !self.at_keyword()
        {
            let start = self.at;
            let word = self.word(Colon::Ends)?;
            // `a b: c` is two tests with nothing between them.
            if matches!(self.here(), Some(':' | '<' | '>')) {
                self.at = start;
                return self.error("expected `and` or `or` before this");
            }
            words.push(word);
        }
        Ok(Phrase { words, column })
    }

    fn quoted(&mut self) -> Result<Vec<Glyph>, SyntaxError> {
        let opening = self.at;
        self.at += 1;
        let mut glyphs = Vec::new();
        while let Some(character) = self.next() {
            match character {
                '"' => return Ok(glyphs),
                '\\' => glyphs.push(Glyph::Char(self.escaped()?)),
                other => glyphs.push(Glyph::Char(other)),
            }
        }
        self.at = opening;
        self.error("this quote is never closed")
    }

    fn word(&mut self, colon: Colon) -> Result<Vec<Glyph>, SyntaxError> {
        let mut glyphs = Vec::new();
        while let Some(character) = self.here() {
            match character {
                '\\' => {
                    self.at += 1;
                    glyphs.push(Glyph::Char(self.escaped()?));
                    continue;
                }
                '*' => glyphs.push(Glyph::Any),
                ':' if colon == Colon::Belongs => glyphs.push(Glyph::Char(':')),
                '{' | '}' => {
                    return self.error("write `\\{` or `\\}`: nested objects are not searched");
                }
                '(' | '"' if !glyphs.is_empty() => {
                    return self.error(format!("expected `and` or `or` before this `{character}`"));
                }
                other if is_special(other) => break,
                other => glyphs.push(Glyph::Char(other)),
            }
            self.at += 1;
        }
        if glyphs.is_empty() {
            return match self.here() {
                Some(character) => self.error(format!("expected a value, not `{character}`")),
                None => self.error("expected a value"),
            };
        }
        Ok(glyphs)
    }

    /// Takes what follows a backslash.
    fn escaped(&mut self) -> Result<char, SyntaxError> {
        match self.next() {
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some(other) => Ok(other),
            None => self.error("expected a character after the backslash"),
        }
    }

    fn here(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.here()?;
        self.at += 1;
        Some(character)
    }
}
