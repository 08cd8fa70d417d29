//! Trains the model of names of `detect`, and tells how well it knows families that it never saw.
//!
//! `cargo run --release -p bench --no-default-features --features detectors --bin names -- NAMES [TABLE]`: NAMES
//! holds one registered domain a line; with TABLE the model of all families is written there.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Context;
use detect::Names;
use simulate::{FAMILIES, Family, Namer};

/// How many names of each family are learned from, and how many are tried.
const LEARNED: usize = 8_000;
const TRIED: usize = 4_000;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().context("name a file of registered domains, one a line")?;
    let text = fs::read_to_string(&file).with_context(|| file.clone())?;
    let all: BTreeSet<&str> = text.lines().filter_map(|line| line.split('.').next()).collect();
    let all: Vec<&str> = all.into_iter().filter(|name| name.len() >= 4).collect();
    // Every fifth is left out, to be tried.
    let part = |tried: bool| {
        let rows = all.iter().enumerate().filter(move |(at, _)| (at % 5 == 0) == tried);
        rows.map(|(_, name)| *name)
    };
    println!("{} names of people, {} of them left out", all.len(), part(true).count());
    println!(
        "| family left out | AUC, {TRIED} names against those left out | found at 1 % false |"
    );
    println!("|---|---|---|");
    let mut sum = 0.0;
    for family in FAMILIES {
        let others =
            FAMILIES.iter().filter(|other| *other != family && **other != Family::WordPairs);
        let learned = generated(others, 1);
        let model = Names::train(part(false), learned.iter().map(String::as_str));
        let mut bad: Vec<f64> =
            made(*family, 99, TRIED).iter().map(|name| model.odds(name)).collect();
        let mut good: Vec<f64> = part(true).map(|name| model.odds(name)).collect();
        let (area, found) = judged(&mut good, &mut bad);
        sum += if *family == Family::WordPairs { 0.0 } else { area };
        println!("| {family:?} | {area:.4} | {found:.3} |");
    }
    println!("mean without word pairs: {:.4}", sum / (FAMILIES.len() - 1) as f64);
    if let Some(table) = arguments.next() {
        let learned = generated(FAMILIES.iter().filter(|one| **one != Family::WordPairs), 1);
        let model = Names::train(all.iter().copied(), learned.iter().map(String::as_str));
        fs::write(&table, model.table()).with_context(|| table.clone())?;
        println!("{table}: {} bytes", model.table().len());
    }
    Ok(())
}

fn generated<'f>(families: impl Iterator<Item = &'f Family>, seed: u64) -> Vec<String> {
    families.flat_map(|family| made(*family, seed, LEARNED)).collect()
}

fn made(family: Family, seed: u64, count: usize) -> Vec<String> {
    let mut namer = Namer::new(seed);
    (0..count).map(|at| namer.generated(family, 20_000 + at as u64 / 100)).collect()
}

/// Gives the area under the curve, and what is found where one good name in a hundred is told.
fn judged(good: &mut [f64], bad: &mut [f64]) -> (f64, f64) {
    good.sort_unstable_by(f64::total_cmp);
    bad.sort_unstable_by(f64::total_cmp);
    let below = bad.iter().map(|odds| {
        let (less, up_to) =
            (good.partition_point(|one| one < odds), good.partition_point(|one| one <= odds));
        (less + up_to) as f64 / 2.0
    });
    let area = below.sum::<f64>() / (good.len() as f64 * bad.len() as f64);
    let limit = good.get(good.len() * 99 / 100).copied().unwrap_or(f64::INFINITY);
    let found = bad.len() - bad.partition_point(|odds| *odds <= limit);
    (area, found as f64 / bad.len() as f64)
}
