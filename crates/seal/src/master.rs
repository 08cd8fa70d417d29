//! The master key: 32 bytes that seal the keyring and nothing else.

use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::data_key::KEY_BYTES;
use crate::{DataKey, SealError};

const MALFORMED: SealError =
    SealError::Malformed("a master key: 32 bytes as base64 or as hexadecimal digits");

/// The key that seals the keyring.
#[derive(Debug)]
pub struct MasterKey(DataKey);

/// Tells which master key is meant and gives nothing of it away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MasterId(String);

impl MasterId {
    pub(crate) fn of_text(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for MasterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl MasterKey {
    /// Makes a new one.
    pub fn generate() -> Result<Self, SealError> {
        DataKey::generate().map(Self)
    }

    /// Gives the key of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, SealError> {
        DataKey::from_bytes(bytes).map(Self)
    }

    /// Reads the text of a key: base64, or hexadecimal digits.
    pub fn of_text(text: &str) -> Result<Self, SealError> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if text.len() == KEY_BYTES * 2 {
            let (pairs, _) = text.as_bytes().as_chunks::<2>();
            for (byte, pair) in bytes.iter_mut().zip(pairs) {
                let digits = std::str::from_utf8(pair).map_err(|_| MALFORMED)?;
                // A sign before a digit is no digit.
                let is_hex = pair.iter().all(u8::is_ascii_hexdigit);
                let byte_of = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex);
                *byte = byte_of.ok_or(MALFORMED)?;
            }
        } else {
            let decoded = Zeroizing::new(STANDARD.decode(text).map_err(|_| MALFORMED)?);
            let whole: &[u8; KEY_BYTES] = decoded.as_slice().try_into().map_err(|_| MALFORMED)?;
            *bytes = *whole;
        }
        DataKey::of(bytes).map(Self)
    }

    /// Gives the text of the key.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.bytes()))
    }

    /// Gives what tells this key from others.
    pub fn id(&self) -> MasterId {
        let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
        hash.update(b"bartizan master key");
        hash.update(self.0.bytes());
        let digest = hash.finish();
        MasterId(hex(digest.as_ref().iter().take(4)))
    }

    /// Writes the key to a file of its own, for its owner alone; an existing file is never touched.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let mut text = self.to_text();
        text.push('\n');
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = std::fs::remove_file(path);
            return Err(error);
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    pub(crate) fn key(&self) -> &DataKey {
        &self.0
    }
}

/// Gives bytes as hexadecimal digits.
pub(crate) fn hex<'b>(bytes: impl Iterator<Item = &'b u8>) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_texts_give_the_same_key() {
        let hex = MasterKey::of_text(&"07".repeat(32)).unwrap();
        expect!["5d04800b"].assert_eq(&hex.id().to_string());
        let base64 = MasterKey::of_text(&format!(" {}\n", &*hex.to_text())).unwrap();
        assert_eq!(base64.id(), hex.id());
    }

    #[test]
    fn what_is_no_key() {
        for text in ["", "07", &"+7".repeat(32), &"é".repeat(32), "AAAA", &"A".repeat(100)] {
            assert_eq!(MasterKey::of_text(text).unwrap_err(), MALFORMED, "{text}");
        }
    }

    #[test]
    fn a_file_is_never_written_over() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKey::generate().unwrap().write(&path).unwrap();
        let before = std::fs::read(&path).unwrap();
        let again = MasterKey::generate().unwrap().write(&path).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = MasterKey::of_text(&text);
        }
    }
}
