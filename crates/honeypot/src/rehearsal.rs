//! The protocols without a socket, for whoever throws bytes at them.

use crate::decoys;
use crate::talk::{Length, Talk, Then};

/// Messages that one rehearsal plays.
const MESSAGES_MAX: usize = 4096;

/// Plays one of the protocols that are machines on these bytes, chosen by the first of them, as if they
/// came over a connection; gives how many bytes were answered.
pub fn rehearse(bytes: &[u8]) -> usize {
    let Some((which, mut rest)) = bytes.split_first() else { return 0 };
    let mut talk: Box<dyn Talk> = match which % 5 {
        0 => Box::new(decoys::mysql::rehearsed()),
        1 => Box::new(decoys::postgres::rehearsed()),
        2 => Box::new(decoys::mongodb::rehearsed()),
        3 => Box::new(decoys::rdp::rehearsed()),
        _ => Box::new(decoys::smb::rehearsed()),
    };
    let mut answered = talk.greet().out.len();
    for _ in 0..MESSAGES_MAX {
        let Length::Whole(length) = talk.length(rest) else { break };
        let Some((message, after)) = rest.split_at_checked(length) else { break };
        let turn = talk.take(message);
        answered += turn.out.len();
        rest = after;
        if turn.then == Then::Close {
            break;
        }
    }
    talk.ended();
    answered
}
