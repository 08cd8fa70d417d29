//! YAML, written.

use std::fmt::Write as _;

/// Appends `key: value`, the value a text.
pub(crate) fn pair(out: &mut String, indent: usize, key: &str, value: &str) {
    line(out, indent, &format!("{key}: {}", scalar(value)));
}

/// Appends a list of texts under a key; an empty one not at all.
pub(crate) fn list(out: &mut String, indent: usize, key: &str, values: &[String]) {
    if values.is_empty() {
        return;
    }
    line(out, indent, &format!("{key}:"));
    for value in values {
        line(out, indent + 4, &format!("- {}", scalar(value)));
    }
}

/// Appends a line.
pub(crate) fn line(out: &mut String, indent: usize, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{:indent$}{text}", "");
}

/// Gives a text so that YAML reads that text and nothing else: bare where no reader could take it
/// for something else, in quotes otherwise.
pub(crate) fn scalar(text: &str) -> String {
    let bare = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "_-./| ".contains(character))
        && !text.ends_with(' ')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if bare {
        return text.to_owned();
    }
    let printable = |character: char| {
        !character.is_control() && !matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}')
    };
    if text.chars().all(printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            character if printable(character) => quoted.push(character),
            character => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(character));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_texts() {
        for (text, written) in [
            ("sshd", "sshd"),
            ("Failed password", "Failed password"),
            ("no", "'no'"),
            ("22", "'22'"),
            ("it's: # {x}", "'it''s: # {x}'"),
            ("", "''"),
            ("a\nb\"\\", "\"a\\U0000000Ab\\\"\\\\\""),
        ] {
            assert_eq!(scalar(text), written);
        }
    }
}
