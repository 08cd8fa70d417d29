//! Two machines and a link between them, as network namespaces: perfect, or late and lossy.
//!
//! The kernel's own `netem` is used where it is built in. Where it is not, the link is a tunnel
//! (VXLAN) whose datagrams pass a relay here, which holds each back and loses some, and holds no more
//! at a time than `netem` does by default.

#![allow(dead_code, reason = "the tests and the bench use different parts")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot have its link ends there"
)]

use std::collections::VecDeque;
use std::fs::File;
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// What `netem` holds unless told otherwise.
const HELD_MAX: usize = 1_000;
pub(crate) const HERE: &str = "10.199.0.1";
pub(crate) const THERE: &str = "10.199.0.2";
pub(crate) const THERE_SIX: &str = "fd99::2";
const TUNNEL_PORT: u16 = 4_799;

/// How bad the link is, each way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) delay: Duration,
    /// Of a thousand.
    pub(crate) lost: u64,
}

/// Two namespaces; both go when this is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    names: [String; 3],
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    pub(crate) how: &'static str,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

fn ip(words: &str) -> Result<(), String> {
    command("ip", words)
}

fn command(program: &str, words: &str) -> Result<(), String> {
    let run = Command::new(program).args(words.split(' ')).stdin(Stdio::null()).output();
    let output = run.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {words}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

impl Link {
    /// Makes the link; an error says why this machine may not.
    pub(crate) fn new(weather: Option<Weather>) -> Result<Self, String> {
        let name = |part: char| {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            format!("bt{part}{}x{number}", std::process::id())
        };
        let names = [name('a'), name('b'), name('m')];
        let stop = Arc::new(AtomicBool::new(false));
        let mut link = Self { names, stop, threads: Vec::new(), how: "veth" };
        for name in &link.names {
            ip(&format!("netns add {name}"))?;
            ip(&format!("-n {name} link set lo up"))?;
        }
        match weather {
            None => link.veth()?,
            Some(weather) if has_netem(&link.names[2]) => {
                link.veth()?;
                link.how = "veth, netem";
                let (delay, lost) = (weather.delay.as_millis(), weather.lost);
                let lost = format!("{}.{}%", lost / 10, lost % 10);
                for (name, device) in [(&link.names[0], "v0"), (&link.names[1], "v1")] {
                    let words =
                        format!("qdisc add dev {device} root netem delay {delay}ms loss {lost}");
                    command("tc", &format!("-n {name} {words}"))?;
                }
            }
            Some(weather) => link.tunnel(weather)?,
        }
        Ok(link)
    }

    fn veth(&self) -> Result<(), String> {
        let [a, b, _] = &self.names;
        ip(&format!("link add v0 netns {a} type veth peer name v1 netns {b}"))?;
        self.addresses("v0", "v1")
    }

    fn addresses(&self, here: &str, there: &str) -> Result<(), String> {
        let [a, b, _] = &self.names;
        for (name, device, four, six) in [(a, here, HERE, "fd99::1"), (b, there, THERE, THERE_SIX)]
        {
            ip(&format!("-n {name} addr add {four}/24 dev {device}"))?;
            ip(&format!("-n {name} addr add {six}/64 dev {device} nodad"))?;
            ip(&format!("-n {name} link set {device} up"))?;
        }
        Ok(())
    }

    /// Lays the tunnel through the third namespace, where the relay is.
    fn tunnel(&mut self, weather: Weather) -> Result<(), String> {
        self.how = "tunnel, relay";
        let [a, b, m] = self.names.clone();
        let mut ends = Vec::new();
        for (place, name) in [(1, &a), (2, &b)] {
            ip(&format!("link add u0 netns {name} type veth peer name w{place} netns {m}"))?;
            ip(&format!("-n {name} addr add 10.198.{place}.1/24 dev u0"))?;
            ip(&format!("-n {m} addr add 10.198.{place}.2/24 dev w{place}"))?;
            ip(&format!("-n {name} link set u0 up"))?;
            ip(&format!("-n {m} link set w{place} up"))?;
            let end = format!(
                "local 10.198.{place}.1 remote 10.198.{place}.2 dstport {TUNNEL_PORT} dev u0"
            );
            ip(&format!("-n {name} link add vx0 type vxlan id 7 {end}"))?;
            ip(&format!("-n {name} link set vx0 mtu 1400"))?;
            let socket =
                self.within(2, || UdpSocket::bind((format!("10.198.{place}.2"), TUNNEL_PORT)));
            let socket = socket.map_err(|error| format!("relay: {error}"))?;
            let room = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 16 << 20);
            room.map_err(|error| format!("relay: {error}"))?;
            socket
                .set_read_timeout(Some(Duration::from_millis(50)))
                .map_err(|error| error.to_string())?;
            ends.push((socket, format!("10.198.{place}.1:{TUNNEL_PORT}")));
        }
        self.addresses("vx0", "vx0")?;
        let (one, other) = (&ends[0], &ends[1]);
        for (from, to, seed) in [(one, other, 1), (other, one, 2)] {
            let (from, out) = (from.0.try_clone(), to.0.try_clone());
            let (from, out) = (from.map_err(|e| e.to_string())?, out.map_err(|e| e.to_string())?);
            self.relay(from, out, to.1.clone(), weather, seed);
        }
        Ok(())
    }

    /// Carries datagrams one way.
    fn relay(&mut self, from: UdpSocket, out: UdpSocket, to: String, weather: Weather, seed: u64) {
        type Held = (Mutex<VecDeque<(Instant, Vec<u8>)>>, Condvar);
        let held: Arc<Held> = Arc::default();
        let (stop, queue) = (Arc::clone(&self.stop), Arc::clone(&held));
        self.threads.push(std::thread::spawn(move || {
            let mut state = seed + u64::from(std::process::id());
            let mut buffer = vec![0; 2_048];
            while !stop.load(Ordering::Relaxed) {
                let Ok((length, _)) = from.recv_from(&mut buffer) else { continue };
                sign(&mut buffer[..length]);
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let mut queue_held = queue.0.lock().unwrap();
                if (state >> 33) % 1000 >= weather.lost && queue_held.len() < HELD_MAX {
                    queue_held
                        .push_back((Instant::now() + weather.delay, buffer[..length].to_vec()));
                    queue.1.notify_one();
                }
            }
            queue.1.notify_one();
        }));
        let stop = Arc::clone(&self.stop);
        self.threads.push(std::thread::spawn(move || {
            let mut queue = held.0.lock().unwrap();
            while !stop.load(Ordering::Relaxed) {
                let wait = match queue.front() {
                    Some((due, _)) => due.saturating_duration_since(Instant::now()),
                    None => Duration::from_millis(50),
                };
                if !wait.is_zero() {
                    queue = held.1.wait_timeout(queue, wait).unwrap().0;
                    continue;
                }
                let Some((_, datagram)) = queue.pop_front() else { continue };
                drop(queue);
                let _ = out.send_to(&datagram, &to);
                queue = held.0.lock().unwrap();
            }
        }));
    }

    /// Gives the name of the namespace that scans.
    pub(crate) fn scanner(&self) -> &str {
        &self.names[0]
    }

    /// Does something within a namespace, on a thread of its own: 0 scans, 1 is scanned.
    pub(crate) fn within<T: Send>(&self, place: usize, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.names[place]);
        let enter = || {
            let space = File::open(&path).unwrap();
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        };
        std::thread::scope(|scope| scope.spawn(enter).join().unwrap())
    }

    /// Listens on ports of the scanned machine; none accepts, which a SYN needs not.
    pub(crate) fn listen(&self, ports: &[u16]) -> Vec<TcpListener> {
        self.within(1, || {
            ports.iter().map(|port| TcpListener::bind(("::", *port)).unwrap()).collect()
        })
    }
}

