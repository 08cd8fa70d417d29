//! The connection itself, plain or in TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

/// The connection.
#[derive(Debug)]
pub(crate) enum Pipe {
    /// As it came.
    Plain(TcpStream),
    /// In TLS.
    Tls(Box<TlsStream<Rewound>>),
    /// Given away, or broken.
    Gone,
}

impl Pipe {
    /// Reads what comes into the end of `buffer`; nothing at the end. Without anything to read it holds
    /// no memory of its own.
    pub(crate) async fn read(&mut self, buffer: &mut Vec<u8>, bytes: usize) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => loop {
                stream.readable().await?;
                buffer.reserve(bytes);
                match stream.try_read_buf(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if buffer.is_empty() {
                            *buffer = Vec::new();
                        }
                    }
                    read => return read,
                }
            },
            Self::Tls(stream) => {
                let mut first = [0; 256];
                let read = stream.read(&mut first).await?;
                buffer.extend_from_slice(first.get(..read).unwrap_or_default());
                Ok(read)
            }
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    pub(crate) async fn close(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.shutdown().await,
            Self::Tls(stream) => stream.shutdown().await,
            Self::Gone => Ok(()),
        }
    }

    pub(crate) async fn into_tls(
        self,
        before: Vec<u8>,
        config: Arc<ServerConfig>,
    ) -> io::Result<Self> {
        let Self::Plain(stream) = self else { return Err(io::ErrorKind::NotConnected.into()) };
        let stream = Rewound::new(before, stream);
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        Ok(Self::Tls(Box::new(stream)))
    }
}

/// A connection whose first bytes were read already.
#[derive(Debug)]
pub(crate) struct Rewound {
    before: Vec<u8>,
    at: usize,
    stream: TcpStream,
}

impl Rewound {
    pub(crate) fn new(before: Vec<u8>, stream: TcpStream) -> Self {
        Self { before, at: 0, stream }
    }

    /// Tells whether what is read next was read before.
    pub(crate) fn rewinds(&self) -> bool {
        self.at < self.before.len()
    }
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.before.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let piece = rest.get(..buffer.remaining()).unwrap_or(rest);
        buffer.put_slice(piece);
        self.at += piece.len();
        if self.at >= self.before.len() {
            self.before = Vec::new();
            self.at = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
