//! Labelled requests, one JSON object a line, and the sums they are judged by.
//!
//! The requests are not part of the project. They are looked for at `../shared/corpora/web` beside the
//! workspace, or where `INSPECT_CORPUS` says.

use std::path::{Path, PathBuf};

use inspect::Request;
use serde_json::Value;

/// One labelled request.
pub(crate) struct Sample {
    /// Where it was taken from.
    pub(crate) source: String,
    /// What it is, by that source.
    pub(crate) class: String,
    /// Where in the request the payload stands.
    pub(crate) context: String,
    /// Whether it is an attack.
    pub(crate) attack: bool,
    method: String,
    target: String,
    version: String,
    headers: Vec<(String, String)>,
    body: String,
    /// The payload alone, where the source had only that.
    pub(crate) value: String,
}

impl Sample {
    /// Gives the headers in the form that [`Sample::request`] takes.
    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Gives the request.
    pub(crate) fn request<'a>(&'a self, headers: &'a [(&'a str, &'a str)]) -> Request<'a> {
        Request {
            method: &self.method,
            target: &self.target,
            version: &self.version,
            headers,
            body: self.body.as_bytes(),
            whole: true,
        }
    }

    fn read(line: &str) -> Self {
        let json: Value = serde_json::from_str(line)
            .or_else(|_| serde_json::from_str(&without_surrogates(line)))
            .expect("a JSON line");
        let text = |name: &str| json[name].as_str().unwrap_or("").to_owned();
        let request = text("request_line");
        let (method, rest) = request.split_once(' ').unwrap_or(("", &request));
        let (target, version) = rest.rsplit_once(' ').unwrap_or((rest, ""));
        let headers = json["headers"].as_array().map(|pairs| {
            let pair =
                |pair: &Value| Some((pair[0].as_str()?.to_owned(), pair[1].as_str()?.to_owned()));
            pairs.iter().filter_map(pair).collect()
        });
        Self {
            source: text("src"),
            class: text("cls"),
            context: text("ctx"),
            attack: json["label"] == 1,
            method: method.to_owned(),
            target: target.to_owned(),
            version: version.to_owned(),
            headers: headers.unwrap_or_default(),
            body: text("body"),
            value: text("value"),
        }
    }
}

/// Reads all samples; `None`, and a word why, where there are none.
pub(crate) fn samples() -> Option<Vec<Sample>> {
    let beside = || {
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        above.map(|folder| folder.join("shared/corpora/web")).find(|folder| folder.is_dir())
    };
    let folder = std::env::var_os("INSPECT_CORPUS").map(PathBuf::from).or_else(beside);
    let Some(entries) = folder.and_then(|folder| std::fs::read_dir(folder).ok()) else {
        println!("skipped: no requests at ../shared/corpora/web nor where INSPECT_CORPUS says");
        return None;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut samples = Vec::new();
    for path in paths {
        let file = std::fs::File::open(path).expect("a readable corpus");
        let text = std::io::read_to_string(zstd::Decoder::new(file).expect("a zstd frame"))
            .expect("UTF-8 lines");
        samples.extend(text.lines().map(Sample::read));
    }
    Some(samples)
}

/// Halves of surrogate pairs stand for bytes that were not UTF-8; our reader rejects them.
fn without_surrogates(line: &str) -> String {
    let mut pieces = line.split("\\ud");
    let mut text = pieces.next().unwrap_or("").to_owned();
    for piece in pieces {
        text.push_str("\\ufffd");
        text.push_str(piece.get(3..).unwrap_or(""));
    }
    text
}

/// Names the sums a sample belongs to. `core` leaves out what no signature can see, what is a trap
/// class of its own, and the two noisy lists.
pub(crate) fn sums_of(sample: &Sample) -> Vec<&'static str> {
    let class = sample.class.as_str();
    let source = sample.source.as_str();
    let aside = matches!(source, "crs" | "fwaf" | "evasion")
        || matches!(class, "csic-plain" | "sqli-fullstmt" | "sql-statement" | "html-fragment")
        || class.ends_with("+b64");
    let mut sums = Vec::new();
    match (sample.attack, source) {
        (true, "evasion") => sums.push("recall evasion"),
        (true, _) if !aside => {
            sums.push("recall core");
            if source == "libinj" {
                sums.push("recall libinj");
            }
        }
        (false, "traps") => sums.extend(["false traps", "false benign with traps"]),
        (false, _) if !aside => {
            sums.extend(["false benign", "false benign with traps"]);
            if matches!(source, "libinj" | "prose") {
                sums.push("false libinj and prose");
            }
        }
        _ => {}
    }
    sums
}

/// Names the group of attacks that a sample belongs to; the mean over the eleven groups weighs each
/// the same, however many requests it has.
pub(crate) fn group_of(sample: &Sample) -> Option<&'static str> {
    let group = match (sample.source.as_str(), sample.class.as_str()) {
        _ if !sample.attack => return None,
        ("csic", "csic-meta") => "csic-meta",
        ("httpparams", "sqli") => "httpparams sqli",
        ("httpparams", "xss") => "httpparams xss",
        ("httpparams", "path-traversal") => "httpparams path traversal",
        ("httpparams", "cmdi") => "httpparams commands",
        ("libinj", "sqli") => "libinj sqli",
        ("libinj", "xss") => "libinj xss",
        ("gotestwaf", class) if !class.ends_with("+b64") => "gotestwaf",
        ("evasion", _) => "evasion",
        ("sqlds", "sqli") => "sqlds sqli",
        ("xssds", "xss") => "xssds xss",
        _ => return None,
    };
    Some(group)
}
