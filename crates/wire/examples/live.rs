//! How fast live capture is: packets a second, a core, and what the kernel dropped.
//!
//! Two network namespaces with a cable between them; in one a sender with raw sockets, in the other
//! the capture as `bartizan serve` runs it, flows, protocols and accounts included. Needs root.
//!
//! ```text
//! cargo run --release -p wire --example live -- RATE SECONDS FLOWS BYTES THREADS STEER
//! ```
//!
//! A rate of 0 means as fast as the sender can. Where STEER is 1, the sender has the first core for
//! itself, and the second does what a receiving machine does: the kernel's half (receive packet steering
//! moves it there) and the capture.
#![expect(unsafe_code, reason = "the sender hands many frames to the kernel in one call")]
#![expect(clippy::print_stdout, clippy::as_conversions, reason = "figures for people")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench may end at a fault")]
#![expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small numbers")]

use std::fs::File;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::process::Command;
use std::time::{Duration, Instant};

use wire::capture::{CaptureConfig, start_live};
use wire::traffic::{Home, SharedTraffic};

const BATCH: usize = 64;

struct Wanted {
    rate: u64,
    seconds: u64,
    flows: u32,
    bytes: usize,
    threads: usize,
    steer: bool,
}

fn main() {
    let mut words = std::env::args().skip(1).map(|word| word.parse::<u64>().unwrap());
    let mut word = |usual| words.next().unwrap_or(usual);
    let wanted = Wanted {
        rate: word(1_000_000),
        seconds: word(10),
        flows: u32::try_from(word(10_000)).unwrap(),
        bytes: usize::try_from(word(100)).unwrap(),
        threads: usize::try_from(word(1)).unwrap(),
        steer: word(0) == 1,
    };
    let [left, right] = ["l", "r"].map(|side| format!("bt-live-{}-{side}", std::process::id()));
    ip(&format!("netns add {left}"));
    ip(&format!("netns add {right}"));
    ip(&format!("link add v0 netns {left} type veth peer name v1 netns {right}"));
    for (namespace, interface) in [(&left, "v0"), (&right, "v1")] {
        // Nothing but the sender is to speak.
        Command::new("ip")
            .args(["netns", "exec", namespace, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])
            .status()
            .unwrap();
        ip(&format!("-n {namespace} link set {interface} up"));
    }
    if wanted.steer {
        let steer = "sysctl -qw net.core.netdev_max_backlog=100000; \
                     echo 2 > /sys/class/net/v1/queues/rx-0/rps_cpus";
        Command::new("ip").args(["netns", "exec", &right, "sh", "-c", steer]).status().unwrap();
        pin(1);
    }
    let outcome = std::panic::catch_unwind(|| measure(&wanted, &left, &right));
    ip(&format!("netns del {left}"));
    ip(&format!("netns del {right}"));
    if outcome.is_err() {
        std::process::exit(1);
    }
}

fn measure(wanted: &Wanted, left: &str, right: &str) {
    enter(right);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (outlet, batches) = crossbeam_channel::bounded::<model::Batch>(256);
    let start = source::Start {
        outlet,
        checkpoints: Vec::new(),
        runtime: runtime.handle().clone(),
        simulated: false,
    };
    let mut running = source::start(&source::Config::silent(), start).unwrap();
    let inputs = running.inputs();
    let folder = tempfile::tempdir().unwrap();
    let home = Home::default();
    let config = CaptureConfig {
        interfaces: vec!["v1".to_owned()],
        threads: wanted.threads,
        ..CaptureConfig::default()
    };
    let traffic = SharedTraffic::start(&mut running, home.clone(), folder.path().join("known"));
    let capturing = start_live(&mut running, &config, &home, &traffic, folder.path());
    let drained = std::thread::spawn(move || batches.iter().map(|batch| batch.records.len()).sum());
    while !capturing.is_open("v1") {
        std::thread::sleep(Duration::from_millis(10));
    }
    let cpu_before = cpu(libc::CLOCK_PROCESS_CPUTIME_ID);
    let began = Instant::now();
    let (sent, sender_cpu) = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            enter(left);
            if wanted.steer {
                pin(0);
            }
            let sent = send(wanted);
            (sent, cpu(libc::CLOCK_THREAD_CPUTIME_ID))
        });
        sender.join().unwrap()
    });
    let wall = began.elapsed().as_secs_f64();
    // The last block comes a little later, and the counts once a second.
    std::thread::sleep(Duration::from_millis(1500));
    let capture_cpu = cpu(libc::CLOCK_PROCESS_CPUTIME_ID) - cpu_before - sender_cpu;
    let (packets, dropped) = capturing.count("v1").unwrap();
    let late = runtime.block_on(running.stop(Duration::from_mins(1)));
    assert!(late.is_empty());
    drop(inputs);
    let events: usize = drained.join().unwrap();
    println!(
        "sent          {sent} packets of {} bytes, {} flows, in {wall:.2} s: {:.3} M/s",
        wanted.bytes,
        wanted.flows,
        sent as f64 / wall / 1e6
    );
    println!(
        "captured      {packets}, dropped by the kernel {dropped} ({:.3} %), {:.3} M/s",
        dropped as f64 * 100.0 / (packets + dropped) as f64,
        packets as f64 / wall / 1e6
    );
    println!(
        "capture's CPU {capture_cpu:.2} s: {:.2} M packets a second of one core",
        packets as f64 / capture_cpu / 1e6
    );
    println!("events        {events}");
}

