#![allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "what the tests write is short"
)]

use proptest::prelude::*;
use sha1::{Digest, Sha1};

use super::*;
use crate::talk::testing::{feed, field};
use crate::testing::{House, list, python, run};

fn mysql(version: &str) -> MySql {
    let gate = |user: &str, secret: crate::talk::Secret<'_>| match secret {
        Secret::Plain(password) => (user, password) == ("root", "opensesame"),
        Secret::Answer(gives) => user == "root" && gives("opensesame"),
    };
    MySql::new(Setup {
        version: version.to_owned(),
        client: "192.0.2.9".to_owned(),
        schema: Schema::new(version, "db01", "Ubuntu", 0),
        random: [0x41; 44],
        gate: Box::new(gate),
    })
}

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![payload.len() as u8, (payload.len() >> 8) as u8, 0, sequence];
    out.extend(payload);
    out
}

fn response(user: &str, answer: &[u8], plugin: &str) -> Vec<u8> {
    let flags = login::PROTOCOL_41 | login::SECURE_CONNECTION | login::PLUGIN_AUTH;
    let mut out = flags.to_le_bytes().to_vec();
    out.extend([0, 0, 0, 1, 45]);
    out.extend([0; 23]);
    out.extend(user.as_bytes());
    out.push(0);
    out.push(answer.len() as u8);
    out.extend(answer);
    out.extend(plugin.as_bytes());
    out.push(0);
    packet(1, &out)
}

/// What the native plugin answers, as the server's manual has it.
fn native(password: &str, salt: &[u8]) -> Vec<u8> {
    let once = Sha1::digest(password);
    let twice = Sha1::digest(once);
    let mask = Sha1::digest([salt, &twice].concat());
    once.iter().zip(mask).map(|(a, b)| a ^ b).collect()
}

/// Whether a line of hashcat's mode 11200 is that of this password.
fn cracks(line: &str, password: &str) -> bool {
    let (salt, answer) = line.strip_prefix("$mysqlna$").unwrap().split_once('*').unwrap();
    crate::octets::hex(&native(password, &crate::sql::from_hex(salt).unwrap())) == answer
}

fn salt(greeting: &[u8]) -> Vec<u8> {
    let end = 5 + greeting[5..].iter().position(|byte| *byte == 0).unwrap();
    let low = &greeting[end + 5..end + 13];
    let high = &greeting[end + 32..end + 44];
    [low, high].concat()
}

#[test]
fn a_wrong_password_leaves_its_hash_and_the_true_words() {
    let mut mysql = mysql("5.5.5-10.5.26-MariaDB-0+deb11u2");
    let salt = salt(&mysql.greet().out);
    assert!(salt.iter().all(|byte| (1..127).contains(byte)));
    let turn = feed(&mut mysql, &response("admin", &native("hunter2", &salt), NATIVE));
    assert!(cracks(&field(&turn, "bartizan.decoy.hash"), "hunter2"));
    assert!(!cracks(&field(&turn, "bartizan.decoy.hash"), "hunter3"));
    let words = String::from_utf8_lossy(&turn.out).into_owned();
    assert!(
        words.ends_with("#28000Access denied for user 'admin'@'192.0.2.9' (using password: YES)")
    );
    assert_eq!(turn.then, Then::Close);
}

#[test]
fn another_plugin_is_switched_to_the_native_one() {
    let mut mysql = mysql("8.0.39-0ubuntu0.20.04.1");
    mysql.greet();
    let turn = feed(&mut mysql, &response("root", &[7; 32], CACHING));
    assert_eq!(turn.out[4], 0xfe);
    let salt = turn.out[turn.out.len() - 21..turn.out.len() - 1].to_vec();
    let turn = feed(&mut mysql, &packet(3, &native("opensesame", &salt)));
    assert_eq!(turn.told[0].succeeded, Some(true));
    assert!(cracks(&field(&turn, "bartizan.decoy.hash"), "opensesame"));
    assert_eq!(turn.out, [7, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0]);
}

#[test]
fn who_goes_away_before_the_end_is_told_too() {
    let mut mysql = mysql("8.0.39");
    mysql.greet();
    feed(&mut mysql, &response("root", &[7; 32], CACHING));
    let told = mysql.ended();
    assert_eq!(told[0].fields[0].1, "root");
    assert_eq!(told[0].succeeded, Some(false));
}

