//! The classes of attack, one file each, and the table that names them.
//!
//! A class is a row: the literals and characters that call it, and the confirmer that decides.
//! Callers may be generous, they only cost time; a confirmer must know the grammar, since its word
//! is an alert.

mod code_injection;
mod command_injection;
mod cross_site_scripting;
mod deserialization;
mod header_injection;
mod ldap_injection;
mod log4shell;
mod nosql_injection;
mod path_traversal;
mod scanner;
mod server_side_include;
mod server_side_request_forgery;
mod shared;
mod sql_injection;
mod template_injection;
mod xml_external_entity;

use std::fmt;
use std::ops::Range;

use crate::parts::Kind;
use crate::{Class, Layer};

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
];

/// One layer of one part, as a confirmer sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    /// The text, decoded as far as this layer.
    pub text: &'a [u8],
    /// The same in lower case; offsets agree.
    pub lower: &'a [u8],
    /// What sort of part it is.
    pub kind: Kind,
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
