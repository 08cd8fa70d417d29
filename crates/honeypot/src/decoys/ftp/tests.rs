//! FTP from outside, with real clients where they are installed.

use super::super::shared::testing::{nmap, quarantined, run, run_with};
use crate::testing::House;

#[tokio::test(flavor = "multi_thread")]
async fn curl_lists_fetches_and_leaves_files() {
    let house = House::new("ftp").await;
    let url = format!("ftp://{}/pub/", house.address);
    let Some(told) = run("curl", &["-s", "--max-time", "60", &url]).await else { return };
    assert!(told.contains("-rw-r--r--    1 0        0") && told.contains("README"), "{told}");
    let told = run("curl", &["-s", "--max-time", "60", &format!("{url}README")]).await.unwrap();
    assert!(told.contains(house.persona().domain()), "{told}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"\x7fELF".repeat(20_000)).unwrap();
    let path = file.path().display().to_string();
    let to = format!("ftp://{}/incoming/x.elf", house.address);
    let args = ["-sS", "--max-time", "60", "-T", &path, "-u", "root:opensesame", &to];
    assert_eq!(run("curl", &args).await.unwrap(), "");
    let event = house.event_where(|event| event["user"]["name"] == "root").await;
    assert_eq!(event["bartizan"]["decoy"]["password"], "opensesame");
    assert_eq!(event["event"]["outcome"], "success");
    let event = house.event("upload").await;
    assert_eq!(event["file"]["path"], "/incoming/x.elf");
    assert_eq!(event["file"]["size"], 80_000);
    assert_eq!(quarantined(&house, &event), b"\x7fELF".repeat(20_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_client_looks_around() {
    let house = House::new("ftp").await;
    let port = house.address.port().to_string();
    let input = "user anonymous a@b\nls\ncd incoming\nmkdir x\npwd\nquit\n";
    let Some(told) = run_with("ftp", &["-n", "-v", "127.0.0.1", &port], input).await else {
        return;
    };
    assert!(told.contains("230 Login successful."), "{told}");
    assert!(told.contains("incoming") && told.contains("226 Directory send OK."), "{told}");
    assert!(told.contains("257 \"/incoming/x\" created"), "{told}");
    let event = house.event("login").await;
    assert_eq!(event["user"]["name"], "anonymous");
    let event = house.event_where(|event| event["process"]["command_line"] == "MKD x").await;
    assert_eq!(event["event"]["outcome"], "success");
}

#[tokio::test]
async fn a_data_port_is_for_the_same_address_alone() {
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
    let house = House::new("ftp").await;
    let mut stream = BufReader::new(house.connect().await);
    let mut said = async |text: &str| {
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        line
    };
    assert!(said("").await.starts_with("220 (vsFTPd 3.0."));
    said("USER ftp\r\n").await;
    assert_eq!(said("PASS x\r\n").await, "230 Login successful.\r\n");
    assert_eq!(said("PORT 127,0,0,1,200,200\r\n").await, "500 Illegal PORT command.\r\n");
    assert_eq!(said("LIST\r\n").await, "425 Use PORT or PASV first.\r\n");
    let told = said("EPSV\r\n").await;
    let port: u16 = told.split('|').nth(3).unwrap().parse().unwrap();
    assert!(said("NLST\r\n").await.starts_with("150"));
    // Another address of this machine knocks first and gets nothing.
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    other.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut stranger = other.connect(([127, 0, 0, 1], port).into()).await.unwrap();
    let mut got = Vec::new();
    assert!(stranger.read_to_end(&mut got).await.is_err() || got.is_empty());
    let mut data = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut got = String::new();
    data.read_to_string(&mut got).await.unwrap();
    assert_eq!(got, "backup\r\nincoming\r\npub\r\n");
    assert_eq!(said("").await, "226 Directory send OK.\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn hydra_tries_passwords() {
    let house = House::new("ftp").await;
    let port = house.address.port().to_string();
    let args =
        ["-s", &port, "-t", "1", "-I", "-l", "admin", "-p", "no such password", "ftp://127.0.0.1"];
    let Some(told) = run("hydra", &args).await else { return };
    assert!(told.contains("0 valid password"), "{told}");
    let event = house.event("login").await;
    assert_eq!(event["bartizan"]["decoy"]["password"], "no such password");
    assert_eq!(event["event"]["outcome"], "failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn nmap_names_it() {
    let house = House::new("ftp").await;
    let Some(told) = nmap(&house).await else { return };
    let version = house.persona().version("vsftpd");
    assert!(told.contains(&format!("vsftpd {version}")), "{told}");
}
