//! Messages that rsyslog hands over with RELP, while the product is killed and started again.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::console::Console;
use crate::product::{Place, Product, eventually};

const MESSAGES: usize = 3_000;
const KILLS: usize = 3;

/// The real sender; gone with the test.
struct Rsyslog(Child);

impl Rsyslog {
    /// Starts it with one input, datagrams, and one output; `None` where it is not installed.
    fn start(place: &Place, input: SocketAddr, to: SocketAddr) -> Option<Self> {
        let modules = ["/usr/lib/x86_64-linux-gnu/rsyslog", "/usr/lib/aarch64-linux-gnu/rsyslog"];
        let has_relp = modules.iter().any(|folder| Path::new(folder).join("omrelp.so").exists());
        if !has_relp || !Path::new("/usr/sbin/rsyslogd").exists() {
            return None;
        }
        let work = place.path("rsyslog");
        std::fs::create_dir_all(&work).unwrap();
        let config = place.path("rsyslog.conf");
        let text = format!(
            "global(workDirectory=\"{}\")\nmodule(load=\"imudp\" timeRequery=\"1\")\nmodule(load=\"omrelp\")\n\
             input(type=\"imudp\" address=\"127.0.0.1\" port=\"{}\")\n\
             action(type=\"omrelp\" target=\"127.0.0.1\" port=\"{}\" action.resumeRetryCount=\"-1\"\n\
             action.resumeInterval=\"1\" timeout=\"5\" queue.type=\"linkedList\" queue.size=\"100000\")\n",
            work.display(),
            input.port(),
            to.port()
        );
        std::fs::write(&config, text).unwrap();
        let child = Command::new("/usr/sbin/rsyslogd")
            .arg("-n")
            .arg("-f")
            .arg(&config)
            .arg("-i")
            .arg(place.path("rsyslog.pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        child.ok().map(Self)
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that is free now; rsyslog and the product that comes back need a fixed one.
fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn free_datagram_port() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn rsyslog_loses_nothing_while_the_product_is_killed() {
    let place = Place::new();
    let (relp, input) = (free_port(), free_datagram_port());
    let Some(_rsyslog) = Rsyslog::start(&place, input, relp) else {
        println!("skipped: rsyslog with omrelp is not installed (rsyslog-relp)");
        return;
    };
    let config = place.configure(&format!(
        "[inputs.relp]\nenabled = true\nlisten = \"{relp}\"\n[store]\ngeneration_events_max = 500\n"
    ));
    let mut product = Product::start(&config);
    let mut console = Console::set_up(&mut product);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent = 0;
    for part in 1..=KILLS + 1 {
        let until = MESSAGES * part / (KILLS + 1);
        while sent < until {
            let line = format!("<13>Nov 21 06:58:00 web app: message {sent:05}");
            sender.send_to(line.as_bytes(), input).unwrap();
            sent += 1;
            // A datagram that rsyslog has no room for is lost before it is anybody's.
            if sent % 100 == 0 {
                eventually("rsyslog takes its datagrams", || is_read(input).then_some(()));
            }
        }
        if part <= KILLS {
            eventually("some arrive", || {
                (stored(&console) > u64::try_from(100 * part).unwrap()).then_some(())
            });
            product.kill();
            product = Product::start(&config);
            console = console.at(&mut product);
        }
    }
    eventually("every message is stored", || {
        (stored(&console) == u64::try_from(MESSAGES).unwrap()).then_some(())
    });
    let ledger = console.get("/api/v1/ledger");
    assert_eq!(ledger["is_balanced"], true, "{ledger}");
}

/// Tells whether nothing waits in the datagram socket of that port.
fn is_read(input: SocketAddr) -> bool {
    let sockets = std::fs::read_to_string("/proc/net/udp").unwrap();
    let port = format!(":{:04X}", input.port());
    sockets.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(1).is_some_and(|local| local.ends_with(&port))
            && words.get(4).is_some_and(|queues| queues.ends_with(":00000000"))
    })
}

/// Counts the different messages; what rsyslog did not hear of in time comes twice.
fn stored(console: &Console) -> u64 {
    let sql = "SELECT count(DISTINCT event.original) FROM events WHERE bartizan.input = 'relp' \
               AND event.original LIKE '%message 0%'";
    console.sql(sql)[0][0].as_u64().unwrap()
}
