//! A Sigma string: `*` and `?` are wildcards, a backslash before them or before itself escapes.

use query::Glyph;

/// Reads a Sigma string.
pub(crate) fn glyphs(text: &str) -> Vec<Glyph> {
    let mut glyphs = Vec::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        glyphs.push(match character {
            '\\' => match characters.next_if(|next| matches!(next, '*' | '?' | '\\')) {
                Some(escaped) => Glyph::Char(escaped),
                // Before anything else a backslash is itself, as paths are written.
                None => Glyph::Char('\\'),
            },
            '*' => Glyph::Any,
            '?' => Glyph::One,
            plain => Glyph::Char(plain),
        });
    }
    glyphs
}

/// Gives the text of glyphs that hold no wildcard.
pub(crate) fn plain(glyphs: &[Glyph]) -> Option<String> {
    glyphs
        .iter()
        .map(|glyph| if let Glyph::Char(character) = glyph { Some(*character) } else { None })
        .collect()
}

#[cfg(test)]
mod tests {
    use query::{Case, TextMatcher};

    use super::*;

    #[test]
    fn wildcards_and_escapes() {
        for (written, matches, misses) in [
            (r"C:\Windows\\*.exe", r"c:\windows\a.EXE", r"c:\windows\a.dll"),
            (r"a\*b", "a*b", "axb"),
            (r"a\?b", "a?b", "axb"),
            (r"a\\*b", r"a\xb", "a*b"),
            (r"\\\\server\\share", r"\\server\share", r"\server\share"),
            (r"\n", r"\n", "\n"),
            ("?", "é", ""),
            (r"end\", r"end\", "end"),
        ] {
            let matcher = TextMatcher::from_glyphs(Case::Folded, &glyphs(written));
            assert!(matcher.matches(matches), "{written} misses {matches}");
            assert!(!matcher.matches(misses), "{written} matches {misses}");
        }
    }
}
