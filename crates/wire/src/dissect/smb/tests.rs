use expect_test::expect;

use super::super::shared::ntlm::tests::authenticate;
use super::super::shared::testing::{feed_about, tcp};
use super::*;

const C: Direction = Direction::Client;
const S: Direction = Direction::Server;

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[1..], message].concat()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A message of version 2: command, status, flags, number, tree, body.
fn two(command: u16, status: u32, flags: u32, id: u64, tree: u32, body: &[u8]) -> Vec<u8> {
    let mut message = b"\xfeSMB\x40\0\0\0".to_vec();
    message.extend(status.to_le_bytes());
    message.extend(command.to_le_bytes());
    message.extend([0, 0]);
    message.extend(flags.to_le_bytes());
    message.extend(0_u32.to_le_bytes());
    message.extend(id.to_le_bytes());
    message.extend(0_u32.to_le_bytes());
    message.extend(tree.to_le_bytes());
    message.extend([0; 24]);
    message.extend(body);
    framed(&message)
}

fn placed(before: usize, parts: &[u8], after: usize, data: &[u8]) -> Vec<u8> {
    let mut body = vec![0; before];
    body.extend(parts);
    let place = u16::try_from(64 + before + parts.len() + 4 + after).unwrap();
    body.extend(place.to_le_bytes());
    body.extend(u16::try_from(data.len()).unwrap().to_le_bytes());
    body.extend(vec![0; after]);
    body.extend(data);
    body
}

#[test]
fn a_tree_that_is_given_anew_is_the_new_share() {
    let connect = |id, path: &str| {
        let request = placed(4, &[], 0, &wide(path));
        [(C, two(3, 0, 0, id, 0, &request)), (S, two(3, 0, 1, id, 5, &[0; 16]))]
    };
    let file = placed(40, &[0; 4], 8, &wide("a.txt"));
    let mut messages = connect(1, "\\\\FS1\\public").to_vec();
    messages.extend(connect(2, "\\\\FS1\\secret"));
    messages.push((C, two(5, 0, 0, 3, 5, &file)));
    messages.push((S, two(5, 0, 1, 3, 5, &[0; 80])));
    let messages: Vec<(Direction, &[u8])> =
        messages.iter().map(|(direction, bytes)| (*direction, bytes.as_slice())).collect();
    let told = feed_about(&SMB, &tcp(445), &messages);
    let opened = told.lines().last().unwrap();
    assert!(opened.contains(r#""path":"a.txt""#) && opened.contains("secret"), "{told}");
}

#[test]
fn dialect_log_in_share_and_files() {
    let dialect =
        [&65_u16.to_le_bytes()[..], &3_u16.to_le_bytes(), &0x0311_u16.to_le_bytes()].concat();
    let login = placed(12, &[], 8, &authenticate("ann", "CORP", "DESK1"));
    let share = placed(4, &[], 0, &wide("\\\\FS1\\data"));
    let file = placed(40, &[0; 4], 8, &wide("plans\\q3.xlsx"));
    let handle = [vec![0; 64], vec![7; 16]].concat();
    let name = wide("plans\\q3.locked");
    let mut rename = vec![33, 0, 1, 10];
    rename.extend(u32::try_from(name.len() + 20).unwrap().to_le_bytes());
    rename.extend((64_u16 + 32).to_le_bytes());
    rename.extend([0; 6]);
    rename.extend([7; 16]);
    rename.extend([0; 16]);
    rename.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
    rename.extend(name);
    let file = two(5, 0, 0, 4, 5, &file);
    let told = feed_about(
        &SMB,
        &tcp(445),
        &[
            (C, &two(0, 0, 0, 1, 0, &[0; 40])),
            (S, &two(0, 0, 1, 1, 0, &dialect)),
            (C, &two(1, 0, 0, 2, 0, &login)),
            (S, &two(1, 0xc000_006d, 1, 2, 0, &[9, 0])),
            (C, &two(3, 0, 0, 3, 0, &share)),
            (S, &two(3, 0, 1, 3, 5, &[16, 0])),
            (C, &file[..90]),
            (C, &file[90..]),
            (S, &two(5, 0, 1, 4, 5, &handle)),
            (C, &two(17, 0, 0, 5, 5, &rename)),
            (S, &two(17, 0, 1, 5, 5, &[2, 0])),
        ],
    );
    expect![[r#"
        smb_negotiated  {"smb":{"version":3,"dialect":"3.1.1","signing_required":true}}
        smb_login failure {"user":{"name":"ann","domain":"CORP"},"smb":{"status":3221225581,"workstation":"DESK1"}}
        smb_connected success {"user":{"name":"ann","domain":"CORP"},"smb":{"share":"\\\\FS1\\data","status":0}}
        smb_opened success {"file":{"path":"plans\\q3.xlsx","name":"q3.xlsx"},"smb":{"share":"\\\\FS1\\data","status":0},"user":{"name":"ann","domain":"CORP"}}
        smb_renamed success {"file":{"path":"plans\\q3.xlsx","name":"q3.xlsx"},"smb":{"share":"\\\\FS1\\data","target":"plans\\q3.locked","status":0},"user":{"name":"ann","domain":"CORP"}}
    "#]].assert_eq(&told);
}

/// A message of version 1: command, status, flags, number, words, bytes.
fn one(command: u8, status: u32, flags: u8, id: u16, words: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut message = b"\xffSMB".to_vec();
    message.push(command);
    message.extend(status.to_le_bytes());
    message.push(flags);
    message.extend([0; 2 + 12 + 2 + 2 + 2]);
    message.extend(id.to_le_bytes());
    message.push(u8::try_from(words.len() / 2).unwrap());
    message.extend(words);
    message.extend(u16::try_from(bytes.len()).unwrap().to_le_bytes());
    message.extend(bytes);
    framed(&message)
}

#[test]
fn version_one() {
    let told = feed_about(
        &SMB,
        &tcp(139),
        &[
            (C, &one(0x72, 0, 0, 1, &[], b"\x02PC NETWORK PROGRAM 1.0\0\x02NT LM 0.12\0")),
            (S, &one(0x72, 0, ANSWER, 1, &[1, 0, 3, 0], b"")),
            (C, &one(0x73, 0, 0, 2, &[0; 26], b"ann\0CORP\0Unix\0")),
            (S, &one(0x73, 0, ANSWER, 2, &[], b"")),
            (C, &one(0x75, 0, 0, 3, &[0; 8], b"\\\\FS1\\IPC$\0?????\0")),
            (S, &one(0x75, 0xc000_0022, ANSWER, 3, &[], b"")),
        ],
    );
    expect![[r#"
        smb_negotiated  {"smb":{"version":1,"dialect":"NT LM 0.12","signing_required":false}}
        smb_login success {"user":{"name":"ann","domain":"CORP"},"smb":{"status":0}}
        smb_connected failure {"user":{"name":"ann","domain":"CORP"},"smb":{"share":"\\\\FS1\\IPC$","status":3221225506}}
    "#]].assert_eq(&told);
}

const ANSWER: u8 = 0x80;

#[test]
fn data_is_skipped_by_its_length() {
    let mut smb = Smb::default();
    let about = tcp(445);
    let mut lines = crate::json::Lines::default();
    let mut told = Told::new(&mut lines, &about, "smb", 9);
    let mut write = two(9, 0, 0, 1, 5, &[]);
    write[1..4].copy_from_slice(&[0x10, 0, 0]);
    assert_eq!(smb.feed(C, &write, &mut told), Progress::Taken(4 + 0x0010_0000));
}
