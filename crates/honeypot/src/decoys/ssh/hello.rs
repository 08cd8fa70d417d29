//! What the client says first: its greeting and its list of algorithms, of which HASSH is made.

use crate::session::Fields;
use crate::text::shown;

/// How much is kept of the beginning.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// What the client says first.
#[derive(Debug)]
pub(super) struct Hello {
    banner: String,
    kept: Vec<u8>,
    greeting: Option<String>,
    hassh: Option<String>,
    told: bool,
    done: bool,
    is_in: bool,
}

impl Hello {
    pub(super) fn new(banner: String) -> Self {
        Self {
            banner,
            kept: Vec::new(),
            greeting: None,
            hassh: None,
            told: false,
            done: false,
            is_in: false,
        }
    }

    /// Takes what is read, until the list of algorithms is whole.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.done {
            return;
        }
        let room = KEPT_BYTES_MAX.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        self.read();
        if self.done || self.kept.len() >= KEPT_BYTES_MAX {
            self.done = true;
            self.kept = Vec::new();
        }
    }

    fn read(&mut self) {
        let Some(end) = memchr::memchr(b'\n', &self.kept) else { return };
        let greeting = self.kept.get(..end).unwrap_or_default();
        self.greeting = Some(shown(greeting.trim_ascii_end(), 255));
        let Some(packet) = self.kept.get(end + 1..) else { return };
        let Some((length, packet)) = packet.split_first_chunk() else { return };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some(packet) = packet.get(..length) else { return };
        self.done = true;
        self.hassh = packet.get(1..).and_then(fingerprint::hassh);
    }

    /// Somebody is let in.
    pub(super) fn enter(&mut self) {
        self.is_in = true;
    }

    /// Tells whether somebody was.
    pub(super) fn is_in(&self) -> bool {
        self.is_in
    }

    /// Gives what to add to an event.
    pub(super) fn fields(&self) -> Fields {
        let mut fields = Fields::new().with("bartizan.decoy.banner_sent", self.banner.clone());
        if let Some(greeting) = &self.greeting {
            fields.set("bartizan.decoy.client", greeting.clone());
        }
        if let Some(hassh) = &self.hassh {
            fields.set("bartizan.ssh.hassh", hassh.clone());
        }
        fields
    }

    /// Gives what to tell if that was not told yet.
    pub(super) fn untold(&mut self) -> Option<Fields> {
        (!std::mem::replace(&mut self.told, true)).then(|| self.fields())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet() -> Vec<u8> {
        let mut payload = vec![20];
        payload.extend_from_slice(&[7; 16]);
        for list in [
            "curve25519-sha256",
            "ssh-ed25519",
            "aes128-ctr",
            "x",
            "hmac-sha2-256",
            "x",
            "none",
            "x",
            "",
            "",
        ] {
            payload.extend_from_slice(&u32::try_from(list.len()).unwrap().to_be_bytes());
            payload.extend_from_slice(list.as_bytes());
        }
        payload.extend_from_slice(&[0; 5]);
        let mut packet = u32::try_from(payload.len() + 1).unwrap().to_be_bytes().to_vec();
        packet.push(0);
        packet.extend_from_slice(&payload);
        packet
    }

    #[test]
    fn hassh_is_of_what_goes_to_the_server() {
        let mut hello = Hello::new("SSH-2.0-x".to_owned());
        let mut all = b"SSH-2.0-libssh_0.9.6\r\n".to_vec();
        all.extend_from_slice(&packet());
        for byte in all {
            hello.push(&[byte]);
        }
        let expected = fingerprint::md5("curve25519-sha256;aes128-ctr;hmac-sha2-256;none");
        assert_eq!(hello.hassh.as_deref(), Some(expected.as_str()));
        assert_eq!(hello.greeting.as_deref(), Some("SSH-2.0-libssh_0.9.6"));
        assert!(hello.untold().is_some() && hello.untold().is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_down(bytes: Vec<u8>, cut in 0_usize..200) {
            let mut hello = Hello::new(String::new());
            hello.push(b"SSH-2.0-x\n");
            hello.push(packet().get(..cut).unwrap_or_default());
            hello.push(&bytes);
            prop_assert!(hello.kept.len() <= KEPT_BYTES_MAX);
        }
    }
}
