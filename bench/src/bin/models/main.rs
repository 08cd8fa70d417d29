//! Models of requests on labelled ones: how well they part attacks from the rest, and how fast.
//!
//! ```text
//! models FOLDER                 tables; FOLDER holds the labelled requests (../shared/corpora/web)
//! models FOLDER --rows FILE     writes the rows as numbers, for scikit-learn
//! models FOLDER --forest FILE   asks a forest of scikit-learn's, and writes the scores beside it
//! models FOLDER --ship FILE     trains the model that the product brings along
//! models FOLDER --lines         what the score costs a line of an access log; needs no folder
//! ```

mod corpus;
mod ship;
mod site;
mod stage;

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bench::timing::median;
use detect::models::{About, Forest, Judged, Model, Row, quality};

use corpus::Sample;

const TREES: usize = 100;
const SEED: u64 = 1;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let folder =
        words.first().map_or_else(|| PathBuf::from("../shared/corpora/web"), PathBuf::from);
    if words.get(1).is_some_and(|word| word == "--lines") {
        stage::tell();
        return Ok(());
    }
    let samples = corpus::load(&folder)?;
    if samples.is_empty() {
        println!("{} holds no labelled requests: nothing to measure on", folder.display());
        return Ok(());
    }
    match (words.get(1).map(String::as_str), words.get(2).map(Path::new)) {
        (Some("--rows"), Some(file)) => rows(&samples, file),
        (Some("--forest"), Some(file)) => forest(&samples, file),
        (Some("--ship"), Some(file)) => ship::ship(&samples, file),
        _ => tables(&samples),
    }
}

/// Writes of each sample four flags and thirteen numbers.
fn rows(samples: &[Sample], file: &Path) -> anyhow::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    for sample in samples {
        let of_site = sample.source == "csic";
        let flags = [sample.attack, sample.teaches(), sample.is_mixed(), of_site];
        out.write_all(&flags.map(u8::from))?;
        for number in sample.row.iter().take(detect::models::FEATURES) {
            out.write_all(&number.to_le_bytes())?;
        }
    }
    Ok(out.flush()?)
}

/// Asks a forest that was grown elsewhere; the scores go beside its file, with the speed.
fn forest(samples: &[Sample], file: &Path) -> anyhow::Result<()> {
    let forest = Forest::decode(&fs::read(file)?)?;
    let rows: Vec<Row> = samples.iter().map(|sample| sample.row).collect();
    let scores: Vec<u8> = rows.iter().flat_map(|row| forest.score(row).to_le_bytes()).collect();
    fs::write(file.with_extension("scores"), scores)?;
    tell_speed("ours, same trees", &forest, &rows);
    Ok(())
}

/// Tells how many million rows a second one core scores, all at once and one at a time.
fn tell_speed(what: &str, forest: &Forest, rows: &[Row]) {
    let million = |time: Duration| rows.len() as f64 / time.as_secs_f64() / 1e6;
    let all = million(median(|| forest.score_all(black_box(rows))));
    let each = rows.iter().map(|row| forest.score(black_box(row)));
    let one = million(median(|| each.clone().sum::<f64>()));
    println!("{what}: {all:.2} M rows/s a core all at once, {one:.2} M one at a time");
}

