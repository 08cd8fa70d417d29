//! `bartizan doctor --repair`: what of damaged data can be saved, and the saving of it.

use catalog::Catalog;
use store::{Patient, Plan, Store};

use crate::config::Config;
use crate::failure::{Outcome, ending};
use crate::output::{Cell, Printer, Shape, complain};
use crate::place::{Place, catalog_file};
use crate::{keys, progress};

pub(super) fn run(place: &Place, save: bool, shape: Shape) -> anyhow::Result<Outcome> {
    let config = place.config()?;
    if !config.data.is_dir() {
        let sentence =
            format!("there is no data in {}: name it with --data", config.data.display());
        return Err(ending(Outcome::Unreadable, sentence));
    }
    // What is written here is for its owner alone, as what `serve` writes.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let patient = Patient::admit(&config.data)?;
    let keyring = keys::open(&config, patient.catalog())?;
    let bounds = config.store.bounds(keyring);
    let bar = progress::bytes(store::bytes_to_verify(patient.catalog())?);
    let plan = patient.examine(&bounds, &mut |read| bar.inc(read))?;
    bar.finish_and_clear();
    tell(&plan, shape)?;
    if !save {
        patient.leave()?;
        return Ok(advise(&plan));
    }
    if plan.is_empty() {
        patient.leave()?;
    } else {
        patient.save(plan, &bounds)?;
    }
    settle(&config, bounds)?;
    Ok(Outcome::Done)
}

fn tell(plan: &Plan, shape: Shape) -> anyhow::Result<()> {
    let mut printer = Printer::new(shape, &["verdict", "what"])?;
    let lists = [("lost", &plan.lost), ("can be saved", &plan.saved), ("note", &plan.notes)];
    for (verdict, sentences) in lists {
        for sentence in sentences {
            printer.row(&[verdict.into(), Cell::Text(sentence.clone())])?;
        }
    }
    printer.finish()
}

fn advise(plan: &Plan) -> Outcome {
    if plan.is_empty() {
        complain("nothing is damaged, and nothing has to be saved");
        return Outcome::Done;
    }
    complain("nothing was changed yet: `bartizan doctor --repair --yes` saves what can be saved");
    complain("what it replaces is moved into the folder quarantine, and nothing is deleted");
    Outcome::Fault
}

/// Opens the store as `serve` would, which puts the log right, and tells what there is now.
fn settle(config: &Config, bounds: store::Config) -> anyhow::Result<()> {
    let catalog = Catalog::open(&catalog_file(config))?;
    let store = Store::open(&config.data, catalog, bounds)?;
    let stats = store.stats();
    store.close()?;
    complain(&format!(
        "the store holds {} events in {} segments, and {} in the log",
        stats.in_segments, stats.segments, stats.in_memory
    ));
    Ok(())
}
