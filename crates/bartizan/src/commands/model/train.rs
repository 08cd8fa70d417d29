//! `bartizan model train`.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use detect::models::{About, HIGH, Model, ROWS_MAX, ROWS_MIN, Row, TREES_MAX, quality};
use query::Predicate;
use store::Scope;

use super::requests::{self, Asked};
use crate::clock::now;
use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;
use crate::output::{complain, say};
use crate::place::{Place, tell_gaps};
use crate::progress;

/// How many requests are kept back, to measure on: one in so many.
const KEPT_BACK: usize = 10;
/// How often the bar moves while the store is read.
const SHOWN_EVERY: u64 = 4_096;

/// Trains a model of what is usual in requests, from the store or from files.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan model train --last 30d
  bartizan model train access.log access.log.1.gz --out my.model
  bartizan model train requests.jsonl --trees 200 --seed 7

Requests that inspection calls attacks, and those that a file labels as such, are not learned from; the
model is measured on them, and on one in ten of the others. A file holds lines of access logs, or JSON
lines with `request_line`, `headers` as pairs, `body` and `label` (1 for an attack). The model says
what it was trained from. Without --out it goes to the data folder, where a running `bartizan serve`
takes it up by itself.")]
pub(super) struct Args {
    /// Files or folders, packed or not; `-` for standard input; nothing for the store
    paths: Vec<PathBuf>,
    /// How far back in the store, such as 24h or 30d
    #[arg(long, value_name = "SPAN", value_parser = crate::span::parse, conflicts_with = "paths")]
    last: Option<Duration>,
    /// How many trees
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    trees: u16,
    /// The seed: the same requests and seed give the same model
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the model is written
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The requests, parted.
#[derive(Debug, Default)]
struct Rows {
    learned: Vec<Row>,
    kept_back: Vec<Row>,
    attacks: Vec<Row>,
    /// What there was no room for.
    beyond: u64,
    seen: usize,
}

impl Rows {
    fn take(&mut self, asked: &Asked) {
        let attack = asked.label.unwrap_or(asked.attack) || asked.attack;
        let rows = match self.seen % KEPT_BACK {
            _ if attack => &mut self.attacks,
            0 => &mut self.kept_back,
            _ => &mut self.learned,
        };
        self.seen += usize::from(!attack);
        if rows.len() < ROWS_MAX {
            rows.push(asked.row);
        } else {
            self.beyond += 1;
        }
    }
}

pub(super) fn run(args: &Args, place: &Place) -> anyhow::Result<Outcome> {
    let out = match &args.out {
        Some(out) => out.clone(),
        None => crate::model_file::of(&place.config()?),
    };
    let mut rows = Rows::default();
    let (source, outcome) = if args.paths.is_empty() {
        from_store(args, place, &mut rows)?
    } else {
        let read = requests::each(&args.paths, |asked| rows.take(&asked))?;
        if read.interrupted {
            return Ok(Outcome::Interrupted);
        }
        if read.others > 0 {
            complain(&format!("lines that hold no request: {}", read.others));
        }
        let names: Vec<String> = args.paths.iter().map(|path| path.display().to_string()).collect();
        (names.join(", "), read.outcome.unwrap_or(Outcome::Done))
    };
    if outcome == Outcome::Interrupted {
        return Ok(outcome);
    }
    if rows.beyond > 0 {
        complain(&format!("only the first {ROWS_MAX} requests count; left out: {}", rows.beyond));
    }
    let model = train(&rows, args, source)?;
    write(&out, &model.encode())?;
    tell(&model, &out)?;
    Ok(outcome)
}

fn from_store(args: &Args, place: &Place, rows: &mut Rows) -> anyhow::Result<(String, Outcome)> {
    let store = place.reader()?;
    let predicate = Predicate::parse("http.request.method: * and url.original: *")
        .map_err(|error| anyhow::anyhow!("{}", error.message))?;
    let mut scope = Scope::of(predicate);
    let mut source = "the store".to_owned();
    if let Some(last) = args.last {
        scope.from = now().minus(last);
        source = format!("the store since {}", scope.from);
    }
    let bar = progress::counted(u64::try_from(ROWS_MAX).unwrap_or(u64::MAX), "requests");
    let interrupt = Interrupt::listen()?;
    let mut seen = 0_u64;
    store.scan(&scope, &mut |event| {
        if let Some(asked) = requests::of_event(event) {
            rows.take(&asked);
            seen += 1;
            if seen.is_multiple_of(SHOWN_EVERY) {
                bar.set_position(seen);
            }
        }
        if rows.learned.len() < ROWS_MAX && !interrupt.is_asked() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    bar.finish_and_clear();
    tell_gaps(&store);
    let outcome = if interrupt.is_asked() { Outcome::Interrupted } else { Outcome::Done };
    Ok((source, outcome))
}

fn train(rows: &Rows, args: &Args, source: String) -> anyhow::Result<Model> {
    debug_assert!(usize::from(args.trees) <= TREES_MAX);
    let about = About {
        source,
        rows: 0,
        seed: args.seed,
        trained: now().to_string().chars().take(10).collect(),
        figures: Vec::new(),
    };
    let model = Model::train(&rows.learned, usize::from(args.trees), about);
    let mut model = model.map_err(|error| {
        let all = "; a model needs traffic of some days, or a longer --last";
        ending(Outcome::Fault, format!("{error}{}", if rows.seen < ROWS_MIN { all } else { "" }))
    })?;
    let judged = |row: &Row| model.judge(row).surprise;
    let benign = rows.kept_back.iter().map(|row| (judged(row), false));
    let labelled: Vec<(f64, bool)> =
        benign.chain(rows.attacks.iter().map(|row| (judged(row), true))).collect();
    let high =
        labelled.iter().filter(|(surprise, attack)| !attack && 1.0 - (-surprise).exp() >= HIGH);
    let high = share(high.count(), rows.kept_back.len());
    let mut figures = vec![
        ("requests kept back".to_owned(), number(rows.kept_back.len())),
        ("of them at or above 0.99".to_owned(), high),
        ("attacks left out".to_owned(), number(rows.attacks.len())),
    ];
    if !rows.attacks.is_empty() && !rows.kept_back.is_empty() {
        let told = quality(&labelled);
        figures.push(("AUC against them".to_owned(), told.area));
        figures.push(("of them found at 1 % false alarms".to_owned(), told.at_percent));
    }
    model.about.figures = figures;
    Ok(model)
}

/// Writes beside and renames, so that nobody reads half a model.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let shown = path.display();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut file =
        tempfile::NamedTempFile::new_in(folder).with_context(|| format!("cannot write {shown}"))?;
    file.write_all(bytes).with_context(|| format!("cannot write {shown}"))?;
    file.as_file().sync_all().with_context(|| format!("cannot write {shown}"))?;
    file.persist(path).with_context(|| format!("cannot write {shown}"))?;
    Ok(())
}

fn tell(model: &Model, out: &Path) -> anyhow::Result<()> {
    say(&format!("written   {} ({} requests)", out.display(), model.about.rows))?;
    for (name, figure) in &model.about.figures {
        say(&format!("          {name}: {figure:.4}"))?;
    }
    Ok(())
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

fn share(part: usize, of: usize) -> f64 {
    number(part) / number(of.max(1))
}
