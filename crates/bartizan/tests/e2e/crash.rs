//! A power cut in the middle of it all.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::console::Console;
use crate::product::{Place, Product, eventually};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const FILE_LINES: usize = 4_000;
const ROUNDS: usize = 3;

#[test]
fn killed_in_the_middle_of_a_stream_nothing_acknowledged_is_lost_or_doubled() {
    let place = Place::new();
    let log = place.path("app.log");
    std::fs::write(&log, "").unwrap();
    let config = place.configure(&format!(
        "[inputs.http]\nenabled = true\nlisten = \"127.0.0.1:0\"\ntoken = \"{TOKEN}\"\n\
         [[inputs.file]]\npaths = [{log:?}]\nfrom = \"start\"\n\
         [store]\ngeneration_events_max = 700\n"
    ));
    let mut acknowledged = HashSet::new();
    // Several cuts: the second and third fall on a store that was already repaired once.
    for round in 0..ROUNDS {
        let mut product = Product::start(&config);
        acknowledged.extend(stream_until_killed(&mut product, &log, round));
        product.kill();
    }

    let mut product = Product::start(&config);
    let console = Console::set_up(&mut product);
    let written: HashSet<String> =
        std::fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect();
    let counts = eventually("every line of the file is stored", || {
        let counts = stored(&console);
        written.iter().all(|line| counts.contains_key(line)).then_some(counts)
    });
    let doubled: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "stored more than once: {doubled:?}");
    let lost: Vec<_> = acknowledged.iter().filter(|line| !counts.contains_key(*line)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(acknowledged.len() > 100, "too few to mean anything: {}", acknowledged.len());
}

#[test]
fn a_batch_that_comes_again_is_kept_once() {
    let place = Place::new();
    let config = place.configure(&format!(
        "[inputs.http]\nenabled = true\nlisten = \"127.0.0.1:0\"\ntoken = \"{TOKEN}\"\n"
    ));
    let send = |product: &mut Product, name: &str, body: &str| {
        let response = ureq::post(format!("http://{}/ingest", product.address("http")))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "text/plain")
            .header("x-batch-id", name)
            .send(body)
            .unwrap();
        assert_eq!(response.status(), 200);
    };
    let mut product = Product::start(&config);
    send(&mut product, "one", "first\nsecond");
    send(&mut product, "one", "first\nsecond");
    // The same name over another content is another batch, and so is the same content by another name.
    send(&mut product, "one", "third");
    send(&mut product, "two", "third");
    product.kill();

    // Known after a power cut too, since the name lies in the record of the log.
    let mut product = Product::start(&config);
    send(&mut product, "one", "first\nsecond");
    let console = Console::set_up(&mut product);
    let ledger = console.get("/api/v1/ledger");
    assert_eq!((&ledger["deduplicated"], &ledger["replayed"]), (&2.into(), &4.into()), "{ledger}");
    let sql = "SELECT event.original, count(*) FROM events GROUP BY 1 ORDER BY 1";
    let counts: Vec<_> =
        console.sql(sql).iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let expected = [("first", 1), ("second", 1), ("third", 2)];
    assert_eq!(counts, expected.map(|(line, count)| (line.into(), count.into())));
}

/// Posts and appends lines until some hundreds were acknowledged; gives those.
fn stream_until_killed(product: &mut Product, log: &std::path::Path, round: usize) -> Vec<String> {
    let address = product.address("http");
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let acknowledged = Arc::clone(&acknowledged);
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let agent = ureq::Agent::new_with_defaults();
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let lines: Vec<String> = (0..5)
                        .map(|line| {
                            format!("http round {round} sender {sender} line {number}.{line}")
                        })
                        .collect();
                    let request = agent
                        .post(format!("http://{address}/ingest"))
                        .header("authorization", format!("Bearer {TOKEN}"))
                        .header("content-type", "text/plain");
                    // Cut off in mid-flight: then it was not acknowledged.
                    match request.send(lines.join("\n")) {
                        Ok(response) if response.status() == 200 => {
                            acknowledged.lock().unwrap().extend(lines);
                        }
                        _ => return,
                    }
                }
            })
        })
        .collect();
    let mut file = std::fs::OpenOptions::new().append(true).open(log).unwrap();
    for number in 0..FILE_LINES {
        writeln!(file, "file round {round} line {number}").unwrap();
    }
    eventually("some hundreds are acknowledged", || {
        (acknowledged.lock().unwrap().len() > 400).then_some(())
    });
    // Left running: the cut comes while they send.
    let taken = acknowledged.lock().unwrap().clone();
    std::thread::spawn(move || {
        for sender in senders {
            let _ = sender.join();
        }
        stop.store(true, Ordering::Relaxed);
    });
    taken
}

/// Counts each stored line, asking for a part of them at a time: an answer has a bounded length.
fn stored(console: &Console) -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    for (input, round) in
        ["http", "file"].into_iter().flat_map(|input| (0..ROUNDS).map(move |round| (input, round)))
    {
        let sql = format!(
            "SELECT event.original, count(*) FROM events \
             WHERE bartizan.input = '{input}' AND event.original LIKE '{input} round {round} %' GROUP BY 1"
        );
        for row in console.sql(&sql) {
            counts.insert(row[0].as_str().unwrap().to_owned(), row[1].as_u64().unwrap());
        }
    }
    counts
}
