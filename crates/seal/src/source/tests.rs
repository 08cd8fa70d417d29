use std::os::unix::fs::PermissionsExt as _;

use expect_test::{Expect, expect};

use super::*;

const HEX: &str = "0707070707070707070707070707070707070707070707070707070707070707";

#[test]
fn file_of_its_owner() {
    check("FILE", 0o600, expect!["the key 5d04800b"]);
}

#[test]
fn file_that_others_can_read() {
    check(
        "FILE",
        0o640,
        expect![[r"the master key FILE can be read by others (640): chmod 600 FILE"]],
    );
}

#[test]
fn file_that_is_not_there() {
    let told = told(&Source::File("/nowhere/master.key".into()));
    expect!["the master key /nowhere/master.key is not there"].assert_eq(&told);
}

#[test]
fn file_with_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "secret but no key").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let told = told(&Source::File(path.clone())).replace(path.to_str().unwrap(), "FILE");
    expect![
        "the file FILE does not hold a master key: 32 bytes as base64 or as hexadecimal digits"
    ]
    .assert_eq(&told);
}

#[test]
fn variables() {
    let variable = |name: &str| Source::Variable(name.to_owned());
    expect!["the key 5d04800b"].assert_eq(&told(&variable("GOOD")));
    expect!["the variable UNSET is not set, and the master key should be in it"]
        .assert_eq(&told(&variable("UNSET")));
    let phrase = |name: &str| Source::Passphrase(name.to_owned());
    expect!["a passphrase"].assert_eq(&told(&phrase("PHRASE")));
    expect!["the passphrase has fewer than 12 letters"].assert_eq(&told(&phrase("SHORT")));
}

#[test]
fn commands() {
    let command = |words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        told(&Source::Command(words))
    };
    expect!["the key 5d04800b"].assert_eq(&command(&["echo", HEX]));
    expect!["the command false that gives the master key failed: exit status: 1"]
        .assert_eq(&command(&["false"]));
    expect![
        "the command sh does not hold a master key: 32 bytes as base64 or as hexadecimal digits"
    ]
    .assert_eq(&command(&["sh", "-c", "yes | head -c 4000"]));
    assert!(!command(&["sh", "-c", "yes | head -c 1000000"]).starts_with("the key"));
    expect!["the command /nowhere/key that gives the master key cannot be started: No such file or directory (os error 2)"]
        .assert_eq(&command(&["/nowhere/key"]));
}

#[test]
fn command_that_never_ends() {
    let words = ["sleep".to_owned(), "1000".to_owned()];
    let error = run(&words, Duration::from_millis(5)).unwrap_err();
    expect!["the command sleep that gives the master key took more than 0 s"]
        .assert_eq(&error.to_string());
}

#[test]
fn nothing_secret_is_shown() {
    let typed = Source::Typed(Typed(Zeroizing::new("correct horse battery".to_owned())));
    let secret = typed.secret(|_| None).unwrap();
    assert_eq!(format!("{typed:?} {secret:?}"), "Typed(Typed(…)) Passphrase(Typed(…))");
    let key = Source::Variable("GOOD".to_owned()).secret(|_| Some(HEX.to_owned())).unwrap();
    assert_eq!(format!("{key:?}"), "Key(MasterKey(DataKey(…)))");
}

fn told(source: &Source) -> String {
    let variable = |name: &str| match name {
        "GOOD" => Some(HEX.to_owned()),
        "PHRASE" => Some("correct horse battery staple".to_owned()),
        "SHORT" => Some("secret".to_owned()),
        _ => None,
    };
    match source.secret(variable) {
        Ok(Secret::Key(key)) => format!("the key {}", key.id()),
        Ok(Secret::Passphrase(_)) => "a passphrase".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(name: &str, mode: u32, expect: Expect) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, format!("{HEX}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    let told = told(&Source::File(path.clone())).replace(path.to_str().unwrap(), name);
    expect.assert_eq(&told);
}
