use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use expect_test::{Expect, expect};

use super::super::config::Config;
use super::super::targets::resolve_nothing;
use super::*;

/// Looks on, and stops after a time if asked.
struct Patient {
    stops: bool,
    done: Progress,
}

impl Look for Patient {
    fn is_stopped(&mut self) -> bool {
        self.stops
    }
    fn progress(&mut self, progress: Progress) {
        assert!(progress.done >= self.done.done, "it never goes back");
        self.done = progress;
    }
    fn asked(&mut self, done: usize, all: usize) {
        assert!(done <= all);
    }
}

fn plan(targets: &str, ports: &str, way: Way) -> Plan {
    let targets = Targets::parse([targets], &resolve_nothing).unwrap();
    Config::default().plan(targets, Ports::parse(ports, way.transport()).unwrap(), way)
}

fn scan(plan: &Plan) -> Outcome {
    run(plan, &mut Patient { stops: false, done: Progress::default() }).unwrap()
}

#[test]
fn absurd_and_foreign_scans_are_refused() {
    let check = |targets: &str, ports: &str, expect: Expect| {
        let refused = plan(targets, ports, Way::Connect).check();
        expect.assert_eq(&refused.map_or_else(|error| error.to_string(), |()| "may go".to_owned()));
    };
    check("10.0.0.0/24", "all", expect!["may go"]);
    check("10.0.0.0/16", "1-256", expect!["may go"]);
    check(
        "fd00::/64",
        "1",
        expect![
            "18446744073709551615 addresses with 1 ports each are too many for one scan (at most 65536 addresses and 16777216 probes); name fewer, or scan in parts"
        ],
    );
    check(
        "10.0.0.0/23",
        "all",
        expect![
            "512 addresses with 65535 ports each are too many for one scan (at most 65536 addresses and 16777216 probes); name fewer, or scan in parts"
        ],
    );
    check(
        "10.0.0.1,8.8.8.8",
        "1",
        expect![
            "8.8.8.8 is a public address; scan what is yours, and say so where you are entitled to more"
        ],
    );
    check("224.0.0.1", "1", expect!["224.0.0.1 stands for many machines or none"]);
    let entitled = Plan { is_entitled: true, ..plan("8.8.8.8", "1", Way::Connect) };
    assert!(entitled.check().is_ok());
}

#[test]
fn open_and_closed_ports_of_loopback_by_connection() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let six = TcpListener::bind((std::net::Ipv6Addr::LOCALHOST, 0)).unwrap();
    let (port, other) = (listener.local_addr().unwrap().port(), six.local_addr().unwrap().port());
    let outcome = scan(&plan("127.0.0.1,::1", &format!("1-30,{port},{other}"), Way::Connect));
    let found: Vec<SocketAddr> = outcome.found.iter().map(|found| found.address).collect();
    assert!(found.contains(&listener.local_addr().unwrap()), "{found:?}");
    assert!(found.contains(&six.local_addr().unwrap()), "{found:?}");
    assert!(outcome.is_whole);
    let four = outcome.hosts.iter().find(|host| host.ip.is_ipv4()).unwrap();
    let asked = plan("::1", &format!("1-30,{port},{other}"), Way::Connect).ports.count();
    assert_eq!(four.open + four.closed, asked, "loopback answers for every port");
}

#[test]
fn a_datagram_that_is_answered_and_one_that_is_refused() {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let closed = {
        // Nobody else is given the number while the sockets are open together.
        let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        free.local_addr().unwrap().port()
    };
    let serve = thread::spawn(move || {
        let mut buffer = [0; 64];
        let (_, from) = server.recv_from(&mut buffer).unwrap();
        server.send_to(b"who is there\n", from).unwrap();
    });
    let outcome = scan(&plan("127.0.0.1", &format!("{port},{closed}"), Way::Udp));
    serve.join().unwrap();
    let [found] = outcome.found.as_slice() else { panic!("{:?}", outcome.found) };
    assert_eq!(found.address.port(), port);
    assert_eq!(found.service.as_ref().unwrap().banner.as_deref(), Some("who is there\\n"));
    assert_eq!(outcome.hosts[0].closed, 1);
}

