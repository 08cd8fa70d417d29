//! The product under load: its process, its ports, its counters.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// Ticks of the processor time in `/proc`, a second; Linux has had no other number for decades.
const TICKS: f64 = 100.0;

/// The running product; gone with this value.
pub(crate) struct Product {
    child: Child,
    lines: Vec<String>,
}

/// What it told of itself at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) stored: u64,
    pub(crate) balanced: bool,
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_mb: u64,
}

impl Product {
    pub(crate) fn start(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        let config = folder.join("bench.toml");
        let inputs = "[inputs.syslog_udp]\nenabled = false\n\
                      [inputs.syslog_tcp]\nlisten = \"127.0.0.1:0\"\n\
                      [inputs.relp]\nenabled = true\nlisten = \"127.0.0.1:0\"\n\
                      [inputs.http]\nenabled = true\nlisten = \"127.0.0.1:0\"\n";
        let data = folder.join("data");
        let text =
            format!("data = '{}'\n[api]\nlisten = \"127.0.0.1:0\"\n{inputs}", data.display());
        std::fs::write(&config, text)?;
        let mut child = Command::new(binary)
            .args(["serve", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let stderr = child.stderr.take().context("no standard error")?;
        let mut product = Self { child, lines: Vec::new() };
        let mut told = BufReader::new(stderr).lines();
        for line in told.by_ref().map_while(Result::ok) {
            let is_ready = line.starts_with("ready");
            product.lines.push(line);
            if is_ready {
                // Read on, so that it never waits for us.
                std::thread::spawn(move || told.for_each(drop));
                return Ok(product);
            }
        }
        anyhow::bail!("the product did not start:\n{}", product.lines.join("\n"))
    }

    /// Gives where an input listens.
    pub(crate) fn address(&self, input: &str) -> anyhow::Result<SocketAddr> {
        let words = |line: &String| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let found = self.lines.iter().map(words).find_map(|words| match words.as_slice() {
            [head, name, address] if head == "input" && name == input => address.parse().ok(),
            _ => None,
        });
        found.with_context(|| format!("the product does not listen for {input}"))
    }

    pub(crate) fn sample(&self) -> anyhow::Result<Sample> {
        let metrics = self.metrics()?;
        let value = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|number| number.trim().parse::<f64>().ok()).unwrap_or_default()
        };
        let process = self.child.id();
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = |place: usize| {
            after_name.split_whitespace().nth(place).and_then(|word| word.parse::<f64>().ok())
        };
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let resident = status.lines().find_map(|line| {
            line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
        });
        Ok(Sample {
            stored: value("bartizan_events_stored_total") as u64,
            balanced: value("bartizan_store_balanced") > 0.5,
            cpu_seconds: (ticks(11).unwrap_or_default() + ticks(12).unwrap_or_default()) / TICKS,
            resident_mb: resident.unwrap_or_default() / 1024,
        })
    }

    fn metrics(&self) -> anyhow::Result<String> {
        let console = self
            .lines
            .iter()
            .find_map(|line| line.strip_prefix("console")?.trim().strip_prefix("http://"));
        let address: SocketAddr = console.context("no console")?.trim_end_matches('/').parse()?;
        let mut stream = TcpStream::connect(address)?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
