//! Every door, with a real listener behind it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};

use super::*;
use crate::generator::{Config, Generator};
use crate::target::Framing;

fn plan(target: Target) -> Plan {
    Plan { target, rate: None, count: Some(100), duration: None, reach: Reach::Near }
}

fn samples() -> impl Iterator<Item = Sample> {
    Generator::new(Config::default())
}

fn play(plan: &Plan) -> Result<Sent, SimulateError> {
    let stop = AtomicBool::new(false);
    send(samples(), plan, &mut Control { stop: &stop, progress: &mut |_| () })
}

#[test]
fn datagrams() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let target = Target::SyslogUdp(socket.local_addr().unwrap().to_string());
    let listening = std::thread::spawn(move || {
        let mut datagram = vec![0; 65_536];
        let read = |_| {
            let length = socket.recv(&mut datagram).unwrap();
            String::from_utf8(datagram[..length].to_vec()).unwrap()
        };
        (0..100).map(read).collect::<Vec<String>>()
    });
    let sent = play(&plan(target)).unwrap();
    assert_eq!((sent.samples, sent.benign + sent.named + sent.hidden), (100, 100));
    let frames: Vec<String> = samples().take(100).map(|sample| sample.frame).collect();
    assert_eq!(listening.join().unwrap(), frames);
}

#[test]
fn streams() {
    let expected: Vec<String> = samples().take(100).map(|sample| sample.frame).collect();
    let octet = |frame: &String| format!("{} {frame}", frame.len());
    let octets = expected.iter().map(octet).collect::<Vec<String>>().concat();
    let lines = expected.join("\n") + "\n";
    for (framing, stream) in [(Framing::Octets, octets), (Framing::Lines, lines)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Target::SyslogTcp(listener.local_addr().unwrap().to_string(), framing);
        let listening = std::thread::spawn(move || {
            let mut read = String::new();
            listener.accept().unwrap().0.read_to_string(&mut read).unwrap();
            read
        });
        assert_eq!(play(&plan(target)).unwrap().samples, 100);
        assert_eq!(listening.join().unwrap(), stream);
    }
}

#[test]
fn a_file_is_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    std::fs::write(&path, "before\n").unwrap();
    play(&plan(Target::File(path.clone()))).unwrap();
    let lines: Vec<String> = samples().take(100).map(|sample| sample.line).collect();
    assert_eq!(std::fs::read_to_string(path).unwrap(), format!("before\n{}\n", lines.join("\n")));
}

/// Answers each request with the next of `answers`, and gives the bodies.
fn serve(answers: &'static [&'static str]) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ingest", listener.local_addr().unwrap());
    let listening = std::thread::spawn(move || {
        let mut bodies = Vec::new();
        for answer in answers {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let (mut line, mut length, mut token) = (String::new(), 0, false);
            while stream.read_line(&mut line).unwrap() > 2 {
                let header = line.to_ascii_lowercase();
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                token |= header.trim_end() == "authorization: bearer secret";
                line.clear();
            }
            assert!(token);
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            bodies.push(String::from_utf8(body).unwrap());
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
        bodies
    });
    (url, listening)
}

#[test]
fn posts_and_comes_again_when_told_to() {
    let (url, listening) = serve(&[
        "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ]);
    let target = Target::Http { url, token: Some("secret".to_owned()) };
    assert_eq!(play(&plan(target)).unwrap().samples, 100);
    let bodies = listening.join().unwrap();
    let lines: String = samples().take(100).map(|sample| sample.line + "\n").collect();
    assert_eq!(bodies, [lines.clone(), lines]);
}

#[test]
fn a_refusal_is_told() {
    let (url, listening) =
        serve(&["HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"]);
    let target = Target::Http { url: url.clone(), token: Some("secret".to_owned()) };
    let error = play(&plan(target)).unwrap_err();
    assert_eq!(error.to_string(), format!("{url} answered 401: no"));
    listening.join().unwrap();
}

#[test]
fn nobody_elses_machine() {
    let mut plan = plan(Target::SyslogUdp("192.0.2.1:9".to_owned()));
    assert!(matches!(play(&plan), Err(SimulateError::Public(_))));
    plan.count = Some(0);
    plan.reach = Reach::Anywhere;
    assert!(play(&plan).is_ok());
}

#[test]
fn at_a_rate_for_a_while_until_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::File(folder.path().join("a.log"));
    let duration = Some(Duration::from_millis(500));
    let mut plan = Plan { rate: Some(100), count: None, duration, ..plan(target) };
    let sent = play(&plan).unwrap();
    assert!((5..=51).contains(&sent.samples), "{sent:?}");

    plan.duration = None;
    let stop = AtomicBool::new(false);
    let mut calls = 0;
    let mut progress = |_: &Sent| {
        calls += 1;
        stop.store(true, Ordering::Relaxed);
    };
    let sent =
        send(samples(), &plan, &mut Control { stop: &stop, progress: &mut progress }).unwrap();
    assert!(sent.samples > 0);
    assert_eq!(calls, 2);
}
