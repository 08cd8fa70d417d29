//! The little of XML that Windows writes: elements, attributes and text, read in one pass.
//!
//! No tree, no entities of one's own, no documents from elsewhere: a name, a piece of the record.

use std::borrow::Cow;

use memchr::{memchr, memchr3, memmem};

use crate::ParseError;

const BROKEN: ParseError = ParseError::Invalid("XML");

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// `<name attributes>`, or `<name attributes/>`.
    Open { name: &'t str, attributes: Attributes<'t>, empty: bool },
    /// What stands between two tags, escapes as they were.
    Text(&'t str),
    /// `</name>`.
    Close,
}

/// What stands in a tag behind the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attributes<'t>(&'t str);

/// The text that is still to be read.
#[derive(Clone, Debug)]
pub(super) struct Xml<'t> {
    rest: &'t str,
}

impl<'t> Xml<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    /// Gives the next piece, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token<'t>>, ParseError> {
        loop {
            let Some(tag) = self.rest.strip_prefix('<') else {
                return Ok(self.text());
            };
            if let Some(after) = tag.strip_prefix("![CDATA[") {
                let (text, rest) = after.split_once("]]>").ok_or(BROKEN)?;
                self.rest = rest;
                return Ok(Some(Token::Text(text)));
            }
            let skipped = match tag.as_bytes() {
                [b'!', b'-', b'-', ..] => "-->",
                [b'?', ..] => "?>",
                _ => return self.tag(tag).map(Some),
            };
            let end = memmem::find(tag.as_bytes(), skipped.as_bytes()).ok_or(BROKEN)?;
            self.rest = tag.get(end + skipped.len()..).ok_or(BROKEN)?;
        }
    }

    /// Reads an element's text up to its end; what stands in elements within it is passed over.
    pub(super) fn element_text(&mut self) -> Result<&'t str, ParseError> {
        let mut found = "";
        let mut depth = 0_usize;
        loop {
            match self.next()?.ok_or(BROKEN)? {
                Token::Text(text) if depth == 0 && found.trim().is_empty() => found = text,
                Token::Text(_) | Token::Open { empty: true, .. } => {}
                Token::Open { .. } => depth += 1,
                Token::Close if depth == 0 => return Ok(found),
                Token::Close => depth -= 1,
            }
        }
    }

    fn text(&mut self) -> Option<Token<'t>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr(b'<', self.rest.as_bytes()).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(Token::Text(text))
    }

    fn tag(&mut self, tag: &'t str) -> Result<Token<'t>, ParseError> {
        let end = tag_end(tag).ok_or(BROKEN)?;
        let (inner, rest) = tag.split_at_checked(end).ok_or(BROKEN)?;
        self.rest = rest.get(1..).ok_or(BROKEN)?;
        if inner.starts_with('/') {
            return Ok(Token::Close);
        }
        let (inner, empty) = match inner.strip_suffix('/') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let (name, attributes) = inner.split_once([' ', '\t', '\r', '\n']).unwrap_or((inner, ""));
        if name.is_empty() {
            return Err(BROKEN);
        }
        let name = name.rsplit_once(':').map_or(name, |(_, name)| name);
        Ok(Token::Open { name, attributes: Attributes(attributes), empty })
    }
}

/// Gives where the tag's `>` stands; one within quotes is part of a value.
fn tag_end(tag: &str) -> Option<usize> {
    let bytes = tag.as_bytes();
    let mut at = 0;
    loop {
        let found = at + memchr3(b'>', b'"', b'\'', bytes.get(at..)?)?;
        match bytes.get(found)? {
            b'>' => return Some(found),
            quote => at = found + 1 + memchr(*quote, bytes.get(found + 1..)?)? + 1,
        }
    }
}

impl<'t> Attributes<'t> {
    /// Gives the value of the attribute of that name, escapes as they were.
    pub(super) fn get(self, name: &str) -> Option<&'t str> {
        self.iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// Gives names and values, in order.
    pub(super) fn iter(self) -> impl Iterator<Item = (&'t str, &'t str)> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (name, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            let (value, after) = after.get(1..)?.split_once(quote)?;
            rest = after;
            Some((name.trim(), value))
        })
    }
}

/// Undoes the escapes of a text; without any it is the text itself.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    let mut ampersands = memchr::memchr_iter(b'&', text.as_bytes());
    let Some(first) = ampersands.next() else { return Cow::Borrowed(text) };
    let (start, mut rest) = text.split_at_checked(first).unwrap_or((text, ""));
    let mut out = String::with_capacity(text.len());
    out.push_str(start);
    while let Some(escape) = rest.strip_prefix('&') {
        let known = escape.split_once(';').and_then(|(name, rest)| Some((character(name)?, rest)));
        // A lone ampersand stays what it is.
        let (character, after) = known.unwrap_or(('&', escape));
        out.push(character);
        rest = after;
        let end = memchr(b'&', rest.as_bytes()).unwrap_or(rest.len());
        let (plain, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        out.push_str(plain);
        rest = after;
    }
    Cow::Owned(out)
}

fn character(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_text_and_attributes() {
        check(
            "<?xml version='1.0'?>\n<a:b c='x>y' d=\"&lt;'\"><!-- no --><e/>t &amp; u</a:b>",
            expect![[r#"
                Text("\n")
                b c=x>y d=&lt;'
                e/
                Text("t &amp; u")
                Close
            "#]],
        );
        check(
            "<a><![CDATA[<b>]]></a>",
            expect![[r#"
            a
            Text("<b>")
            Close
        "#]],
        );
    }

    #[test]
    fn what_is_broken() {
        check(
            "<a",
            expect![[r#"
            Invalid("XML")
        "#]],
        );
        check(
            "<a b='>",
            expect![[r#"
            Invalid("XML")
        "#]],
        );
        check(
            "<>",
            expect![[r#"
            Invalid("XML")
        "#]],
        );
    }

    #[test]
    fn escapes() {
        let escaped = "a &lt;b&gt; &amp;amp; &quot;&apos;&#65;&#x42; &nbsp; & &#xD800; &";
        assert_eq!(unescaped(escaped), "a <b> &amp; \"'AB &nbsp; & &#xD800; &");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[<>/&;'\"a =!\\[\\]CDAT?é-]{0,40}") {
            let mut xml = Xml::new(&text);
            while let Ok(Some(token)) = xml.next() {
                if let Token::Open { attributes, .. } = token {
                    attributes.iter().for_each(|_| ());
                }
            }
            let _ = unescaped(&text);
        }
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let mut xml = Xml::new(text);
        let mut shown = String::new();
        loop {
            let line = match xml.next() {
                Ok(None) => break,
                Ok(Some(Token::Open { name, attributes, empty })) => {
                    let mut told = vec![format!("{name}{}", if empty { "/" } else { "" })];
                    told.extend(attributes.iter().map(|(name, value)| format!("{name}={value}")));
                    told.join(" ")
                }
                Ok(Some(other)) => format!("{other:?}"),
                Err(error) => {
                    shown.push_str("Invalid(\"XML\")\n");
                    assert_eq!(error, BROKEN);
                    break;
                }
            };
            shown.push_str(&line);
            shown.push('\n');
        }
        expect.assert_eq(&shown);
    }
}
