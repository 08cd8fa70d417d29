//! The detectors on made days whose truth is known: what of the attacks is found, how often peace is
//! disturbed, how fast, and what it takes to remember.
//!
//! `cargo run --release -p bench --no-default-features --features detectors --bin detectors` goes through
//! all of them. Lines go through the parser and the engine, with the rules that decide on findings and no
//! others, so what is counted is alerts and not what a detector merely thinks. After `--` parts may be named, and only
//! they are measured: `logins`, `lookups`, `flows`, `starts`, `web`, and `costs`, which tells what an event costs.
//! `SHOW=1` names what was told wrongly and what was missed; `--alerts` prints all alerts on log-ins in peace.

mod costs;
mod hosts;
mod logins;
mod play;

/// What came out of one scene.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// The detector that was watched.
    pub(crate) detector: &'static str,
    /// What was played.
    pub(crate) scene: String,
    /// The share of the attacks that were told, 0 to 1; not a number where the scene holds none.
    pub(crate) recall: f64,
    /// How many alerts told of nothing, by day and thousand entities; not a number where nothing in the
    /// scene could be told wrongly.
    pub(crate) false_alerts_per_day_per_thousand: f64,
    /// From the first event of an attack to its alert, the median; not a number where none was told.
    pub(crate) seconds_to_detect: f64,
    /// What the detector remembers of one entity at the end; not a number where it was not measured.
    pub(crate) bytes_per_entity: f64,
}

fn main() {
    let named: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    println!(
        "| detector | scene | recall | false alerts a day per thousand | found after | bytes an entity |"
    );
    println!("|---|---|---|---|---|---|");
    let logins: hosts::Part = ("logins", logins::measure);
    for (part, measure) in [logins].into_iter().chain(hosts::PARTS) {
        if wanted(part) {
            measure().iter().for_each(print);
        }
    }
    if wanted("costs") {
        costs::print();
    }
}

fn print(row: &Measured) {
    let number = |number: f64, places: usize| {
        if number.is_nan() { "–".to_owned() } else { format!("{number:.places$}") }
    };
    println!(
        "| {} | {} | {} | {} | {} | {} |",
        row.detector,
        row.scene,
        number(row.recall, 3),
        number(row.false_alerts_per_day_per_thousand, 3),
        span(row.seconds_to_detect),
        number(row.bytes_per_entity, 0)
    );
}

fn span(seconds: f64) -> String {
    match seconds {
        seconds if seconds.is_nan() => "–".to_owned(),
        ..120.0 => format!("{seconds:.0} s"),
        ..7_200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}