/// Writes the checksum of TCP into a tunnelled packet: the kernel leaves it to the device, and the
/// virtual ones leave it out.
fn sign(datagram: &mut [u8]) {
    const VXLAN_AND_ETHERNET: usize = 8 + 14;
    let Some(packet) = datagram.get(VXLAN_AND_ETHERNET..) else { return };
    let Ok(ip) = etherparse::IpSlice::from_slice(packet) else { return };
    if ip.payload_ip_number() != etherparse::IpNumber::TCP {
        return;
    }
    let segment = ip.payload().payload;
    let at = datagram.len() - segment.len();
    let Ok(header) = etherparse::TcpHeaderSlice::from_slice(segment) else { return };
    let rest = segment.get(header.slice().len()..).unwrap_or_default();
    let sum = match (ip.source_addr(), ip.destination_addr()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            header.calc_checksum_ipv4_raw(from.octets(), to.octets(), rest)
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            header.calc_checksum_ipv6_raw(from.octets(), to.octets(), rest)
        }
        _ => return,
    };
    if let Ok(sum) = sum {
        datagram[at + 16..at + 18].copy_from_slice(&sum.to_be_bytes());
    }
}

fn has_netem(name: &str) -> bool {
    let added = command("tc", &format!("-n {name} qdisc add dev lo root netem delay 1ms"));
    added.is_ok() && command("tc", &format!("-n {name} qdisc del dev lo root")).is_ok()
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        for name in &self.names {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}
