#![allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "what the tests write is short"
)]

use proptest::prelude::*;

use super::*;
use crate::ntlm::tests::{answer, cracks, hello, names};
use crate::octets::to_utf16;
use crate::talk::testing::{feed, field};
use crate::talk::{Secret, Then};
use crate::testing::{House, list, run};

fn smb() -> Smb {
    let gate = |user: &str, secret: Secret<'_>| match secret {
        Secret::Plain(_) => false,
        Secret::Answer(gives) => user == "root" && gives("opensesame"),
    };
    Smb::new(Setup {
        names: names(),
        workgroup: "WORKGROUP".to_owned(),
        system: "Windows 6.1".to_owned(),
        manager: "Samba 4.13.13-Debian".to_owned(),
        comment: "IPC Service (srv01 server (Samba, Debian))".to_owned(),
        users: vec!["root".to_owned(), "anna".to_owned()],
        now: 133_500_000_000_000_000,
        guid: [1; 16],
        random: [2; 48],
        gate: Box::new(gate),
    })
}

fn request(smb: &Smb, command: u16, tree: u32, body: &[u8]) -> Vec<u8> {
    let session = if smb.asked.is_some() { smb.number } else { 0 };
    let head = Head { command, tree, session, ..Head::first() };
    let mut message = head.answer(0, body);
    // What an answer's head differs in: it says that it is one.
    message[16] = 0;
    with_length(&message)
}

fn negotiate(dialects: &[u16]) -> Vec<u8> {
    let mut body = vec![36, 0, dialects.len() as u8, 0, 1, 0, 0, 0];
    body.extend([0; 28]);
    body.extend(dialects.iter().flat_map(|dialect| dialect.to_le_bytes()));
    body
}

fn set_up(token: &[u8]) -> Vec<u8> {
    let mut body = vec![25, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 88, 0];
    body.extend((token.len() as u16).to_le_bytes());
    body.extend([0; 8]);
    body.extend(token);
    body
}

fn status(turn: &Turn) -> u32 {
    u32::from_le_bytes(turn.out[12..16].try_into().unwrap())
}

/// A machine to which somebody has given this name and password.
fn logged_in(user: &str, password: &str) -> (Smb, Turn) {
    let mut smb = smb();
    let turn = {
        let message = request(&smb, head::NEGOTIATE, 0, &negotiate(&[0x0202, 0x0210]));
        feed(&mut smb, &message)
    };
    assert_eq!(turn.out[72..74], [0x10, 0x02]);
    let message = request(&smb, head::SESSION_SETUP, 0, &set_up(&hello()));
    let turn = feed(&mut smb, &message);
    assert_eq!(status(&turn), head::MORE_PROCESSING_REQUIRED);
    let challenge = turn.out[76..].to_vec();
    let message =
        request(&smb, head::SESSION_SETUP, 0, &set_up(&answer(user, "WG", password, &challenge)));
    let turn = feed(&mut smb, &message);
    (smb, turn)
}

#[test]
fn the_hash_of_a_log_in_is_that_of_the_password() {
    let (_, turn) = logged_in("anna", "Herbst#7");
    assert_eq!(status(&turn), head::LOGON_FAILURE);
    assert!(cracks(&field(&turn, "bartizan.decoy.hash"), "Herbst#7"));
    assert_eq!(field(&turn, "user.name"), "anna");
    assert_eq!(field(&turn, "bartizan.decoy.workstation"), "KALI");
    let (_, turn) = logged_in("root", "opensesame");
    assert_eq!((status(&turn), turn.told[0].succeeded), (head::SUCCESS, Some(true)));
    // Who is not known is a guest, and leaves a hash all the same.
    let (_, turn) = logged_in("nobody-here", "x1");
    assert_eq!(status(&turn), head::SUCCESS);
    assert_eq!(field(&turn, "bartizan.decoy.guest"), "true");
    assert!(cracks(&field(&turn, "bartizan.decoy.hash"), "x1"));
}

