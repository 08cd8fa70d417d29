//! The little of SQL that a data base which is none must read: comments, quotes, commas.

/// Statements that are read out of one text.
const STATEMENTS_MAX: usize = 64;
/// Items of one list.
const ITEMS_MAX: usize = 64;

/// Bounds a name that is kept; MySQL and PostgreSQL take 64 letters, here with a data base before it.
const KEPT_NAME_BYTES_MAX: usize = 256;

/// A value of a row; `None` is null.
pub(crate) type Cell = Option<String>;

/// Columns and rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Rows {
    /// Rows of texts below these columns.
    pub(crate) fn of(columns: &[&str], rows: &[&[&str]]) -> Self {
        Self {
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            rows: rows
                .iter()
                .map(|row| row.iter().map(|cell| Some((*cell).to_owned())).collect())
                .collect(),
        }
    }

    /// One row of one text.
    pub(crate) fn one(column: &str, cell: impl Into<String>) -> Self {
        Self { columns: vec![column.to_owned()], rows: vec![vec![Some(cell.into())]] }
    }
}

/// The statement without comments, with single spaces outside quotes, without what ends it. What
/// stands in `/*! … */` counts, as MySQL has it.
pub(crate) fn plain(statement: &str) -> String {
    let mut out = String::with_capacity(statement.len());
    let mut rest = statement;
    let mut quote = None;
    while let Some(letter) = rest.chars().next() {
        let after = rest.get(letter.len_utf8()..).unwrap_or_default();
        if let Some(end) = quote {
            if letter == end {
                quote = None;
            }
            out.push(letter);
            if letter == '\\'
                && let Some(next) = after.chars().next()
            {
                out.push(next);
                rest = after.get(next.len_utf8()..).unwrap_or_default();
                continue;
            }
        } else if let Some(comment) = rest.strip_prefix("/*") {
            if let Some(kept) = comment.strip_prefix('!') {
                rest = kept.trim_start_matches(|letter: char| letter.is_ascii_digit());
            } else {
                rest =
                    comment.find("*/").and_then(|end| comment.get(end + 2..)).unwrap_or_default();
            }
            space(&mut out);
            continue;
        } else if rest.starts_with("*/") {
            rest = rest.get(2..).unwrap_or_default();
            continue;
        } else if rest.starts_with("-- ") || rest.starts_with("--\n") || letter == '#' {
            rest = rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or_default();
            continue;
        } else if letter.is_whitespace() {
            space(&mut out);
        } else {
            if matches!(letter, '\'' | '"' | '`') {
                quote = Some(letter);
            }
            out.push(letter);
        }
        rest = after;
    }
    out.trim_matches([' ', ';']).to_owned()
}

fn space(out: &mut String) {
    if !out.ends_with(' ') && !out.is_empty() {
        out.push(' ');
    }
}

/// Cuts a text where a letter stands outside quotes and parentheses.
fn cut_at(text: &str, at: char, most: usize) -> Vec<&str> {
    let (mut parts, mut begin, mut depth, mut quote) = (Vec::new(), 0, 0_usize, None);
    let mut escaped = false;
    for (place, letter) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if letter == '\\' => escaped = true,
            Some(end) if letter == end => quote = None,
            Some(_) => {}
            None => match letter {
                '\'' | '"' | '`' => quote = Some(letter),
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ if letter == at && depth == 0 => {
                    parts.push(text.get(begin..place).unwrap_or_default());
                    begin = place + letter.len_utf8();
                    if parts.len() + 1 >= most {
                        break;
                    }
                }
                _ => {}
            },
        }
    }
    parts.push(text.get(begin..).unwrap_or_default());
    parts
}

