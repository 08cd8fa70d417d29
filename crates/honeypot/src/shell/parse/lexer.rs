//! Cuts a line of shell into words, signs and redirections.

use super::{Fault, Piece, RedirectKind, Token, Word};

/// Bounds a line.
const TOKENS_MAX: usize = 4096;

/// Bounds a sum.
const SUM_BYTES_MAX: usize = 256;

/// Longest first, so that none hides another.
const SIGNS: &[&str] = &["&&", "||", ";;", "|", ";", "&", "(", ")", "\n"];

pub(super) struct Lexer<'a> {
    pub(super) rest: &'a str,
    pub(super) tokens: Vec<Token>,
}

impl Lexer<'_> {
    /// Gives all tokens.
    pub(super) fn tokens(mut self) -> Result<Vec<Token>, Fault> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r']);
            if self.rest.is_empty() || self.tokens.len() >= TOKENS_MAX {
                return Ok(self.tokens);
            }
            if self.rest.starts_with('#') {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.skip(end);
                continue;
            }
            if let Some(redirect) = self.redirect() {
                self.tokens.push(redirect);
                continue;
            }
            if let Some(sign) = SIGNS.iter().find(|sign| self.rest.starts_with(**sign)) {
                self.skip(sign.len());
                self.tokens.push(Token::Sign(sign));
                continue;
            }
            let word = self.word()?;
            self.tokens.push(Token::Word(word));
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn redirect(&mut self) -> Option<Token> {
        let digit = self.rest.as_bytes().first().filter(|byte| byte.is_ascii_digit());
        let after = if digit.is_some() { self.rest.get(1..)? } else { self.rest };
        let (both, after) = match after.strip_prefix("&>") {
            Some(_) if digit.is_none() => (true, after.get(1..)?),
            _ => (false, after),
        };
        let (kind, length) = match after.as_bytes() {
            [b'<', b'<', b'<', ..] => (RedirectKind::Text, 3),
            [b'>', b'>', ..] => (RedirectKind::Append, 2),
            [b'>', b'&', ..] => (RedirectKind::Same, 2),
            [b'>', b'|', ..] => (RedirectKind::Out, 2),
            [b'>', ..] => (RedirectKind::Out, 1),
            [b'<', ..] => (RedirectKind::In, 1),
            _ => return None,
        };
        let default = u8::from(!matches!(kind, RedirectKind::In | RedirectKind::Text));
        let from = match digit {
            // Both outputs at once.
            None if both => 9,
            None => default,
            Some(digit) => digit - b'0',
        };
        let before = self.rest.len() - after.len();
        self.skip(before + length);
        Some(Token::Redirect(from, kind))
    }

    fn word(&mut self) -> Result<Word, Fault> {
        let mut word = Vec::new();
        let mut plain = String::new();
        while let Some(first) = self.rest.chars().next() {
            match first {
                ' ' | '\t' | '\r' | '\n' | ';' | '|' | '&' | '(' | ')' | '<' | '>' => break,
                '\\' => {
                    self.skip(1);
                    if let Some(next) = self.rest.chars().next() {
                        self.skip(next.len_utf8());
                        if next != '\n' {
                            push(&mut word, &mut plain, Some(Piece::Text(next.to_string(), true)));
                        }
                    }
                }
                '\'' => {
                    self.skip(1);
                    let end = self.rest.find('\'').ok_or_else(|| Fault("'".to_owned()))?;
                    let text = self.rest.get(..end).unwrap_or_default().to_owned();
                    self.skip(end + 1);
                    push(&mut word, &mut plain, Some(Piece::Text(text, true)));
                }
                '"' => {
                    self.skip(1);
                    push(&mut word, &mut plain, None);
                    self.quoted(&mut word)?;
                }
                '$' | '`' => {
                    if let Some(piece) = self.special(false)? {
                        push(&mut word, &mut plain, Some(piece));
                    } else {
                        plain.push('$');
                        self.skip(1);
                    }
                }
                other => {
                    plain.push(other);
                    self.skip(other.len_utf8());
                }
            }
        }
        push(&mut word, &mut plain, None);
        Ok(word)
    }

    /// Reads up to the closing double quote.
    fn quoted(&mut self, word: &mut Word) -> Result<(), Fault> {
        let mut plain = String::new();
        loop {
            let Some(first) = self.rest.chars().next() else { return Err(Fault("\"".to_owned())) };
            match first {
                '"' => {
                    self.skip(1);
                    word.push(Piece::Text(plain, true));
                    return Ok(());
                }
                '\\' => {
                    self.skip(1);
                    let Some(next) = self.rest.chars().next() else { continue };
                    if !matches!(next, '"' | '\\' | '$' | '`' | '\n') {
                        plain.push('\\');
                    }
                    plain.push(next);
                    self.skip(next.len_utf8());
                }
                '$' | '`' => {
                    if let Some(piece) = self.special(true)? {
                        word.push(Piece::Text(std::mem::take(&mut plain), true));
                        word.push(piece);
                    } else {
                        plain.push('$');
                        self.skip(1);
                    }
                }
                other => {
                    plain.push(other);
                    self.skip(other.len_utf8());
                }
            }
        }
    }

    /// Reads what begins with `$` or a backtick; `None` where it is a mere dollar sign.
    fn special(&mut self, quoted: bool) -> Result<Option<Piece>, Fault> {
        if let Some(after) = self.rest.strip_prefix('`') {
            let end = after.find('`').ok_or_else(|| Fault("`".to_owned()))?;
            let inner = after.get(..end).unwrap_or_default().to_owned();
            self.skip(end + 2);
            return Ok(Some(Piece::Command(inner, quoted)));
        }
        let after = self.rest.get(1..).unwrap_or_default();
        // Looked for nearby only: a line of openings without an end is not to be read once for each.
        let sum = after.strip_prefix("((").and_then(|inner| {
            let near = inner.get(..inner.floor_char_boundary(SUM_BYTES_MAX))?;
            near.get(..near.find("))")?)
        });
        if let Some(sum) = sum.map(str::to_owned) {
            self.skip(3 + sum.len() + 2);
            return Ok(Some(Piece::Sum(sum)));
        }
        if let Some(inner) = after.strip_prefix('(') {
            let end = closing(inner).ok_or_else(|| Fault(")".to_owned()))?;
            let command = inner.get(..end).unwrap_or_default().to_owned();
            self.skip(2 + end + 1);
            return Ok(Some(Piece::Command(command, quoted)));
        }
        if let Some(inner) = after.strip_prefix('{') {
            let end = inner.find('}').ok_or_else(|| Fault("}".to_owned()))?;
            let name = inner.get(..end).unwrap_or_default().to_owned();
            self.skip(2 + end + 1);
            return Ok(Some(Piece::Variable(name, quoted)));
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = match after.chars().next() {
            Some('?' | '$' | '#' | '!' | '@' | '*' | '-' | '0'..='9') => 1,
            Some(first) if is_name(first) => {
                after.find(|c: char| !is_name(c)).unwrap_or(after.len())
            }
            _ => return Ok(None),
        };
        let name = after.get(..length).unwrap_or_default().to_owned();
        self.skip(1 + length);
        Ok(Some(Piece::Variable(name, quoted)))
    }
}

fn push(word: &mut Word, plain: &mut String, piece: Option<Piece>) {
    if !plain.is_empty() {
        word.push(Piece::Text(std::mem::take(plain), false));
    }
    word.extend(piece);
}

/// Gives where the bracket closes that opened before.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_u32, None);
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == byte => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(') => depth += 1,
            (None, b')') if depth == 0 => return Some(at),
            (None, b')') => depth -= 1,
            _ => {}
        }
    }
    None
}
