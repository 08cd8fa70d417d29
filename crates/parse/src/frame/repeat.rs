//! Messages that the syslog daemon folded into one.

use model::{Event, Field};

/// Bounds for how many happenings one record may stand: the number is the sender's word, and
/// detections count by it.
const REPEAT_MAX: u32 = 100_000;

/// Reads `message repeated 5 times: [ … ]` and `last message repeated 5 times`; gives the folded
/// message, or the text itself.
pub(super) fn unfold<'a>(text: &'a str, event: &mut Event) -> &'a str {
    let Some((count, rest)) = count(text) else { return text };
    event.set(Field::Repeat, count.clamp(1, REPEAT_MAX));
    let inner = rest.strip_prefix(": [").and_then(|inner| inner.trim_end().strip_suffix(']'));
    inner.map_or(text, str::trim)
}

fn count(text: &str) -> Option<(u32, &str)> {
    let rest = text.strip_prefix("last ").unwrap_or(text).strip_prefix("message repeated ")?;
    let (count, rest) = rest.split_once(" times")?;
    Some((count.parse().ok()?, rest))
}
