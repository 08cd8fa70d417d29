//! Real clients beside a house.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::testing::{House, client};

/// What a program prints; nothing where it is not installed.
pub(crate) async fn run(program: &str, args: &[&str]) -> Option<String> {
    run_with(program, args, "").await
}

/// What a program prints that reads `input`.
pub(crate) async fn run_with(program: &str, args: &[&str], input: &str) -> Option<String> {
    use std::io::Write as _;
    let path = client(program)?;
    let mut command = Command::new(path);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let input = input.to_owned();
    let output = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        // It may be gone before it has read all.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    });
    let output = output.await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(told + &String::from_utf8_lossy(&output.stderr))
}

/// What nmap says of the house's port.
pub(crate) async fn nmap(house: &House) -> Option<String> {
    let port = house.address.port().to_string();
    run("nmap", &["-sV", "-Pn", "-n", "-p", &port, "127.0.0.1"]).await
}

/// What lies in quarantine of an event's file.
pub(crate) fn quarantined(house: &House, event: &Value) -> Vec<u8> {
    let hash = event["file"]["hash"]["sha256"].as_str().unwrap();
    let pieces = house.vault().contents(hash).unwrap();
    pieces.flat_map(|piece| piece.unwrap()).collect()
}
