//! `bartizan key export`: the key of one segment.

use std::path::PathBuf;

use crate::failure::{Outcome, ending};
use crate::keys;
use crate::output::{complain, say};
use crate::place::Place;

/// Prints the data key of one segment, so that another program can read that file and no other; or
/// makes a copy of it that DuckDB can read, and prints its key.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan key export bartizan-data/segments/2026-11-21/00000001-0.parquet
  bartizan key export bartizan-data/segments/2026-11-21/00000001-0.parquet --copy day.parquet --base64

The key is printed as 64 hexadecimal digits. pyarrow takes it as bytes:

  key = pyarrow.parquet.encryption.create_decryption_properties(footer_key=bytes.fromhex('HEX'))
  pyarrow.parquet.read_table('FILE', decryption_properties=key)

DuckDB takes it as base64. Of a sealed file it reads no second page of a column and applies no filter,
so it needs a copy that is laid out for it (--copy), sealed as well, and loads that first:

  PRAGMA add_parquet_key('segment', 'BASE64');
  CREATE TABLE events AS SELECT * FROM
    read_parquet('COPY', encryption_config = {footer_key: 'segment'});")]
pub(crate) struct Args {
    /// The segment's file
    segment: PathBuf,
    /// Prints base64 instead of hexadecimal digits
    #[arg(long)]
    base64: bool,
    /// Copies the segment to a new file that DuckDB can read, and prints the key of that
    #[arg(long, value_name = "FILE")]
    copy: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    use base64::Engine as _;
    let (config, catalog) = args.place.catalog()?;
    let Some(keyring) = keys::open(&config, &catalog)? else {
        let sentence = format!("nothing in {} is sealed", config.data.display());
        return Err(ending(Outcome::Fault, sentence));
    };
    if let Some(copy) = &args.copy {
        store::copy_segment(&args.segment, copy, &keyring)?;
    }
    let key = store::segment_key(args.copy.as_ref().unwrap_or(&args.segment), &keyring)?;
    say(&if args.base64 {
        base64::engine::general_purpose::STANDARD.encode(key)
    } else {
        use std::fmt::Write as _;
        key.iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    })?;
    complain("whoever has this key reads that file, for as long as it exists; it opens no other");
    Ok(Outcome::Done)
}
