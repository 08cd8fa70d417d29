//! Flows out of captures: how fast, how many, in how much memory.
//!
//! `cargo run --release -p bench --no-default-features --features packets --bin packets -- make FOLDER DIR` builds two
//! captures in DIR out of those in FOLDER: `mix.pcap`, real captures interleaved and replicated, and
//! `random.pcap`, small packets of many flows in no order. `packets read FILE [OUT]` reads one on one
//! core, with all that protocols say, and writes the events to OUT (`/dev/null` otherwise).
//! `packets mutate COUNT FOLDER` throws so many changed frames of the captures below FOLDER at all readers.

mod make;
mod mutate;
mod random;
mod rewrite;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use bench::timing::thread_time;
use wire::{FlowConfig, Flows, Lines, NoWatch, PcapReader, Raw};

const READ_BYTES: usize = 1 << 20;
/// Events are written once so much has gathered.
const WRITE_BYTES: usize = 1 << 18;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["make", folder, dir] => {
            make::mix(Path::new(folder), &Path::new(dir).join("mix.pcap"))?;
            random::random(&Path::new(dir).join("random.pcap"))
        }
        ["mutate", count, folder] => {
            mutate::mutate(count.parse()?, Path::new(folder));
            Ok(())
        }
        ["read", file] => read(Path::new(file), Path::new("/dev/null")),
        ["read", file, out] => read(Path::new(file), Path::new(out)),
        _ => {
            bail!("packets make FOLDER DIR | packets read FILE [OUT] | packets mutate COUNT FOLDER")
        }
    }
}

/// Reads a capture and tells what it cost.
fn read(path: &Path, out: &Path) -> anyhow::Result<()> {
    let mut file = File::open(path).with_context(|| path.display().to_string())?;
    let mut out = File::create(out)?;
    let mut flows = Flows::new(FlowConfig::default());
    let mut reader = PcapReader::new();
    let mut lines = Lines::default();
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    let count = std::env::var_os("PACKETS_COUNT").is_some();
    let mut write = |lines: &mut Lines| -> anyhow::Result<()> {
        out.write_all(lines.as_str().as_bytes())?;
        if count {
            for line in lines.iter() {
                let dataset = line.split_once("\"dataset\":\"").map_or("", |(_, rest)| rest);
                let dataset = dataset.split_once('"').map_or("", |(dataset, _)| dataset);
                *kinds.entry(dataset.to_owned()).or_default() += 1;
            }
        }
        lines.clear();
        Ok(())
    };
    let mut buffer = vec![0; READ_BYTES];
    let (mut flows_most, mut bytes_each, mut said_most) = (0, 0.0, 0);
    let before = thread_time();
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        let bytes = buffer.get(..length).unwrap_or_default();
        reader.feed(bytes, &mut |raws: &[Raw<'_>]| flows.read(raws, &mut lines, &mut NoWatch))?;
        if flows.open() > flows_most {
            flows_most = flows.open();
            bytes_each = flows.bytes().0 as f64 / flows_most as f64;
        }
        said_most = said_most.max(flows.bytes().1);
        if lines.as_str().len() > WRITE_BYTES {
            write(&mut lines)?;
        }
    }
    let end = reader.finish();
    while flows.finish_file(&mut lines) {
        write(&mut lines)?;
    }
    write(&mut lines)?;
    let time = thread_time().saturating_sub(before).as_secs_f64();
    let counters = flows.counters();
    let (packets, bytes) = (counters.packets as f64, counters.bytes as f64);
    println!("{}: {end:?}", path.display());
    println!(
        "{:.3} CPU s, {:.2} Mpps, {:.2} Gbit/s, {} flows at once at {bytes_each:.0} B, what they say {} KB",
        time,
        packets / time / 1e6,
        bytes * 8.0 / time / 1e9,
        flows_most,
        said_most / 1024,
    );
    println!("{counters:?}");
    for (kind, count) in kinds {
        println!("{kind} {count}");
    }
    Ok(())
}
