//! What several inputs do in the same way.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

const BACKLOG_MAX: u32 = 1024;

/// Gives a listener that can take its port back while old connections still fade.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        tokio::net::TcpSocket::new_v4()?
    } else {
        tokio::net::TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG_MAX)
}
