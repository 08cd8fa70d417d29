//! Trains the model that the product brings along: from benign requests of `simulate`, and from those of
//! the labelled sets, of which nothing but the figures of the model is kept.

use std::path::Path;
use std::sync::Arc;

use detect::models::{About, Model, Row, features, quality};
use model::{Clock, Field, Origin, Record, Text, Timestamp};
use parse::{Parser, ParserConfig};
use simulate::{Channel, Config, Generator, Mix};

use crate::corpus::Sample;
use crate::{SEED, TREES};

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
        seed: SEED,
        trained: "2026-11-21".to_owned(),
        ..About::default()
    };
    let mut model = Model::train(&rows, TREES, about)?;
    let judged: Vec<(f64, bool)> = samples
        .iter()
        .filter(|sample| (sample.attack || !sample.teaches()) && sample.is_mixed())
        .map(|sample| (model.judge(&sample.row).surprise, sample.attack))
        .collect();
    let told = quality(&judged);
    model.about.figures = vec![
        ("rows judged".to_owned(), judged.len() as f64),
        ("AUC".to_owned(), told.area),
        ("TPR at 1 % FPR".to_owned(), told.at_percent),
        ("TPR at 0.1 % FPR".to_owned(), told.at_permille),
    ];
    let bytes = model.encode();
    println!("{} bytes, {told:?}", bytes.len());
    Ok(std::fs::write(file, bytes)?)
}
