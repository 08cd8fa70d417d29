//! The scan between two machines, with a link that is perfect and one that is late and lossy: network
//! namespaces that the tests make. Where they may not, they say so and pass.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that does not find what it looks for ends there; one that is skipped says so"
)]

mod link;

use std::net::SocketAddr;
use std::time::Duration;

use link::{HERE, Link, THERE, THERE_SIX, Weather};
use wire::scan::{
    Config, Look, Outcome, Plan, Ports, Progress, Targets, Transport, Way, resolve_nothing,
};

const LISTENERS: [u16; 10] = [21, 22, 80, 443, 1433, 8080, 20_000, 31_337, 50_000, 65_535];

struct Nobody;

impl Look for Nobody {
    fn is_stopped(&mut self) -> bool {
        false
    }
    fn progress(&mut self, _: Progress) {}
    fn asked(&mut self, _: usize, _: usize) {}
}

fn make(weather: Option<Weather>) -> Option<Link> {
    match Link::new(weather) {
        Ok(link) => Some(link),
        Err(why) => {
            println!("skipped, no network namespaces here: {why}");
            None
        }
    }
}

fn plan(target: &str, ports: &str, way: Way) -> Plan {
    let targets = Targets::parse([target], &resolve_nothing).unwrap();
    Config::default().plan(targets, Ports::parse(ports, Transport::Tcp).unwrap(), way)
}

fn scan(link: &Link, plan: &Plan) -> Outcome {
    link.within(0, || wire::scan::run(plan, &mut Nobody)).unwrap()
}

fn open(outcome: &Outcome) -> Vec<u16> {
    outcome.found.iter().map(|found| found.address.port()).collect()
}

#[test]
fn all_ports_of_a_perfect_link() {
    let Some(link) = make(None) else { return };
    let _listeners = link.listen(&LISTENERS);
    for target in [THERE, THERE_SIX] {
        let outcome = scan(&link, &plan(target, "all", Way::Syn));
        assert_eq!(open(&outcome), LISTENERS, "{target}");
        assert!(outcome.is_whole);
        assert_eq!(outcome.hosts[0].closed, 65_525, "{target}: every other port refuses");
    }
    let outcome = scan(&link, &plan(THERE, "all", Way::Connect));
    assert_eq!(open(&outcome), LISTENERS);
}

#[test]
fn none_is_missed_on_a_late_and_lossy_link() {
    let weather = Weather { delay: Duration::from_millis(50), lost: 10 };
    let Some(link) = make(Some(weather)) else { return };
    let _listeners = link.listen(&LISTENERS);
    for round in 0..3 {
        let outcome = scan(&link, &plan(THERE, "all", Way::Syn));
        assert_eq!(open(&outcome), LISTENERS, "round {round} ({})", link.how);
        assert_eq!(outcome.hosts[0].closed, 65_525, "round {round}");
    }
    let outcome = scan(&link, &plan(THERE, "20-1500,31337", Way::Connect));
    assert_eq!(open(&outcome), [21, 22, 80, 443, 1433, 31_337]);
}

#[test]
fn a_machine_that_drops_what_it_does_not_serve() {
    let weather = Weather { delay: Duration::from_millis(20), lost: 10 };
    let Some(link) = make(Some(weather)) else { return };
    let _listeners = link.listen(&LISTENERS);
    let rules = "add table inet t; add chain inet t in { type filter hook input priority 0; }; \
                 add rule inet t in tcp flags syn tcp dport 100 reject with icmp type host-unreachable; \
                 add rule inet t in tcp flags syn tcp dport != { 22, 443, 8080 } drop";
    let outcome = link.within(1, || std::process::Command::new("nft").arg(rules).output());
    if !outcome.as_ref().is_ok_and(|output| output.status.success()) {
        println!("skipped, no nft here: {outcome:?}");
        return;
    }
    let outcome = scan(&link, &plan(THERE, "1-9000", Way::Syn));
    assert_eq!(open(&outcome), [22, 443, 8080]);
    assert_eq!((outcome.hosts[0].filtered, outcome.hosts[0].closed), (1, 0));
}

#[test]
fn what_was_not_asked_for_is_not_believed() {
    let Some(link) = make(None) else { return };
    // Nobody listens: whatever comes back open was made up by the other side, which answers every
    // connection attempt with forged segments from a raw socket.
    let forge = link.within(1, || {
        let socket = socket2::Socket::new(
            socket2::Domain::IPV4,
            socket2::Type::RAW,
            Some(socket2::Protocol::TCP),
        )
        .unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        socket
    });
    let stop = std::sync::atomic::AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::io::Read as _;
            let mut buffer = [0; 128];
            let to: SocketAddr = format!("{HERE}:0").parse().unwrap();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let Ok(length) = (&forge).read(&mut buffer) else { continue };
                let Some(segment) = buffer.get(20..length).filter(|segment| segment.len() >= 20)
                else {
                    continue;
                };
                // SYN-ACK from the port that was asked, with a number that acknowledges nothing.
                let mut answer = [0_u8; 20];
                answer[..2].copy_from_slice(&segment[2..4]);
                answer[2..4].copy_from_slice(&segment[..2]);
                answer[8..12].copy_from_slice(&0x1234_5678_u32.to_be_bytes());
                answer[12..14].copy_from_slice(&[0x50, 0x12]);
                let _ = forge.send_to(&answer, &to.into());
            }
        });
        let outcome = scan(&link, &plan(THERE, "1-500", Way::Syn));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        outcome
    });
    assert!(open(&outcome).is_empty(), "{:?}", outcome.found);
    assert_eq!(outcome.hosts[0].closed, 500);
}
