//! Puts a backup back as a data folder.
//!
//! Everything is read and compared before the folder is touched. The folder is built beside its
//! place under another name, and gets its own only when all of it is durable: a stop leaves either
//! the whole folder or none.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::copy::{Copied, Work, hexadecimal, make_folder, sync_folder, sync_tree};
use super::manifest::{Kept, Manifest};
use super::snapshot::LOG;
use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;
use crate::progress;

/// Puts the backup of a folder back as the data folder `data`, and gives what was put back.
pub(crate) fn restore(from: &Path, data: &Path, interrupt: &Interrupt) -> anyhow::Result<Manifest> {
    let Some(manifest) = Manifest::read(from)? else {
        let shown = from.display();
        let sentence = format!(
            "{shown} holds no whole backup: there is no manifest.json, which is written last"
        );
        return Err(ending(Outcome::Unreadable, sentence));
    };
    refuse_used(data)?;
    let mut work = Work::new(progress::bytes(manifest.bytes().saturating_mul(2)), interrupt);
    let outcome =
        verify(from, &manifest, &mut work).and_then(|()| build(from, data, &manifest, &mut work));
    work.bar.finish_and_clear();
    outcome.map(|()| manifest)
}

/// Fails where there is something in the folder already.
fn refuse_used(data: &Path) -> anyhow::Result<()> {
    let shown = data.display();
    let mut entries = match fs::read_dir(data) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("cannot list {shown}"))?,
    };
    if entries.next().is_some() {
        let sentence =
            format!("{shown} is not empty: name an empty folder, or one that is not there");
        return Err(ending(Outcome::Usage, sentence));
    }
    Ok(())
}

/// Reads every file of the backup and names all that are not as they were.
fn verify(from: &Path, manifest: &Manifest, work: &mut Work<'_>) -> anyhow::Result<()> {
    let mut broken = Vec::new();
    for file in &manifest.files {
        match work.digest(&from.join(&file.stored)) {
            Ok(read) if is_same(&read, file) => {}
            Ok(_) => broken.push(format!("{} is damaged", file.stored)),
            Err(error) => {
                work.go_on()?;
                let cause = error.root_cause();
                broken.push(format!("{} cannot be read ({cause})", file.stored));
            }
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    let told: Vec<&str> = broken.iter().map(String::as_str).take(BROKEN_TOLD_MAX).collect();
    let more = broken.len().saturating_sub(told.len());
    let more = if more > 0 { format!("; and {more} more files") } else { String::new() };
    let sentence = format!(
        "the backup {} is broken: {}{more}; nothing was restored",
        from.display(),
        told.join("; ")
    );
    Err(ending(Outcome::Fault, sentence))
}

/// How many broken files are told by name; all are counted.
const BROKEN_TOLD_MAX: usize = 20;

fn is_same(read: &Copied, file: &Kept) -> bool {
    read.bytes == file.bytes && hexadecimal(&read.sha256) == file.sha256
}

fn build(from: &Path, data: &Path, manifest: &Manifest, work: &mut Work<'_>) -> anyhow::Result<()> {
    let beside = beside(data)?;
    let outcome = copy_all(from, &beside, manifest, work).and_then(|()| {
        // Over an empty folder, or where there is none.
        fs::rename(&beside, data).with_context(|| {
            format!(
                "cannot give {} its name {}; where it is a disk of its own, name a folder in it",
                beside.display(),
                data.display()
            )
        })?;
        let above = data.parent().filter(|above| *above != Path::new(""));
        sync_folder(above.unwrap_or(Path::new("."))).context("cannot sync the folder above")
    });
    if outcome.is_err() {
        // Half of it is of no use to anybody.
        let _ = fs::remove_dir_all(&beside);
    }
    outcome
}

/// Gives the name under which the folder is built.
fn beside(data: &Path) -> anyhow::Result<PathBuf> {
    let name = data.file_name().map(|name| name.to_string_lossy().into_owned());
    let Some(name) = name else {
        let sentence = format!("{} is no name for a folder", data.display());
        return Err(ending(Outcome::Usage, sentence));
    };
    Ok(data.with_file_name(format!("{name}.restoring-{}", std::process::id())))
}

fn copy_all(
    from: &Path,
    to: &Path,
    manifest: &Manifest,
    work: &mut Work<'_>,
) -> anyhow::Result<()> {
    for folder in [to.to_owned(), to.join(LOG), to.join("segments")] {
        make_folder(&folder)?;
    }
    for file in &manifest.files {
        let path = to.join(&file.path);
        path.parent().map_or(Ok(()), make_folder)?;
        let stored = from.join(&file.stored);
        let mut open =
            fs::File::open(&stored).with_context(|| format!("cannot read {}", stored.display()))?;
        let read = work.copy(&mut open, &stored, &path)?;
        if !is_same(&read, file) {
            let sentence = format!("{} changed while it was restored", stored.display());
            return Err(ending(Outcome::Fault, sentence));
        }
    }
    sync_tree(to)
}
