//! The real binary, started on free ports and listened to through its own front doors.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Long enough for a debug build on a busy machine; only ever waited for in full by a test that fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Product {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

pub(crate) const SYSLOG: &str = "[inputs.syslog_udp]\nlisten = \"127.0.0.1:0\"\n\
    [inputs.syslog_tcp]\nlisten = \"127.0.0.1:0\"\n";

/// A folder for one test: data, configuration, logs.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the configuration: every listener on a free port of loopback, and what is given.
    pub(crate) fn configure(&self, more: &str) -> PathBuf {
        let path = self.path("bartizan.toml");
        let data = self.path("data");
        let text =
            format!("data = '{}'\n[api]\nlisten = \"127.0.0.1:0\"\n{SYSLOG}{more}", data.display());
        std::fs::write(&path, text).unwrap();
        path
    }
}

pub(crate) fn bartizan() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bartizan"));
    command.env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command
}

impl Product {
    /// Starts `serve` and waits until it is ready.
    pub(crate) fn start(config: &Path) -> Self {
        let mut product = Self::spawn(config);
        product.line("ready");
        product
    }

    pub(crate) fn spawn(config: &Path) -> Self {
        let mut child = bartizan()
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (outlet, lines) = channel();
        let stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if outlet.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line of standard error whose words begin with `start`; gives the rest of it.
    pub(crate) fn line(&mut self, start: &str) -> String {
        let find = |lines: &[String]| {
            lines.iter().find_map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let line = words.join(" ");
                line.strip_prefix(start).map(|rest| rest.trim().to_owned())
            })
        };
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(rest) = find(&self.seen) {
                return rest;
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(error) => {
                    panic!("{error}: no line `{start}…`; seen:\n{}", self.seen.join("\n"))
                }
            }
        }
    }

    /// Waits for a line of standard error, later than those waited for before, that holds `part`.
    pub(crate) fn later_line(&mut self, part: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    let found = line.contains(part);
                    self.seen.push(line);
                    if found {
                        return;
                    }
                }
                Err(error) => {
                    panic!("{error}: no line with `{part}`; seen:\n{}", self.seen.join("\n"))
                }
            }
        }
    }

    pub(crate) fn console(&mut self) -> String {
        self.line("console").trim_end_matches('/').to_owned()
    }

    pub(crate) fn address(&mut self, input: &str) -> SocketAddr {
        self.line(&format!("input {input}")).parse().unwrap()
    }

    pub(crate) fn send_udp(&mut self, lines: &[String]) {
        let address = self.address("syslog_udp");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for line in lines {
            socket.send_to(line.as_bytes(), address).unwrap();
        }
    }

    /// Gives the process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends the process as a person would, and gives its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("did not stop; seen:\n{}", self.seen.join("\n"));
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        // A test that failed half-way must not leave a process behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again until the answer is there.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("never: {what}");
}
