//! The connection as the library is given it: the greeting is there already, what comes is counted and
//! its beginning kept, and it can be cut off from outside.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::hello::Hello;
use crate::session::{Rewound, Visit};

/// Cuts a connection when it is dropped: the library's task ends with it.
#[derive(Debug)]
pub(super) struct Leash(Arc<Held>);

#[derive(Debug, Default)]
pub(super) struct Held {
    cut: AtomicBool,
    waker: AtomicWaker,
}

impl Leash {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    pub(super) fn held(&self) -> Arc<Held> {
        Arc::clone(&self.0)
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.cut.store(true, Ordering::Release);
        self.0.waker.wake();
    }
}

pub(super) struct Bridge {
    stream: Rewound,
    visit: Visit,
    hello: Arc<Mutex<Hello>>,
    held: Arc<Held>,
    /// How much of what is written was written before.
    written: usize,
}

impl Bridge {
    pub(super) fn new(
        stream: TcpStream,
        before: Vec<u8>,
        written: usize,
        (visit, hello, held): (Visit, Arc<Mutex<Hello>>, Arc<Held>),
    ) -> Self {
        hello.lock().unwrap_or_else(PoisonError::into_inner).push(&before);
        Self { stream: Rewound::new(before, stream), visit, hello, held, written }
    }
}

impl AsyncRead for Bridge {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.held.waker.register(context.waker());
        if self.held.cut.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        let from = buffer.filled().len();
        let rewinds = self.stream.rewinds();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = &polled {
            let came = buffer.filled().get(from..).unwrap_or_default();
            // What came before the library was counted and kept already.
            if !rewinds {
                self.hello.lock().unwrap_or_else(PoisonError::into_inner).push(came);
                if self.visit.received(came.len()).is_err() {
                    return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
                }
            }
        }
        polled
    }
}

impl AsyncWrite for Bridge {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.written > 0 {
            let passed = self.written.min(bytes.len());
            self.written -= passed;
            return Poll::Ready(Ok(passed));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