fn inside() -> MySql {
    let mut mysql = mysql("8.0.39");
    let salt = salt(&mysql.greet().out);
    feed(&mut mysql, &response("root", &native("opensesame", &salt), NATIVE));
    assert!(matches!(mysql.stage, Stage::In));
    mysql
}

#[test]
fn a_library_that_is_written_goes_into_quarantine() {
    let mut mysql = inside();
    let sql = b"\x03select 0x7f454c4602 into dumpfile '/usr/lib/mysql/plugin/u.so'";
    let turn = feed(&mut mysql, &packet(0, sql));
    let file = turn.told.iter().find_map(|told| told.file.clone()).expect("a file");
    assert_eq!(file.name, "/usr/lib/mysql/plugin/u.so");
    assert_eq!(file.bytes, b"\x7fELF\x02");
    feed(&mut mysql, &packet(0, b"\x03create function sys_eval returns string soname 'u.so'"));
    let turn = feed(&mut mysql, &packet(0, b"\x03select sys_eval('id')"));
    assert!(!turn.out.windows(2).any(|pair| pair == [0xff, 0x19]), "no error");
}

#[test]
fn calls_within_calls_have_a_bound() {
    let mut mysql = inside();
    let sql = format!("\x03select {}1{}", "md5(".repeat(5000), ")".repeat(5000));
    let turn = feed(&mut mysql, &packet(0, sql.as_bytes()));
    assert!(String::from_utf8_lossy(&turn.out).contains("Thread stack overrun"));
}

#[test]
fn names_that_are_made_up_take_no_memory_to_speak_of() {
    let mut mysql = inside();
    for at in 0..64 {
        let sql = format!("\x03create database {at}{}", "x".repeat(60_000));
        feed(&mut mysql, &packet(0, sql.as_bytes()));
    }
    assert!(mysql.setup.schema.databases().iter().map(String::len).sum::<usize>() < 20_000);
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut mysql = mysql("8.0.39");
        mysql.greet();
        feed(&mut mysql, &bytes);
        let mut mysql = inside();
        feed(&mut mysql, &packet(0, &bytes));
    }

    #[test]
    fn a_log_in_with_a_byte_changed(at in 4_usize..120, byte in any::<u8>()) {
        let mut mysql = mysql("8.0.39");
        let salt = salt(&mysql.greet().out);
        let mut message = response("root", &native("x", &salt), NATIVE);
        let at = at % message.len();
        message[at] = byte;
        feed(&mut mysql, &message);
        mysql.ended();
    }

    #[test]
    fn any_query(sql in "(select|show|create|drop|use|desc) ?[a-z@'\"`(),.*0-9x ]{0,60}") {
        let mut mysql = inside();
        feed(&mut mysql, &packet(0, format!("\x03{sql}").as_bytes()));
    }
}

#[tokio::test]
async fn the_mariadb_client_logs_in_looks_around_and_is_refused() {
    let house = House::of("mysql", |config| {
        config
            .persona
            .versions
            .insert("mysql".to_owned(), "5.5.5-10.5.26-MariaDB-0+deb11u2".to_owned());
    })
    .await;
    let port = house.address.port().to_string();
    let asked = "select version(); show databases; use mysql; select User from mysql.user; \
        select @@version_comment as c; select load_file('/etc/passwd');";
    let arguments = ["-h127.0.0.1", "-P", &port, "-uroot", "-popensesame", "-e", asked];
    let Some(said) = run("mysql", &arguments) else { return };
    assert!(said.contains("performance_schema") && said.contains("backup"), "{said}");
    assert!(said.contains("load_file"), "{said}");
    let login = house.event("login").await;
    assert_eq!(login["event"]["outcome"], "success");
    let query = house.event_where(|event| {
        event["process"]["command_line"].as_str().is_some_and(|text| text.contains("load_file"))
    });
    assert_eq!(query.await["event"]["action"], "decoy_command");
    let Some(said) =
        run("mysql", &["-h127.0.0.1", "-P", &port, "-uroot", "-pwrong", "-e", "select 1"])
    else {
        return;
    };
    assert!(said.contains("ERROR 1045 (28000)"), "{said}");
    assert!(
        said.contains("Access denied for user 'root'@'127.0.0.1' (using password: YES)"),
        "{said}"
    );
    let login = house.event("login").await;
    assert!(cracks(login["bartizan"]["decoy"]["hash"].as_str().unwrap(), "wrong"));
}