/// The statements of a text.
pub(crate) fn statements(text: &str) -> Vec<&str> {
    let parts = cut_at(text, ';', STATEMENTS_MAX);
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

/// The items of a list.
pub(crate) fn items(text: &str) -> Vec<&str> {
    cut_at(text, ',', ITEMS_MAX).into_iter().map(str::trim).collect()
}

/// A text in quotes, without them.
pub(crate) fn literal(text: &str) -> Option<String> {
    let text = text.trim();
    let quote = text.chars().next().filter(|letter| matches!(letter, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    // What opens, ends and opens again is no one literal.
    let doubled = format!("{quote}{quote}");
    let plain = inner.replace(&doubled, "").replace("\\'", "").replace("\\\"", "");
    (!plain.contains(quote))
        .then(|| inner.replace(&doubled, &quote.to_string()).replace("\\'", "'"))
}

/// The first text in single quotes after a word, in whatever case.
pub(crate) fn quoted_after(text: &str, word: &str) -> Option<String> {
    let at = text.to_ascii_lowercase().find(word)?;
    let rest = text.get(at + word.len()..)?.trim_start();
    let quote = rest.chars().next().filter(|letter| matches!(letter, '\'' | '"'))?;
    let rest = rest.get(1..)?;
    Some(rest.split(quote).next().unwrap_or_default().to_owned())
}

/// An item without its alias, and the name that its column has.
pub(crate) fn aliased(item: &str) -> (&str, String) {
    let lower = item.to_ascii_lowercase();
    if let Some(at) = lower.rfind(" as ")
        && let (Some(value), Some(name)) = (item.get(..at), item.get(at + 4..))
        && !name.contains(['(', ')', '\''])
    {
        return (value.trim(), bare(name).to_owned());
    }
    (item, item.to_owned())
}

/// A name as it is kept: no data base has longer ones.
pub(crate) fn kept(name: &str) -> String {
    name.get(..name.floor_char_boundary(KEPT_NAME_BYTES_MAX)).unwrap_or_default().to_owned()
}

/// A name without quotes.
pub(crate) fn bare(name: &str) -> &str {
    name.trim().trim_matches(['`', '"', '\'', ';'])
}

/// What a call has in its parentheses, in the case of that name.
pub(crate) fn arguments<'a>(expression: &'a str, name: &str) -> Option<&'a str> {
    let head = expression.get(..name.len())?;
    let rest = expression.get(name.len()..)?.trim_start();
    let inner = rest.strip_prefix('(')?.strip_suffix(')')?;
    head.eq_ignore_ascii_case(name).then_some(inner)
}

/// A sum, difference or product of two whole numbers, or one number.
pub(crate) fn number(expression: &str) -> Option<String> {
    let expression = expression.trim();
    if expression.parse::<f64>().is_ok() {
        return Some(expression.to_owned());
    }
    for sign in ['+', '*', '-'] {
        if let Some((left, right)) = expression.rsplit_once(sign)
            && let (Ok(left), Ok(right)) = (left.trim().parse::<i64>(), right.trim().parse::<i64>())
        {
            let result = match sign {
                '+' => left.checked_add(right),
                '*' => left.checked_mul(right),
                _ => left.checked_sub(right),
            };
            return result.map(|result| result.to_string());
        }
    }
    None
}

/// Bytes written as hexadecimal digits: `0x41`, `x'41'`, `unhex('41')`, `'\x41'`.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    if !digits.len().is_multiple_of(2) || digits.is_empty() || !digits.is_ascii() {
        return None;
    }
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// The time as a data base shows it: `2026-11-21 09:14:11`.
pub(crate) fn clock() -> String {
    crate::session::now().to_string().replace('T', " ").chars().take(19).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn comments_and_spaces_go_and_quotes_stay() {
        for (given, expected) in [
            ("select  /* a */ 1 -- b\n;", "select 1"),
            ("/*!40101 SET NAMES utf8 */;", "SET NAMES utf8"),
            ("select '/* a */  -- ' # c", "select '/* a */  -- '"),
            ("select 'it\\'s  so'", "select 'it\\'s  so'"),
            ("/* open", ""),
        ] {
            assert_eq!(plain(given), expected, "{given}");
        }
        assert_eq!(statements("a;'b;c';d;"), ["a", "'b;c'", "d"]);
        assert_eq!(items("1, f(2, 3), 'a,b'"), ["1", "f(2, 3)", "'a,b'"]);
        assert_eq!(literal("'it''s'").as_deref(), Some("it's"));
        assert_eq!(literal("'a' or 'b'"), None);
        assert_eq!(aliased("version() AS v"), ("version()", "v".to_owned()));
        assert_eq!(number("2*21").as_deref(), Some("42"));
        assert_eq!(number("9223372036854775807+1"), None);
        assert_eq!(arguments("MD5( 'a' )", "md5"), Some(" 'a' "));
        assert_eq!(from_hex("7f45").as_deref(), Some(&b"\x7fE"[..]));
    }

    proptest! {
        #[test]
        fn any_text(text in "\\PC{0,80}", word in "[a-z]{1,3}") {
            let plain = plain(&text);
            for statement in statements(&plain) {
                for item in items(statement) {
                    let (value, _) = aliased(item);
                    let _ = (literal(value), number(value), arguments(value, &word));
                }
                let _ = (quoted_after(statement, &word), from_hex(statement));
            }
        }
    }
}
