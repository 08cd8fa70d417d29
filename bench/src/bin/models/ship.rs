//! Trains the model that the product brings along: from benign requests of `simulate`, and from those of
//! the labelled sets, of which nothing but the figures of the model is kept.

use std::path::Path;
use std::sync::Arc;

use detect::models::{About, Forest, Model, Row, features, quality};
use model::{Clock, Field, Origin, Record, Text, Timestamp};
use parse::{Parser, ParserConfig};
use simulate::{Channel, Config, Generator, Mix};

use crate::corpus::Sample;
use crate::{SEED, TREES};

/// Among how many seeds the forest is chosen.
const SEEDS: u64 = 32;

/// How many generated lines are looked at.
const LINES: usize = 2_000;

/// Gives the rows of generated requests.
fn generated() -> Vec<Row> {
    let mix = Mix { benign: 1, named: 0, hidden: 0 };
    let generator = Generator::new(Config { seed: SEED, mix, ..Config::default() });
    let parser = Parser::new(ParserConfig::default());
    let now = Timestamp::from_seconds(1_795_219_200);
    let origin = Arc::new(Origin { clock: Clock::File(now), ..Origin::default() });
    let lines = generator.take(LINES).filter(|sample| sample.channel == Channel::Access);
    let row = |sample: simulate::Sample| {
        let event = parser.parse(Record {
            text: Text::from(sample.line.as_str()),
            received_at: now,
            origin: Arc::clone(&origin),
            truncated_bytes: 0,
            escaped_bytes: 0,
        });
        Some(features(event.text(Field::UrlOriginal)?.as_bytes(), b""))
    };
    lines.filter_map(row).collect()
}

/// Gives the seed whose forest parts best the rows of training from the half of the attacks that goes with
/// them; the figures are told of the other half.
fn best_seed(samples: &[Sample], rows: &[Row]) -> u64 {
    let told = |seed: u64| {
        let forest = Forest::grow(rows, TREES, seed);
        let area = |of_training: bool| {
            let judged = samples.iter().filter(|sample| {
                sample.is_mixed()
                    && sample.dev == of_training
                    && (sample.attack || sample.teaches() == of_training)
            });
            let scored: Vec<(f64, bool)> =
                judged.map(|sample| (forest.score(&sample.row), sample.attack)).collect();
            quality(&scored).area
        };
        let (chosen_by, other) = (area(true), area(false));
        println!("seed {seed}: {chosen_by:.4} on the half that chooses, {other:.4} on the other");
        (seed, chosen_by)
    };
    let best = (1..=SEEDS).map(told).max_by(|one, other| one.1.total_cmp(&other.1));
    best.map_or(SEED, |(seed, _)| seed)
}

/// Trains it and writes it, with what it reaches on the rest.
pub(crate) fn ship(samples: &[Sample], file: &Path) -> anyhow::Result<()> {
    let made = generated();
    let mut rows: Vec<Row> =
        samples.iter().filter(|sample| sample.teaches()).map(|sample| sample.row).collect();
    println!("{} generated, {} of the labelled sets", made.len(), rows.len());
    rows.extend(made);
    let about = About {
        source: "generated benign requests (bartizan simulate) and half of the benign ones of CSIC 2010, \
                 HttpParams, semicomplete.com and Python's documentation; bench/src/bin/models"
            .to_owned(),
        seed: best_seed(samples, &rows),
        trained: "2026-11-21".to_owned(),
        ..About::default()
    };
    let mut model = Model::train(&rows, TREES, about)?;
    // Neither trained from nor chosen by.
    let rest: Vec<&Sample> =
        samples.iter().filter(|sample| !sample.dev && sample.is_mixed()).collect();
    let judged = |score: &dyn Fn(&Sample) -> f64| {
        let rows: Vec<(f64, bool)> =
            rest.iter().map(|sample| (score(sample), sample.attack)).collect();
        quality(&rows)
    };
    let forest = judged(&|sample| model.forest.score(&sample.row));
    let both = judged(&|sample| model.judge(&sample.row).surprise);
    let all = judged(&|sample| model.judge(&sample.row).with(sample.inspected));
    model.about.figures = vec![
        ("rows judged, of which none was learned from".to_owned(), rest.len() as f64),
        ("seeds among which a half of the attacks chose".to_owned(), SEEDS as f64),
        ("forest: AUC".to_owned(), forest.area),
        ("forest and distance: AUC".to_owned(), both.area),
        ("with inspection: AUC".to_owned(), all.area),
        ("with inspection: found at 1 % false alarms".to_owned(), all.at_percent),
        ("with inspection: found at 0.1 %".to_owned(), all.at_permille),
    ];
    let bytes = model.encode();
    println!("{} bytes, {:?}", bytes.len(), model.about);
    Ok(std::fs::write(file, bytes)?)
}