#[test]
fn a_scan_that_is_stopped_gives_what_it_has() {
    // Nobody has this address, so only the stop ends the scan soon.
    let plan =
        Plan { timeout: Duration::from_mins(1), ..plan("198.18.0.1-9", "all", Way::Connect) };
    let outcome = run(&plan, &mut Patient { stops: true, done: Progress::default() }).unwrap();
    assert!(!outcome.is_whole);
}

#[test]
fn services_are_asked_who_they_are() {
    use std::io::{Read as _, Write as _};
    let serve = |greets: &'static [u8], answers: &'static [u8]| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        // The thread ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                thread::spawn(move || {
                    let mut buffer = [0; 512];
                    let _ = stream.write_all(greets);
                    let Ok(read) = stream.read(&mut buffer) else { return };
                    if buffer[..read].starts_with(b"GET ") {
                        let _ = stream.write_all(answers);
                    }
                });
            }
        });
        port
    };
    let ssh = serve(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", b"");
    let web = serve(b"", b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Length: 24\r\n\r\n<title>Hello</title>\r\n\r\n");
    let odd = serve(b"\x1b[31mwho knows\n", b"");
    let mut plan = plan("127.0.0.1", &format!("{ssh},{web},{odd}"), Way::Connect);
    plan.asks = Some(Asks { timeout: Duration::from_millis(400), foreign: None });
    let outcome = scan(&plan);
    let service = |port: u16| {
        let found = outcome.found.iter().find(|found| found.address.port() == port).unwrap();
        found.service.clone().unwrap()
    };
    assert_eq!(
        (service(ssh).name.as_str(), service(ssh).title().as_str()),
        ("ssh", "OpenSSH 9.2p1")
    );
    assert_eq!(
        (service(web).name.as_str(), service(web).title().as_str()),
        ("http", "nginx 1.22.1")
    );
    assert_eq!(service(web).info.as_deref(), Some("status 200; title Hello"));
    assert_eq!(
        (service(odd).name.as_str(), service(odd).banner.as_deref()),
        ("", Some("\\x1b[31mwho knows\\n"))
    );
}

#[test]
fn a_certificate_is_read() {
    use std::io::{Read as _, Write as _};
    use tokio_rustls::rustls;

    let made = rcgen::generate_simple_self_signed(vec!["mail.example".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let config = Arc::clone(&config);
            thread::spawn(move || {
                let connection = rustls::ServerConnection::new(config).unwrap();
                let mut stream = rustls::StreamOwned::new(connection, stream);
                let mut buffer = [0; 512];
                let Ok(read) = stream.read(&mut buffer) else { return };
                if buffer[..read].starts_with(b"GET ") {
                    let _ = stream.write_all(
                        b"HTTP/1.1 404 Not Found\r\nServer: Apache/2.4.57 (Debian)\r\n\r\n",
                    );
                    let _ = stream.flush();
                }
            });
        }
    });
    let mut plan = plan("127.0.0.1", &port.to_string(), Way::Connect);
    plan.asks = Some(Asks { timeout: Duration::from_millis(600), foreign: None });
    let service = scan(&plan).found[0].service.clone().unwrap();
    assert_eq!((service.name.as_str(), service.title().as_str()), ("http", "Apache 2.4.57"));
    let tls = service.tls.unwrap();
    assert_eq!(
        (tls.version.as_str(), tls.names.as_slice()),
        ("1.3", ["mail.example".to_owned()].as_slice())
    );
    assert!(tls.cipher.starts_with("TLS_"), "{}", tls.cipher);
    assert_eq!(tls.sha256.len(), 64);
}
