//! What inspection found, in words that an analyst can check.

use std::fmt;

use crate::Class;

/// Longest evidence kept of one finding, in bytes; what is cut ends in `…`.
pub const EVIDENCE_BYTES_MAX: usize = 200;
/// Most findings kept of one request; a flood of parts must not become a flood of findings.
pub const FINDINGS_MAX: usize = 16;

/// The outcome of inspecting one request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdict {
    /// True if the score reaches [`crate::ATTACK_SCORE_MIN`].
    pub attack: bool,
    /// How sure we are, 0 to 1, all findings taken together.
    pub score: f64,
    /// What was found, the strongest first; weak hints are listed too.
    pub findings: Vec<Finding>,
    /// Bytes of the request that lay beyond a bound and were not looked at.
    pub unseen_bytes: usize,
    /// Classes on which what was given of the request allows no word, either way.
    pub not_observable: &'static [Class],
}

/// One class of attack found in one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The class.
    pub class: Class,
    /// How sure we are of this one, 0 to 1.
    pub score: f64,
    /// How it stands among what surrounds it.
    pub grade: Grade,
    /// Where in the request it stood.
    pub place: Place,
    /// The decoded text that convinced us, at most [`EVIDENCE_BYTES_MAX`] bytes.
    pub evidence: String,
    /// The encodings that were peeled off, outermost first.
    pub layers: Vec<Layer>,
}

/// How a finding stands in the text that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Grade {
    /// Too little for an attack: a text that mentions such things. Information only.
    Mention,
    /// It stands inside other text, complete enough to work there.
    Embedded,
    /// It leaves the quote, bracket or argument that was to hold the value.
    BreaksOut,
    /// The whole value is nothing else.
    Whole,
    /// Not a text but the make of the request itself.
    Request,
}

impl Grade {
    /// Gives the name used in events, rules and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mention => "mention",
            Self::Embedded => "embedded",
            Self::BreaksOut => "breaks_out",
            Self::Whole => "whole",
            Self::Request => "request",
        }
    }
}

/// A place in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The path.
    Path,
    /// The name of a query parameter.
    QueryName(String),
    /// The value of the named query parameter.
    QueryValue(String),
    /// The value of the named header.
    Header(String),
    /// The value of the named cookie.
    Cookie(String),
    /// The name of a field in the body.
    BodyName(String),
    /// The value of the named field in the body.
    BodyValue(String),
    /// The body as a whole.
    Body,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => out.write_str("path"),
            Self::QueryName(name) => write!(out, "query name {name}"),
            Self::QueryValue(name) => write!(out, "query {name}"),
            Self::Header(name) => write!(out, "header {name}"),
            Self::Cookie(name) => write!(out, "cookie {name}"),
            Self::BodyName(name) => write!(out, "body name {name}"),
            Self::BodyValue(name) => write!(out, "body {name}"),
            Self::Body => out.write_str("body"),
        }
    }
}

/// An encoding that was peeled off a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// `%41`, and `+` for a space in forms.
    Percent,
    /// `%u0041`.
    PercentUnicode,
    /// UTF-8 longer than it need be, and full-width letters.
    Utf8,
    /// `&lt;` and `&#60;`.
    Entity,
    /// `\x41`, `\u0041`.
    Escape,
    /// Base64.
    Base64,
    /// Bytes that readers skip: NUL in the middle of words.
    Nul,
}

impl Layer {
    /// Gives the name used in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::PercentUnicode => "percent_unicode",
            Self::Utf8 => "utf8",
            Self::Entity => "entity",
            Self::Escape => "escape",
            Self::Base64 => "base64",
            Self::Nul => "nul",
        }
    }
}