type Set = (&'static str, fn(&Sample) -> bool);

const SETS: [Set; 4] = [
    ("csic", |sample| sample.source == "csic"),
    ("csic, with marks", |sample| sample.source == "csic" && sample.class != "csic-plain"),
    ("httpparams", |sample| sample.source == "httpparams"),
    ("mixed", Sample::is_mixed),
];

fn tables(samples: &[Sample]) -> anyhow::Result<()> {
    let chosen: Vec<Row> =
        samples.iter().filter(|sample| sample.teaches()).map(|sample| sample.row).collect();
    let model = Model::train(&chosen, TREES, About { seed: SEED, ..About::default() })?;
    println!("trained from {} rows of benign requests; judged on the others", chosen.len());
    println!("{:<34}{:<18}{:>7}  AUC    TPR@1%  TPR@0.1%", "score", "set", "rows");
    table("", samples, &model, &SETS);
    let site_rows: Vec<Row> = samples
        .iter()
        .filter(|sample| sample.teaches() && sample.source == "csic")
        .map(|sample| sample.row)
        .collect();
    let own = Model::train(&site_rows, TREES, About { seed: SEED, ..About::default() })?;
    table(" of the site", samples, &own, SETS.get(..2).unwrap_or_default());
    seeds(samples, &chosen, SETS.get(3..).unwrap_or_default());
    seeds(samples, &site_rows, SETS.get(..1).unwrap_or_default());
    let site = site::measure(samples);
    for (set, told) in
        [("csic", site.all), ("csic, with marks", site.meta), ("csic, without", site.plain)]
    {
        line("engine, profile of the site", set, 0, told);
    }
    println!(
        "benign at or above 0.999: {:.2} %; an event costs {:?} to analyse, {:?} to learn from; {} kB kept",
        site.benign_high * 100.0,
        site.analysing,
        site.learning,
        site.bytes / 1000
    );
    let rows: Vec<Row> = samples.iter().map(|sample| sample.row).collect();
    tell_speed("forest", &model.forest, &rows);
    let time = median(|| {
        let judged = samples.iter().map(|sample| model.judge(black_box(&sample.row)).surprise);
        judged.sum::<f64>()
    });
    println!(
        "forest and distance: {:.2} M rows/s",
        samples.len() as f64 / time.as_secs_f64() / 1e6
    );
    stage::tell();
    let time = median(|| {
        let made = samples.iter().map(|sample| {
            detect::models::features(sample.target.as_bytes(), sample.body.as_bytes())[0]
        });
        made.sum::<f32>()
    });
    println!("features: {:.2} M requests/s", samples.len() as f64 / time.as_secs_f64() / 1e6);
    Ok(())
}

/// Measures forests of other seeds, as scikit-learn's are measured.
fn seeds(samples: &[Sample], learned: &[Row], sets: &[Set]) {
    for seed in 2..5 {
        let forest = Forest::grow(learned, TREES, seed);
        for (set, is_of) in sets {
            let rows: Vec<(f64, bool)> = samples
                .iter()
                .filter(|sample| (sample.attack || !sample.teaches()) && is_of(sample))
                .map(|sample| (forest.score(&sample.row), sample.attack))
                .collect();
            line(&format!("forest, seed {seed}"), set, rows.len(), quality(&rows));
        }
    }
}

fn line(score: &str, set: &str, rows: usize, told: detect::models::Quality) {
    println!(
        "{score:<34}{set:<18}{rows:>7}  {:.4} {:.3}   {:.3}",
        told.area, told.at_percent, told.at_permille
    );
}

type Score = fn(&Judged, &Sample) -> f64;

fn table(what: &str, samples: &[Sample], model: &Model, sets: &[Set]) {
    let judged: Vec<Judged> = samples.iter().map(|sample| model.judge(&sample.row)).collect();
    let scores: [(&str, Score); 4] = [
        ("forest", |judged, _| judged.forest),
        ("distance", |judged, _| judged.distance),
        ("mean of ranks", |judged, _| judged.surprise),
        ("mean of ranks and inspection", |judged, sample| judged.surprise + 3.0 * sample.inspected),
    ];
    for (name, score) in scores {
        for (set, is_of) in sets {
            let rows: Vec<(f64, bool)> = samples
                .iter()
                .zip(&judged)
                .filter(|(sample, _)| (sample.attack || !sample.teaches()) && is_of(sample))
                .map(|(sample, judged)| (score(judged, sample), sample.attack))
                .collect();
            line(&format!("{name}{what}"), set, rows.len(), quality(&rows));
        }
    }
}
