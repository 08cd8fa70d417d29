//! The labelled requests that are measured on, where they are present.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use detect::models::{Row, features};
use inspect::{Request, inspect};
use serde::Deserialize;

/// One labelled request.
pub(crate) struct Sample {
    pub(crate) source: String,
    pub(crate) class: String,
    pub(crate) attack: bool,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) body: String,
    /// Whether it may be trained from; the others are judged.
    pub(crate) dev: bool,
    pub(crate) row: Row,
    /// How sure inspection is.
    pub(crate) inspected: f64,
}

impl Sample {
    /// Tells whether it is of the mixed set: what a model of shapes can be asked about. Requests without
    /// a mark of an attack, whole statements and raw HTML are sets of their own.
    pub(crate) fn is_mixed(&self) -> bool {
        let apart = ["csic-plain", "sqli-fullstmt", "html-fragment", "bad-plain", "bad-meta"];
        let own_source = matches!(self.source.as_str(), "crs" | "fwaf");
        let statement = self.class.contains("full") || self.class.contains("statement");
        let wrapped = self.class.ends_with("+b64");
        !own_source && !wrapped && !statement && !apart.contains(&self.class.as_str())
    }

    /// Tells whether models are trained from it.
    pub(crate) fn teaches(&self) -> bool {
        let usual = ["csic", "httpparams", "prose", "semicomplete"];
        self.dev && !self.attack && usual.contains(&self.source.as_str())
    }
}

/// Reads every set of a folder; an empty list where there is none.
pub(crate) fn load(folder: &Path) -> anyhow::Result<Vec<Sample>> {
    let mut samples = Vec::new();
    let Ok(files) = std::fs::read_dir(folder) else { return Ok(samples) };
    let mut paths: Vec<_> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.extension().is_none_or(|ending| ending != "zst") {
            continue;
        }
        let reader = BufReader::new(zstd::Decoder::new(File::open(&path)?)?);
        for line in reader.lines() {
            // Some requests hold half a character, which no text can.
            samples.extend(sample(&line?).ok());
        }
    }
    Ok(samples)
}

/// A line of a set.
#[derive(Deserialize)]
struct Labelled {
    id: String,
    src: String,
    cls: String,
    label: u8,
    request_line: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn sample(line: &str) -> anyhow::Result<Sample> {
    let Labelled { id, src: source, cls: class, label, request_line, headers: pairs, body } =
        serde_json::from_str(line)?;
    let (method, rest) = request_line.split_once(' ').unwrap_or((&request_line, ""));
    let target = rest.rsplit_once(' ').map_or(rest, |(target, _)| target);
    let headers: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let verdict = inspect(&Request {
        method,
        target,
        version: "1.1",
        headers: &headers,
        body: body.as_bytes(),
        whole: true,
    });
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Ok(Sample {
        source,
        class,
        attack: label == 1,
        row: features(target.as_bytes(), body.as_bytes()),
        method: method.to_owned(),
        target: target.to_owned(),
        body,
        dev: (hash >> 17) & 1 == 0,
        inspected: if verdict.findings.is_empty() { 0.0 } else { verdict.score },
    })
}
