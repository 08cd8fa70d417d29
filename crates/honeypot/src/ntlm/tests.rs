use proptest::prelude::*;

use super::answer::proof;
use super::*;

/// Whether a line of hashcat's mode 5600 is that of this password.
pub(crate) fn cracks(line: &str, password: &str) -> bool {
    let unhex = |text: &str| -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    };
    let parts: Vec<&str> = line.split(':').collect();
    let [user, "", domain, nonce, told, blob] = parts[..] else { panic!("no hash: {line}") };
    proof(user, domain, password, &unhex(nonce), &unhex(blob)) == *unhex(told)
}

pub(crate) fn names() -> Names {
    Names {
        computer: "SRV01".to_owned(),
        domain: "CORP".to_owned(),
        dns_computer: "srv01.corp.example".to_owned(),
        dns_domain: "corp.example".to_owned(),
        version: (10, 0, 17763),
    }
}

/// A client's last message, answering as the specification says.
pub(crate) fn answer(user: &str, domain: &str, password: &str, challenge: &[u8]) -> Vec<u8> {
    let nonce = &challenge[24..32];
    let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
    blob.extend([9; 8]);
    blob.extend([0xaa; 8]);
    blob.extend([0; 4]);
    let (length, offset) = (
        u16::from_le_bytes(challenge[40..42].try_into().unwrap()),
        u32::from_le_bytes(challenge[44..48].try_into().unwrap()),
    );
    blob.extend(&challenge[size(offset)..][..usize::from(length)]);
    blob.extend([0; 4]);
    let mut nt = proof(user, domain, password, nonce, &blob).to_vec();
    nt.extend(blob);
    message(user, domain, &[0; 24], &nt)
}

fn message(user: &str, domain: &str, lm: &[u8], nt: &[u8]) -> Vec<u8> {
    let mut head = SIGNATURE.to_vec();
    head.extend(3_u32.to_le_bytes());
    let mut tail: Vec<u8> = Vec::new();
    let (domain, user, host) = (to_utf16(domain), to_utf16(user), to_utf16("KALI"));
    for part in [lm, nt, &domain, &user, &host, &[][..]] {
        put_field(&mut head, part.len(), 72 + tail.len());
        tail.extend(part);
    }
    head.extend((UNICODE | VERSION).to_le_bytes());
    head.extend([10, 0, 0x61, 0x4a, 0, 0, 0, 15]);
    head.extend(tail);
    head
}

pub(crate) fn hello() -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    out.extend(1_u32.to_le_bytes());
    out.extend((UNICODE | REQUEST_TARGET | NTLM | EXTENDED_SECURITY | VERSION).to_le_bytes());
    out.extend([0; 16]);
    out.extend([6, 1, 0xb1, 0x1d, 0, 0, 0, 15]);
    out
}

#[test]
fn a_captured_hash_is_that_of_the_password_and_of_no_other() {
    let nonce = [7; 8];
    let asked = negotiate(&hello()).expect("a first message");
    assert_eq!(asked.version.as_deref(), Some("6.1.7601"));
    let challenge = challenge(&asked, &names(), nonce, 133_000_000_000_000_000);
    let told =
        authenticate(&answer("Alice", "CORP", "Sommer2024!", &challenge)).expect("an answer");
    assert_eq!((told.user.as_str(), told.domain.as_str()), ("Alice", "CORP"));
    assert_eq!(told.workstation, "KALI");
    let line = told.hash(nonce).expect("a hash");
    assert!(cracks(&line, "Sommer2024!"), "{line}");
    assert!(!cracks(&line, "sommer2024!"));
    assert!(told.is_of("Sommer2024!", nonce) && !told.is_of("", nonce));
}

#[test]
fn nobody_in_particular_has_no_hash() {
    let told = authenticate(&message("", "", &[0], &[])).expect("an answer");
    assert!(told.is_anonymous());
    assert_eq!(told.hash([1; 8]), None);
}

#[test]
fn old_answers_are_kept_in_their_own_form() {
    let told = authenticate(&message("bob", "WG", &[1; 24], &[2; 24])).expect("an answer");
    assert_eq!(told.kind(), "NetNTLMv1");
    let expected = format!("bob::WG:{}:{}:0505050505050505", "01".repeat(24), "02".repeat(24));
    assert_eq!(told.hash([5; 8]), Some(expected));
}

#[test]
fn fields_that_point_outside_are_refused() {
    let mut out = message("bob", "WG", &[1; 24], &[2; 24]);
    out[24..28].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(authenticate(&out), None);
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut message = SIGNATURE.to_vec();
        message.extend(bytes);
        let _ = (negotiate(&message), authenticate(&message), within(&message));
    }

    #[test]
    fn a_message_with_some_bytes_changed(at in 12_usize..120, byte in any::<u8>()) {
        let mut out = message("bob", "WG", &[1; 24], &[2; 80]);
        out[at] = byte;
        if let Some(told) = authenticate(&out) {
            let _ = told.hash([0; 8]);
        }
    }
}
