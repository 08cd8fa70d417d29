//! Case folding without allocation: Unicode's simple folding, one character to one.
//!
//! Two texts are equal but for case when their folded characters are. ASCII text takes a quicker
//! way, which gives the same answer.

/// Gives the character that stands for all that differ from it in case alone.
pub fn fold(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    match character {
        // Their capitals are those of other letters, yet Unicode keeps them apart.
        'ı' | 'İ' => character,
        // Pairs whose capitals are written with several letters.
        'ẞ' => 'ß',
        '\u{1fd3}' => '\u{390}',
        '\u{1fe3}' => '\u{3b0}',
        '\u{fb05}' => '\u{fb06}',
        _ => single(single(character, char::to_uppercase), char::to_lowercase),
    }
}

/// Gives a text with every character folded.
pub fn fold_text(text: &str) -> String {
    text.chars().map(fold).collect()
}

/// Gives the mapped character, or the character itself where the mapping needs several.
fn single<I: Iterator<Item = char>>(character: char, map: impl Fn(char) -> I) -> char {
    let mut mapped = map(character);
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => character,
    }
}

/// Tells whether two texts are equal but for case.
pub(crate) fn equals(text: &str, needle: &str) -> bool {
    after_prefix(text, needle).is_some_and(str::is_empty)
}

/// Tells whether a text begins with another, but for case.
pub(crate) fn starts_with(text: &str, needle: &str) -> bool {
    after_prefix(text, needle).is_some()
}

/// Tells whether a text ends with another, but for case.
pub(crate) fn ends_with(text: &str, needle: &str) -> bool {
    if text.is_ascii() && needle.is_ascii() {
        let at = text.len().checked_sub(needle.len());
        return at
            .and_then(|at| text.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(needle));
    }
    let mut text = text.chars().rev().map(fold);
    needle.chars().rev().all(|character| text.next() == Some(fold(character)))
}

/// Tells whether a text holds another, but for case. The work is at most the product of both
/// lengths; `needle` comes from a rule or a query, never from the event.
pub(crate) fn contains(text: &str, needle: &str) -> bool {
    let Some(first) = needle.chars().next().map(fold) else { return true };
    // Folding keeps the number of characters, and each has one to four bytes: a needle of the search
    // bar may be long, and must not be looked through for each event.
    if needle.len() > text.len().saturating_mul(4) {
        return false;
    }
    if text.is_ascii() {
        if needle.is_ascii() {
            return contains_ascii(text.as_bytes(), needle.as_bytes());
        }
        // Few letters of other scripts fold to ASCII: most needles that hold any are not there.
        if !needle.chars().all(|character| fold(character).is_ascii()) {
            return false;
        }
    }
    text.char_indices().any(|(at, character)| {
        fold(character) == first && text.get(at..).is_some_and(|rest| starts_with(rest, needle))
    })
}

fn contains_ascii(text: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return true };
    let Some(last_start) = text.len().checked_sub(needle.len()) else { return false };
    let starts = text.get(..=last_start).unwrap_or_default();
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), starts).any(|at| {
        text.get(at..at + needle.len()).is_some_and(|piece| piece.eq_ignore_ascii_case(needle))
    })
}

/// Gives what follows `needle` at the beginning of `text`, if it stands there but for case.
fn after_prefix<'t>(text: &'t str, needle: &str) -> Option<&'t str> {
    if let Some((head, tail)) = text.split_at_checked(needle.len())
        && head.eq_ignore_ascii_case(needle)
    {
        return Some(tail);
    }
    // Both ASCII and still different: no folding can make them equal.
    if needle.is_ascii() && text.get(..needle.len()).is_some_and(str::is_ascii) {
        return None;
    }
    let mut rest = text.chars();
    for character in needle.chars() {
        if rest.next().map(fold) != Some(fold(character)) {
            return None;
        }
    }
    Some(rest.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folding_is_that_of_unicode() {
        // The two libraries may know different versions of Unicode: what both know is compared.
        let settled = regex::Regex::new(r"^\p{age:15.0}$").unwrap();
        let cased: String = (0..=0x0010_ffff)
            .filter_map(char::from_u32)
            .filter(|c| c.to_lowercase().ne([*c]) || c.to_uppercase().ne([*c]))
            .filter(|c| settled.is_match(&c.to_string()))
            .collect();
        for c in cased.chars() {
            let alike = regex::Regex::new(&format!(r"(?i)\x{{{:x}}}", u32::from(c))).unwrap();
            let expected: Vec<&str> = alike.find_iter(&cased).map(|found| found.as_str()).collect();
            let folded: Vec<String> =
                cased.chars().filter(|d| fold(*d) == fold(c)).map(String::from).collect();
            assert_eq!(folded, expected, "{c} {:x}", u32::from(c));
            assert_eq!(fold(fold(c)), fold(c));
        }
    }

    proptest! {
        #[test]
        fn same_as_folding_first(text in "[aAbBsSkKſKßẞéÉσςΣıİ ]{0,12}", needle in "[aAbSKſKßẞÉςıİ]{0,3}") {
            let (a, b) = (fold_text(&text), fold_text(&needle));
            prop_assert_eq!(equals(&text, &needle), a == b);
            prop_assert_eq!(starts_with(&text, &needle), a.starts_with(&b));
            prop_assert_eq!(ends_with(&text, &needle), a.ends_with(&b));
            prop_assert_eq!(contains(&text, &needle), a.contains(&b));
        }
    }
}
