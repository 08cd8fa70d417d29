//! SMTP from outside, with real clients where they are installed.

use super::super::shared::testing::{nmap, quarantined, run, run_with};
use crate::testing::House;

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_to_elsewhere_is_refused_and_one_to_here_is_kept() {
    let house = House::new("smtp").await;
    let url = format!("smtp://{}/spammer.example", house.address);
    let letter = "Subject: test\r\nX-Mailer: sender 1\r\n\r\nhello\r\n.dot\r\n";
    let args = [
        "-s",
        "-S",
        "--max-time",
        "30",
        &url,
        "--mail-from",
        "a@spammer.example",
        "--mail-rcpt",
        "victim@example.com",
        "-T",
        "-",
    ];
    let Some(told) = run_with("curl", &args, letter).await else { return };
    assert!(told.contains("454"), "{told}");
    let event = house.event_where(|event| event["event"]["reason"] == "mail_relay").await;
    assert_eq!(event["process"]["command_line"], "RCPT TO:<victim@example.com>");
    assert_eq!(event["event"]["outcome"], "failure");
    assert_eq!(event["bartizan"]["decoy"]["client"], "spammer.example");
    let to = format!("root@{}", house.persona().domain());
    let args = [
        "-s",
        "-S",
        "--max-time",
        "30",
        &url,
        "--mail-from",
        "a@spammer.example",
        "--mail-rcpt",
        &to,
        "-T",
        "-",
    ];
    assert_eq!(run_with("curl", &args, letter).await.unwrap(), "");
    let event = house.event("upload").await;
    assert_eq!(event["email"]["subject"], "test");
    assert_eq!(event["email"]["x_mailer"], "sender 1");
    assert_eq!(event["email"]["to"]["address"][0], to);
    assert_eq!(quarantined(&house, &event), letter.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_speaks_tls_after_starttls() {
    let house = House::new("smtp").await;
    let at = house.address.to_string();
    let args = ["s_client", "-connect", &at, "-starttls", "smtp", "-crlf", "-quiet"];
    let input = "EHLO x\nAUTH PLAIN AHJvb3QAb3BlbnNlc2FtZQ==\nquit\n";
    let Some(told) = run_with("openssl", &args, input).await else { return };
    assert!(told.contains(house.persona().host_name()), "{told}");
    let event = house.event("login").await;
    assert_eq!(event["user"]["name"], "root");
    assert_eq!(event["bartizan"]["decoy"]["password"], "opensesame");
    assert_eq!(event["event"]["outcome"], "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn hydra_tries_passwords() {
    let house = House::new("smtp").await;
    let port = house.address.port().to_string();
    let args =
        ["-s", &port, "-t", "1", "-I", "-l", "info", "-p", "no such password", "smtp://127.0.0.1"];
    let Some(told) = run("hydra", &args).await else { return };
    assert!(told.contains("0 valid password"), "{told}");
    let event = house.event("login").await;
    assert_eq!(event["user"]["name"], "info");
    assert_eq!(event["bartizan"]["decoy"]["password"], "no such password");
}

#[tokio::test]
async fn pieces_of_a_letter_make_one() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let house = House::new("smtp").await;
    let mut stream = house.connect().await;
    stream
        .write_all(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<root>\r\nBDAT 4\r\na\r\nbBDAT 3 LAST\r\nc\r\nQUIT\r\n")
        .await
        .unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).await.unwrap();
    assert!(told.contains("250 2.0.0 Ok: 4 bytes\r\n250 2.0.0 Ok: queued as "), "{told}");
    assert!(told.ends_with("221 2.0.0 Bye\r\n"), "{told}");
    let event = house.event("upload").await;
    assert_eq!(quarantined(&house, &event), b"a\r\nbc\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn nmap_names_it() {
    let house = House::new("smtp").await;
    let Some(told) = nmap(&house).await else { return };
    assert!(told.contains("Postfix smtpd"), "{told}");
}
