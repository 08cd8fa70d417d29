//! The handshake of RFB 3.3, 3.7 and 3.8 (RFC 6143), up to the password.

/// Bytes of a challenge and of its answer.
const CHALLENGE_BYTES: usize = 16;
/// Bytes of the version that each side sends.
const VERSION_BYTES: usize = 12;

/// What the client may ask for; the server offers this one.
const VNC_AUTHENTICATION: u8 = 2;

/// What reading came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More bytes are needed.
    More,
    /// Say this and read on.
    Say(Vec<u8>),
    /// The client answered the challenge; this is to be said, then it is over.
    Tried { response: [u8; CHALLENGE_BYTES], say: Vec<u8> },
    /// It is no client, or wants what is not offered; this is to be said, then it is over.
    Over(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Version,
    Security,
    Response,
    Done,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Machine {
    challenge: [u8; CHALLENGE_BYTES],
    place: Place,
    minor: u8,
    held: Vec<u8>,
    client: String,
}

impl Machine {
    pub(super) fn new(challenge: [u8; CHALLENGE_BYTES]) -> Self {
        Self { challenge, place: Place::Version, minor: 3, held: Vec::new(), client: String::new() }
    }

    /// The version that the client sent, as it came.
    pub(super) fn client(&self) -> &str {
        &self.client
    }

    /// Challenge and response as programs that try passwords read them.
    pub(super) fn crackable(&self, response: &[u8; CHALLENGE_BYTES]) -> String {
        format!("$vnc$*{}*{}", crate::text::hex(&self.challenge), crate::text::hex(response))
    }

    /// Reads from the front of `input`.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Step {
        while self.place != Place::Done {
            let wanted = match self.place {
                Place::Version => VERSION_BYTES,
                Place::Security => 1,
                Place::Response | Place::Done => CHALLENGE_BYTES,
            };
            let missing = wanted.saturating_sub(self.held.len()).min(input.len());
            let (piece, rest) = input.split_at_checked(missing).unwrap_or_default();
            self.held.extend_from_slice(piece);
            *input = rest;
            // What cannot become a version any more is answered at once.
            let noise = self.place == Place::Version
                && !b"RFB 003.".starts_with(self.held.get(..8).unwrap_or(&self.held));
            if self.held.len() < wanted && !noise {
                return Step::More;
            }
            let held = std::mem::take(&mut self.held);
            match self.place {
                Place::Version => return self.version(&held),
                Place::Security => return self.security(held.first().copied().unwrap_or(0)),
                Place::Response => return self.response(&held),
                Place::Done => {}
            }
        }
        *input = &[];
        Step::More
    }

    fn version(&mut self, held: &[u8]) -> Step {
        self.client = held.escape_ascii().to_string();
        let digits = held.strip_prefix(b"RFB 003.").and_then(|rest| rest.strip_suffix(b"\n"));
        let minor = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u16>().ok());
        let Some(minor) = minor else {
            self.place = Place::Done;
            return Step::Over(Vec::new());
        };
        self.minor = match minor {
            7 => 7,
            // Versions in between count as 3.3 (section 7.1.1).
            ..=6 => 3,
            _ => 8,
        };
        if self.minor == 3 {
            self.place = Place::Response;
            return Step::Say([&[0, 0, 0, VNC_AUTHENTICATION][..], &self.challenge].concat());
        }
        self.place = Place::Security;
        Step::Say(vec![1, VNC_AUTHENTICATION])
    }

    fn security(&mut self, kind: u8) -> Step {
        if kind == VNC_AUTHENTICATION {
            self.place = Place::Response;
            return Step::Say(self.challenge.to_vec());
        }
        self.place = Place::Done;
        Step::Over(self.failure("Security type not supported"))
    }

    fn response(&mut self, held: &[u8]) -> Step {
        self.place = Place::Done;
        let mut response = [0; CHALLENGE_BYTES];
        response.iter_mut().zip(held).for_each(|(to, from)| *to = *from);
        Step::Tried { response, say: self.failure("Authentication failure") }
    }

    /// That it did not work; since 3.8 with a reason.
    fn failure(&self, reason: &str) -> Vec<u8> {
        let mut say = vec![0, 0, 0, 1];
        if self.minor == 8 {
            say.extend(u32::try_from(reason.len()).unwrap_or(0).to_be_bytes());
            say.extend(reason.as_bytes());
        }
        say
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn steps(bytes: &[u8], step: usize) -> Vec<Step> {
        let mut machine = Machine::new([0x11; 16]);
        let mut steps = Vec::new();
        for mut piece in bytes.chunks(step.max(1)) {
            while !piece.is_empty() {
                match machine.next(&mut piece) {
                    Step::More => break,
                    step => steps.push(step),
                }
            }
        }
        steps
    }

    #[test]
    fn each_version_has_its_handshake() {
        let response = [7; 16];
        let old = [b"RFB 003.003\n".as_slice(), &response].concat();
        assert_eq!(
            steps(&old, 5),
            [
                Step::Say([&[0, 0, 0, 2][..], &[0x11; 16]].concat()),
                Step::Tried { response, say: vec![0, 0, 0, 1] }
            ]
        );
        let new = [b"RFB 003.008\n\x02".as_slice(), &response].concat();
        let Some(Step::Tried { say, .. }) = steps(&new, 100).pop() else { panic!() };
        assert_eq!(&say[..8], [0, 0, 0, 1, 0, 0, 0, 22]);
        let machine = Machine::new([0x11; 16]);
        assert_eq!(
            machine.crackable(&response),
            "$vnc$*11111111111111111111111111111111*07070707070707070707070707070707"
        );
    }

    #[test]
    fn what_is_not_offered_and_what_is_no_client() {
        let other = steps(b"RFB 003.007\n\x01", 100);
        assert_eq!(other[1], Step::Over(vec![0, 0, 0, 1]));
        assert_eq!(steps(b"GET / HTTP/1.0\r\n", 100), [Step::Over(Vec::new())]);
        assert_eq!(steps(b"RFB 003.x08\n", 3), [Step::Over(Vec::new())]);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces(
            start in prop::sample::select(vec!["", "RFB 003.003\n", "RFB 003.008\n", "RFB 003."]),
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            step in 1..20usize,
        ) {
            let bytes = [start.as_bytes(), &bytes].concat();
            prop_assert_eq!(steps(&bytes, step), steps(&bytes, 1000));
        }
    }
}
