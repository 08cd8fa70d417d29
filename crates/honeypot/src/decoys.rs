//! The decoys: one row each, in a file of its own.
//!
//! To add one: `decoys/NAME.rs` with `pub(crate) const DECOY: Decoy` and `async fn serve(session: &mut
//! Session) -> Result<(), End>`, and its row below. A sample is `tcp.rs`.

pub(crate) mod mongodb;
pub(crate) mod mysql;
pub(crate) mod postgres;
pub(crate) mod rdp;
pub(crate) mod smb;
mod ssh;
mod tcp;
mod telnet;

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
    mysql::DECOY,
    postgres::DECOY,
    mongodb::DECOY,
    rdp::DECOY,
    smb::DECOY,
    tcp::DECOY,
];

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
