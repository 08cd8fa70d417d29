//! `bartizan key fernet`: keys and tokens of Fernet, in which other programs write their logs.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Write, stdin, stdout};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use seal::{Fernet, fernet_token_bytes};

use crate::clock::now;
use crate::codec::FernetArgs;
use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;
use crate::output::{complain, printable, told};

/// Makes keys of Fernet, and encrypts and decrypts lines with them, each as one token.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan key fernet generate /etc/bartizan/app.keys
  bartizan key fernet encrypt --key-file app.keys app.log > app.log.fernet
  bartizan key fernet decrypt --key-file app.keys app.log.fernet | less
  tail -n 5 app.log.fernet | bartizan key fernet decrypt --key-env APP_KEYS

A file of keys holds one a line, the newest first; to rotate, put a new one before the others. The
same file decrypts such logs as they come, whole or as they grow:

  [[inputs.file]]
  paths = [\"/var/log/app/*.log\"]
  codec = \"fernet\"
  key_file = \"/etc/bartizan/app.keys\"")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Makes a key in a new file
    Generate {
        /// The file to make, for its owner alone; `-` for standard output
        file: PathBuf,
    },
    /// Makes a token of each line
    Encrypt {
        #[command(flatten)]
        keys: FernetArgs,
        /// Files; `-` or nothing for standard input
        paths: Vec<PathBuf>,
    },
    /// Gives the text of each token
    #[command(after_help = "A line that does not open is told with its place, and left out.
Ends with 1 where there was one.")]
    Decrypt {
        #[command(flatten)]
        keys: FernetArgs,
        /// How many seconds old a token may be; any age unless named
        #[arg(long, value_name = "SECONDS")]
        token_age: Option<u64>,
        /// Files; `-` or nothing for standard input
        paths: Vec<PathBuf>,
    },
}

/// Where a line is refused: what the inputs cut at is far below.
const LINE_BYTES_MAX: usize = 16 << 20;

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.action {
        Action::Generate { file } => generate(file),
        Action::Encrypt { keys, paths } => {
            let fernet = keys.open(None)?;
            each_line(paths, LINE_BYTES_MAX, &mut |line, out| {
                let token = fernet.seal(line.bytes, seconds_now())?;
                told(writeln!(out, "{token}"))?;
                Ok(true)
            })
        }
        Action::Decrypt { keys, token_age, paths } => {
            let fernet = keys.open(*token_age)?;
            let mut room = Vec::new();
            let bytes_max = fernet_token_bytes(LINE_BYTES_MAX);
            each_line(paths, bytes_max, &mut |line, out| decrypt(&fernet, line, &mut room, out))
        }
    }
}

fn generate(file: &Path) -> anyhow::Result<Outcome> {
    let key = Fernet::generate()?;
    if is_stdin(file) {
        told(writeln!(stdout(), "{}", *key))?;
        return Ok(Outcome::Done);
    }
    let shown = file.display();
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).and_then(
        |mut open| {
            writeln!(open, "{}", *key)?;
            open.sync_all()
        },
    );
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let sentence = format!("{shown} is there already, and a key is never written over");
            return Err(ending(Outcome::Fault, sentence));
        }
        written => written.with_context(|| format!("cannot write {shown}"))?,
    }
    complain(&format!("{shown} holds a new key"));
    Ok(Outcome::Done)
}

/// One line, without its line feed.
struct Line<'l> {
    path: &'l Path,
    number: u64,
    bytes: &'l [u8],
}

type Out = BufWriter<io::StdoutLock<'static>>;

fn decrypt(
    fernet: &Fernet,
    line: &Line<'_>,
    room: &mut Vec<u8>,
    out: &mut Out,
) -> anyhow::Result<bool> {
    match fernet.open(line.bytes.trim_ascii(), seconds_now(), room) {
        Ok(text) => {
            told(out.write_all(text))?;
            if !text.ends_with(b"\n") {
                told(out.write_all(b"\n"))?;
            }
            Ok(true)
        }
        Err(_) if line.bytes.trim_ascii().is_empty() => Ok(true),
        Err(fault) => {
            let Line { path, number, .. } = line;
            complain(&printable(&format!("{}:{number}: {}", path.display(), fault.as_str())));
            Ok(false)
        }
    }
}

/// Hands on every line; `each` tells whether it was good.
fn each_line(
    paths: &[PathBuf],
    bytes_max: usize,
    each: &mut dyn FnMut(&Line<'_>, &mut Out) -> anyhow::Result<bool>,
) -> anyhow::Result<Outcome> {
    let interrupt = Interrupt::listen()?;
    let alone = [PathBuf::from("-")];
    let mut out = BufWriter::new(stdout().lock());
    let mut refused = 0_u64;
    for path in if paths.is_empty() { &alone } else { paths } {
        let mut reader: Box<dyn BufRead> = if is_stdin(path) {
            Box::new(stdin().lock())
        } else {
            let file = File::open(path);
            Box::new(BufReader::new(
                file.with_context(|| format!("cannot read {}", path.display()))?,
            ))
        };
        let mut bytes = Vec::new();
        let mut number = 0;
        loop {
            bytes.clear();
            let room = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
            let read = reader.by_ref().take(room).read_until(b'\n', &mut bytes);
            if read.with_context(|| format!("cannot read {}", path.display()))? == 0 {
                break;
            }
            number += 1;
            let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            if line.len() > bytes_max {
                let place = format!("{}:{number}", path.display());
                let sentence = format!("{place}: the line is longer than {bytes_max} bytes");
                return Err(ending(Outcome::Fault, sentence));
            }
            if !each(&Line { path, number, bytes: line }, &mut out)? {
                refused += 1;
            }
            if interrupt.is_asked() {
                return Ok(Outcome::Interrupted);
            }
        }
    }
    told(out.flush())?;
    if refused > 0 {
        complain(&format!("lines that did not open: {refused}"));
    }
    Ok(if refused == 0 { Outcome::Done } else { Outcome::Fault })
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn seconds_now() -> u64 {
    u64::try_from(now().nanos() / 1_000_000_000).unwrap_or_default()
}
