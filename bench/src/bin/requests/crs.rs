//! The OWASP Core Rule Set, which needs a host of its own: libmodsecurity is a library in C++, and so a
//! small program in C puts the requests to it (`crs.c`), made anew for each run.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use inspect::Request;
use tempfile::TempDir;

/// Where Debian's package `modsecurity-crs` puts the rules.
pub(crate) const RULES: &str = "/usr/share/modsecurity-crs/rules";
/// The score from which on the rules refuse a request, as they come.
const ATTACK_SCORE_MIN: i64 = 5;
const SOURCE: &str = include_str!("crs.c");

/// The host, ready to run.
pub(crate) struct Host {
    folder: TempDir,
    rules: PathBuf,
    /// What the rules call themselves.
    pub(crate) version: String,
}

/// One request, judged.
#[derive(Clone, Copy)]
pub(crate) struct Judged {
    pub(crate) attack: bool,
    pub(crate) spent: Duration,
}

impl Host {
    /// Makes the host; an error says what is missing.
    pub(crate) fn make(rules: &Path) -> anyhow::Result<Self> {
        let version = version(rules)?;
        let folder = tempfile::tempdir()?;
        let source = folder.path().join("crs.c");
        fs::write(&source, SOURCE)?;
        let made = Command::new("cc")
            .args(["-O2", "-o"])
            .arg(folder.path().join("crs"))
            .arg(&source)
            .arg("-lmodsecurity")
            .output()
            .context("the C compiler cc does not start")?;
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stderr);
            let first = said.lines().find(|line| line.contains("error")).unwrap_or(&said);
            bail!("the host for libmodsecurity cannot be built: {}", first.trim());
        }
        Ok(Self { folder, rules: rules.to_owned(), version })
    }

    /// Puts all requests to the rules at a level of paranoia, and gives the verdicts in the same order.
    pub(crate) fn judge<'a>(
        &self,
        requests: impl Iterator<Item = Request<'a>>,
        paranoia: u8,
    ) -> anyhow::Result<Vec<Judged>> {
        let path = self.folder.path().join("requests");
        let mut out = BufWriter::new(File::create(&path)?);
        let mut count = 0_usize;
        for request in requests {
            write(&mut out, &request)?;
            count += 1;
        }
        out.flush()?;
        let ran = Command::new(self.folder.path().join("crs"))
            .arg(&self.rules)
            .arg(paranoia.to_string())
            .stdin(File::open(&path)?)
            .output()?;
        if !ran.status.success() {
            bail!("the host for libmodsecurity failed: {}", String::from_utf8_lossy(&ran.stderr));
        }
        let judged: Vec<Judged> = String::from_utf8(ran.stdout)?
            .lines()
            .map(|line| {
                let (score, spent) = line.split_once(' ').context("a score and a time")?;
                let attack = score.parse::<i64>()? >= ATTACK_SCORE_MIN;
                Ok(Judged { attack, spent: Duration::from_nanos(spent.parse()?) })
            })
            .collect::<anyhow::Result<_>>()?;
        if judged.len() != count {
            bail!("{count} requests got {} verdicts", judged.len());
        }
        Ok(judged)
    }
}

/// Reads out of the rules what they call themselves.
fn version(rules: &Path) -> anyhow::Result<String> {
    let file = rules.join("REQUEST-949-BLOCKING-EVALUATION.conf");
    let text = fs::read_to_string(&file)
        .with_context(|| format!("the Core Rule Set is not at {}", rules.display()))?;
    let named = text.split("ver:'OWASP_CRS/").nth(1).and_then(|rest| rest.split('\'').next());
    Ok(named.unwrap_or("of unknown version").to_owned())
}

/// Writes a request as `crs.c` reads it.
fn write(out: &mut impl std::io::Write, request: &Request<'_>) -> anyhow::Result<()> {
    text(out, request.method.as_bytes())?;
    text(out, request.target.as_bytes())?;
    text(out, request.version.trim_start_matches("HTTP/").as_bytes())?;
    out.write_all(&u32::try_from(request.headers.len())?.to_le_bytes())?;
    for (name, value) in request.headers {
        text(out, name.as_bytes())?;
        text(out, value.as_bytes())?;
    }
    text(out, request.body)
}

fn text(out: &mut impl std::io::Write, bytes: &[u8]) -> anyhow::Result<()> {
    out.write_all(&u32::try_from(bytes.len())?.to_le_bytes())?;
    Ok(out.write_all(bytes)?)
}
