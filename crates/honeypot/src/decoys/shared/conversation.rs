//! Requests of one connection over HTTP/1, one after the other, up to a bound.

use super::http1::{Fault, Limits, Reader, Request, Step};
use crate::session::{End, Session};

/// Bounds the requests of one connection.
const REQUESTS_MAX: u32 = 1_000;
/// How much is read at a time.
const PIECE_BYTES: usize = 16 * 1024;

/// What was heard: a request, or what was understood of something that is none.
pub(crate) type Heard = Result<Box<Request>, (Fault, Box<Request>)>;

/// Hears what one client asks.
#[derive(Debug)]
pub(crate) struct Conversation {
    reader: Box<Reader>,
    piece: Vec<u8>,
    /// How much of the piece is read.
    read: usize,
    heard: u32,
}

impl Conversation {
    /// Waits for the first bytes: what a silent client would hold for nothing is made with them.
    pub(crate) async fn begun(session: &mut Session) -> Result<(), End> {
        while session.pending().is_empty() {
            session.fill().await?;
        }
        Ok(())
    }

    /// Gives a conversation of which nothing was heard yet.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { reader: Box::new(Reader::new(limits)), piece: Vec::new(), read: 0, heard: 0 }
    }

    /// Gives what is asked next; `None` once the connection had its share.
    pub(crate) async fn next(&mut self, session: &mut Session) -> Result<Option<Heard>, End> {
        while self.heard < REQUESTS_MAX {
            let mut input = self.piece.get(self.read..).unwrap_or_default();
            let step = if input.is_empty() { Step::More } else { self.reader.next(&mut input) };
            self.read = self.piece.len() - input.len();
            match step {
                Step::More => {
                    self.piece = session.read_some(PIECE_BYTES).await?;
                    self.read = 0;
                    continue;
                }
                Step::Continue => session.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?,
                Step::Request(request) => {
                    self.heard += 1;
                    return Ok(Some(Ok(request)));
                }
                Step::Bad(fault, request) => {
                    self.heard += 1;
                    return Ok(Some(Err((fault, request))));
                }
            }
            self.heard += 1;
        }
        Ok(None)
    }
}
