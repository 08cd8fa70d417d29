//! The port for data: opened for one transfer, for one address, for a short time.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::same;
use crate::session::{End, Fields, Session};

/// How long somebody has to come.
const WITHIN: Duration = Duration::from_secs(30);
/// How long a transfer may stand still.
const IDLE: Duration = Duration::from_secs(30);
/// How long one may last.
const LAST_MAX: Duration = Duration::from_mins(10);
/// Strangers that are sent away before the port is closed.
const STRANGERS_MAX: u32 = 8;
const PIECE_BYTES: usize = 16 * 1024;

/// An open port.
#[derive(Debug)]
pub(super) struct Port {
    listener: TcpListener,
}

impl Port {
    /// Opens one at the address that the client came to.
    pub(super) async fn open(session: &Session) -> Option<Self> {
        let at = SocketAddr::new(session.local().ip(), 0);
        let listener = TcpListener::bind(at).await.ok()?;
        Some(Self { listener })
    }

    /// What is said of it.
    pub(super) fn told(&self, ip: IpAddr, extended: bool) -> String {
        let port = self.listener.local_addr().map_or(0, |address| address.port());
        match ip.to_canonical() {
            IpAddr::V4(ip) if !extended => {
                let [a, b, c, d] = ip.octets();
                let (high, low) = (port >> 8, port & 255);
                format!("227 Entering Passive Mode ({a},{b},{c},{d},{high},{low}).\r\n")
            }
            _ => format!("229 Entering Extended Passive Mode (|||{port}|)\r\n"),
        }
    }

    /// Waits for the client; who else comes is sent away.
    async fn accept(self, peer: IpAddr) -> Option<TcpStream> {
        let wait = async {
            for _ in 0..STRANGERS_MAX {
                let (stream, from) = self.listener.accept().await.ok()?;
                if same(from.ip(), peer) {
                    return Some(stream);
                }
            }
            None
        };
        timeout(WITHIN, wait).await.ok().flatten()
    }

    /// Sends data; false where nobody came or took it.
    pub(super) async fn send(self, session: &Session, data: &[u8]) -> Result<bool, End> {
        let Some(mut stream) = self.accept(session.peer().ip()).await else { return Ok(false) };
        let send = async {
            for piece in data.chunks(PIECE_BYTES) {
                timeout(IDLE, stream.write_all(piece)).await.ok()?.ok()?;
            }
            timeout(IDLE, stream.shutdown()).await.ok()?.ok()
        };
        Ok(timeout(LAST_MAX, send).await.ok().flatten().is_some())
    }

    /// Takes a file into quarantine; gives its length, nothing where nobody came.
    pub(super) async fn receive(self, session: &Session, path: &str) -> Result<Option<u64>, End> {
        let Some(mut stream) = self.accept(session.peer().ip()).await else { return Ok(None) };
        let mut upload = session.begin_upload(path.as_bytes());
        let mut taken = 0;
        let mut end = Ok(());
        let take = async {
            let mut piece = vec![0; PIECE_BYTES];
            while let Ok(Ok(length @ 1..)) = timeout(IDLE, stream.read(&mut piece)).await {
                end = session.received(length);
                if end.is_err() {
                    break;
                }
                taken += u64::try_from(length).unwrap_or_default();
                if let Some(upload) = &mut upload {
                    upload.push(piece.get(..length).unwrap_or_default());
                }
            }
        };
        let _ = timeout(LAST_MAX, take).await;
        // What came until a bound was reached is kept too.
        if let Some(upload) = upload {
            upload.finish(Fields::new().with("file.path", path)).await;
        }
        end.map(|()| Some(taken))
    }
}
