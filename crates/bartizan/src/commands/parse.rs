//! `bartizan parse`: what the product would make of these records.

use std::io::{BufWriter, Write as _, stdout};
use std::path::PathBuf;

use model::EventId;
use parse::{FORMATS, Parser, ParserConfig};
use source::{Import, ImportConfig};

use crate::codec::CodecArgs;
use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;
use crate::output::told;
use crate::progress;

/// Reads records and prints one JSON object each: the event as it would be stored.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan parse /var/log/auth.log
  tail -n 100 access.log | bartizan parse
  bartizan parse --format cef firewall.log.gz
  bartizan parse --formats
  bartizan parse --codec fernet --key-file app.keys /var/log/app/app.log

What no format recognises comes out too, with event.module \"unknown\".")]
pub(crate) struct Args {
    /// Reads every record with this format instead of recognising it
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// Lists the formats, and ends
    #[arg(long)]
    formats: bool,
    #[command(flatten)]
    codec: CodecArgs,
    /// How far the clocks of senders that name no zone are ahead of UTC, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 0, allow_negative_numbers = true,
          value_parser = clap::value_parser!(i32).range(-840..=840))]
    utc_offset: i32,
    /// Files or folders, packed or not; `-` or nothing for standard input
    paths: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let mut out = BufWriter::new(stdout().lock());
    if args.formats {
        for format in FORMATS {
            told(writeln!(out, "{:14} {}", format.id, format.summary))?;
        }
        told(out.flush())?;
        return Ok(Outcome::Done);
    }
    if let Some(id) = &args.format
        && Parser::with_format(id).is_none()
    {
        let known: Vec<&str> = FORMATS.iter().map(|format| format.id).collect();
        let sentence = format!("there is no format `{id}`; known: {}", known.join(", "));
        return Err(ending(Outcome::Usage, sentence));
    }
    let paths = if args.paths.is_empty() { vec![PathBuf::from("-")] } else { args.paths.clone() };
    let parser = Parser::new(ParserConfig { utc_offset_seconds: args.utc_offset * 60 });
    let config = ImportConfig {
        input: "parse".to_owned(),
        format: args.format.clone(),
        codec: args.codec.open("parse")?,
        // One read is a batch: a person at a pipe wants to see the line that was just typed.
        batch_bytes: 1,
        readers: wire::READERS,
        ..ImportConfig::default()
    };
    let mut import = Import::new(&paths, config)?;
    let bar = progress::bar(&import.progress());
    let interrupt = Interrupt::listen()?;
    let mut line = String::new();
    let mut next_id = 1;
    while let Some(records) = import.next() {
        for record in records {
            let mut event = parser.parse(record);
            event.id = EventId(next_id);
            next_id += 1;
            line.clear();
            event.write_json(&mut line);
            line.push('\n');
            told(out.write_all(line.as_bytes()))?;
        }
        told(out.flush())?;
        progress::show(&bar, &import.progress());
        if interrupt.is_asked() {
            return Ok(Outcome::Interrupted);
        }
    }
    bar.finish_and_clear();
    Ok(progress::tell_faults(&import))
}
