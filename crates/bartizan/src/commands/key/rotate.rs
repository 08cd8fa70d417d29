//! `bartizan key rotate`: another master key, and another key that wraps new data keys.
//!
//! A stop at any moment leaves a keyring that opens with the key at hand:
//!
//! 1. the new master key is made, beside the old one or where it was asked for;
//! 2. the keyring is replaced by one that opens with both, and both are tried on what is on the disk;
//! 3. where the key is a file, the old one is kept under another name and the new one takes its place;
//! 4. the key is read again from its place and, when it opens the keyring on the disk, the old one
//!    goes from the keyring.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use seal::{KeyringFile, MasterKey, Secret, Source};

use crate::clock::now;
use crate::config::Config;
use crate::failure::{Outcome, ending};
use crate::keys;
use crate::output::complain;
use crate::place::Place;

/// Changes the master key, and the key that wraps new data keys; no data is written again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan key rotate
  bartizan key rotate --to-file /etc/bartizan/master.key
  bartizan key rotate --to-env BARTIZAN_KEY
  bartizan key rotate --to-passphrase-env BARTIZAN_PASSPHRASE

Without --to-… the key that is a file is replaced in its place, and the old one kept beside it. With
it the key moves, and the configuration must name the new place afterwards. A file that is not there
is made. A running `bartizan serve` goes on with the keys that it has, and takes the new ones when it
is started again. What was sealed before keeps its data keys: only they who had the old key AND a copy
of the old keyring can still open that.")]
pub(crate) struct Args {
    #[command(flatten)]
    to: To,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct To {
    /// The file in which the new key is, or is made
    #[arg(long, value_name = "FILE")]
    to_file: Option<PathBuf>,
    /// The environment variable that holds the new key
    #[arg(long, value_name = "NAME")]
    to_env: Option<String>,
    /// The environment variable that holds the new passphrase; asked for where it is not set
    #[arg(long, value_name = "NAME")]
    to_passphrase_env: Option<String>,
    /// The command that prints the new key, word by word
    #[arg(long, value_name = "WORD", num_args = 1.., allow_hyphen_values = true)]
    to_command: Option<Vec<String>>,
}

/// The new key, and where it will be read from.
struct New {
    secret: Secret,
    source: Source,
    /// The file that takes the place of the old one.
    waiting: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (config, _) = args.place.catalog()?;
    let _lock = lock(&config)?;
    let path = keys::keyring_file(&config);
    let read = || -> anyhow::Result<KeyringFile> {
        let sentence = format!("{} is not there: nothing is sealed yet", path.display());
        KeyringFile::read(&path)?.ok_or_else(|| ending(Outcome::Fault, sentence))
    };
    let file = read()?;
    let source = keys::source(&config);
    let old = keys::secret(&source)?;
    let new = new_key(&args.to, &source)?;
    file.begin_rotation(&old, &new.secret, &now().to_string())?;
    let kept = match (&new.waiting, &source) {
        (Some(waiting), Source::File(place)) => Some(replace(waiting, place, &old)?),
        _ => None,
    };
    // From its place, as the next start will read it.
    let again = if kept.is_some() { keys::secret(&new.source)? } else { new.secret };
    let done = read()?.finish_rotation(&again)?;
    tell(&done, &new.source, &source, kept.as_deref());
    Ok(Outcome::Done)
}

/// Two rotations at once would each leave out what the other one added.
fn lock(config: &Config) -> anyhow::Result<File> {
    let path = config.data.join("keyring.lock");
    let what = || format!("cannot open {}", path.display());
    let mut options = File::options();
    let file = options.write(true).create(true).truncate(false).open(&path).with_context(what)?;
    let locked = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    match locked {
        Err(rustix::io::Errno::WOULDBLOCK) => {
            Err(ending(Outcome::Fault, "another rotation of this keyring is under way"))
        }
        locked => {
            locked.map_err(io::Error::from).with_context(what)?;
            Ok(file)
        }
    }
}

fn new_key(to: &To, old: &Source) -> anyhow::Result<New> {
    let at = |source: Source| -> anyhow::Result<New> {
        Ok(New { secret: keys::secret(&source)?, source, waiting: None })
    };
    if let Some(path) = &to.to_file {
        if !path.exists() {
            write(path)?;
        }
        return at(Source::File(path.clone()));
    }
    if let Some(name) = &to.to_env {
        return at(Source::Variable(name.clone()));
    }
    if let Some(name) = &to.to_passphrase_env {
        return at(Source::Passphrase(name.clone()));
    }
    if let Some(words) = &to.to_command {
        return at(Source::Command(words.clone()));
    }
    let Source::File(place) = old else {
        let sentence = format!(
            "the key comes from {old}, where it cannot be replaced from here: say where the new one is with --to-file, --to-env, --to-passphrase-env or --to-command"
        );
        return Err(ending(Outcome::Usage, sentence));
    };
    let waiting = beside(place, "new");
    // What a stop left behind: it never took the old one's place, so nothing needs it.
    match std::fs::remove_file(&waiting) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot delete {}", waiting.display()));
        }
        _ => {}
    }
    write(&waiting)?;
    let secret = keys::secret(&Source::File(waiting.clone()))?;
    Ok(New { secret, source: old.clone(), waiting: Some(waiting) })
}

fn write(path: &Path) -> anyhow::Result<()> {
    MasterKey::generate()?.write(path).with_context(|| format!("cannot write {}", path.display()))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{ending}"));
    path.with_file_name(name)
}

/// Puts the new key in the place of the old one, which is kept under another name; gives that.
fn replace(waiting: &Path, place: &Path, old: &Secret) -> anyhow::Result<PathBuf> {
    let id = match old {
        Secret::Key(key) => key.id().to_string(),
        Secret::Passphrase(_) => String::new(),
    };
    let kept = beside(place, &format!("old-{id}"));
    match std::fs::hard_link(place, &kept) {
        // Of a rotation that was cut off here.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        linked => linked.with_context(|| format!("cannot make {}", kept.display()))?,
    }
    let renamed = std::fs::rename(waiting, place).and_then(|()| {
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    });
    renamed.with_context(|| format!("cannot replace {}", place.display()))?;
    Ok(kept)
}

fn tell(file: &KeyringFile, new: &Source, old: &Source, kept: Option<&Path>) {
    let masters: Vec<String> = file.masters().map(|id| id.to_string()).collect();
    complain(&format!(
        "the keyring opens with the master key {} now, from {new}",
        masters.join(" or ")
    ));
    complain("keep a copy of it elsewhere; bartizan serve takes it up when it is started again");
    if new != old {
        complain(&format!(
            "name it in the configuration before that: [store.key] {}",
            setting(new)
        ));
    }
    let place = kept.map_or_else(|| old.to_string(), |path| path.display().to_string());
    complain(&format!(
        "the old one ({place}) opens nothing here any more, but backups made before: keep it with them, or destroy it"
    ));
}

/// Gives a source as the configuration names it.
fn setting(source: &Source) -> String {
    match source {
        Source::File(path) => format!("file = {:?}", path.display().to_string()),
        Source::Variable(name) => format!("env = {name:?}"),
        Source::Passphrase(name) => format!("passphrase_env = {name:?}"),
        Source::Command(words) => format!("command = {words:?}"),
        Source::Typed(_) => String::new(),
    }
}
