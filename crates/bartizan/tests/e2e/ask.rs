//! Questions from outside: SQL with searches and rules in it, exports, and how they end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::console::Console;
use crate::product::{PATIENCE, Place, Product, bartizan, eventually};

const LINES: usize = 300;
const RULE: &str = "title: Failed for root\nid: 3a1d3f80-0000-4000-8000-000000000001\n\
    logsource:\n  product: linux\n  service: sshd\ndetection:\n  sel:\n    user.name: root\n    \
    event.outcome: failure\n  condition: sel\n";
const PAIRS: &str = "title: Many\nid: 3a1d3f80-0000-4000-8000-000000000002\nname: many\n\
    correlation:\n  type: event_count\n  rules: [3a1d3f80-0000-4000-8000-000000000001]\n  \
    group-by: [source.ip]\n  timespan: 5m\n  condition: {gte: 10}\n";
const HEAVY: &str = "SELECT count(*) FROM generate_series(1, 9000000) a, \
    generate_series(1, 9000000) b WHERE a.value + b.value = 3";

/// Lets the product keep log-ins of three users, and gives it running.
fn inhabited(place: &Place) -> (Product, Console) {
    let mut product = Product::start(&place.configure(""));
    let console = Console::set_up(&mut product);
    let lines: Vec<String> = (0..LINES)
        .map(|number| {
            let user = ["root", "ada", "=bob"][number % 3];
            format!(
                "<38>Nov 21 06:58:00 web1 sshd[7]: Failed password for {user} from 203.0.113.{} port 1 ssh2",
                number % 200
            )
        })
        .collect();
    for part in lines.chunks(50) {
        product.send_udp(part);
    }
    eventually("the lines are stored", || {
        let rows = console.sql("SELECT count(*) FROM events WHERE event.module = 'sshd'");
        (rows[0][0] == LINES).then_some(())
    });
    (product, console)
}

#[test]
fn asked_beside_a_running_product_and_exported_whole() {
    let place = Place::new();
    let (product, _console) = inhabited(&place);
    let config = place.path("bartizan.toml");
    let query = |arguments: &[&str]| run(&config, "query", arguments);
    let count = |more: &[&str]| {
        let mut arguments = vec!["SELECT count(*) AS n FROM events", "--output", "json"];
        arguments.extend(more);
        query(&arguments).out
    };
    let root = format!("{{\"n\":{}}}\n", LINES / 3);
    assert_eq!(count(&["--where", "user.name: root"]), root);
    let in_sql =
        "SELECT count(*) AS n FROM events WHERE kql('user.name: root') AND source.port = 1";
    assert_eq!(query(&[in_sql, "--output", "json"]).out, root);
    let (rule, pairs) = (place.path("rule.yml"), place.path("pairs.yml"));
    std::fs::write(&rule, RULE).unwrap();
    std::fs::write(&pairs, format!("{RULE}---\n{PAIRS}")).unwrap();
    assert_eq!(count(&["--rule", rule.to_str().unwrap()]), root);
    let refused = query(&["SELECT 1", "--rule", pairs.to_str().unwrap()]);
    assert_eq!(refused.code, Some(2), "{}", refused.errors);
    let refused = query(&["SELECT 1 FROM events", "--rule", "SSH brute force"]);
    assert!(refused.errors.contains("is a correlation"), "{}", refused.errors);
    let refused = query(&["SELECT 1", "--where", "user.name: ("]);
    assert!(refused.errors.contains("--where, column"), "{}", refused.errors);

    let all = "SELECT @timestamp, user.name, event.original FROM events ORDER BY event.id";
    let csv = query(&[all, "--output", "csv"]);
    assert_eq!(csv.out.lines().count(), LINES + 1, "{}", csv.errors);
    let safe = query(&[all, "--output", "csv", "--spreadsheet"]);
    assert!(safe.out.contains(",\"'=bob\",") && csv.out.contains(",=bob,"));
    for (shape, begin) in
        [("csv", "@timestamp,"), ("json", "{\"@timestamp\":"), ("parquet", "PAR1")]
    {
        for command in ["query", "search"] {
            let file = place.path(&format!("{command}.{shape}"));
            let what = if command == "query" { all } else { "user.name: root" };
            let name = file.to_str().unwrap();
            let ran = run(&config, command, &[what, "--output", shape, "--file", name]);
            assert_eq!(ran.code, Some(0), "{command} {shape}: {}", ran.errors);
            let bytes = std::fs::read(&file).unwrap();
            assert!(bytes.starts_with(begin.as_bytes()), "{command} {shape}");
            let rows = if command == "query" { LINES } else { LINES / 3 };
            assert!(ran.errors.contains(&format!("{rows} rows in")), "{}", ran.errors);
        }
    }
    let search = run(&config, "search", &["user.name: root", "--output", "json"]);
    assert_eq!(search.out.lines().count(), LINES / 3);

    let schema = query(&["--schema"]);
    assert!(
        schema
            .out
            .lines()
            .any(|line| line.trim_start().starts_with("user.name") && line.contains("300"))
    );
    assert!(query(&["--functions"]).out.contains("cidr_match("));
    let limited = query(&["SELECT event.id FROM events", "--limit", "5"]);
    assert!(limited.errors.contains("only the first 5 rows"), "{}", limited.errors);
    let wrong = query(&["SELECT nosuch(1)\nFROM events"]);
    assert!(wrong.errors.contains("(line 1, column 8)"), "{}", wrong.errors);
    let late = query(&[HEAVY, "--within", "1s"]);
    assert!(late.errors.contains("the time allowed for the query is over"), "{}", late.errors);
    product.stop();
}

