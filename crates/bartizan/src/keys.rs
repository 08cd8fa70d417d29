//! The keys of a data folder: where the master key comes from, how the keyring is opened, and how
//! both are made at the first start.
//!
//! A keyring is never made beside data that another one sealed: that data would be lost for good.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use catalog::Catalog;
use seal::{Keyring, KeyringFile, MasterKey, Secret, Source, SourceError, Typed};
use store::Seals;

use crate::clock::now;
use crate::config::{Config, Encryption};
use crate::failure::{Outcome, ending};
use crate::output::complain;

/// The setting of the catalog that tells which keyring seals the data beside it.
const SETTING: &str = "keyring";
/// Bounds a passphrase that is typed.
const TYPED_BYTES_MAX: u64 = 4096;

/// Gives the file of the keyring.
pub(crate) fn keyring_file(config: &Config) -> PathBuf {
    config.data.join("keyring.json")
}

/// Gives where the master key comes from.
pub(crate) fn source(config: &Config) -> Source {
    let key = &config.store.key;
    if let Some(file) = &key.file {
        Source::File(file.clone())
    } else if let Some(name) = &key.env {
        Source::Variable(name.clone())
    } else if let Some(name) = &key.passphrase_env {
        Source::Passphrase(name.clone())
    } else if let Some(words) = &key.command {
        Source::Command(words.clone())
    } else {
        Source::File(config.data.join("master.key"))
    }
}

/// Tells whether the key lies in the folder that it seals.
pub(crate) fn lies_beside(config: &Config, source: &Source) -> bool {
    let Source::File(path) = source else { return false };
    match (path.canonicalize(), config.data.canonicalize()) {
        (Ok(path), Ok(data)) => path.starts_with(data),
        _ => path.starts_with(&config.data),
    }
}

/// Asks the source; a passphrase that stands in no variable is asked for at the terminal.
pub(crate) fn secret(source: &Source) -> anyhow::Result<Secret> {
    let asked = source.secret(|name| std::env::var(name).ok());
    match asked {
        Err(SourceError::Unset(_))
            if matches!(source, Source::Passphrase(_)) && io::stdin().is_terminal() =>
        {
            let typed = Source::Typed(Typed(ask("the passphrase of the store:")?));
            Ok(typed.secret(|_| None)?)
        }
        asked => Ok(asked?),
    }
}

fn ask(question: &str) -> anyhow::Result<zeroize::Zeroizing<String>> {
    complain(question);
    let echo = |word: &str| {
        let mut stty = Command::new("stty");
        // Where there is none, what is typed is shown.
        let _ = stty.arg(word).stdin(Stdio::inherit()).stderr(Stdio::null()).status();
    };
    echo("-echo");
    let mut text = zeroize::Zeroizing::new(String::new());
    let read = io::stdin().lock().take(TYPED_BYTES_MAX).read_line(&mut text);
    echo("echo");
    read?;
    let length = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(length);
    Ok(text)
}

/// Opens the keyring of a data folder; `None` where nothing is sealed. It makes nothing.
pub(crate) fn open(config: &Config, catalog: &Catalog) -> anyhow::Result<Option<Keyring>> {
    let path = keyring_file(config);
    let Some(file) = KeyringFile::read(&path)? else {
        refuse_lost(config, catalog)?;
        return Ok(None);
    };
    let source = source(config);
    let wanted: Vec<String> = file.masters().map(|id| id.to_string()).collect();
    let secret = secret(&source).map_err(|error| {
        let wanted = wanted.join(" or ");
        let sentence = format!(
            "{error:#}; what is stored opens with the master key {wanted} alone (bartizan key status)"
        );
        ending(Outcome::Fault, sentence)
    })?;
    let keyring = file.open(&secret)?;
    let known = catalog.setting(SETTING)?;
    if known.is_some_and(|known| keyring.fingerprint().as_ref() != Ok(&known)) {
        let sentence = format!(
            "{} is the keyring of another store: put the one back that was here before",
            path.display()
        );
        return Err(ending(Outcome::Fault, sentence));
    }
    Ok(Some(keyring))
}

/// Fails where something is sealed and the keyring is gone.
fn refuse_lost(config: &Config, catalog: &Catalog) -> anyhow::Result<()> {
    let seals = Seals::of(&config.data)?;
    let sealed = seals.sealed().map(|path| path.display().to_string());
    let sealed = match sealed {
        None if catalog.setting(SETTING)?.is_some() => "what is stored".to_owned(),
        None => return Ok(()),
        Some(path) => path,
    };
    let sentence = format!(
        "{} is not there, and {sealed} is sealed with it: put it back from a backup; a new keyring could never open what is stored",
        keyring_file(config).display()
    );
    Err(ending(Outcome::Fault, sentence))
}

/// Opens the keyring of a data folder or, at the first start, makes it, and says so.
pub(crate) fn open_or_make(config: &Config, catalog: &Catalog) -> anyhow::Result<Option<Keyring>> {
    let source = source(config);
    let keyring = match open(config, catalog)? {
        Some(keyring) => keyring,
        None if config.store.encryption == Encryption::Off => {
            complain(
                "key       none: store.encryption is off, what is stored can be read by anybody who gets the disk",
            );
            return Ok(None);
        }
        None => make(config, &source)?,
    };
    catalog.set_setting(SETTING, &keyring.fingerprint()?)?;
    if config.store.encryption == Encryption::Off {
        complain("key       store.encryption is off: what is written from now on is plain");
        return Ok(Some(keyring));
    }
    complain(&format!("key       from {source}"));
    if lies_beside(config, &source) {
        complain(
            "          it lies beside the data: whoever gets the disk gets the key, and whoever loses",
        );
        complain("          it loses the data; keep a copy elsewhere (bartizan key status)");
    }
    Ok(Some(keyring))
}

fn make(config: &Config, source: &Source) -> anyhow::Result<Keyring> {
    if config.store.key.file.is_none()
        && let Source::File(path) = source
        && !path.exists()
    {
        let written = MasterKey::generate()?.write(path);
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    let secret = secret(source).map_err(|error| {
        let advice = match source {
            Source::File(path) => format!("; make one: bartizan key generate {}", path.display()),
            _ => String::new(),
        };
        ending(Outcome::Fault, format!("{error:#}{advice}"))
    })?;
    Ok(KeyringFile::create(&keyring_file(config), &secret, &now().to_string())?)
}
