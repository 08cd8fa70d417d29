//! The web site from outside, with real clients where they are installed.

use super::super::shared::testing::{nmap, quarantined, run};
use crate::testing::House;

const NGINX: &str = "nginx/1.18.0";
const APACHE: &str = "Apache/2.4.62 (Debian)";

async fn curl(house: &House, path: &str, args: &[&str]) -> Option<String> {
    let url = format!("http://{}{path}", house.address);
    let args: Vec<&str> =
        ["-s", "-i", "--max-time", "60", &url].into_iter().chain(args.iter().copied()).collect();
    Some(run("curl", &args).await?.replace('\r', ""))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_error_is_the_servers_own() {
    let house = House::with_banner("http", NGINX).await;
    let Some(told) = curl(&house, "/nothing?a=%27", &["-A", "scanner/1"]).await else { return };
    assert!(told.starts_with("HTTP/1.1 404 Not Found\nServer: nginx/1.18.0\nDate: "), "{told}");
    assert!(told.contains("<hr><center>nginx/1.18.0</center>"), "{told}");
    let event = house.event("request").await;
    for (pointer, value) in [
        ("/http/request/method", "GET"),
        ("/url/original", "/nothing?a=%27"),
        ("/url/path", "/nothing"),
        ("/url/query", "a=%27"),
        ("/http/version", "1.1"),
        ("/user_agent/original", "scanner/1"),
        ("/url/domain", "127.0.0.1"),
        ("/event/outcome", "failure"),
        ("/network/protocol", "http"),
    ] {
        assert_eq!(event.pointer(pointer).unwrap(), value, "{pointer}");
    }
    assert_eq!(event["http"]["response"]["status_code"], 404);
    assert_eq!(
        event["bartizan"]["decoy"]["header_order"],
        serde_json::json!(["Host", "User-Agent", "Accept"])
    );
    let headers = event["bartizan"]["request"]["headers"].as_array().unwrap();
    assert_eq!(headers.get(1).unwrap(), "User-Agent: scanner/1");
    assert_eq!(headers.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_is_taken_and_fails() {
    let house = House::with_banner("http", APACHE).await;
    let form = ["-d", "log=admin&pwd=hunter2&wp-submit=Log+In"];
    let Some(told) = curl(&house, "/wp-login.php", &form).await else { return };
    assert!(
        told.contains("The password you entered for the username <strong>admin</strong>"),
        "{told}"
    );
    assert!(told.contains("Set-Cookie: wordpress_test_cookie="), "{told}");
    let event = house.event("login").await;
    assert_eq!(event["user"]["name"], "admin");
    assert_eq!(event["bartizan"]["decoy"]["password"], "hunter2");
    let told = curl(&house, "/manager/html", &["-u", "tomcat:s3cret"]).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 401 Unauthorized\n"), "{told}");
    assert!(
        told.contains("WWW-Authenticate: Basic realm=\"Tomcat Manager Application\""),
        "{told}"
    );
    let event = house.event("login").await;
    assert_eq!(event["user"]["name"], "tomcat");
    assert_eq!(event["bartizan"]["decoy"]["password"], "s3cret");
    assert_eq!(event["url"]["path"], "/manager/html");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_uploaded_lies_in_quarantine() {
    let house = House::with_banner("http", NGINX).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"<?php system($_GET['c']);").unwrap();
    let form = format!("f=@{};filename=shell.php", file.path().display());
    let Some(_) = curl(&house, "/upload.php", &["-F", &form]).await else { return };
    let event = house.event("upload").await;
    assert_eq!(event["file"]["name"], "shell.php");
    assert_eq!(quarantined(&house, &event), b"<?php system($_GET['c']);");
    let path = file.path().display().to_string();
    let told = curl(&house, "/x.jsp", &["-T", &path]).await.unwrap();
    assert!(told.contains("HTTP/1.1 201 Created"), "{told}");
    let event = house.event("upload").await;
    assert_eq!(event["file"]["name"], "/x.jsp");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_serves_many_and_head_has_no_body() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let house = House::with_banner("http", APACHE).await;
    let mut stream = house.connect().await;
    stream
        .write_all(b"HEAD /.env HTTP/1.1\r\nHost: x\r\n\r\nGET /.git/HEAD HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).await.unwrap();
    assert_eq!(told.matches("HTTP/1.1 200 OK\r\n").count(), 2, "{told}");
    assert!(!told.contains("DB_PASSWORD") && told.ends_with("ref: refs/heads/main\n"), "{told}");
}

#[tokio::test]
async fn noise_is_answered_and_told() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let house = House::with_banner("http", NGINX).await;
    let mut stream = house.connect().await;
    stream.write_all(b"\x16\x03\x01\x00\xa5").await.unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 400 Bad Request\r\nServer: nginx/1.18.0\r\n"), "{told}");
    let event = house.event("malformed").await;
    assert_eq!(event["http"]["request"]["line"], "\\x16\\x03\\x01\\x00\\xa5");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_site_behind_tls() {
    let house = House::with_banner("https", NGINX).await;
    let url = format!("https://{}/robots.txt", house.address);
    let Some(told) = run("curl", &["-s", "-k", "-v", "--max-time", "60", &url]).await else {
        return;
    };
    assert!(told.contains("Disallow: /wp-admin/"), "{told}");
    assert!(told.contains(house.persona().host_name()), "{told}");
    let event = house.event("request").await;
    assert_eq!(event["tls"]["established"], true);
    let known = &event["tls"]["client"];
    assert_eq!(known["ja3"].as_str().unwrap().len(), 32, "{event}");
    assert!(known["ja4"].as_str().unwrap().starts_with("t13"), "{event}");
    assert_eq!(event["network"]["protocol"], "https");
    let plain = format!("http://{}/", house.address);
    let told = run("curl", &["-s", "-i", "--max-time", "60", &plain]).await.unwrap();
    assert!(told.contains("The plain HTTP request was sent to HTTPS port"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nmap_names_it() {
    let house = House::with_banner("http", NGINX).await;
    let Some(told) = nmap(&house).await else { return };
    assert!(told.contains("nginx 1.18.0"), "{told}");
    let house = House::with_banner("http", APACHE).await;
    let told = nmap(&house).await.unwrap();
    assert!(told.contains("Apache httpd 2.4.62 ((Debian))"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nmap_names_it_behind_tls() {
    let house = House::with_banner("https", NGINX).await;
    let Some(told) = nmap(&house).await else { return };
    assert!(told.contains("ssl/http") && told.contains("nginx 1.18.0"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hydra_tries_the_form() {
    let house = House::with_banner("http", NGINX).await;
    let port = house.address.port().to_string();
    let form = "/wp-login.php:log=^USER^&pwd=^PASS^:login_error";
    let args = [
        "-s",
        &port,
        "-t",
        "1",
        "-I",
        "-l",
        "admin",
        "-p",
        "letmein",
        "127.0.0.1",
        "http-post-form",
        form,
    ];
    let Some(told) = run("hydra", &args).await else { return };
    assert!(told.contains("0 valid password"), "{told}");
    let event = house.event("login").await;
    assert_eq!(event["bartizan"]["decoy"]["password"], "letmein");
}
