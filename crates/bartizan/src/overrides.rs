//! The file of overrides, edited one entry at a time; whatever else people wrote in it stays.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::{fs, io};

use model::write_json_string;
use sigma::{Override, Overrides};

/// The file's name in the user's folder of rules.
pub(crate) const FILE: &str = "overrides.yml";
/// Bounds the file.
const BYTES_MAX: u64 = 8 << 20;

/// Reads the file; an absent one is empty.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error.to_string()),
        Ok(metadata) if metadata.len() > BYTES_MAX => {
            return Err(format!("larger than {BYTES_MAX} bytes"));
        }
        Ok(_) => {}
    }
    fs::read_to_string(path).map_err(|error| error.to_string())
}

/// Writes the file as a whole or not at all.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

/// Gives a number that changes when what the file says of a rule by its id changes; 0 where it says
/// nothing.
pub(crate) fn version(text: &str, rule: &str) -> u32 {
    let Some(piece) = pieces(text).into_iter().rfind(|piece| is_of(piece, rule)) else { return 0 };
    let mut hasher = DefaultHasher::new();
    piece.trim_end().hash(&mut hasher);
    let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
    u32::from_le_bytes([a, b, c, d]).max(1)
}

/// Puts an entry for a rule in place of those that name it by its id, or takes them away; says why it
/// cannot.
pub(crate) fn edit(text: &str, rule: &str, entry: Option<&Override>) -> Result<String, String> {
    let (_, faults) = Overrides::parse(FILE, text);
    if let Some(fault) = faults.first() {
        return Err(format!("mend {FILE} first: {fault}"));
    }
    let mut new = String::new();
    for piece in pieces(text) {
        if is_of(piece, rule) {
            // Comments after the entry belong to the next one.
            let kept = piece.lines().rev().take_while(|line| is_comment(line)).count();
            let lines: Vec<&str> = piece.lines().collect();
            for line in lines.iter().skip(lines.len() - kept) {
                let _ = writeln!(new, "{line}");
            }
        } else {
            new.push_str(piece);
        }
    }
    if let Some(entry) = entry {
        if !new.is_empty() && !new.ends_with('\n') {
            new.push('\n');
        }
        append(rule, entry, &mut new);
    }
    let (read, faults) = Overrides::parse(FILE, &new);
    if let Some(fault) = faults.first() {
        return Err(fault.message.clone());
    }
    if read.entry(rule).as_ref() != entry {
        return Err(format!("{FILE} is not a list at the margin; change it by hand"));
    }
    Ok(new)
}

/// Appends an entry; texts are quoted as in JSON, which YAML reads as well.
fn append(rule: &str, entry: &Override, out: &mut String) {
    let quoted = |text: &str| {
        let mut quoted = String::new();
        write_json_string(text, &mut quoted);
        quoted
    };
    // Writing to a String cannot fail.
    let _ = writeln!(out, "- rule: {}", quoted(rule));
    if let Some(enabled) = entry.enabled {
        let _ = writeln!(out, "  enabled: {enabled}");
    }
    if let Some(level) = entry.level {
        let _ = writeln!(out, "  level: {level}");
    }
    if !entry.exceptions.is_empty() {
        out.push_str("  exceptions:\n");
        for exception in &entry.exceptions {
            let _ = writeln!(out, "    - {}", quoted(exception));
        }
    }
    if !entry.reason.is_empty() {
        let _ = writeln!(out, "  reason: {}", quoted(&entry.reason));
    }
}

/// Cuts the text before each entry that begins at the margin.
fn pieces(text: &str) -> Vec<&str> {
    let mut cuts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with("- ") || line.trim_end() == "-" {
            cuts.push(at);
        }
        at += line.len();
    }
    cuts.push(text.len());
    let spans = cuts.iter().zip(cuts.iter().skip(1));
    spans.filter_map(|(begin, end)| text.get(*begin..*end)).collect()
}

fn is_of(piece: &str, rule: &str) -> bool {
    piece.starts_with('-') && Overrides::parse(FILE, piece).0.entry(rule).is_some()
}

fn is_comment(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use model::Level;

    use super::*;

    const WRITTEN: &str = "# ours\n- rule: a   # noisy\n  level: low\n\n# all of these\n- {rule: 'x*', enabled: false}\n";

    #[test]
    fn an_entry_comes_changes_and_goes() {
        let entry = Override {
            enabled: Some(false),
            level: Some(Level::High),
            exceptions: vec!["user.name: \"a\\b\"".to_owned()],
            reason: "because\n- rule: x".to_owned(),
        };
        let new = edit(WRITTEN, "a", Some(&entry)).unwrap();
        expect![[r#"
            # ours

            # all of these
            - {rule: 'x*', enabled: false}
            - rule: "a"
              enabled: false
              level: high
              exceptions:
                - "user.name: \"a\\b\""
              reason: "because\n- rule: x"
        "#]]
        .assert_eq(&new);
        assert_ne!(version(WRITTEN, "a"), version(&new, "a"));
        let again = edit(&new, "a", None).unwrap();
        assert_eq!(version(&again, "a"), 0);
        assert_eq!(edit(&again, "a", Some(&entry)).unwrap(), new);
        check(
            "",
            Some(&Override { enabled: Some(false), ..Override::default() }),
            expect![[r#"
            - rule: "a"
              enabled: false
        "#]],
        );
    }

    #[test]
    fn what_cannot_be_edited_is_left_alone() {
        let off = Override { enabled: Some(false), ..Override::default() };
        check("[{rule: b}]\n", Some(&off), expect!["did not find expected <document start>"]);
        check(
            "- rule: [",
            Some(&off),
            expect![
                "mend overrides.yml first: overrides.yml:2:1: while parsing a node, did not find expected node content"
            ],
        );
        let wrong = Override { exceptions: vec!["(".to_owned()], ..Override::default() };
        check(WRITTEN, Some(&wrong), expect!["in this exception: column 2: expected a value"]);
        check(
            "  - rule: a\n",
            None,
            expect!["overrides.yml is not a list at the margin; change it by hand"],
        );
    }

    #[track_caller]
    fn check(text: &str, entry: Option<&Override>, expect: Expect) {
        expect.assert_eq(&edit(text, "a", entry).unwrap_or_else(|error| error));
    }
}
