//! What a command prints: results to standard output, everything else to standard error.

use std::io::{self, BufWriter, StdoutLock, Write};

use clap::ValueEnum;
use model::write_json_string;

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

    fn write_json(&self, out: &mut String) {
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

/// Prints rows as they come; a table waits for the last one, since its columns are as wide as the
/// widest cell.
pub(crate) struct Printer {
    shape: Shape,
    columns: Vec<String>,
    table: comfy_table::Table,
    out: BufWriter<StdoutLock<'static>>,
}

impl Printer {
    pub(crate) fn new(shape: Shape, columns: &[&str]) -> io::Result<Self> {
        let mut table = comfy_table::Table::new();
        table.load_preset(comfy_table::presets::NOTHING).set_header(columns);
        let columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        let mut out = BufWriter::new(io::stdout().lock());
        if shape == Shape::Csv {
            write_csv(&mut out, &columns)?;
        }
        Ok(Self { shape, columns, table, out })
    }

    pub(crate) fn row(&mut self, cells: &[Cell]) -> io::Result<()> {
        let texts = || cells.iter().map(Cell::text);
        match self.shape {
            Shape::Table => {
                self.table.add_row(texts().map(|text| printable(&text)));
                Ok(())
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

    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.shape == Shape::Table {
            for line in self.table.lines() {
                writeln!(self.out, "{}", line.trim_end())?;
            }
        }
        self.out.flush()
    }
}

/// Makes text from outside harmless for a terminal: control characters stand as `\xHH`.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.push_str(&format!("\\x{:02x}", u32::from(character)));
        } else {
            shown.push(character);
        }
    }
    shown
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

/// Prints one line to standard output; a closed pipe ends the command in peace.
pub(crate) fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// Prints one line to standard error.
pub(crate) fn complain(line: &str) {
    // There is nobody left to tell if this fails.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