/// Sends for the wanted time and gives how many packets that were.
fn send(wanted: &Wanted) -> u64 {
    let socket = raw_socket();
    let mut frames: Vec<Vec<u8>> = (0..BATCH).map(|_| frame(wanted.bytes)).collect();
    let mut vectors: Vec<libc::iovec> = frames
        .iter_mut()
        .map(|frame| libc::iovec { iov_base: frame.as_mut_ptr().cast(), iov_len: frame.len() })
        .collect();
    let mut messages: Vec<libc::mmsghdr> = vectors
        .iter_mut()
        .map(|vector| {
            // SAFETY: the struct holds numbers and pointers; all zeros is a value of it.
            let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
            message.msg_hdr.msg_iov = vector;
            message.msg_hdr.msg_iovlen = 1;
            message
        })
        .collect();
    let began = Instant::now();
    let (mut sent, mut flow) = (0_u64, 0_u32);
    while began.elapsed().as_secs() < wanted.seconds {
        for frame in &mut frames {
            flow = (flow + 1) % wanted.flows;
            // The sender's address and port tell the flow.
            frame[28..30].copy_from_slice(&u16::try_from(flow >> 16).unwrap().to_be_bytes());
            frame[34..36].copy_from_slice(&u16::try_from(flow & 0xFFFF).unwrap().to_be_bytes());
        }
        // SAFETY: each message points at one vector, which points at one frame; all live until the end
        // of this function and are changed between calls alone.
        let done =
            unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), BATCH as u32, 0) };
        sent += u64::try_from(done).unwrap_or(0);
        while wanted.rate > 0 && began.elapsed().as_secs_f64() * (wanted.rate as f64) < sent as f64
        {
            std::hint::spin_loop();
        }
    }
    sent
}

/// A datagram of so many bytes.
fn frame(bytes: usize) -> Vec<u8> {
    let mut frame = vec![0xFF; 6];
    frame.extend([2, 0, 0, 0, 0, 1, 8, 0]);
    let length = u16::try_from(bytes - 14).unwrap();
    frame.extend([0x45, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 1, 0, 2]);
    frame.extend([0, 0, 0x9C, 0x40]);
    frame.extend((length - 20).to_be_bytes());
    frame.resize(bytes, 0);
    frame
}

fn raw_socket() -> OwnedFd {
    // SAFETY: the calls take numbers, and structs of plain numbers that outlive them.
    unsafe {
        let fd = libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0);
        assert!(fd >= 0, "a raw socket needs root");
        let socket = OwnedFd::from_raw_fd(fd);
        let one = 1_i32;
        let pointer = (&raw const one).cast();
        libc::setsockopt(fd, libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, pointer, 4);
        let mut address: libc::sockaddr_ll = std::mem::zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = libc::if_nametoindex(c"v0".as_ptr()).cast_signed();
        let length = size_of::<libc::sockaddr_ll>() as u32;
        assert_eq!(libc::bind(fd, (&raw const address).cast(), length), 0);
        socket
    }
}

/// Keeps the calling thread, and those that it begins, on one core.
fn pin(core: usize) {
    // SAFETY: the set is a plain array of bits, which the call reads while it lives.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        assert_eq!(libc::sched_setaffinity(0, size_of_val(&set), &raw const set), 0);
    }
}

fn cpu(clock: libc::clockid_t) -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is that of one whole `timespec`.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn enter(namespace: &str) {
    let file = File::open(format!("/run/netns/{namespace}")).unwrap();
    // SAFETY: the call takes a descriptor, which is open, and a number.
    assert_eq!(unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) }, 0);
}

fn ip(words: &str) {
    assert!(Command::new("ip").args(words.split(' ')).status().unwrap().success(), "ip {words}");
}
