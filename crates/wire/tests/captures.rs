//! Captures that nobody of the project wrote, many of them broken on purpose: each is read to where it
//! can be, within bounds.

use std::path::{Path, PathBuf};

use wire::{Counters, FlowConfig, Flows, Lines, PcapReader, Raw};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/pcap");

fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            captures(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

fn read(bytes: &[u8], size: usize) -> (Counters, Lines, String) {
    let mut reader = PcapReader::new();
    let mut flows = Flows::new(FlowConfig::default());
    let mut lines = Lines::default();
    let mut frames = 0;
    for part in bytes.chunks(size) {
        let mut each = |raws: &[Raw<'_>]| {
            frames += u64::try_from(raws.len()).unwrap_or(0);
            flows.read_all(raws, &mut lines);
        };
        if reader.feed(part, &mut each).is_err() {
            break;
        }
    }
    let end = reader.finish().map_or_else(|fault| fault.to_string(), |()| "end".to_owned());
    while flows.finish_file(&mut lines) {}
    let counters = flows.counters();
    assert_eq!(frames, counters.packets);
    assert_eq!(flows.open(), 0);
    (counters, lines, end)
}

#[test]
fn every_capture_is_read() {
    let mut found = Vec::new();
    captures(Path::new(CORPUS), &mut found);
    if found.is_empty() {
        eprintln!("skipped: no captures in {CORPUS}");
        return;
    }
    let (mut read_count, mut packets) = (0, 0);
    for path in found {
        let bytes = std::fs::read(&path).unwrap();
        if !PcapReader::recognises(&bytes) {
            continue;
        }
        let (counters, lines, _) = read(&bytes, 1 << 20);
        let (again, lines_again, _) = read(&bytes, 4099);
        assert_eq!(counters, again, "{}", path.display());
        assert_eq!(lines.len(), lines_again.len(), "{}", path.display());
        assert_eq!(u64::try_from(lines.len()).unwrap_or(0), counters.events, "{}", path.display());
        for line in lines.iter() {
            let value: serde_json::Value = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{}: {error}: {line}", path.display()));
            assert!(value["event"]["dataset"].as_str().unwrap().starts_with("flow."));
        }
        read_count += 1;
        packets += counters.packets;
    }
    assert!(read_count > 1000, "only {read_count} captures with {packets} packets");
}
