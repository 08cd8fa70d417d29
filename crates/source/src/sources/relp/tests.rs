//! Speaks RELP to the listener and knows no function of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use model::Refusal;

use crate::sources::testing::Line;

fn begin() -> (Line, TcpStream, BufReader<TcpStream>) {
    let line = Line::start(100, |config| {
        config.relp.enabled = true;
        config.relp.line_bytes_max = 512;
    });
    let stream = TcpStream::connect(line.address("relp")).unwrap();
    let answers = BufReader::new(stream.try_clone().unwrap());
    (line, stream, answers)
}

fn open(stream: &mut TcpStream, answers: &mut BufReader<TcpStream>) {
    stream.write_all(b"1 open 14 relp_version=0\n").unwrap();
    let offer = ["1 rsp 60 200 OK", "relp_version=0", "relp_software=bartizan", "commands=syslog"];
    for line in offer {
        assert_eq!(answer(answers), line);
    }
}

fn answer(answers: &mut BufReader<TcpStream>) -> String {
    let mut text = String::new();
    answers.read_line(&mut text).unwrap();
    text.trim_end_matches('\n').to_owned()
}

#[test]
fn answered_only_when_durable_and_in_order() {
    let (line, mut stream, mut answers) = begin();
    open(&mut stream, &mut answers);
    stream.write_all(b"2 syslog 7 <13>one\n3 syslog 7 <13>two\n").unwrap();
    let mut held = vec![line.batches.recv().unwrap()];
    if held[0].records.len() < 2 {
        held.push(line.batches.recv().unwrap());
    }
    assert_eq!(line.status("relp").received, 0);
    let texts: Vec<String> =
        held.iter().flat_map(|batch| &batch.records).map(|one| one.text.to_string()).collect();
    assert_eq!(texts, ["<13>one", "<13>two"]);
    // The later one may be durable first; its answer waits.
    for batch in held.into_iter().rev() {
        batch.receipt.unwrap().settle(Ok(()));
    }
    assert_eq!([answer(&mut answers), answer(&mut answers)], ["2 rsp 6 200 OK", "3 rsp 6 200 OK"]);
    line.until(|status| status.received == 2, "relp");
    stream.write_all(b"4 close 0\n").unwrap();
    assert_eq!([answer(&mut answers), answer(&mut answers)], ["4 rsp 0", "0 serverclose 0"]);
    assert_eq!(answers.read(&mut [0; 1]).unwrap(), 0);
    line.stop();
}

#[test]
fn what_is_not_kept_is_not_answered() {
    let (line, mut stream, mut answers) = begin();
    open(&mut stream, &mut answers);
    line.answers.lock().unwrap().push_back(Refusal::Busy);
    stream.write_all(b"2 syslog 7 <13>one\n").unwrap();
    while !line.take() {}
    let mut rest = String::new();
    answers.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    let mut again = TcpStream::connect(line.address("relp")).unwrap();
    let mut answers = BufReader::new(again.try_clone().unwrap());
    open(&mut again, &mut answers);
    again.write_all(b"2 syslog 7 <13>one\n").unwrap();
    assert_eq!(line.texts(1), ["<13>one"]);
    assert_eq!(answer(&mut answers), "2 rsp 6 200 OK");
    line.stop();
}

#[test]
fn strangers_are_shown_out() {
    let (line, mut stream, mut answers) = begin();
    stream.write_all(b"<13>Nov 21 06:58:00 web plain syslog\n").unwrap();
    assert_eq!(answer(&mut answers), "0 serverclose 0");
    line.until(|status| status.refused == 1 && status.open == 0, "relp");
    let fault = line.status("relp").fault.unwrap();
    assert!(fault.contains("no RELP"), "{fault}");
    // A message before the session is open is no message.
    let mut early = TcpStream::connect(line.address("relp")).unwrap();
    early.write_all(b"2 syslog 7 <13>one\n").unwrap();
    line.until(|status| status.refused == 2, "relp");
    assert_eq!(line.stop().0, Vec::<String>::new());
}

#[test]
fn nothing_is_read_past_what_may_wait() {
    let (line, mut stream, mut answers) = begin();
    open(&mut stream, &mut answers);
    let sender = std::thread::spawn(move || {
        for number in 2..20_000 {
            writeln!(stream, "{number} syslog 400 {}", "x".repeat(400)).unwrap();
        }
        stream
    });
    line.until(|_| line.batches.len() >= super::BATCHES_WAITING_MAX, "relp");
    assert!(line.batches.len() <= super::BATCHES_WAITING_MAX && !sender.is_finished());
    let texts = line.records(19_998);
    assert_eq!(texts.len(), 19_998);
    for number in 2..20_000 {
        assert_eq!(answer(&mut answers), format!("{number} rsp 6 200 OK"));
    }
    drop(sender.join().unwrap());
    line.stop();
}
