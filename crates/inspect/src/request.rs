//! A request as it came, borrowed from wherever it was read.

/// One HTTP request; nothing in it has been decoded yet.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The request target: path and query, or an absolute address.
    pub target: &'a str,
    /// The protocol version, `HTTP/1.1`.
    pub version: &'a str,
    /// Header names and values in order.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body as bytes, as far as it was seen.
    pub body: &'a [u8],
    /// True where all headers and the whole body are here; access logs hold neither. What needs
    /// both is judged only then.
    pub whole: bool,
}
