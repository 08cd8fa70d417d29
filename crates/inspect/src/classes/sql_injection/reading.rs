//! One reading of a text, and what can be asked about it: operands, conditions, where they end.

use super::super::shared::spend;
use super::tokens::{Kind, Token, tokens};
use super::words::Word;

/// Most tokens read of one operand or condition.
pub(super) const TERM_TOKENS_MAX: usize = 64;
/// So many plain words side by side make prose; SQL has a sign or a keyword between its names.
const PROSE_PAIRS_MIN: usize = 2;

/// From this length on, what follows a `#` is an anchor's name.
const ANCHOR_BYTES_MIN: usize = 8;

/// A text read from one starting point.
pub(super) struct Reading {
    pub tokens: Vec<Token>,
    /// Where it begins: the text's start, or the quote.
    pub origin: usize,
    /// The first `select`.
    pub select: Option<usize>,
    /// The text stood inside a string that its first quote closed.
    pub broke_out: bool,
    /// Plain words side by side, before and after the break.
    prose_pairs: usize,
    /// The quote opened a string of the text's own, as in `href="#top"`.
    pub opened: bool,
    /// Plain words in the data before the break.
    pub lead_words: usize,
}

impl Reading {
    pub(super) fn outside(text: &[u8]) -> Self {
        let tokens = tokens(text, 0);
        Self {
            prose_pairs: prose_pairs(&tokens),
            select: tokens.iter().position(|token| token.kind == Kind::Word(Word::Select)),
            tokens,
            origin: 0,
            broke_out: false,
            opened: false,
            lead_words: 0,
        }
    }

