//! The note that stands beside imported rules: where they came from, and what was laid down.
//!
//! ```text
//! These rules were brought in by `bartizan rules import`. …
//! from: /home/ann/sigma
//! date: 2026-11-21T10:00:00.000Z
//! kind: sigma
//! licence: LICENSE
//! files:
//! 9f86d0… rules/linux/a.yml
//! ```

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest as _, Sha256};

/// What the note is called.
pub(crate) const NAME: &str = "SOURCE";
/// How every note begins, so that no other file is taken for one.
const BEGINNING: &str = "These rules were brought in by `bartizan rules import`.";
const ADVICE: &str = "The next import replaces them: to change one, say so in overrides.yml.";

/// The note, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) from: String,
    pub(crate) date: String,
    pub(crate) kind: String,
    pub(crate) licences: Vec<String>,
    /// The digest of each file that was laid down.
    pub(crate) files: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads the note, or nothing where it is none of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(BEGINNING)?;
        let (head, files) = rest.split_once("\nfiles:\n")?;
        let mut manifest = Self::default();
        for line in head.lines() {
            let Some((key, value)) = line.split_once(": ") else { continue };
            match key {
                "from" => value.clone_into(&mut manifest.from),
                "date" => value.clone_into(&mut manifest.date),
                "kind" => value.clone_into(&mut manifest.kind),
                "licence" => manifest.licences.push(value.to_owned()),
                _ => {}
            }
        }
        for line in files.lines() {
            let (digest, path) = line.split_once(' ')?;
            // Whoever can change the note could otherwise have any file removed.
            let stays_below = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
            stays_below.then_some(())?;
            manifest.files.insert(path.to_owned(), digest.to_owned());
        }
        Some(manifest)
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one_line = |text: &str| text.replace(['\n', '\r'], " ");
        writeln!(f, "{BEGINNING}\n{ADVICE}")?;
        writeln!(f, "from: {}\ndate: {}\nkind: {}", one_line(&self.from), self.date, self.kind)?;
        for licence in &self.licences {
            writeln!(f, "licence: {}", one_line(licence))?;
        }
        writeln!(f, "files:")?;
        self.files.iter().try_for_each(|(path, digest)| writeln!(f, "{digest} {path}"))
    }
}

/// Gives the digest that the note keeps.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let files = [("a b.yml".to_owned(), digest(b"x")), ("c/d.yml".to_owned(), digest(b""))];
        let manifest = Manifest {
            from: "/home/ann/a: b".to_owned(),
            date: "2026-11-21".to_owned(),
            kind: "sigma".to_owned(),
            licences: vec!["LICENSE".to_owned()],
            files: files.into(),
        };
        assert_eq!(Manifest::parse(&manifest.to_string()), Some(manifest));
    }

    #[test]
    fn a_note_that_leads_out_is_none() {
        for path in ["../../etc/passwd", "/etc/passwd", "a//b", "./a"] {
            let text = format!("{BEGINNING}\nfiles:\n00 {path}\n");
            assert_eq!(Manifest::parse(&text), None, "{path}");
        }
        assert_eq!(Manifest::parse("files:\n"), None);
    }
}
