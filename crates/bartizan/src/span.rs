//! Lengths of time as people write them: `90s`, `15m`, `24h`, `7d`.

use std::time::Duration;

/// Reads a length of time, or says what one looks like.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let fault = || format!("`{text}` is no length of time; write 90s, 15m, 24h or 7d");
    let at = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(fault)?;
    let (number, unit) = text.split_at(at);
    let number: u64 = number.parse().map_err(|_| fault())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(fault()),
    };
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("7d"), Ok(Duration::from_hours(168)));
        for wrong in ["", "7", "d", "-1h", "1 h", "99999999999999999999s", "9999999999999999w"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
