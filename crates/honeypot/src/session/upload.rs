//! A file that an intruder leaves.

use super::visit::now;
use super::{Fields, Visit};
use crate::vault::{Incoming, QuarantinedFile, Vault};

/// A file that comes in pieces, sealed and hashed on its way into quarantine.
#[derive(Debug)]
pub struct Upload {
    pub(super) visit: Visit,
    pub(super) name: String,
    pub(super) incoming: Option<Incoming>,
}

impl Upload {
    /// Takes the next piece; what is past the bound goes.
    pub fn push(&mut self, bytes: &[u8]) {
        let Some(incoming) = &mut self.incoming else { return };
        let room = self.visit.may_keep(bytes.len());
        let kept = bytes.get(..room).unwrap_or(bytes);
        incoming.leave_out(bytes.len() - kept.len());
        if let Err(error) = incoming.push(kept) {
            self.visit.sensor().fault(&error.to_string());
            self.incoming = None;
        }
    }

    /// Puts it into quarantine and tells of it.
    pub async fn finish(self, fields: Fields) -> Option<QuarantinedFile> {
        let (visit, incoming) = (self.visit, self.incoming?);
        let place = (visit.id(), visit.kind(), visit.peer().ip().to_string());
        let about = Vault::about(&self.name, now(), place);
        let kept = match incoming.finish(about) {
            Ok(kept) => kept,
            Err(error) => {
                visit.sensor().fault(&error.to_string());
                return None;
            }
        };
        let fields = fields
            .with("file.name", kept.name.clone())
            .with("file.size", kept.bytes.saturating_add(kept.left_out))
            .with("file.hash.sha256", kept.sha256.clone());
        visit.tell("upload", fields).await;
        Some(kept)
    }
}
