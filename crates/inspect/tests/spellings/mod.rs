//! What a tester types by hand, and what honest people type that looks like it, class by class.

pub(crate) mod markup;
pub(crate) mod path;
pub(crate) mod rest;
pub(crate) mod shell;
pub(crate) mod sql;
