//! The classes of attack, one file each, and the table that names them.
//!
//! A class is a row: the literals and characters that call it, and the confirmer that decides.
//! Callers may be generous, they only cost time; a confirmer must know the grammar, since its word
//! is an alert.

mod code_injection;
mod command_injection;
mod cross_site_request_forgery;
mod cross_site_scripting;
mod deserialization;
mod header_injection;
mod ldap_injection;
mod log4shell;
mod malicious_upload;
mod nosql_injection;
mod path_traversal;
mod prototype_pollution;
mod remote_file_inclusion;
mod request_smuggling;
mod scanner;
mod server_side_include;
mod server_side_request_forgery;
mod session_fixation;
mod shared;
mod sql_injection;
mod template_injection;
mod xml_external_entity;
mod xpath_injection;

use std::fmt;
use std::ops::Range;

use crate::parts::{Kind, PlaceRef};
use crate::{Class, Layer, Request};

/// One row of [`CLASSES`].
pub struct ClassRow {
    /// The class.
    pub class: Class,
    /// One line for listings.
    pub summary: &'static str,
    /// Texts that call the confirmer wherever they stand, in lower case.
    pub(crate) literals: &'static [&'static str],
    /// Characters that call the confirmer in values, names and bodies.
    pub(crate) kinds: u32,
    /// Characters that do so in the path.
    pub(crate) path_kinds: u32,
    /// Characters that do so in headers.
    pub(crate) header_kinds: u32,
    /// Parts that this class has nothing to say about.
    pub(crate) deaf: &'static [Kind],
    pub(crate) confirm: fn(&View<'_>) -> Option<Evidence>,
}

impl ClassRow {
    /// Gives the name used in events, rules and output.
    pub fn id(&self) -> &'static str {
        self.class.as_str()
    }
}

impl fmt::Debug for ClassRow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.id(), self.summary)
    }
}

/// All classes, in the order in which they are asked.
pub const CLASSES: &[ClassRow] = &[
    sql_injection::CLASS,
    cross_site_scripting::CLASS,
    path_traversal::CLASS,
    command_injection::CLASS,
    log4shell::CLASS,
    template_injection::CLASS,
    nosql_injection::CLASS,
    header_injection::CLASS,
    server_side_request_forgery::CLASS,
    xml_external_entity::CLASS,
    ldap_injection::CLASS,
    code_injection::CLASS,
    deserialization::CLASS,
    server_side_include::CLASS,
    scanner::CLASS,
    scanner::PROBE_CLASS,
    scanner::LIBRARY_CLASS,
    xpath_injection::CLASS,
    remote_file_inclusion::CLASS,
    prototype_pollution::CLASS,
    session_fixation::CLASS,
];

/// One row of [`REQUEST_CLASSES`].
pub struct RequestClassRow {
    /// The class.
    pub class: Class,
    /// One line for listings.
    pub summary: &'static str,
    /// Tells every sign that the request shows.
    pub(crate) confirm: fn(&Request<'_>, &mut Tell<'_>),
}

impl RequestClassRow {
    /// Gives the name used in events, rules and output.
    pub fn id(&self) -> &'static str {
        self.class.as_str()
    }
}

impl fmt::Debug for RequestClassRow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.id(), self.summary)
    }
}

/// The classes that no single part shows: they compare parts of a request with each other. A class
/// may stand here and in [`CLASSES`].
pub const REQUEST_CLASSES: &[RequestClassRow] = &[
    session_fixation::REQUEST_CLASS,
    malicious_upload::REQUEST_CLASS,
    cross_site_request_forgery::REQUEST_CLASS,
    request_smuggling::REQUEST_CLASS,
];

/// Takes the signs of a request, one by one.
pub(crate) type Tell<'t> = dyn FnMut(Sign<'_>) + 't;

/// What a class says of a request as a whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sign<'a> {
    /// 0 to 1, as in [`Evidence`].
    pub score: f64,
    /// Where it shows most.
    pub place: PlaceRef<'a>,
    /// What convinced, in words that can be checked.
    pub text: &'a [u8],
    /// The encodings that were peeled off to see it, outermost first.
    pub layers: &'a [Layer],
}

impl Sign<'_> {
    /// How many rounds of decoding it took, at least: the same layer does not come twice in one.
    pub(crate) fn depth(&self) -> u32 {
        let repeats = |layer: &Layer| self.layers.iter().filter(|other| *other == layer).count();
        let depth = self.layers.iter().map(repeats).max().unwrap_or(0);
        u32::try_from(depth).unwrap_or(u32::MAX)
    }
}

/// One layer of one part, as a confirmer sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    /// The text, decoded as far as this layer.
    pub text: &'a [u8],
    /// The same in lower case; offsets agree.
    pub lower: &'a [u8],
    /// What sort of part it is.
    pub kind: Kind,
    /// The name that the sender gave the value, empty where it has none.
    pub name: &'a [u8],
    /// The encodings that were peeled off to get here.
    pub layers: &'a [Layer],
}

/// A confirmer's word.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evidence {
    /// 0 to 1; from [`crate::ATTACK_SCORE_MIN`] up it is an attack by itself.
    pub score: f64,
    /// Where in the view it stands.
    pub span: Range<usize>,
}

#[cfg(test)]
mod testing {
    use crate::{ATTACK_SCORE_MIN, Class, Finding, Request, inspect};

    /// Headers, with the host they were sent to before them.
    pub(super) struct Sent {
        method: String,
        target: String,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    }

