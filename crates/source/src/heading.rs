//! What a log says of its own columns: the lines `#Fields: date time …` of the W3C's extended format.
//!
//! Such a line holds until the next one in the same stream. The records after it carry it in their
//! origin, so whoever reads them needs no other record.

use std::sync::Arc;

use model::Origin;

use crate::lines::Line;

/// Begins the line that names the columns.
const MARK: &[u8] = b"#Fields:";
/// Bounds the names; all that IIS and CloudFront write are a fifth of it.
const BYTES_MAX: usize = 4096;

/// The columns of one stream.
#[derive(Debug, Default)]
pub(crate) struct Heading {
    columns: Option<Arc<str>>,
    /// The origin that was made last, and what it was made of: one for all lines until the next change.
    made: Option<(Arc<Origin>, Arc<Origin>)>,
}

impl Heading {
    /// Gives the columns that were in force at the end of `before`, the part of a stream that was read
    /// at another time.
    pub(crate) fn after(before: &[u8]) -> Self {
        let mut heading = Self::default();
        // What follows the last line feed is half a line, and so no word yet.
        let whole = memchr::memrchr(b'\n', before).and_then(|end| before.get(..end));
        for line in whole.unwrap_or_default().rsplit(|byte| *byte == b'\n') {
            if line.starts_with(MARK) {
                heading.note(line.strip_suffix(b"\r").unwrap_or(line));
                break;
            }
        }
        heading
    }

    /// Tells whether no columns are known.
    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_none()
    }

    /// Forgets what was said: another file begins.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives the origin of a line that comes from `origin`, the columns in it.
    pub(crate) fn origin<'o>(
        &'o mut self,
        line: Line<'_>,
        origin: &'o Arc<Origin>,
    ) -> &'o Arc<Origin> {
        if line.bytes.first() == Some(&b'#') && line.bytes.starts_with(MARK) {
            let whole = line.truncated_bytes == 0;
            self.note(if whole { line.bytes } else { MARK });
        }
        let Some(columns) = &self.columns else { return origin };
        let known = self.made.as_ref().is_some_and(|(of, _)| Arc::ptr_eq(of, origin));
        if !known {
            let columns = Some(Arc::clone(columns));
            let made = Arc::new(Origin { columns, ..Origin::clone(origin) });
            self.made = Some((Arc::clone(origin), made));
        }
        self.made.as_ref().map_or(origin, |(_, made)| made)
    }

    /// Takes the names of a line; those of one that is no text, or past the bound, are not known, and
    /// the ones before it hold no longer.
    fn note(&mut self, line: &[u8]) {
        let names = line.strip_prefix(MARK).filter(|names| names.len() <= BYTES_MAX);
        let names = names.and_then(|names| std::str::from_utf8(names).ok()).map(str::trim);
        let names = names.filter(|names| !names.is_empty());
        if names != self.columns.as_deref() {
            self.columns = names.map(Arc::from);
            self.made = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(heading: &mut Heading, line: &str, origin: &Arc<Origin>) -> Option<String> {
        let line = Line { bytes: line.as_bytes(), truncated_bytes: 0 };
        heading.origin(line, origin).columns.as_deref().map(str::to_owned)
    }

    #[test]
    fn columns_hold_until_the_next_line_of_them() {
        let origin = Arc::new(Origin::default());
        let mut heading = Heading::default();
        assert_eq!(told(&mut heading, "2026-11-21 GET", &origin), None);
        assert_eq!(
            told(&mut heading, "#Fields: date cs-method", &origin).unwrap(),
            "date cs-method"
        );
        assert_eq!(told(&mut heading, "2026-11-21 GET", &origin).unwrap(), "date cs-method");
        assert_eq!(told(&mut heading, "#Software: x", &origin).unwrap(), "date cs-method");
        assert_eq!(told(&mut heading, "#Fields: date", &origin).unwrap(), "date");
        let other = Arc::new(Origin { input: "other".to_owned(), ..Origin::default() });
        assert_eq!(told(&mut heading, "x", &other).unwrap(), "date");
        assert_eq!(told(&mut heading, "#Fields:", &origin), None);
        heading.clear();
        assert_eq!(told(&mut heading, "x", &origin), None);
    }

    #[test]
    fn one_origin_serves_all_lines() {
        let origin = Arc::new(Origin::default());
        let mut heading = Heading::default();
        assert_eq!(told(&mut heading, "#Fields: date", &origin).unwrap(), "date");
        let line = Line { bytes: b"x", truncated_bytes: 0 };
        let first = Arc::clone(heading.origin(line, &origin));
        assert!(Arc::ptr_eq(&first, heading.origin(line, &origin)));
    }

    #[test]
    fn what_is_too_long_or_no_text_is_not_believed() {
        let origin = Arc::new(Origin::default());
        let mut heading = Heading::default();
        assert!(told(&mut heading, "#Fields: date", &origin).is_some());
        assert_eq!(
            told(&mut heading, &format!("#Fields: {}", "a ".repeat(BYTES_MAX)), &origin),
            None
        );
        assert!(told(&mut heading, "#Fields: date", &origin).is_some());
        let cut = Line { bytes: b"#Fields: date time", truncated_bytes: 3 };
        assert_eq!(heading.origin(cut, &origin).columns, None);
        assert!(told(&mut heading, "#Fields: date", &origin).is_some());
        let bytes = Line { bytes: b"#Fields: date \xff", truncated_bytes: 0 };
        assert_eq!(heading.origin(bytes, &origin).columns, None);
    }

    proptest! {
        /// Whoever comes in the middle of a stream knows what he would know who read all of it.
        #[test]
        fn what_was_read_before_is_told_from_its_bytes(
            lines in prop::collection::vec("#Fields: [ab ]{0,3}|[ab#]{0,4}", 0..8),
            half in "#Fields: c|x|",
        ) {
            let origin = Arc::new(Origin::default());
            let mut whole = Heading::default();
            for line in &lines {
                whole.origin(Line { bytes: line.as_bytes(), truncated_bytes: 0 }, &origin);
            }
            let before = [lines.join("\r\n").as_str(), if lines.is_empty() { "" } else { "\r\n" }].concat();
            let later = Heading::after(format!("{before}{half}").as_bytes());
            prop_assert_eq!(later.columns, whole.columns);
        }
    }
}