#[test]
fn without_a_session_nothing_is_given() {
    let mut smb = smb();
    for command in [head::TREE_CONNECT, head::CREATE, head::WRITE, head::IOCTL] {
        let message = request(&smb, command, 1, &[0; 64]);
        let turn = feed(&mut smb, &message);
        assert_eq!(status(&turn), head::USER_SESSION_DELETED);
    }
}

fn connect(smb: &mut Smb, share: &str) -> u32 {
    let path = to_utf16(&format!("\\\\srv01\\{share}"));
    let mut body = vec![9, 0, 0, 0, 72, 0];
    body.extend((path.len() as u16).to_le_bytes());
    body.extend(path);
    let message = request(smb, head::TREE_CONNECT, 0, &body);
    let turn = feed(smb, &message);
    u32::from_le_bytes(turn.out[40..44].try_into().unwrap())
}

fn create(name: &str) -> Vec<u8> {
    let name = to_utf16(name);
    let mut body = vec![57, 0, 0, 0, 2, 0, 0, 0];
    body.extend([0; 16]);
    for number in [0x0012_019f_u32, 0x80, 7, 5, 0x40] {
        body.extend(number.to_le_bytes());
    }
    body.extend(120_u16.to_le_bytes());
    body.extend((name.len() as u16).to_le_bytes());
    body.extend([0; 8]);
    body.extend(name);
    body
}

fn write(id: &[u8], data: &[u8]) -> Vec<u8> {
    let mut body = vec![49, 0, 112, 0];
    body.extend((data.len() as u32).to_le_bytes());
    body.extend([0; 8]);
    body.extend(id);
    body.extend([0; 16]);
    body.extend(data);
    body
}

#[test]
fn a_file_that_is_not_closed_is_kept_at_the_end() {
    let (mut smb, _) = logged_in("guest", "");
    let tree = connect(&mut smb, "public");
    let message = request(&smb, head::CREATE, tree, &create("evil.exe"));
    let turn = feed(&mut smb, &message);
    assert_eq!(status(&turn), head::SUCCESS);
    let id = turn.out[132..148].to_vec();
    let message = request(&smb, head::WRITE, tree, &write(&id, b"MZ\x90"));
    assert_eq!(status(&feed(&mut smb, &message)), head::SUCCESS);
    let told = smb.ended();
    let file = told[0].file.clone().expect("a file");
    assert_eq!((file.name.as_str(), file.bytes.as_slice()), ("evil.exe", &b"MZ\x90"[..]));
}

#[test]
fn handles_and_trees_have_bounds() {
    let (mut smb, _) = logged_in("guest", "");
    let tree = connect(&mut smb, "public");
    for _ in 0..200 {
        connect(&mut smb, "public");
        let message = request(&smb, head::CREATE, tree, &create("readme.txt"));
        feed(&mut smb, &message);
    }
    assert!(smb.opens.len() <= open::OPENS_MAX && smb.trees.len() <= 16);
}

proptest! {
    #[test]
    fn any_bytes(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        command in 0_u16..20,
        is_pipes in any::<bool>(),
    ) {
        feed(&mut smb(), &with_length(&bytes));
        let mut old = one::MAGIC.to_vec();
        old.extend(&bytes);
        feed(&mut smb(), &with_length(&old));
        let (mut smb, _) = logged_in("guest", "");
        let tree = connect(&mut smb, if is_pipes { "IPC$" } else { "public" });
        let message = request(&smb, head::CREATE, tree, &create(if is_pipes { "srvsvc" } else { "" }));
        let id = feed(&mut smb, &message).out.get(132..148).map(<[u8]>::to_vec).unwrap_or_default();
        let message = request(&smb, command, tree, &bytes);
        feed(&mut smb, &message);
        let mut rpc = b"\x05\0\0\x03\x10\0\0\0".to_vec();
        rpc.extend(&bytes);
        let message = request(&smb, head::WRITE, tree, &write(&id, &rpc));
        feed(&mut smb, &message);
        smb.ended();
    }

    #[test]
    fn requests_with_a_byte_changed(at in 0_usize..200, byte in any::<u8>()) {
        let (mut smb, _) = logged_in("guest", "");
        let tree = connect(&mut smb, "public");
        for (command, body) in [
            (head::NEGOTIATE, negotiate(&[0x0311])),
            (head::SESSION_SETUP, set_up(&hello())),
            (head::CREATE, create("a")),
            (head::WRITE, write(&[1; 16], b"abc")),
            (head::QUERY_DIRECTORY, create("*")),
        ] {
            let mut message = request(&smb, command, tree, &body);
            let place = 4 + at % (message.len() - 4);
            message[place] = byte;
            feed(&mut smb, &message);
        }
    }
}

