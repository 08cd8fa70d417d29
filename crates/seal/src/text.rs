//! Short texts that stand where only text may stand: in a database, in JSON.
//!
//! ```text
//! sealed1:KEY:BASE64    the number of the key in the keyring; nonce, what was sealed, tag
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::keyring::KeyId;
use crate::{DataKey, Keyring, SealError};

const PREFIX: &str = "sealed1:";
const PURPOSE: &str = "bartizan text";

/// Tells whether a text is one that [`Keyring::seal_text`] gave.
pub fn is_sealed_text(text: &str) -> bool {
    text.starts_with(PREFIX)
}

impl Keyring {
    /// Gives the text, sealed with the newest key. `context` is not kept, and must be the same when
    /// it is opened.
    pub fn seal_text(&self, context: &str, text: &str) -> Result<String, SealError> {
        let (id, key) = self.newest()?;
        let sealed = key.derive(PURPOSE)?.seal(context.as_bytes(), text.as_bytes())?;
        Ok(format!("{PREFIX}{}:{}", id.0, STANDARD_NO_PAD.encode(sealed)))
    }

    /// Opens what [`Self::seal_text`] gave, with the same context.
    pub fn open_text(&self, context: &str, sealed: &str) -> Result<String, SealError> {
        let malformed = SealError::Malformed("a sealed text");
        let parts = sealed.strip_prefix(PREFIX).and_then(|rest| rest.split_once(':'));
        let (id, body) = parts.ok_or(malformed.clone())?;
        let id = KeyId(id.parse().map_err(|_| malformed.clone())?);
        let body = STANDARD_NO_PAD.decode(body).map_err(|_| malformed.clone())?;
        let key: &DataKey = self.key(id).ok_or(SealError::Unknown(id.0))?;
        let text = key.derive(PURPOSE)?.open(context.as_bytes(), &body)?;
        String::from_utf8(text).map_err(|_| malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn opens_with_its_context_alone(text: String, context: String) {
            let old = Keyring::generate().unwrap();
            let sealed = old.seal_text(&context, &text).unwrap();
            prop_assert!(is_sealed_text(&sealed));
            let new = old.with_new_key().unwrap();
            prop_assert_eq!(new.open_text(&context, &sealed), Ok(text));
            prop_assert_eq!(new.open_text("another", &sealed), Err(SealError::Closed));
            let by_new = new.seal_text(&context, "x").unwrap();
            prop_assert_eq!(old.open_text(&context, &by_new), Err(SealError::Unknown(2)));
        }

        #[test]
        fn any_text_is_refused(text: String, number: u32) {
            let keyring = Keyring::generate().unwrap();
            prop_assert!(keyring.open_text("", &text).is_err());
            let sealed = format!("{PREFIX}{number}:{text}");
            prop_assert!(keyring.open_text("", &sealed).is_err());
        }
    }
}
