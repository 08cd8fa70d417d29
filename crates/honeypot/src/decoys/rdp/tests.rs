#![allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "what the tests write is short"
)]

use proptest::prelude::*;

use super::*;
use crate::der::{SEQUENCE, value};
use crate::ntlm::tests::{answer, cracks, hello, names};
use crate::talk::testing::{feed, field};
use crate::testing::{House, client, list, run};

fn rdp() -> Rdp {
    Rdp::new(Setup { names: names(), now: 133_500_000_000_000_000, nonce: [3; 8] })
}

fn request(cookie: &str, tail: &[u8]) -> Vec<u8> {
    let length = 11 + cookie.len() + tail.len();
    let mut out = vec![3, 0, 0, length as u8, (length - 5) as u8, 0xe0, 0, 0, 0, 0, 0];
    out.extend(cookie.as_bytes());
    out.extend(tail);
    out
}

#[test]
fn nmap_sees_windows() {
    let mut rdp = rdp();
    let turns = feed(&mut rdp, &request("Cookie: mstshash=nmap\r\n", &[1, 0, 8, 0, 3, 0, 0, 0]));
    assert_eq!(turns.out, b"\x03\0\0\x13\x0e\xd0\0\0\x124\0\x02\x1f\x08\0\x02\0\0\0");
    assert_eq!(field(&turns, "user.name"), "nmap");
    assert_eq!(field(&turns, "bartizan.decoy.protocols"), "tls,credssp");
    assert_eq!(turns.then, Then::Tls);
}

#[test]
fn without_network_level_authentication_the_client_is_told_to_use_it() {
    let turns = feed(&mut rdp(), &request("Cookie: mstshash=a\r\n", &[1, 0, 8, 0, 1, 0, 0, 0]));
    assert_eq!(turns.out[11..], [3, 0, 8, 0, 5, 0, 0, 0]);
    assert_eq!(turns.then, Then::Close);
}

#[test]
fn an_old_client_says_who_it_is_and_is_let_go() {
    let mut rdp = rdp();
    let turns = feed(&mut rdp, &request("", &[]));
    assert_eq!(turns.out, [3, 0, 0, 11, 6, 0xd0, 0, 0, 0x12, 0x34, 0]);
    let mut core = vec![0x01, 0xc0, 0, 0];
    core.extend([4, 0, 8, 0, 0, 4, 0, 3, 1, 0xca, 3, 0xaa]);
    core.extend(0x0000_0407_u32.to_le_bytes());
    core.extend(2600_u32.to_le_bytes());
    let mut name = crate::octets::to_utf16("OLDPC");
    name.resize(32, 0);
    core.extend(name);
    core[2] = core.len() as u8;
    let mut body = b"\x02\xf0\x80\x7f\x65...Duca".to_vec();
    body.push(core.len() as u8);
    body.extend(core);
    let mut message = vec![3, 0, 0, (body.len() + 4) as u8];
    message.extend(body);
    let turns = feed(&mut rdp, &message);
    assert_eq!(field(&turns, "bartizan.decoy.workstation"), "OLDPC");
    assert_eq!(field(&turns, "bartizan.decoy.client_version"), "2600");
    assert_eq!(turns.then, Then::Close);
}

fn wrapped(token: &[u8]) -> Vec<u8> {
    credssp::token(6, token)
}

#[test]
fn the_hash_of_a_log_in_is_that_of_the_password() {
    let mut rdp = rdp();
    feed(&mut rdp, &request("", &[1, 0, 8, 0, 2, 0, 0, 0]));
    let turns = feed(&mut rdp, &wrapped(&hello()));
    let reply = turns.out;
    let challenge = credssp::read(&reply).expect("an answer").token.expect("a challenge");
    let turns = feed(&mut rdp, &wrapped(&answer("Administrator", "CORP", "Winter!23", challenge)));
    assert_eq!(field(&turns, "user.name"), "Administrator");
    assert!(cracks(&field(&turns, "bartizan.decoy.hash"), "Winter!23"));
    assert_eq!(turns.told[0].succeeded, Some(false));
    // [0] 6, [4] 0xc000006d as four bytes.
    assert_eq!(turns.out, b"\x30\x0d\xa0\x03\x02\x01\x06\xa4\x06\x02\x04\xc0\0\0\x6d");
    assert_eq!(turns.then, Then::Close);
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        feed(&mut rdp(), &bytes);
        let mut within = rdp();
        feed(&mut within, &request("", &[1, 0, 8, 0, 2, 0, 0, 0]));
        feed(&mut within, &value(SEQUENCE, &[&bytes]));
        let mut old = rdp();
        feed(&mut old, &request("", &[]));
        let mut message = vec![3, 0, 2, 0];
        message.extend(b"\x02\xf0\x80Duca");
        message.extend(&bytes);
        message.resize(512, 0);
        feed(&mut old, &message);
    }

    #[test]
    fn a_log_in_with_some_bytes_changed(at in 0_usize..200, byte in any::<u8>()) {
        let mut rdp = rdp();
        feed(&mut rdp, &request("", &[1, 0, 8, 0, 2, 0, 0, 0]));
        let mut first = wrapped(&hello());
        let place = at % first.len();
        first[place] = byte;
        feed(&mut rdp, &first);
        let mut last = wrapped(&answer("a", "b", "c", &ntlm::challenge(
            &ntlm::negotiate(&hello()).unwrap(), &names(), [3; 8], 1)));
        let place = at % last.len();
        last[place] = byte;
        feed(&mut rdp, &last);
    }
}

#[tokio::test]
async fn guessers_leave_hashes() {
    let house = House::new("rdp").await;
    let words = list(&["Winter1"]);
    let path = words.path().to_str().unwrap();
    let target = format!("rdp://127.0.0.1:{}", house.address.port());
    if let Some(said) = run("hydra", &["-l", "bob", "-P", path, "-t", "1", "-I", &target]) {
        assert!(said.contains("0 valid password"), "{said}");
        let login = house.event("login").await;
        assert_eq!(login["user"]["name"], "bob");
        assert!(cracks(login["bartizan"]["decoy"]["hash"].as_str().unwrap(), "Winter1"));
    }
    if run("ncrack", &["-g", "to=3s", "-u", "eve", "-P", path, &target]).is_some() {
        let event = house.event_where(|event| event["user"]["name"] == "NCRACK_USER").await;
        assert_eq!(event["bartizan"]["decoy"]["protocols"], "rdp");
    }
}

#[tokio::test]
async fn scanners_name_the_product() {
    // A house of its own: guessers make so much work that whoever shares their address waits.
    let house = House::new("rdp").await;
    let port = house.address.port().to_string();
    if let Some(said) = run("nmap", &["-sV", "-Pn", "-p", &port, "127.0.0.1"]) {
        assert!(said.contains("Microsoft Terminal Services"), "{said}");
    }
}

#[tokio::test]
async fn xfreerdp_leaves_a_hash() {
    // It wants a display, even where it shows nothing.
    if client("xvfb-run").is_none() || client("xfreerdp").is_none() {
        return;
    }
    let house = House::new("rdp").await;
    let target = format!("/v:127.0.0.1:{}", house.address.port());
    let arguments = [
        "-a",
        "xfreerdp",
        &target,
        "/u:alice",
        "/p:Sommer1",
        "/d:CORP",
        "/cert:ignore",
        "+auth-only",
    ];
    run("xvfb-run", &arguments);
    let login = house.event("login").await;
    assert_eq!(login["user"]["domain"], "CORP");
    assert!(cracks(login["bartizan"]["decoy"]["hash"].as_str().unwrap(), "Sommer1"));
}