#[tokio::test]
async fn clients_in_python_log_in_over_tls_and_without() {
    let house = House::of("mysql", |config| {
        config.persona.versions.insert("mysql".to_owned(), "8.0.39-0ubuntu0.20.04.1".to_owned());
    })
    .await;
    let port = house.address.port();
    let script = format!(
        "import pymysql\n\
         c = pymysql.connect(host='127.0.0.1', port={port}, user='root', password='opensesame')\n\
         k = c.cursor(); k.execute('select 6*7 as x, version()'); print(k.fetchall())\n"
    );
    if let Some(said) = python("pymysql", &script) {
        assert!(said.contains("(('42', '8.0.39-0ubuntu0.20.04.1'),)"), "{said}");
        let login = house.event("login").await;
        // Over TLS a server that has nothing cached is given the password itself.
        assert_eq!(login["bartizan"]["decoy"]["password"], "opensesame");
    }
    let script = format!(
        "import mysql.connector\n\
         c = mysql.connector.connect(host='127.0.0.1', port={port}, user='root', password='opensesame', use_pure=True)\n\
         k = c.cursor(prepared=True)\n\
         k.execute('select concat(?, ?) as x, version()', (\"a'b\", 42)); print(k.fetchall())\n\
         k.execute('insert into orders values (?, ?, ?)', (None, 1.5, 'x')); print(k.rowcount)\n"
    );
    if let Some(said) = python("mysql.connector", &script) {
        assert!(said.contains("a'b42") && said.contains("8.0.39"), "{said}");
        let event =
            house.event_where(|event| event["bartizan"]["decoy"]["values"].is_array()).await;
        assert_eq!(event["bartizan"]["decoy"]["values"], serde_json::json!(["a'b", "42"]));
        assert_eq!(
            event["process"]["command_line"],
            r"select concat('a\'b', '42') as x, version()"
        );
        let event =
            house.event_where(|event| event["bartizan"]["decoy"]["values"].is_array()).await;
        assert_eq!(
            event["process"]["command_line"],
            "insert into orders values (NULL, '1.5', 'x')"
        );
    }
    let script = format!(
        "import mysql.connector\n\
         try:\n  mysql.connector.connect(host='127.0.0.1', port={port}, user='app', password='Geheim1', use_pure=True)\n\
         except mysql.connector.Error as error: print(error)\n"
    );
    if let Some(said) = python("mysql.connector", &script) {
        assert!(said.contains("1045 (28000): Access denied for user 'app'"), "{said}");
        let login = house.event("login").await;
        assert_eq!(login["bartizan"]["decoy"]["password"], "Geheim1");
    }
}

#[tokio::test]
async fn guessers_find_the_account_and_scanners_the_product() {
    // What they speak is what MariaDB asks for.
    let house = House::of("mysql", |config| {
        let version = "5.5.5-10.5.26-MariaDB-0+deb11u2".to_owned();
        config.persona.versions.insert("mysql".to_owned(), version);
    })
    .await;
    let port = house.address.port().to_string();
    let words = list(&["a", "opensesame"]);
    let path = words.path().to_str().unwrap();
    let target = format!("mysql://127.0.0.1:{port}");
    if let Some(said) = run("hydra", &["-l", "root", "-P", path, "-t", "1", "-I", &target]) {
        assert!(said.contains("password: opensesame"), "{said}");
    }
    if let Some(said) =
        run("medusa", &["-h", "127.0.0.1", "-n", &port, "-u", "root", "-P", path, "-M", "mysql"])
    {
        assert!(said.contains("ACCOUNT FOUND"), "{said}");
    }
    if let Some(said) = run("ncrack", &["-u", "root", "-P", path, &target]) {
        assert!(said.contains("'opensesame'"), "{said}");
    }
    if let Some(said) = run("nmap", &["-sV", "-Pn", "-p", &port, "127.0.0.1"]) {
        assert!(said.contains("open  mysql") && said.contains("10.5.26-MariaDB"), "{said}");
    }
}