    /// Reads from behind the quote at `quote`.
    pub(super) fn inside(text: &[u8], quote: usize) -> Self {
        let tokens = tokens(text, quote + 1);
        let lead = text.get(..quote).unwrap_or_default();
        let lead_words = lead.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).count();
        let after = text.get(quote + 1..).unwrap_or_default();
        Self {
            prose_pairs: prose_pairs(&tokens),
            select: tokens.iter().position(|token| token.kind == Kind::Word(Word::Select)),
            tokens,
            origin: quote,
            broke_out: true,
            // A `#` with a longer text behind it is an anchor, not a comment.
            opened: lead.ends_with(b"=")
                || lead.ends_with(b"(")
                || quoted_word(lead, after, text.get(quote).copied())
                || after.starts_with(b"#") && after.len() > ANCHOR_BYTES_MIN,
            lead_words,
        }
    }

    /// Reads on over comments that end with their line, as servers do: `union#x⏎select`. `None` where
    /// there are none, or nothing follows them.
    pub(super) fn over_lines(&self) -> Option<Self> {
        let last = self.tokens.len().checked_sub(1)?;
        let crossed = |(at, token): (usize, &Token)| at < last && token.kind == Kind::LineComment;
        if !self.tokens.iter().enumerate().any(crossed) {
            return None;
        }
        let kept = self.tokens.iter().enumerate().filter(|row| !crossed(*row));
        let tokens: Vec<Token> = kept.map(|(_, token)| *token).collect();
        Some(Self {
            prose_pairs: prose_pairs(&tokens),
            select: tokens.iter().position(|token| token.kind == Kind::Word(Word::Select)),
            tokens,
            ..*self
        })
    }

    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    pub(super) fn word(&self, at: usize) -> Option<Word> {
        match self.kind(at) {
            Some(Kind::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub(super) fn is_prose(&self) -> bool {
        self.prose_pairs >= PROSE_PAIRS_MIN
    }

    pub(super) fn joins(&self, at: usize) -> bool {
        matches!(self.kind(at), Some(Kind::Logic | Kind::Word(Word::Logic)))
    }
}

/// Tells whether a sentence sets one word or sign in quotes: `the "like" button`, `small "&" sign`.
/// A value that is nothing but the quoted sign is no sentence.
fn quoted_word(lead: &[u8], after: &[u8], quote: Option<u8>) -> bool {
    let begins = lead.last().is_none_or(u8::is_ascii_whitespace);
    let Some(length) = after.iter().position(|byte| Some(*byte) == quote) else { return false };
    let inside = after.get(..length).unwrap_or_default();
    let behind = after.get(length + 1..).unwrap_or_default();
    let ends = match behind {
        [] | [b',' | b'.' | b')' | b':' | b'?' | b'!', ..] => true,
        [b'-', next, ..] => next.is_ascii_alphabetic(),
        [next, ..] => next.is_ascii_whitespace(),
    };
    // `--type` is an option's name, "-1.5" a number.
    let option = inside.starts_with(b"--")
        && inside.get(2).is_some_and(|b| *b == b'-' || b.is_ascii_alphabetic());
    let number = lead.is_empty()
        && behind.is_empty()
        && inside.iter().any(u8::is_ascii_digit)
        && inside
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e'));
    if begins && ends && (option || number) {
        return true;
    }
    let word = inside.len() > 1 && inside.iter().all(u8::is_ascii_alphabetic);
    let sign = inside.len() == 1 && !(lead.is_empty() && after.len() == length + 1);
    begins && ends && (word || sign)
}

fn prose_pairs(tokens: &[Token]) -> usize {
    let name = |token: &Token| token.kind == Kind::Word(Word::Name);
    let pairs = tokens.windows(2).filter(|pair| pair.iter().all(name)).count();
    // `schema.table alias`
    let aliased = tokens.windows(3).filter(
        |three| matches!(three, [dot, rest @ ..] if dot.kind == Kind::Dot && rest.iter().all(name)),
    );
    pairs - aliased.count()
}

/// One operand, or two and what compares them.
pub(super) struct Term {
    pub end: usize,
    pub compared: bool,
    pub names: usize,
    pub calls: usize,
}

/// Reads `operand (operator operand)*` from token `start`, up to the next joining word.
pub(super) fn term(reading: &Reading, start: usize) -> Option<Term> {
    let mut term = Term { end: start, compared: false, names: 0, calls: 0 };
    loop {
        term.end = operand(reading, &mut term)?;
        let mut operators = 0;
        while matches!(
            reading.kind(term.end),
            Some(
                Kind::Compare
                    | Kind::Arithmetic
                    | Kind::Not
                    | Kind::Word(Word::Compare | Word::Not)
            )
        ) {
            term.compared |=
                matches!(reading.kind(term.end), Some(Kind::Compare | Kind::Word(Word::Compare)));
            operators += 1;
            term.end += 1;
        }
        if operators == 0 || term.end >= start + TERM_TOKENS_MAX {
            return Some(term);
        }
        // The statement around it supplies what follows an operator at the end.
        if reading.kind(term.end).is_none() {
            return Some(term);
        }
    }
}

/// Reads one operand; gives where it ends.
fn operand(reading: &Reading, term: &mut Term) -> Option<usize> {
    let mut at = term.end;
    while matches!(
        reading.kind(at),
        Some(Kind::Arithmetic | Kind::Not | Kind::Word(Word::Not | Word::Filler | Word::Modifier))
    ) {
        at += 1;
    }
    match reading.kind(at)? {
        Kind::Number | Kind::Text | Kind::OpenText | Kind::Variable => Some(at + 1),
        // `user` is a value, and so is `user()`.
        Kind::Word(Word::Literal) if reading.kind(at + 1) != Some(Kind::Open) => Some(at + 1),
        Kind::Open => {
            let end = closed(reading, at).unwrap_or(reading.tokens.len());
            let looked = end.min(at + TERM_TOKENS_MAX);
            let inside = reading.tokens.get(at..looked).unwrap_or_default();
            spend(3 * inside.len());
            let selects = inside.iter().any(|token| token.kind == Kind::Word(Word::Select));
            let named = inside.iter().any(|token| token.kind == Kind::Word(Word::Name));
            term.names += usize::from(named && !selects);
            term.compared |= inside
                .iter()
                .any(|token| matches!(token.kind, Kind::Compare | Kind::Word(Word::Compare)));
            term.calls += usize::from(reading.word(at + 1) == Some(Word::Select));
            Some(end)
        }
        Kind::Word(word) => {
            let called = reading.kind(at + 1) == Some(Kind::Open);
            if !called && clause_begins(word) {
                return None;
            }
            let named = matches!(word, Word::Name | Word::Catalog)
                || !called && matches!(word, Word::Function | Word::HotFunction);
            term.names += usize::from(named);
            let mut at = at + 1;
            while reading.kind(at) == Some(Kind::Dot) && reading.word(at + 1).is_some() {
                at += 2;
            }
            if reading.kind(at) == Some(Kind::Open) {
                term.calls += usize::from(word != Word::Name);
                return Some(closed(reading, at).unwrap_or(reading.tokens.len()));
            }
            Some(at)
        }
        _ => None,
    }
}

/// Tells whether a word begins something else and is no operand.
fn clause_begins(word: Word) -> bool {
    matches!(
        word,
        Word::Statement
            | Word::Clause
            | Word::Condition
            | Word::From
            | Word::Union
            | Word::Select
            | Word::By
            | Word::Logic
            | Word::Compare
    )
}

/// Gives the token behind the parenthesis that closes the one at `open`.
pub(super) fn closed(reading: &Reading, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in reading.tokens.iter().enumerate().skip(open).take(TERM_TOKENS_MAX) {
        spend(1);
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Tells whether a statement may go on, or end, at token `at`.
pub(super) fn completes(reading: &Reading, at: usize) -> bool {
    match reading.kind(at) {
        None
        | Some(
            Kind::LineComment
            | Kind::BlockComment
            | Kind::Close
            | Kind::Semicolon
            | Kind::Comma
            | Kind::Logic
            | Kind::OpenText,
        ) => true,
        Some(Kind::Word(word)) => {
            matches!(word, Word::Logic | Word::Union | Word::Clause | Word::Condition | Word::From)
        }
        _ => false,
    }
}

/// Tells whether token `at` can end an operand.
pub(super) fn operand_ends(reading: &Reading, at: usize) -> bool {
    match reading.kind(at) {
        Some(
            Kind::Number
            | Kind::Text
            | Kind::OpenText
            | Kind::Close
            | Kind::Variable
            | Kind::Semicolon
            | Kind::Word(Word::Literal | Word::Filler),
        ) => true,
        Some(Kind::Word(Word::Name)) => {
            at == 0 || !matches!(reading.kind(at - 1), Some(Kind::Word(Word::Name)))
        }
        _ => reading.joins(at),
    }
}
