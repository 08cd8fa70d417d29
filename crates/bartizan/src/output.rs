//! What a command prints: results to standard output, everything else to standard error.

use std::fmt::Write as _;
use std::io::{self, BufWriter, StdoutLock, Write};

use clap::ValueEnum;
use model::write_json_string;
use sigma::RuleFault;

use crate::failure::{Outcome, ending};

/// The shape of a list of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// Columns for people.
    #[default]
    Table,
    /// One JSON object a line.
    Json,
    /// Comma-separated values with a header line (RFC 4180).
    Csv,
}

/// One cell of a result.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    /// Nothing.
    Null,
    /// Text.
    Text(String),
    /// A number or a flag, as JSON writes it.
    Plain(String),
    /// Several texts.
    List(Vec<String>),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Plain(number.to_string())
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) | Self::Plain(text) => text.clone(),
            Self::List(texts) => texts.join(", "),
        }
    }

    /// Appends the cell as JSON.
    pub(crate) fn write_json(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Text(text) => write_json_string(text, out),
            Self::Plain(text) => out.push_str(text),
            Self::List(texts) => {
                out.push('[');
                for (index, text) in texts.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_json_string(text, out);
                }
                out.push(']');
            }
        }
    }
}

/// How many rows of a table have columns of one width; more would have to wait in memory.
const TABLE_ROWS_MAX: usize = 10_000;

/// Prints rows as they come; a table waits for the last one, since its columns are as wide as the
/// widest cell. A long one is laid out in parts.
pub(crate) struct Printer {
    shape: Shape,
    columns: Vec<String>,
    table: comfy_table::Table,
    out: BufWriter<StdoutLock<'static>>,
}

impl Printer {
    pub(crate) fn new(shape: Shape, columns: &[&str]) -> anyhow::Result<Self> {
        let mut table = comfy_table::Table::new();
        let header = columns.iter().map(|name| printable(name));
        table.load_preset(comfy_table::presets::NOTHING).set_header(header);
        let columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        let mut out = BufWriter::new(io::stdout().lock());
        if shape == Shape::Csv {
            told(write_csv(&mut out, &columns))?;
        }
        Ok(Self { shape, columns, table, out })
    }

    pub(crate) fn row(&mut self, cells: &[Cell]) -> anyhow::Result<()> {
        told(self.write_row(cells))
    }

    fn write_row(&mut self, cells: &[Cell]) -> io::Result<()> {
        let texts = || cells.iter().map(Cell::text);
        match self.shape {
            Shape::Table => {
                self.table.add_row(texts().map(|text| printable(&text)));
                if self.table.row_count() < TABLE_ROWS_MAX { Ok(()) } else { self.write_table() }
            }
            Shape::Csv => write_csv(&mut self.out, &texts().collect::<Vec<_>>()),
            Shape::Json => {
                let mut line = String::from("{");
                for (index, (name, cell)) in self.columns.iter().zip(cells).enumerate() {
                    if index > 0 {
                        line.push(',');
                    }
                    write_json_string(name, &mut line);
                    line.push(':');
                    cell.write_json(&mut line);
                }
                line.push_str("}\n");
                self.out.write_all(line.as_bytes())
            }
        }
    }

    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        told(self.write_rest())
    }

    fn write_rest(&mut self) -> io::Result<()> {
        if self.shape == Shape::Table {
            self.write_table()?;
        }
        self.out.flush()
    }

    /// Prints the rows of a table that wait, and makes room for more.
    fn write_table(&mut self) -> io::Result<()> {
        for line in self.table.lines() {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        let mut table = comfy_table::Table::new();
        table.load_preset(comfy_table::presets::NOTHING);
        self.table = table;
        Ok(())
    }
}

/// Makes text from outside harmless for a terminal: control characters stand as `\xHH`, and what
/// turns the direction of a line around or cannot be seen as `\u{HHHH}`.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\x{:02x}", u32::from(character));
        } else if is_deceptive(character) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Tells a character that makes a terminal show something else than what stands there: marks of
/// direction, separators that end a line for some, and the byte-order mark.
fn is_deceptive(character: char) -> bool {
    matches!(
        character,
        '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

fn write_csv(out: &mut impl Write, cells: &[String]) -> io::Result<()> {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")
}

/// Gives what became of something written to standard output. A reader that left (`| head`) ends
/// the command in peace. Only what is written here: a connection that breaks is another matter.
pub(crate) fn told(outcome: io::Result<()>) -> anyhow::Result<()> {
    outcome.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => ending(Outcome::Done, "nobody reads the output any more"),
        _ => ending(Outcome::Fault, format!("cannot write the output: {error}")),
    })
}

/// Prints one line to standard output.
pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    told(writeln!(io::stdout().lock(), "{line}"))
}

/// Prints a sentence, of one line or several, to standard error.
pub(crate) fn complain(sentence: &str) {
    let lines: Vec<String> = sentence.split('\n').map(printable).collect();
    // There is nobody left to tell if this fails.
    let _ = writeln!(io::stderr().lock(), "{}", lines.join("\n"));
}

/// Prints why a rule was set aside, on one line whatever its file is called.
pub(crate) fn complain_of(fault: &RuleFault) {
    let RuleFault { path, line, column, message } = fault;
    complain(&printable(&format!("{path}:{line}:{column}: {message}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deceives_a_terminal_is_spelt_out() {
        assert_eq!(printable("\x1b[31mred\n\u{9b}"), "\\x1b[31mred\\x0a\\x9b");
        assert_eq!(printable("a\u{202e}fdp.exe\u{2066}"), "a\\u{202e}fdp.exe\\u{2066}");
        assert_eq!(printable("\u{200f}\u{2028}\u{feff}"), "\\u{200f}\\u{2028}\\u{feff}");
        assert_eq!(printable("größer 東京 🏰 שלום"), "größer 東京 🏰 שלום");
    }

    #[test]
    fn a_reader_that_left_is_no_fault() {
        let outcome = |kind: io::ErrorKind| {
            crate::failure::Failure::of(&told(Err(kind.into())).unwrap_err()).outcome
        };
        assert_eq!(outcome(io::ErrorKind::BrokenPipe), Outcome::Done);
        assert_eq!(outcome(io::ErrorKind::StorageFull), Outcome::Fault);
    }
}
