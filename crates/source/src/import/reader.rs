//! Files of a kind that another crate knows: captured packets.

use std::fmt;

/// Makes records of a file as it streams by, plain already where it was packed.
pub trait Reader: Send + fmt::Debug {
    /// Takes the next bytes and hands on each record that they end. Where they are damaged it says why,
    /// and nothing more is fed.
    fn feed(&mut self, bytes: &[u8], each: &mut dyn FnMut(&str)) -> Result<(), String>;

    /// Hands on what was waiting for more; says why the file is not whole, if so.
    fn finish(&mut self, each: &mut dyn FnMut(&str)) -> Result<(), String>;
}

/// A kind of file.
#[derive(Clone, Copy, Debug)]
pub struct ReaderKind {
    /// The format of the records, for the parser.
    pub format: &'static str,
    /// Tells by its first bytes whether a file is of this kind.
    pub recognises: fn(&[u8]) -> bool,
    /// Gives a reader at a file's beginning.
    pub open: fn() -> Box<dyn Reader>,
}
