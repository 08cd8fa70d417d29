//! What lies in the folders that were named.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sigma::RuleFault;

use crate::failure::{Outcome, ending};

/// Bounds the files that are looked at; the largest public set has some 5,000.
const FILES_MAX: usize = 50_000;
/// Bounds one file; a file of Wazuh's rules may have some 300 KB.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Bounds all files together.
const BYTES_MAX: u64 = 512 << 20;
/// Bounds the nesting of folders.
const DEPTH_MAX: usize = 64;
/// How far above a named folder its licence is looked for, where it is part of a checkout.
const PARENTS_MAX: usize = 4;
/// Bounds a licence.
const LICENCE_BYTES_MAX: u64 = 256 << 10;

/// A file that may hold rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Where it goes, below the name of the import.
    pub(crate) to: String,
}

/// A licence that stands beside the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Licence {
    pub(crate) name: String,
    pub(crate) text: Vec<u8>,
}

/// Why a file was passed over without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ignored {
    /// Files of another kind.
    pub(crate) other_files: usize,
    /// Links, which may lead anywhere.
    pub(crate) links: usize,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) files: Vec<Found>,
    pub(crate) licences: Vec<Licence>,
    pub(crate) ignored: Ignored,
    /// Files that cannot be read.
    pub(crate) faults: Vec<RuleFault>,
}

/// Finds the files with one of the endings below the places that were named.
pub(crate) fn gather(places: &[PathBuf], endings: &[&str]) -> anyhow::Result<Gathered> {
    let mut walk = Walk {
        endings,
        found: Gathered {
            files: Vec::new(),
            licences: Vec::new(),
            ignored: Ignored { other_files: 0, links: 0 },
            faults: Vec::new(),
        },
        bytes: 0,
    };
    for place in places {
        let metadata =
            fs::metadata(place).with_context(|| format!("cannot read {}", place.display()))?;
        // Of several places each keeps its own name, so that none lies upon another.
        let below = match place.file_name().and_then(|name| name.to_str()) {
            Some(name) if places.len() > 1 && is_plain(name) => format!("{name}/"),
            _ => String::new(),
        };
        if metadata.is_dir() {
            walk.folder(place, &below, 0)
                .with_context(|| format!("cannot read {}", place.display()))?;
        } else {
            match place.file_name().and_then(|name| name.to_str()).filter(|name| is_plain(name)) {
                Some(name) => walk.file(place, name.to_owned(), metadata.len())?,
                None => walk.fault(place, "its name is not UTF-8, or holds control characters"),
            }
        }
        walk.licences_of(place);
    }
    let mut found = walk.found;
    found.files.sort_by(|one, next| one.to.cmp(&next.to));
    if let Some(pair) = found.files.array_windows().find(|[one, next]| one.to == next.to) {
        let [one, next] = pair;
        let sentence = format!(
            "{} and {} would come to lie at the same place; import them one by one",
            one.path.display(),
            next.path.display()
        );
        return Err(ending(Outcome::Usage, sentence));
    }
    Ok(found)
}

/// Reads a file that was found, or says why it cannot be.
pub(crate) fn text_of(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Gives a name for an import of these places: that of the folder, or of the checkout it is part of.
pub(crate) fn names_of(places: &[PathBuf]) -> Option<String> {
    let place = places.first()?.canonicalize().ok()?;
    let common = ["rules", "etc", "ruleset"];
    let name = place.ancestors().find_map(|folder| {
        // A single file gives its name without the ending.
        let name = if folder.is_dir() { folder.file_name() } else { folder.file_stem() };
        let name = name?.to_str()?.to_ascii_lowercase();
        (!common.contains(&name.as_str())).then_some(name)
    })?;
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '-' }
    };
    let name: String = name.chars().map(plain).collect();
    let name = name.trim_matches(['.', '-']).to_owned();
    (!name.is_empty()).then_some(name)
}

