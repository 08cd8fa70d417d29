//! The real binary: how long until it listens, and what it holds while nothing happens.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

const STARTS: usize = 5;
const IDLE: Duration = Duration::from_secs(5);

pub(crate) fn run(folder: &Path) -> anyhow::Result<()> {
    let executable = std::env::current_exe()?;
    let binary = executable.with_file_name("bartizan");
    if !binary.is_file() {
        println!(
            "start-up and idle memory: not measured; first `cargo build --release -p bartizan`"
        );
        return Ok(());
    }
    let config = folder.join("bench.toml");
    let inputs = "[inputs.syslog_udp]\nlisten = \"127.0.0.1:0\"\n[inputs.syslog_tcp]\nlisten = \"127.0.0.1:0\"\n";
    let data = folder.join("data");
    std::fs::write(
        &config,
        format!("data = '{}'\n[api]\nlisten = \"127.0.0.1:0\"\n{inputs}", data.display()),
    )?;
    let mut starts = Vec::new();
    let mut idle = 0;
    for start in 0..STARTS {
        let began = Instant::now();
        let mut child = Command::new(&binary)
            .args(["serve", "--config"])
            .arg(&config)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let stderr = child.stderr.take().context("no standard error")?;
        let ready = BufReader::new(stderr)
            .lines()
            .map_while(Result::ok)
            .any(|line| line.starts_with("ready"));
        starts.push(began.elapsed());
        if ready && start + 1 == STARTS {
            std::thread::sleep(IDLE);
            idle = resident_kb(child.id());
        }
        child.kill()?;
        child.wait()?;
        anyhow::ensure!(ready, "the product did not start");
    }
    starts.sort();
    let median = starts.get(STARTS / 2).copied().unwrap_or_default();
    println!("| of the release binary | |\n|---|---|");
    println!(
        "| start to listening, median of {STARTS} | {:.0} ms |",
        median.as_secs_f64() * 1000.0
    );
    println!("| memory while idle | {} MB |", idle / 1024);
    println!("| size | {:.1} MB |", std::fs::metadata(&binary)?.len() as f64 / 1e6);
    Ok(())
}

fn resident_kb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let resident = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse().ok()
    });
    resident.unwrap_or(0)
}
