//! What idle connections to a decoy cost: opens many from a process of their own and tells the growth of
//! the memory that the decoys hold.
//!
//! ```text
//! cargo run --release -p honeypot --example idle -- ssh 10000
//! ```

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Instant;

use honeypot::{Bounds, Config, ServiceConfig};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

/// Addresses of the loopback from which clients come, so that ports suffice and sources are many.
const SOURCES: usize = 250;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [_, "clients", address, count] => clients(address.parse()?, count.parse()?),
        [_, kind, count] => measure(kind, count.parse()?),
        _ => Err("usage: idle KIND CONNECTIONS".into()),
    }
}

/// Holds connections open until standard input ends.
fn clients(to: SocketAddr, count: usize) -> Result<(), Box<dyn Error>> {
    raise(count)?;
    let mut held: Vec<TcpStream> = Vec::new();
    for at in 0..count {
        let last = u8::try_from(at % SOURCES)?;
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 1, last), 0)).into())?;
        socket.connect(&to.into())?;
        held.push(socket.into());
    }
    writeln!(std::io::stdout(), "held {}", held.len())?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn raise(count: usize) -> Result<(), Box<dyn Error>> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(count)? + 1024;
    let maximum = limit.maximum.map(|most| most.max(wanted));
    let current = Some(limit.current.unwrap_or(wanted).max(wanted));
    Ok(setrlimit(Resource::Nofile, Rlimit { current, maximum })?)
}

fn resident() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes = line.split_whitespace().nth(1).ok_or("no number")?;
    Ok(kilobytes.parse::<u64>()? * 1024)
}

fn measure(kind: &str, count: usize) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let service = ServiceConfig {
        kind: kind.to_owned(),
        listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        name: None,
        banner: None,
    };
    let bounds = Bounds {
        connections_max: count * 2,
        source_connections_max: 100_000,
        source_rate_max: 1_000_000,
        source_burst_max: 1_000_000,
        ..Bounds::default()
    };
    let config = Config { services: vec![service], bounds, ..Config::default() };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (outlet, batches) = crossbeam_channel::bounded(256);
    let start = source::Start {
        outlet,
        checkpoints: Vec::new(),
        runtime: runtime.handle().clone(),
        simulated: false,
    };
    let mut running = source::start(&source::Config::silent(), start)?;
    let parts =
        honeypot::Start { folder: folder.path().to_owned(), keyring: None, running: &mut running };
    let decoys = honeypot::start(&config, parts)?.ok_or("no decoy")?;
    let to = decoys.listening().first().ok_or("no address")?.1;
    let drained = std::thread::spawn(move || {
        let mut connected = 0_usize;
        for batch in batches {
            for record in batch.records {
                connected += usize::from(record.text.contains("\"action\":\"decoy_connection\""));
            }
            if connected >= count {
                break;
            }
        }
        connected
    });
    let before = resident()?;
    let began = Instant::now();
    let mut child = Command::new(std::env::current_exe()?)
        .args(["clients", &to.to_string(), &count.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    if line.is_empty() {
        return Err("the clients broke off; are so many descriptors allowed (ulimit -Hn)?".into());
    }
    let connected = drained.join().map_err(|_| "the events broke off")?;
    let took = began.elapsed();
    let each = resident()?.saturating_sub(before) / u64::try_from(connected.max(1))?;
    writeln!(
        std::io::stdout(),
        "{kind}: {connected} connections open and told in {:.1} s, {each} bytes resident each",
        took.as_secs_f64()
    )?;
    drop(child.stdin.take());
    child.wait()?;
    Ok(())
}