struct Walk<'w> {
    endings: &'w [&'w str],
    found: Gathered,
    bytes: u64,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, below: &str, depth: usize) -> anyhow::Result<()> {
        if depth > DEPTH_MAX {
            let sentence = format!("{} is nested deeper than {DEPTH_MAX}", folder.display());
            return Err(ending(Outcome::Fault, sentence));
        }
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if kind.is_symlink() {
                self.found.ignored.links += 1;
                continue;
            }
            // The note that is kept of them has one on each line.
            let Some(name) = name.to_str().filter(|name| is_plain(name)) else {
                self.fault(&path, "its name is not UTF-8, or holds control characters");
                continue;
            };
            if kind.is_dir() {
                // One folder that may not be looked into does not hide the others.
                if let Err(error) = self.folder(&path, &format!("{below}{name}/"), depth + 1) {
                    if error.downcast_ref::<std::io::Error>().is_none() {
                        return Err(error);
                    }
                    self.fault(&path, &error.to_string());
                }
            } else if kind.is_file() {
                self.file(&path, format!("{below}{name}"), entry.metadata()?.len())?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, to: String, length: u64) -> anyhow::Result<()> {
        let ending_of = path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase);
        if !ending_of.is_some_and(|end| self.endings.contains(&end.as_str())) {
            self.found.ignored.other_files += 1;
            return Ok(());
        }
        if length > FILE_BYTES_MAX {
            self.fault(path, &format!("larger than {FILE_BYTES_MAX} bytes"));
            return Ok(());
        }
        self.bytes = self.bytes.saturating_add(length);
        if self.found.files.len() >= FILES_MAX || self.bytes > BYTES_MAX {
            let sentence = format!(
                "there are more than {FILES_MAX} files or {} MB of rules; import a part of them",
                BYTES_MAX >> 20
            );
            return Err(ending(Outcome::Fault, sentence));
        }
        self.found.files.push(Found { path: path.to_owned(), to });
        Ok(())
    }

    fn fault(&mut self, path: &Path, message: &str) {
        let path = path.display().to_string();
        self.found.faults.push(RuleFault { path, line: 1, column: 1, message: message.to_owned() });
    }

    /// Finds the licences that a place is under: in its folder, or at the root of its checkout.
    fn licences_of(&mut self, place: &Path) {
        let Ok(place) = place.canonicalize() else { return };
        let folder =
            if place.is_dir() { place.as_path() } else { place.parent().unwrap_or(&place) };
        let root = folder
            .ancestors()
            .take(PARENTS_MAX)
            .find(|parent| parent.join(".git").exists())
            .or(folder.parent())
            .unwrap_or(folder);
        let between: Vec<&Path> =
            folder.ancestors().take_while(|parent| parent.starts_with(root)).collect();
        let Some(found) = between.into_iter().map(licences_in).find(|found| !found.is_empty())
        else {
            return;
        };
        for licence in found {
            if !self.found.licences.contains(&licence) {
                self.found.licences.push(licence);
            }
        }
    }
}

fn is_plain(name: &str) -> bool {
    !name.chars().any(char::is_control)
}

fn licences_in(folder: &Path) -> Vec<Licence> {
    let begins = |name: &str| {
        let name = name.to_ascii_uppercase();
        let words = ["LICENSE", "LICENCE", "COPYING", "NOTICE"];
        is_plain(&name) && words.iter().any(|word| name.starts_with(word))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut found: Vec<Licence> = entries
        .filter(|entry| {
            let small = entry.metadata().is_ok_and(|metadata| metadata.len() <= LICENCE_BYTES_MAX);
            entry.file_type().is_ok_and(|kind| kind.is_file()) && small
        })
        .filter_map(|entry| {
            let name = entry.file_name().to_str().filter(|name| begins(name))?.to_owned();
            Some(Licence { name, text: fs::read(entry.path()).ok()? })
        })
        .collect();
    found.sort_by(|one, next| one.name.cmp(&next.name));
    found
}
