//! The decoys: one row each, in a file of its own.
//!
//! To add one: `decoys/NAME.rs` with `pub(crate) const DECOY: Decoy` and `async fn serve(session: &mut
//! Session) -> Result<(), End>`, and its row below. A sample is `tcp.rs`.

mod elasticsearch;
mod ftp;
mod http;
mod mongodb;
mod mysql;
mod postgres;
mod rdp;
mod redis;
pub(crate) mod shared;
mod smb;
mod smtp;
mod ssh;
mod tcp;
mod telnet;
mod vnc;

use futures::future::BoxFuture;

use crate::session::{End, Session};

/// Plays the service on one connection until its end.
pub type Serve = for<'a> fn(&'a mut Session) -> BoxFuture<'a, Result<(), End>>;

/// One kind of decoy.
#[derive(Clone, Copy, Debug)]
pub struct Decoy {
    /// What it is called in the configuration, in `network.protocol` and in `event.dataset`.
    pub id: &'static str,
    /// Where it listens unless the configuration says otherwise.
    pub port: u16,
    /// What it plays, in some words.
    pub summary: &'static str,
    /// Plays it.
    pub serve: Serve,
}

/// All decoys, in the order in which they are listed.
pub const DECOYS: &[Decoy] = &[
    ssh::DECOY,
    telnet::DECOY,
    ftp::DECOY,
    http::DECOY,
    http::SECURE,
    smtp::DECOY,
    redis::DECOY,
    elasticsearch::DECOY,
    vnc::DECOY,
    mysql::DECOY,
    postgres::DECOY,
    mongodb::DECOY,
    rdp::DECOY,
    smb::DECOY,
    tcp::DECOY,
];

/// Gives bytes to all that reads them in one kind of decoy, without a connection.
#[cfg(any(test, fuzzing))]
pub fn fuzz(kind: &str, bytes: &[u8]) {
    match kind {
        "elasticsearch" => elasticsearch::fuzz(bytes),
        "ftp" => ftp::fuzz(bytes),
        "http" => http::fuzz(bytes),
        "mongodb" => mongodb::fuzz(bytes),
        "mysql" => mysql::fuzz(bytes),
        "postgresql" => postgres::fuzz(bytes),
        "rdp" => rdp::fuzz(bytes),
        "redis" => redis::fuzz(bytes),
        "smb" => smb::fuzz(bytes),
        "smtp" => smtp::fuzz(bytes),
        "vnc" => vnc::fuzz(bytes),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_ports_are_their_own() {
        for (at, decoy) in DECOYS.iter().enumerate() {
            assert!(decoy.port > 1024, "{}", decoy.id);
            let others = DECOYS.iter().skip(at + 1);
            assert!(others.into_iter().all(|o| o.id != decoy.id && o.port != decoy.port));
        }
    }
}
