//! Many connections that send the same prepared messages over and over.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Messages of one batch: what is due together, and with HTTP posted together.
const BATCH: usize = 100;
/// RELP messages of one connection that wait for their answers, in batches.
const WINDOW: u64 = 8;
const SILENCE_MAX: Duration = Duration::from_secs(40);
const WRITE_MAX: Duration = Duration::from_secs(10);

/// A way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    SyslogTcp,
    Relp,
    Http,
}

impl Lane {
    pub(crate) const ALL: [Self; 3] = [Self::SyslogTcp, Self::Relp, Self::Http];

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.input() == name)
    }

    pub(crate) fn input(self) -> &'static str {
        match self {
            Self::SyslogTcp => "syslog_tcp",
            Self::Relp => "relp",
            Self::Http => "http",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SyslogTcp => "TCP syslog",
            Self::Relp => "RELP",
            Self::Http => "HTTP, 100 a request",
        }
    }

    /// Gives a batch as its bytes on the wire.
    fn batch(self, first: u64) -> Vec<u8> {
        let lines = (0..BATCH as u64).map(|number| message(first + number));
        match self {
            Self::SyslogTcp => lines.map(|line| line + "\n").collect::<String>().into_bytes(),
            // Answers come in the order of the messages, so their numbers may repeat.
            Self::Relp => {
                let frame = |(line, number): (String, u64)| {
                    [&number.to_string(), " syslog ", &line.len().to_string(), " ", &line, "\n"]
                        .concat()
                };
                lines.zip(2_u64..).map(frame).collect::<String>().into_bytes()
            }
            Self::Http => {
                let body: String = lines.map(|line| line + "\n").collect();
                let length = body.len();
                format!("POST /ingest HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}")
                    .into_bytes()
            }
        }
    }
}

/// One of four kinds of log line, none quite like another.
fn message(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let (a, b, c) = (mixed % 223 + 1, mixed / 223 % 254 + 1, mixed / 56_642 % 60_000 + 1024);
    match number % 4 {
        0 => format!(
            "<38>Nov 21 06:58:00 bastion sshd[{c}]: Failed password for invalid user u{b} from 203.0.113.{a} port {c} ssh2"
        ),
        1 => format!(
            "<4>Nov 21 06:58:00 gw kernel: [UFW BLOCK] IN=eth0 OUT= MAC= SRC=198.51.100.{a} DST=10.0.0.{b} LEN=60 TOS=0x00 PREC=0x00 TTL=52 ID={c} DF PROTO=TCP SPT={c} DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0"
        ),
        2 => format!(
            "<30>Nov 21 06:58:00 web nginx: 192.0.2.{a} - - [21/Nov/2026:06:58:00 +0000] \"GET /shop/item/{c}?ref={b} HTTP/1.1\" 200 {c} \"-\" \"Mozilla/5.0 (X11; Linux x86_64) Firefox/142.0\""
        ),
        _ => format!(
            "<30>Nov 21 06:58:00 resolver dnsmasq[{b}]: query[A] host{c}.example.net from 10.1.{a}.{b}"
        ),
    }
}

/// Gives the mean length of a message.
pub(crate) fn message_bytes() -> usize {
    (0..1000).map(|number| message(number).len()).sum::<usize>() / 1000
}

/// What the connections saw.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// How long each answered batch waited.
    pub(crate) millis: Vec<f64>,
    /// Connections that broke, requests that were refused.
    pub(crate) faults: u64,
}

/// The connections at work.
pub(crate) struct Load {
    pub(crate) stop: Arc<AtomicBool>,
    outcome: Arc<Mutex<Outcome>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(lane: Lane, to: SocketAddr, connections: usize, rate: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let outcome = Arc::new(Mutex::new(Outcome::default()));
        let every = match rate {
            0 => None,
            rate => Some(Duration::from_secs_f64((connections * BATCH) as f64 / rate as f64)),
        };
        let threads = (0..connections).map(|number| {
            let (stop, outcome) = (Arc::clone(&stop), Arc::clone(&outcome));
            // Otherwise all would send at the same instant.
            let offset = every.unwrap_or_default().mul_f64(number as f64 / connections as f64);
            std::thread::spawn(move || {
                let pace = Pace { next: Instant::now() + offset, every };
                let mut seen = Outcome::default();
                if run(lane, to, number, pace, &stop, &mut seen).is_err() {
                    seen.faults += 1;
                }
                if let Ok(mut all) = outcome.lock() {
                    all.millis.append(&mut seen.millis);
                    all.faults += seen.faults;
                }
            })
        });
        let threads = threads.collect();
        Self { stop, outcome, threads }
    }

