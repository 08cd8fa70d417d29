//! The vectors of the specification, and tokens that were tampered with.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// Key, time and token of the specification's examples (`generate.json`, `verify.json`).
const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
/// 1985-10-26T01:20:00-07:00.
const MADE: u64 = 499_162_800;
const HELLO: &str = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";

#[test]
fn generate() {
    let iv = std::array::from_fn(|at| u8::try_from(at).unwrap());
    assert_eq!(fernet(KEY).seal_with(b"hello", MADE, iv).unwrap(), HELLO);
}

#[test]
fn verify() {
    check(HELLO, 1, expect!["hello"]);
    // As some writers leave it out.
    check(HELLO.trim_end_matches('='), 1, expect!["hello"]);
}

/// `invalid.json`, in its order.
#[test]
fn invalid() {
    check(
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
        1,
        expect!["not authentic"],
    );
    check("gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==", 1, expect!["no token"]);
    check(
        "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
        1,
        expect!["no token"],
    );
    check(
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm",
        1,
        expect!["malformed"],
    );
    check(
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
        1,
        expect!["malformed"],
    );
    check(
        "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==",
        1,
        expect!["from the future"],
    );
    check(
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
        91,
        expect!["too old"],
    );
    check(
        "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
        1,
        expect!["malformed"],
    );
    check(&format!("{HELLO}trailingdata"), 1, expect!["no token"]);
    check(
        "*gAAAAAAdwJ6wAAECAwQFBgcI!CQoLDA0ODy021?cpGVWKZ_eEwC@GM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==",
        1,
        expect!["no token"],
    );
    check(
        "gAAAAAAdwJ6wAAEC/AwQFBgcICQoLDA0ODy+021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==",
        1,
        expect!["no token"],
    );
}

#[test]
fn the_oldest_that_is_taken() {
    check(HELLO, 60, expect!["hello"]);
    check(HELLO, 61, expect!["too old"]);
}

#[test]
fn an_empty_text_has_a_token() {
    let token = fernet(KEY).seal(b"", MADE).unwrap();
    assert_eq!(token.len(), fernet_token_bytes(0));
    check(&token, 1, expect![""]);
}

#[test]
fn all_keys_are_tried_and_the_first_makes() {
    let (new, old) = (Fernet::generate().unwrap(), Fernet::generate().unwrap());
    let both = fernet(&format!("# newest first\n{}\n{}, {KEY} # the example's\n", *new, *old));
    assert_eq!(both.keys(), 3);
    let room = &mut Vec::new();
    for maker in [&*new, &*old, KEY] {
        let token = fernet(maker).seal(b"text", 7).unwrap();
        assert_eq!(both.open(token.as_bytes(), 7, room), Ok(&b"text"[..]));
    }
    let token = both.seal(b"text", 7).unwrap();
    assert_eq!(fernet(&new).open(token.as_bytes(), 7, room), Ok(&b"text"[..]));
    assert_eq!(fernet(&old).open(token.as_bytes(), 7, room), Err(FernetFault::NotAuthentic));
    assert_eq!(format!("{both:?}"), "Fernet(3 keys)");
}

#[test]
fn what_is_no_key_is_told_by_its_place() {
    let told = |text: &str| Fernet::from_text(text).unwrap_err().to_string();
    assert_eq!(told("# none\n"), "holds no key");
    let second = "key 2 is no Fernet key, which is 32 bytes in URL-safe base64";
    for wrong in ["short", &KEY[4..], &format!("AAAA{KEY}"), &KEY.replace('_', "/")] {
        assert_eq!(told(&format!("{KEY}\n{wrong}\n")), second);
    }
    let many = format!("{KEY}\n").repeat(FERNET_KEYS_MAX + 1);
    assert_eq!(told(&many), "holds more than 16 keys");
}

fn fernet(keys: &str) -> Fernet {
    Fernet::from_text(keys).unwrap()
}

#[track_caller]
fn check(token: &str, seconds_later: u64, expect: Expect) {
    let fernet = fernet(KEY).with_age_max(Some(Duration::from_mins(1)));
    let mut room = Vec::new();
    let shown = match fernet.open(token.as_bytes(), MADE + seconds_later, &mut room) {
        Ok(text) => String::from_utf8(text.to_vec()).unwrap(),
        Err(fault) => fault.as_str().to_owned(),
    };
    expect.assert_eq(&shown);
}

proptest! {
    #[test]
    fn opens_only_what_was_sealed(
        text: Vec<u8>, now: u64, at in any::<prop::sample::Index>(), flip in 1_u8..,
    ) {
        let fernet = fernet(KEY);
        let token = fernet.seal(&text, now).unwrap();
        prop_assert_eq!(token.len(), fernet_token_bytes(text.len()));
        let room = &mut Vec::new();
        prop_assert_eq!(fernet.open(token.as_bytes(), now, room), Ok(&text[..]));
        let mut bytes = BASE64.decode(&token).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let token = BASE64.encode(bytes);
        prop_assert_eq!(
            fernet.open(token.as_bytes(), now, room),
            Err(FernetFault::NotAuthentic),
        );
    }

    #[test]
    fn any_bytes_are_refused(bytes: Vec<u8>, now: u64) {
        prop_assert!(fernet(KEY).open(&bytes, now, &mut Vec::new()).is_err());
        let token = BASE64.encode(&bytes);
        prop_assert!(fernet(KEY).open(token.as_bytes(), now, &mut Vec::new()).is_err());
    }
}