#[test]
fn a_message_of_another_protocol_ends_it() {
    assert_eq!(feed(&mut smb(), b"GET / HTTP/1.0\r\n\r\n").then, Then::Close);
    assert_eq!(feed(&mut smb(), &[0, 0xff, 0xff, 0xff]).then, Then::Close);
}

#[tokio::test]
async fn smbclient_lists_takes_and_puts() {
    let house = House::new("smb").await;
    let port = house.address.port().to_string();
    let Some(said) = run("smbclient", &["-L", "//127.0.0.1", "-p", &port, "-N"]) else { return };
    assert!(
        said.contains("print$") && said.contains("Office share") && said.contains("IPC Service"),
        "{said}"
    );
    let folder = tempfile::tempdir().unwrap();
    let (got, put) = (folder.path().join("got"), folder.path().join("put"));
    std::fs::write(&put, b"left here").unwrap();
    let asked = format!(
        "ls; get readme.txt {}; put {} dropped.bin; ls; rename dropped.bin other.bin; del other.bin",
        got.display(),
        put.display()
    );
    let arguments = ["//127.0.0.1/public", "-p", &port, "-U", "alice%Sommer1", "-c", &asked];
    let said = run("smbclient", &arguments).unwrap();
    assert!(said.contains("phone list.csv") && said.contains("dropped.bin"), "{said}");
    assert!(std::fs::read_to_string(&got).unwrap().contains("Scans are kept"));
    let login = house.event_where(|event| event["user"]["name"] == "alice").await;
    assert!(cracks(login["bartizan"]["decoy"]["hash"].as_str().unwrap(), "Sommer1"));
    let upload = house.event("upload").await;
    assert_eq!(upload["file"]["name"], "dropped.bin");
    assert_eq!(upload["file"]["size"], 9);
    assert_eq!(house.vault().quarantined().len(), 1);
    let gone =
        house.event_where(|event| event["process"]["command_line"] == "delete other.bin").await;
    assert_eq!(gone["event"]["action"], "decoy_command");
    let known = house.persona().users()[1].name.clone();
    let who = format!("{known}%wrong");
    let said =
        run("smbclient", &["//127.0.0.1/public", "-p", &port, "-U", &who, "-c", "ls"]).unwrap();
    assert!(said.contains("NT_STATUS_LOGON_FAILURE"), "{said}");
}

#[tokio::test]
async fn guessers_leave_hashes_and_scanners_name_the_product() {
    let house = House::new("smb").await;
    let port = house.address.port().to_string();
    let words = list(&["Winter1"]);
    let path = words.path().to_str().unwrap();
    let target = format!("smb://127.0.0.1:{port}");
    let has_hash = |event: &serde_json::Value| event["bartizan"]["decoy"]["hash"].is_string();
    if run("hydra", &["-l", "bob", "-P", path, "-t", "1", "-I", &target]).is_some() {
        assert_eq!(house.event_where(has_hash).await["user"]["name"], "bob");
    }
    if run("ncrack", &["-u", "eve", "-P", path, &target]).is_some() {
        assert_eq!(house.event_where(has_hash).await["user"]["name"], "eve");
    }
    if run("medusa", &["-h", "127.0.0.1", "-n", &port, "-u", "ida", "-P", path, "-M", "smbnt"])
        .is_some()
    {
        let event = house.event_where(|event| event["user"]["name"] == "ida").await;
        assert_eq!(event["event"]["action"], "decoy_login");
    }
    if let Some(said) = run("nmap", &["-sV", "-Pn", "-p", &port, "127.0.0.1"]) {
        assert!(said.contains("Samba smbd"), "{said}");
    }
}
