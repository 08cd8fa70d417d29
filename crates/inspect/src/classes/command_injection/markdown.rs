//! Backticks that are Markdown's, and no shell's.

use super::super::shared::{find, more_than, prose_words, run};
use super::LIST_BYTES_MAX;

/// So many backticks among words are Markdown, whatever stands between them.
const SPANS_MAX: usize = 16;

/// Tells whether the backtick at `at` belongs to a code span of Markdown, and not to a shell: a span
/// stands among words and apart from them, in a list or in a fence; a substitution is the whole value
/// or glued to one.
pub(super) fn is_code_span(text: &[u8], at: usize) -> bool {
    if text.get(at) != Some(&b'`') {
        return false;
    }
    let line = memchr::memrchr(b'\n', text.get(..at).unwrap_or_default()).map_or(0, |end| end + 1);
    if is_fence(text, line) || is_list(text) {
        return true;
    }
    let worded = |piece: &[u8]| prose_words(piece, piece.len()) > 0;
    if !text.split(|byte| *byte == b'`').step_by(2).take(SPANS_MAX).any(worded) {
        return false;
    }
    let before = text.get(..at).unwrap_or_default();
    if more_than(before, b'`', SPANS_MAX) || find(text, b"```").is_some_and(|at| is_fence(text, at))
    {
        return true;
    }
    let closes = memchr::memchr_iter(b'`', before).count() % 2 == 1;
    let whole = before.is_empty() && text.ends_with(b"`") && !more_than(text, b'`', 2);
    let glued = before.last().is_some_and(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'=' | b'/' | b'\'' | b'"')
    });
    closes || !(whole || glued)
}

/// Tells whether what begins at `start` is a fence of Markdown: no other backtick follows in its line.
fn is_fence(text: &[u8], start: usize) -> bool {
    let line = text.get(start..).unwrap_or_default();
    let line = line.get(..memchr::memchr(b'\n', line).unwrap_or(line.len())).unwrap_or_default();
    let line = line.trim_ascii_start();
    let ticks = run(line, 0, |byte| byte == b'`');
    ticks >= 3 && !more_than(line, b'`', ticks)
}

/// Tells whether the text is spans alone, parted by commas or lines: `` `ls`, `cat` ``.
fn is_list(text: &[u8]) -> bool {
    let mut pieces = text.split(|byte| *byte == b'`');
    let mut between = pieces.next().unwrap_or_default();
    let mut spans = 0;
    while let Some(span) = pieces.next() {
        let parted = spans == 0 || between.iter().any(|byte| matches!(byte, b',' | b'\n'));
        let bare = between.iter().all(|b| b.is_ascii_whitespace() || matches!(b, b',' | b'-'));
        let Some(next) = pieces.next() else { return false };
        if !parted || !bare || span.is_empty() || text.len() > LIST_BYTES_MAX {
            return false;
        }
        spans += 1;
        between = next;
    }
    spans > 1 && between.trim_ascii().is_empty()
}
