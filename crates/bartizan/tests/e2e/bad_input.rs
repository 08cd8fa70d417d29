//! Whatever comes in: a clear error, or a counted event that can be found.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;

use crate::console::Console;
use crate::product::{PATIENCE, Place, Product, SYSLOG, bartizan, eventually};

#[test]
fn odd_records_are_kept_counted_and_found() {
    let place = Place::new();
    let mut product = Product::start(&place.configure(""));
    let console = Console::set_up(&mut product);

    let mut stream = TcpStream::connect(product.address("syslog_tcp")).unwrap();
    stream.write_all(b"<13>Nov 21 06:58:00 web1 app: garbage \xff\xfe\x00\x01 end\n").unwrap();
    stream
        .write_all(b"<13>1 1970-01-01T00:00:00Z web1 app - - - from the beginning of time\n")
        .unwrap();
    stream.write_all(b"<13>1 2100-01-01T00:00:00Z web1 app - - - from the future\n").unwrap();
    let long = vec![b'A'; 10 << 20];
    stream.write_all(b"<13>Nov 21 06:58:00 web1 app: long ").unwrap();
    stream.write_all(&long).unwrap();
    stream.write_all(b"\nnobody's format at all\n").unwrap();
    drop(stream);

    let rows = eventually("five events", || {
        let rows = console.sql(
            "SELECT event.original, bartizan.escaped_bytes, bartizan.truncated_bytes, \
             bartizan.time_claimed, event.module FROM events ORDER BY event.id",
        );
        (rows.len() >= 5).then_some(rows)
    });
    assert_eq!(rows.len(), 5, "one record is one event");
    assert!(rows[0][0].as_str().unwrap().contains("\\xFF\\xFE"), "{}", rows[0][0]);
    assert_eq!(rows[0][1], 2);
    for row in &rows[1..3] {
        assert!(row[3].is_string(), "the claimed time is kept: {row:?}");
    }
    let kept = rows[3][0].as_str().unwrap().len();
    let cut = usize::try_from(rows[3][2].as_u64().unwrap()).unwrap();
    assert_eq!(kept + cut, "<13>Nov 21 06:58:00 web1 app: long ".len() + long.len());
    assert_eq!(rows[4][4], "unknown");

    let found = console.get("/api/v1/events?q=event.module:unknown");
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let metrics = console_metrics(&mut product);
    assert!(metrics.contains("bartizan_"), "{metrics}");
}

fn console_metrics(product: &mut Product) -> String {
    let base = product.console();
    ureq::get(format!("{base}/metrics")).call().unwrap().body_mut().read_to_string().unwrap()
}

#[test]
fn a_port_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::new();
    let config = place.path("taken.toml");
    let port = taken.local_addr().unwrap().port();
    let text =
        format!("data = {:?}\n[api]\nlisten = \"127.0.0.1:{port}\"\n{SYSLOG}", place.path("data"));
    std::fs::write(&config, text).unwrap();
    let (code, errors) = refused(bartizan().args(["serve", "--config"]).arg(&config));
    assert_eq!(code, Some(1));
    assert!(errors.contains(&format!("127.0.0.1:{port}")) && errors.contains("in use"), "{errors}");
}

#[test]
fn a_configuration_with_three_faults() {
    let place = Place::new();
    let config = place.path("faulty.toml");
    let text = "dta = \"x\"\n[api]\nlisten = 8440\n[parse]\nutc_offset_minutes = 9999\n";
    std::fs::write(&config, text).unwrap();
    let (code, errors) = refused(bartizan().args(["serve", "--config"]).arg(&config));
    assert_eq!(code, Some(1));
    for part in [":1:1:", "did you mean `data`", ":3:1:", ":5:1:", "utc_offset_minutes"] {
        assert!(errors.contains(part), "{part} is not in:\n{errors}");
    }
}

#[test]
fn a_rule_that_does_not_compile_is_set_aside() {
    let place = Place::new();
    let rules = place.path("rules");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(
        rules.join("bad.yml"),
        "title: Bad\ndetection:\n  sel:\n    a|nosuch: 1\n  condition: sel\n",
    )
    .unwrap();
    let output = bartizan().args(["rules", "check"]).arg(&rules).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("bad.yml:") && told.contains("nosuch"), "{told}");

    let config = place.configure(&format!("[rules]\nfolders = [{rules:?}]\n"));
    let mut product = Product::start(&config);
    let console = Console::set_up(&mut product);
    let listed = console.get("/api/v1/rules");
    assert_eq!(listed["faults"].as_array().unwrap().len(), 1, "{}", listed["faults"]);
    assert!(listed["items"].as_array().unwrap().len() > 20);
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let place = Place::new();
    let mount = place.path("small");
    std::fs::create_dir(&mount).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"])
        .arg(&mount)
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        println!("skipped: a small tmpfs cannot be mounted here (needs root)");
        return;
    }
    let _unmount = Unmount(mount.clone());
    let ballast = mount.join("ballast");
    let config = place.path("full.toml");
    let text = format!(
        "data = {:?}\n[api]\nlisten = \"127.0.0.1:0\"\n{SYSLOG}\
         [inputs.http]\nenabled = true\nlisten = \"127.0.0.1:0\"\ntoken = \"0123456789abcdef0123456789abcdef\"\n",
        mount.join("data")
    );
    std::fs::write(&config, text).unwrap();
    let mut product = Product::start(&config);
    let console = Console::set_up(&mut product);
    let address = product.address("http");
    let post = |line: &str| {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        ureq::Agent::new_with_config(config)
            .post(format!("http://{address}/ingest"))
            .header("authorization", "Bearer 0123456789abcdef0123456789abcdef")
            .header("content-type", "text/plain")
            .send(line)
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(post("before the disk is full"), 200);
    fill(&ballast);
    let refused = post(&"while the disk is full ".repeat(4_000));
    assert!(refused == 503 || refused == 507, "answered {refused}");
    std::fs::remove_file(&ballast).unwrap();
    eventually("there is room again", || (post("after the disk was full") == 200).then_some(()));

    let originals: Vec<Value> = console
        .sql("SELECT event.original FROM events WHERE bartizan.input = 'http' ORDER BY event.id")
        .into_iter()
        .map(|mut row| row.remove(0))
        .collect();
    assert_eq!(originals.first().unwrap(), "before the disk is full");
    assert_eq!(originals.last().unwrap(), "after the disk was full");
    assert!(!originals.iter().any(|text| text.as_str().unwrap().starts_with("while")));
    drop(product);
}

/// Writes until nothing more fits.
fn fill(path: &std::path::Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for size in [1 << 20, 1 << 12, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn refused(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}
