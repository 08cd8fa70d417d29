//! One look at each byte: which kinds of character does a text hold at all?

pub(crate) const PERCENT: u32 = 1;
pub(crate) const PLUS: u32 = 1 << 1;
pub(crate) const AMPERSAND: u32 = 1 << 2;
pub(crate) const BACKSLASH: u32 = 1 << 3;
/// Bytes from 128 up: UTF-8, well-formed or not.
pub(crate) const HIGH: u32 = 1 << 4;
pub(crate) const CONTROL: u32 = 1 << 5;
pub(crate) const SPACE: u32 = 1 << 6;
pub(crate) const QUOTE: u32 = 1 << 7;
pub(crate) const BACKTICK: u32 = 1 << 8;
pub(crate) const ANGLE: u32 = 1 << 9;
pub(crate) const PAREN: u32 = 1 << 10;
pub(crate) const BRACE: u32 = 1 << 11;
pub(crate) const BRACKET: u32 = 1 << 12;
pub(crate) const DOLLAR: u32 = 1 << 13;
pub(crate) const PIPE: u32 = 1 << 14;
pub(crate) const SEMICOLON: u32 = 1 << 15;
pub(crate) const HASH: u32 = 1 << 16;
pub(crate) const STAR: u32 = 1 << 17;
pub(crate) const EQUALS: u32 = 1 << 18;
pub(crate) const SLASH: u32 = 1 << 19;
pub(crate) const COLON: u32 = 1 << 20;
pub(crate) const BANG: u32 = 1 << 21;
pub(crate) const AT: u32 = 1 << 22;
pub(crate) const DOT: u32 = 1 << 23;
pub(crate) const DASH: u32 = 1 << 24;
pub(crate) const COMMA: u32 = 1 << 25;
pub(crate) const QUESTION: u32 = 1 << 26;
pub(crate) const DIGIT: u32 = 1 << 27;
pub(crate) const LETTER: u32 = 1 << 28;
pub(crate) const CARET: u32 = 1 << 29;

static KINDS: [u32; 256] = kinds();

/// Gives the kinds of all bytes of `text`, or-ed together.
pub(crate) fn kinds_of(text: &[u8]) -> u32 {
    text.iter().fold(0, |kinds, byte| kinds | kind_of(*byte))
}

/// Gives the kind of one byte.
pub(crate) fn kind_of(byte: u8) -> u32 {
    KINDS.get(usize::from(byte)).copied().unwrap_or(0)
}

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a table made while compiling"
)]
const fn kinds() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = classify(byte as u8);
        byte += 1;
    }
    table
}

const fn classify(byte: u8) -> u32 {
    match byte {
        b'%' => PERCENT,
        b'+' => PLUS,
        b'&' => AMPERSAND,
        b'\\' => BACKSLASH,
        128.. => HIGH,
        0..=31 | 127 => CONTROL,
        b' ' => SPACE,
        b'\'' | b'"' => QUOTE,
        b'`' => BACKTICK,
        b'<' | b'>' => ANGLE,
        b'(' | b')' => PAREN,
        b'{' | b'}' => BRACE,
        b'[' | b']' => BRACKET,
        b'$' => DOLLAR,
        b'|' => PIPE,
        b';' => SEMICOLON,
        b'#' => HASH,
        b'*' => STAR,
        b'=' => EQUALS,
        b'/' => SLASH,
        b':' => COLON,
        b'!' => BANG,
        b'@' => AT,
        b'.' => DOT,
        b'-' => DASH,
        b',' => COMMA,
        b'?' => QUESTION,
        b'^' => CARET,
        b'0'..=b'9' => DIGIT,
        b'a'..=b'z' | b'A'..=b'Z' => LETTER,
        b'_' | b'~' => 0,
    }
}
