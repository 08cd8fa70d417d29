#![allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "what the tests write is short"
)]

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use ring::{digest, hmac, pbkdf2};

use super::*;
use crate::talk::Secret;
use crate::talk::testing::{feed, field};
use crate::testing::{House, list, python, run};

fn mongo() -> Mongo {
    let gate = |user: &str, secret: Secret<'_>| match secret {
        Secret::Plain(_) => false,
        Secret::Answer(gives) => user == "root" && gives("opensesame"),
    };
    let setup = Setup {
        version: "4.4.29".to_owned(),
        host: "db01".to_owned(),
        peer: "192.0.2.9:40000".to_owned(),
        data: Data::new(2),
        connection: 7,
        logins: LogIns::new([3; 16], [9; 24], Box::new(gate)),
    };
    Mongo { setup, answered: 0 }
}

fn framed(operation: u32, body: &[u8]) -> Vec<u8> {
    let mut out = ((16 + body.len()) as u32).to_le_bytes().to_vec();
    out.extend(77_u32.to_le_bytes());
    out.extend([0; 4]);
    out.extend(operation.to_le_bytes());
    out.extend(body);
    out
}

fn message(document: &Document) -> Vec<u8> {
    framed(MESSAGE, &[vec![0; 5], document.bytes()].concat())
}

fn ask(mongo: &mut Mongo, document: &Document) -> (Document, Turn) {
    let turn = feed(mongo, &message(document));
    let answer = bson::read(&mut Octets::new(&turn.out[21..])).expect("a document");
    (answer, turn)
}

fn command(name: &str, value: impl Into<Value>) -> Document {
    Document::default().with(name, value).with("$db", "webapp")
}

#[test]
fn nmap_reads_the_version() {
    let mut body = vec![0; 4];
    body.extend(b"test.$cmd\0");
    body.extend([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    body.extend(Document::default().with("serverStatus", 1.0).bytes());
    let turn = feed(&mut mongo(), &framed(QUERY, &body));
    let at =
        turn.out.windows(12).position(|part| part == b"version\0\x07\0\0\0").expect("a version");
    assert_eq!(&turn.out[at + 12..at + 18], b"4.4.29");
    let turn = feed(&mut mongo(), b"GET / HTTP/1.0\r\n\r\n");
    assert!(turn.out.ends_with(b"native driver port.\n"));
}

#[test]
fn a_ransom_is_recorded_and_seen_again() {
    let mut mongo = mongo();
    let (answer, _) = ask(&mut mongo, &command("find", "accounts"));
    assert!(bson::shown(&answer, 9999).contains("office@adler.example"));
    let (answer, turn) = ask(&mut mongo, &command("dropDatabase", 1));
    assert_eq!(answer.text("dropped"), Some("webapp"));
    assert_eq!(field(&turn, "process.command_line"), "webapp {dropDatabase: 1}");
    let note = Document::default().with("content", "Send 0.1 BTC to recover your data");
    let insert = command("insert", "README").with("documents", vec![Value::Document(note)]);
    let (answer, turn) = ask(&mut mongo, &insert);
    assert_eq!(answer.get("n"), Some(&Value::Int(1)));
    assert!(field(&turn, "process.command_line").contains("Send 0.1 BTC"));
    let (answer, _) = ask(&mut mongo, &command("listCollections", 1));
    let shown = bson::shown(&answer, 9999);
    assert!(shown.contains("README") && !shown.contains("accounts"), "{shown}");
    let (answer, _) = ask(&mut mongo, &command("find", "README"));
    assert!(bson::shown(&answer, 9999).contains("Send 0.1 BTC"));
}

/// What a client proves, by the formula of RFC 5802.
fn proof(sha1: bool, password: &str, salt: &[u8], rounds: u32, said: &str) -> Vec<u8> {
    let (kdf, mac, hash, length) = if sha1 {
        (
            pbkdf2::PBKDF2_HMAC_SHA1,
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            &digest::SHA1_FOR_LEGACY_USE_ONLY,
            20,
        )
    } else {
        (pbkdf2::PBKDF2_HMAC_SHA256, hmac::HMAC_SHA256, &digest::SHA256, 32)
    };
    let mut salted = vec![0; length];
    pbkdf2::derive(kdf, NonZeroU32::new(rounds).unwrap(), salt, password.as_bytes(), &mut salted);
    let client = hmac::sign(&hmac::Key::new(mac, &salted), b"Client Key");
    let stored = digest::digest(hash, client.as_ref());
    let signature = hmac::sign(&hmac::Key::new(mac, stored.as_ref()), said.as_bytes());
    client.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect()
}

/// Whether a recorded proof is that of a password.
fn cracks(line: &str, password: &str) -> bool {
    let parts: Vec<&str> = line.split('$').collect();
    let (rounds, salt) = parts[1].split_once(':').unwrap();
    let (said, own) = parts[2].split_once(':').unwrap();
    let read = |text: &str| STANDARD.decode(text).unwrap();
    let said = String::from_utf8(read(said)).unwrap();
    proof(parts[0] == "SCRAM-SHA-1", password, &read(salt), rounds.parse().unwrap(), &said)
        == read(own)
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), operation in 2000_u32..2015) {
        feed(&mut mongo(), &bytes);
        feed(&mut mongo(), &framed(operation, &bytes));
        let mut sections = vec![0; 4];
        sections.extend(&bytes);
        feed(&mut mongo(), &framed(MESSAGE, &sections));
    }

    #[test]
    fn a_command_with_a_byte_changed(at in 16_usize..300, byte in any::<u8>()) {
        let note = Document::default().with("a", "b").with("c", 1.5);
        let insert = command("insert", "README").with("documents", vec![Value::Document(note)]);
        let mut bytes = message(&insert);
        let at = 16 + at % (bytes.len() - 16);
        bytes[at] = byte;
        feed(&mut mongo(), &bytes);
    }
}