#[test]
fn ctrl_c_ends_a_query_and_leaves_no_half_file() {
    let place = Place::new();
    let (product, _console) = inhabited(&place);
    let file = place.path("half.csv");
    let mut child = bartizan()
        .args([
            "query",
            &HEAVY.replace("count(*)", "a.value, b.value"),
            "--output",
            "csv",
            "--config",
        ])
        .arg(place.path("bartizan.toml"))
        .arg("--file")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let part = place.path("half.csv.part");
    eventually("the query runs", || part.exists().then_some(()));
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!file.exists() && !part.exists());
    product.stop();
}

#[test]
fn closed_connection_ends_the_query_of_the_console() {
    let place = Place::new();
    let (mut product, console) = inhabited(&place);
    let address = product.console().trim_start_matches("http://").to_owned();
    let body = serde_json::json!({ "sql": HEAVY }).to_string();
    let spent = || cpu_of(&product);
    let mut connection = TcpStream::connect(&address).unwrap();
    write!(
        connection,
        "POST /api/v1/sql HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n{}\
         content-length: {}\r\n\r\n{body}",
        console.headers(),
        body.len()
    )
    .unwrap();
    let before = spent();
    eventually("the query works", || (spent() > before + 20).then_some(()));
    connection.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    assert!(connection.read(&mut [0; 64]).is_err(), "it is not answered yet");
    drop(connection);
    // It rests: in some second, next to no processor time goes by.
    let until = Instant::now() + PATIENCE;
    loop {
        let begin = spent();
        std::thread::sleep(Duration::from_secs(1));
        if spent() - begin < 25 {
            break;
        }
        assert!(Instant::now() < until, "the query goes on");
    }
    product.stop();
}

/// Gives the processor time of the product's process, in hundredths of a second.
fn cpu_of(product: &Product) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", product.id())).unwrap();
    let after = stat.rsplit_once(')').unwrap().1;
    let words: Vec<&str> = after.split_whitespace().collect();
    words[11].parse::<u64>().unwrap() + words[12].parse::<u64>().unwrap()
}

fn run(config: &Path, command: &str, arguments: &[&str]) -> Ran {
    let mut asked: Command = bartizan();
    let output = asked.arg(command).args(arguments).arg("--config").arg(config).output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code(), out: text(&output.stdout), errors: text(&output.stderr) }
}

struct Ran {
    code: Option<i32>,
    out: String,
    errors: String,
}
