//! `bartizan key export`: the key of one segment.

use std::path::PathBuf;

use crate::failure::{Outcome, ending};
use crate::keys;
use crate::output::{complain, say};
use crate::place::Place;

/// Prints the data key of one segment, so that another program can read that file and no other.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan key export bartizan-data/segments/2026-11-21/00000001-0.parquet

The key is printed as 64 hexadecimal digits. DuckDB takes it as base64:

  PRAGMA add_parquet_key('segment', 'BASE64');
  SELECT * FROM read_parquet('FILE', encryption_config = {footer_key: 'segment'});

and pyarrow as bytes:

  key = pyarrow.parquet.encryption.create_decryption_properties(footer_key=bytes.fromhex('HEX'))
  pyarrow.parquet.read_table('FILE', decryption_properties=key)")]
pub(crate) struct Args {
    /// The segment's file
    segment: PathBuf,
    /// Prints base64 instead of hexadecimal digits
    #[arg(long)]
    base64: bool,
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
    let key = store::segment_key(&args.segment, &keyring)?;
    say(&if args.base64 {
        base64::engine::general_purpose::STANDARD.encode(key)
    } else {
        key.iter().map(|byte| format!("{byte:02x}")).collect()
    })?;
    complain(
        "whoever has this key reads this segment, for as long as the file exists; it opens no other",
    );
    Ok(Outcome::Done)
}