#[tokio::test]
async fn pymongo_looks_around_takes_a_ransom_and_logs_in() {
    let house = House::new("mongodb").await;
    let port = house.address.port();
    let script = format!(
        "import pymongo\n\
         c = pymongo.MongoClient('127.0.0.1', {port}, serverSelectionTimeoutMS=20000, appname='meow')\n\
         print(c.server_info()['version'])\n\
         for d in c.list_database_names():\n\
         \x20 if d in ('admin', 'config', 'local'): continue\n\
         \x20 for n in c[d].list_collection_names(): print(n, list(c[d][n].find())[:1], c[d][n].count_documents({{}}))\n\
         \x20 c.drop_database(d)\n\
         \x20 c[d].note.insert_one({{'x': 'pay 0.1 BTC'}})\n\
         \x20 print(c[d].list_collection_names(), c[d].note.find_one()['x'])\n"
    );
    let Some(said) = python("pymongo", &script) else { return };
    assert!(said.contains("4.4.29") && said.contains("office@adler.example"), "{said}");
    assert!(said.contains("['note'] pay 0.1 BTC"), "{said}");
    let client = house.event_where(|event| event["bartizan"]["decoy"]["client"].is_string()).await;
    assert!(client["bartizan"]["decoy"]["client"].as_str().unwrap().contains("PyMongo"));
    let note = house.event_where(|event| {
        event["process"]["command_line"].as_str().is_some_and(|text| text.contains("pay 0.1 BTC"))
    });
    assert_eq!(note.await["event"]["action"], "decoy_command");
    for (mechanism, password, word) in [
        ("SCRAM-SHA-256", "opensesame", "opensesame"),
        // The older one hashes user and password before.
        ("SCRAM-SHA-1", "opensesame", "5d0ab4ea1f3ce8f4a53de1a1d4f70ddb"),
        ("SCRAM-SHA-256", "wrong", "wrong"),
    ] {
        let script = format!(
            "import pymongo\n\
             try:\n\
             \x20 c = pymongo.MongoClient('127.0.0.1', {port}, username='root', password='{password}', \
             authMechanism='{mechanism}', serverSelectionTimeoutMS=20000)\n\
             \x20 print('in', c.admin.command('ping'))\n\
             except Exception as error: print(error)\n"
        );
        let Some(said) = python("pymongo", &script) else { return };
        let login = house.event("login").await;
        let hash = login["bartizan"]["decoy"]["hash"].as_str().unwrap();
        let hashed =
            crate::octets::hex(&<md5::Md5 as md5::Digest>::digest("root:mongo:opensesame"));
        let word = if mechanism == "SCRAM-SHA-1" { &hashed } else { word };
        assert!(cracks(hash, word), "{mechanism} {hash}");
        assert_eq!(
            said.contains("in {'ok': 1.0}"),
            password == "opensesame",
            "{mechanism}: {said}"
        );
        assert!(password == "opensesame" || said.contains("Authentication failed"), "{said}");
    }
}

#[tokio::test]
async fn guessers_are_recorded_and_scanners_name_the_product() {
    let house = House::new("mongodb").await;
    let port = house.address.port().to_string();
    let words = list(&["a", "opensesame"]);
    let path = words.path().to_str().unwrap();
    let target = format!("mongodb://127.0.0.1:{port}");
    if run("hydra", &["-l", "root", "-P", path, "-t", "1", "-I", &target]).is_some() {
        assert_eq!(house.event("connection").await["network"]["protocol"], "mongodb");
    }
    if run("ncrack", &["-u", "root", "-P", path, &target]).is_some() {
        house.event("connection").await;
    }
    if let Some(said) = run("nmap", &["-sV", "-Pn", "-p", &port, "127.0.0.1"]) {
        assert!(said.contains("MongoDB 4.4.29"), "{said}");
    }
}
