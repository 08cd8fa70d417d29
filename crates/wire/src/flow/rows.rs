//! The protocols that are read, and who of them knows the first bytes of a flow.

use crate::dissect::{First, Protocol, Verdict};
use crate::packet::Transport;

/// The protocols that are read, and who is asked for which transport.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    pub(super) rows: &'static [Protocol],
    masks: [(Transport, u64); 6],
    /// Which low bytes the ports of any row have: most ports are no row's, and that is told at once.
    ports: [u64; 4],
}

impl Rows {
    pub(super) fn new(rows: &'static [Protocol]) -> Self {
        use Transport::{Arp, Icmp, Icmp6, Other, Tcp, Udp};
        let masks = [Tcp, Udp, Icmp, Icmp6, Arp, Other].map(|transport| {
            let carried =
                rows.iter().take(64).enumerate().filter(|(_, row)| row.over.contains(&transport));
            (transport, carried.fold(0, |mask, (place, _)| mask | 1 << place))
        });
        let mut ports = [0; 4];
        for port in rows.iter().flat_map(|row| row.ports) {
            if let Some(word) = ports.get_mut(usize::from(port >> 6 & 3)) {
                *word |= 1_u64 << (port & 63);
            }
        }
        Self { rows, masks, ports }
    }

    pub(super) fn name(&self, protocol: u8) -> Option<&'static str> {
        self.rows.get(usize::from(protocol).checked_sub(1)?).map(|row| row.name)
    }

    /// Gives the rows that are asked for a transport, as a mask.
    pub(super) fn candidates(&self, transport: Transport) -> u64 {
        self.masks.iter().find(|(one, _)| *one == transport).map_or(0, |(_, mask)| *mask)
    }

    /// Asks who knows the first bytes; those that say no leave the candidates.
    pub(super) fn recognise(&self, candidates: &mut u64, first: &First<'_>) -> Option<usize> {
        let port = first.port;
        let word = self.ports.get(usize::from(port >> 6 & 3)).copied().unwrap_or(0);
        let rounds: &[bool] = if word >> (port & 63) & 1 == 0 { &[false] } else { &[true, false] };
        for by_port in rounds {
            let mut left = *candidates;
            while left != 0 {
                let bit = left & left.wrapping_neg();
                left ^= bit;
                let place = usize::try_from(bit.trailing_zeros()).ok()?;
                let row = self.rows.get(place)?;
                if rounds.len() > 1 && row.ports.contains(&port) != *by_port {
                    continue;
                }
                match (row.recognises)(first) {
                    Verdict::Yes => return Some(place),
                    Verdict::Maybe => {}
                    Verdict::No => *candidates ^= bit,
                }
            }
        }
        None
    }
}