    pub(crate) fn join(self) -> Outcome {
        for thread in self.threads {
            let _ = thread.join();
        }
        self.outcome.lock().map(|mut outcome| std::mem::take(&mut *outcome)).unwrap_or_default()
    }
}

/// When the next batch is due.
struct Pace {
    next: Instant,
    every: Option<Duration>,
}

impl Pace {
    /// Waits until the next batch is due, and gives that time.
    fn wait(&mut self) -> Instant {
        let Some(every) = self.every else { return Instant::now() };
        let due = self.next;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        self.next = due + every;
        due
    }
}

fn run(
    lane: Lane,
    to: SocketAddr,
    number: usize,
    pace: Pace,
    stop: &Arc<AtomicBool>,
    seen: &mut Outcome,
) -> io::Result<()> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(WRITE_MAX))?;
    let batches: Vec<Vec<u8>> =
        (0..16).map(|batch| lane.batch((number * 16 + batch) as u64 * BATCH as u64)).collect();
    match lane {
        Lane::SyslogTcp => send(stream, &batches, pace, stop),
        Lane::Http => post(stream, &batches, pace, stop, seen),
        Lane::Relp => relp(stream, &batches, pace, stop, seen),
    }
}

fn send(
    mut stream: TcpStream,
    batches: &[Vec<u8>],
    mut pace: Pace,
    stop: &AtomicBool,
) -> io::Result<()> {
    for batch in batches.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        pace.wait();
        if let Err(error) = stream.write_all(batch) {
            // A full line holds the sender up, to the end of the measurement and beyond.
            return if stop.load(Ordering::Relaxed) { Ok(()) } else { Err(error) };
        }
    }
    Ok(())
}

fn post(
    mut stream: TcpStream,
    batches: &[Vec<u8>],
    mut pace: Pace,
    stop: &AtomicBool,
    seen: &mut Outcome,
) -> io::Result<()> {
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    for batch in batches.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let due = pace.wait();
        stream.write_all(batch)?;
        line.clear();
        answers.read_line(&mut line)?;
        let is_kept = line.contains(" 200 ");
        let mut length = 0;
        while line.trim_end() != "" {
            if let Some(given) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = given.trim().parse().unwrap_or(0);
            }
            line.clear();
            answers.read_line(&mut line)?;
        }
        io::copy(&mut answers.by_ref().take(length), &mut io::sink())?;
        if is_kept {
            seen.millis.push(due.elapsed().as_secs_f64() * 1000.0);
        } else {
            seen.faults += 1;
        }
    }
    Ok(())
}

fn relp(
    mut stream: TcpStream,
    batches: &[Vec<u8>],
    mut pace: Pace,
    stop: &Arc<AtomicBool>,
    seen: &mut Outcome,
) -> io::Result<()> {
    let mut answers = BufReader::new(stream.try_clone()?);
    stream.write_all(b"1 open 14 relp_version=0\n")?;
    let mut line = String::new();
    for _ in 0..4 {
        line.clear();
        answers.read_line(&mut line)?;
    }
    let answered = Arc::new(AtomicU64::new(0));
    let (due, sent): (Sender<Instant>, Receiver<Instant>) = channel();
    let reader = {
        let answered = Arc::clone(&answered);
        std::thread::spawn(move || -> io::Result<Vec<f64>> {
            let mut millis = Vec::new();
            let mut answer = Vec::new();
            for due in sent {
                for _ in 0..BATCH {
                    answer.clear();
                    if answers.read_until(b'\n', &mut answer)? == 0 {
                        return Ok(millis);
                    }
                }
                millis.push(due.elapsed().as_secs_f64() * 1000.0);
                answered.fetch_add(1, Ordering::Release);
            }
            Ok(millis)
        })
    };
    for (count, batch) in (0_u64..).zip(batches.iter().cycle()) {
        let at = pace.wait();
        while count - answered.load(Ordering::Acquire) >= WINDOW && !reader.is_finished() {
            std::thread::sleep(Duration::from_micros(200));
        }
        if stop.load(Ordering::Relaxed) || reader.is_finished() {
            break;
        }
        stream.write_all(batch)?;
        if due.send(at).is_err() {
            break;
        }
    }
    drop(due);
    match reader.join() {
        Ok(Ok(millis)) => seen.millis = millis,
        _ => seen.faults += 1,
    }
    Ok(())
}