    /// A whole request to `shop.example`.
    pub(super) fn request(
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Sent {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let host = ("Host".to_owned(), "shop.example".to_owned());
        Sent {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: [host].into_iter().chain(headers.iter().map(own)).collect(),
            body: body.as_ref().to_vec(),
        }
    }

    /// Fails unless the request is an attack of this class; gives what was said.
    #[track_caller]
    pub(super) fn said(class: Class, sent: &Sent) -> Finding {
        let findings = findings(sent);
        let found = findings
            .iter()
            .find(|finding| finding.class == class && finding.score >= ATTACK_SCORE_MIN);
        found.cloned().unwrap_or_else(|| panic!("{} {:?}: {findings:?}", sent.target, sent.headers))
    }

    /// Fails if the request is an attack of this class.
    #[track_caller]
    pub(super) fn quiet(class: Class, sent: &Sent) {
        let findings = findings(sent);
        let found = findings
            .iter()
            .any(|finding| finding.class == class && finding.score >= ATTACK_SCORE_MIN);
        assert!(!found, "{} {:?}: {findings:?}", sent.target, sent.headers);
    }

    fn findings(sent: &Sent) -> Vec<Finding> {
        let headers: Vec<(&str, &str)> =
            sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (method, target, body) = (&*sent.method, &*sent.target, &*sent.body);
        inspect(&Request { method, target, version: "1.1", headers: &headers, body, whole: true })
            .findings
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces that confirmers look for again and again.
    const PIECES: &[&str] = &[
        "'",
        "\"",
        "<",
        "<a ",
        "on",
        "((",
        ")",
        "](",
        "../",
        ";a ",
        "|a",
        "${",
        "{{",
        "$(",
        "or 1=",
        "' or ",
        "name(",
        "x' or name",
        "::",
        "//a",
        "child::a",
        "__proto__",
        "__proto__[",
        "constructor.",
        "constructor.prototype",
        "\"__proto__\"",
        "http://",
        "?",
        "\r\n",
        "\r\nto:",
        "set-cookie",
        "document.cookie=",
        "<meta http-equiv",
        "<script",
        "$ne",
        "o:1:\"",
        "<!entity ",
        "&",
        "union select ",
        "/*",
        "--",
        "curl/",
        "nikto",
        "eval(",
        "a.b=",
        "`",
        "0:",
        "*)(",
        "cn=",
        "or(",
        "and (select ",
        "$a;a=",
        "q'[",
        "\\n",
        "<(",
        "db.a.",
        "';return ",
        "import('//",
        ")('",
        "'system'",
        "${a:0:1}",
        "%x(",
        "java.lang.",
        "com.sun.",
        "cos\nsystem\n",
        "O:1:\"a\":1:{",
        "gasv",
        "H4sI",
        "union#\n",
        "user()",
        "f(version(",
        "x' * a - '",
        "',1",
        "<xsl:",
        "${env:",
        "@{",
        "{{''[",
        "//127.0.0.1",
        "http:a#@",
        "\r\nset a 1 1 1",
    ];
    const KINDS: &[Kind] =
        &[Kind::Path, Kind::Value, Kind::Name, Kind::Header, Kind::Agent, Kind::Document];

    #[test]
    fn twice_the_text_is_at_most_twice_the_work() {
        // Some bounds lie between the two lengths: below them the work may grow as it likes to.
        for (row, length) in CLASSES.iter().flat_map(|row| [(row, 1024), (row, 8 * 1024)]) {
            for (piece, kind) in
                PIECES.iter().flat_map(|piece| KINDS.iter().map(move |kind| (piece, *kind)))
            {
                let outgrown = outgrown(row, piece, kind, length);
                assert!(outgrown.is_none(), "{row:?} {piece} {kind:?}: {outgrown:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn mixed_pieces_are_no_more_work(
            pieces in prop::collection::vec(0..PIECES.len(), 1..5),
            kind in 0..KINDS.len(),
            length in prop::sample::select(&[1024_usize, 4096][..]),
        ) {
            let piece: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
            for row in CLASSES {
                let outgrown = outgrown(row, &piece, KINDS[kind], length);
                prop_assert!(outgrown.is_none(), "{row:?} {piece:?} {:?}: {outgrown:?}", KINDS[kind]);
            }
        }
    }

    #[test]
    fn a_reader_that_starts_over_is_told() {
        fn from_every_place(view: &View<'_>) -> Option<Evidence> {
            (0..view.lower.len()).find_map(|at| {
                shared::run(view.lower, at, |_| true);
                None
            })
        }
        fn once(view: &View<'_>) -> Option<Evidence> {
            shared::run(view.lower, 0, |_| true);
            None
        }
        let slow = ClassRow { confirm: from_every_place, ..sql_injection::CLASS };
        let quick = ClassRow { confirm: once, ..sql_injection::CLASS };
        assert!(outgrown(&slow, "a", Kind::Value, 1024).is_some());
        assert!(outgrown(&quick, "a", Kind::Value, 1024).is_none());
    }

    /// Gives the work for a text and for twice the text where the second is much more than twice the
    /// first.
    fn outgrown(row: &ClassRow, piece: &str, kind: Kind, length: usize) -> Option<(usize, usize)> {
        let (once, twice) = (steps(row, piece, kind, length), steps(row, piece, kind, 2 * length));
        // What a bound allows may be spent in the longer text only.
        (twice > once * 5 / 2 + 64 * length).then_some((once, twice))
    }

    fn steps(row: &ClassRow, piece: &str, kind: Kind, length: usize) -> usize {
        let text = piece.repeat(length / piece.len());
        let lower = text.to_ascii_lowercase();
        let (text, lower) = (text.as_bytes(), lower.as_bytes());
        shared::take();
        (row.confirm)(&View { text, lower, kind, name: b"page", layers: &[] });
        shared::take()
    }
}
