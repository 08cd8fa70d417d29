//! The ring: what goes in comes out, its size holds, and damage is borne.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use proptest::prelude::*;

use super::index::Index;
use super::writer::{Recorder, packet_files};
use super::{Found, Wanted, find, give};
use crate::decode::{Decoded, decode};
use crate::packet::{Raw, link};
use crate::{FlowConfig, Flows, Lines, PcapReader};

const START_NS: u64 = 1_795_244_280_000_000_000;
const MILLI_NS: u64 = 1_000_000;

/// A datagram from this port of one end, or back to it.
fn datagram(port: u16, back: bool, length: usize) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let whole = u16::try_from(28 + length).unwrap().to_be_bytes();
    bytes.extend([0x45, 0, whole[0], whole[1], 0, 0, 0, 0, 64, 17, 0, 0]);
    let (one, other) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    bytes.extend(if back { [other, one].concat() } else { [one, other].concat() });
    let ports = if back { [9, port] } else { [port, 9] };
    bytes.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
    bytes.extend(u16::try_from(8 + length).unwrap().to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(vec![7; length]);
    bytes
}

/// Records so many packets of each of so many flows by turns, a millisecond apart.
fn record(folder: &Path, megabytes: u64, flows: u16, packets: u64, length: usize) {
    let (mut recorder, writer) = Recorder::open(folder, megabytes << 20).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || writer.run(|fault| panic!("{fault}")));
        let mut time_ns = START_NS;
        for packet in 0..packets {
            for flow in 0..flows {
                let bytes = datagram(flow, packet % 2 == 1, length);
                let wire_length = u32::try_from(bytes.len()).unwrap();
                let raw =
                    Raw { time_ns, wire_length, interface: 3, link: link::ETHERNET, bytes: &bytes };
                recorder.take(&raw);
                time_ns += MILLI_NS;
                recorder.wait_for_the_disk();
            }
        }
        recorder.hand_over();
        assert_eq!(recorder.dropped(), 0);
        drop(recorder);
    });
}

/// A file system of a few pages, gone with the value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn make() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=16k", "tmpfs"]).arg(folder.path());
        let made = mount.output().is_ok_and(|output| output.status.success());
        made.then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_does_not_fill_with_empty_files() {
    let Some(disk) = SmallDisk::make() else {
        eprintln!("skipped: a file system cannot be mounted here");
        return;
    };
    let folder = disk.0.path();
    fs::write(folder.join("others"), vec![1; 64 << 10]).unwrap_err();
    let (mut recorder, writer) = Recorder::open(folder, 16 << 20).unwrap();
    let told = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        let told = &told;
        scope.spawn(move || {
            writer.run(|_| {
                told.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            });
        });
        for time_ns in START_NS..START_NS + 4 {
            let bytes = datagram(7, false, 4);
            let raw =
                Raw { time_ns, wire_length: 46, interface: 0, link: link::ETHERNET, bytes: &bytes };
            recorder.take(&raw);
            recorder.hand_over();
        }
        drop(recorder);
    });
    assert_eq!(told.into_inner(), 4);
    assert_eq!(packet_files(folder).unwrap(), Vec::<std::path::PathBuf>::new());
}

/// Gives the community identifier of a flow, as its event has it.
fn id_of(flow: u16) -> String {
    let bytes = datagram(flow, false, 4);
    let mut lines = Lines::default();
    let mut flows = Flows::new(FlowConfig::default());
    let raw = Raw {
        time_ns: START_NS,
        wire_length: 46,
        interface: 0,
        link: link::ETHERNET,
        bytes: &bytes,
    };
    flows.read_all(&[raw], &mut lines);
    while flows.finish(&mut lines) {}
    let event: serde_json::Value = serde_json::from_str(lines.iter().next().unwrap()).unwrap();
    event["network"]["community_id"].as_str().unwrap().to_owned()
}

/// Gives the source ports of what is found, or the destination's on the way back.
fn ports(folder: &Path, wanted: &Wanted) -> (Vec<u16>, Found) {
    let mut ports = Vec::new();
    let found = find(folder, wanted, |raw| {
        let Decoded::Packet(packet) = decode(raw) else { panic!("no packet") };
        ports.push(packet.source_port.max(packet.destination_port));
        ControlFlow::Continue(())
    });
    (ports, found.unwrap())
}

#[test]
fn both_directions_of_one_flow_come_out_and_little_is_read() {
    let folder = tempfile::tempdir().unwrap();
    // A flow of its own far behind the others: its packets lie in a few pieces.
    record(folder.path(), 64, 2000, 4, 300);
    let (found_ports, found) = ports(folder.path(), &Wanted::of(&id_of(1777)).unwrap());
    assert_eq!(found_ports, [1777; 4]);
    let whole: u64 = packet_files(folder.path())
        .unwrap()
        .iter()
        .map(|path| fs::metadata(path).unwrap().len())
        .sum();
    assert!(found.bytes_read * 5 < whole, "{found:?} of {whole}");
    assert_eq!(found.damaged, 0);
}

#[test]
fn a_time_is_a_bound() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), 16, 10, 10, 100);
    let all = Wanted::of(&id_of(3)).unwrap();
    assert_eq!(ports(folder.path(), &all).1.packets, 10);
    let from_ns = START_NS + 50 * MILLI_NS;
    assert_eq!(ports(folder.path(), &Wanted { from_ns, ..all.clone() }).1.packets, 5);
    let to_ns = START_NS + 13 * MILLI_NS;
    assert_eq!(ports(folder.path(), &Wanted { to_ns, ..all.clone() }).1.packets, 2);
    assert_eq!(ports(folder.path(), &Wanted { to_ns: 7, ..all }).1.files, 0);
}

#[test]
fn the_ring_keeps_its_size_and_lets_the_oldest_go() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), 16, 200, 100, 1300);
    let sizes = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap());
    let sizes: Vec<u64> = sizes.map(|file| file.len()).collect();
    assert!(sizes.iter().sum::<u64>() <= 16 << 20, "{sizes:?}");
    let (_, found) = ports(folder.path(), &Wanted::of(&id_of(3)).unwrap());
    assert!((10..100).contains(&found.packets), "{found:?}");
    // A smaller ring over the same files holds its own size at once.
    record(folder.path(), 4, 1, 1, 100);
    let sizes = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap());
    assert!(sizes.map(|file| file.len()).sum::<u64>() <= 4 << 20);
}

#[test]
fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let ring = folder.path().join("ring");
    record(&ring, 16, 3, 3, 100);
    assert_eq!(fs::metadata(&ring).unwrap().permissions().mode() & 0o777, 0o700);
    for file in fs::read_dir(&ring).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn without_its_index_and_cut_short_a_file_gives_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), 16, 10, 10, 100);
    let path = packet_files(folder.path()).unwrap().remove(0);
    let index = path.with_extension("index");
    fs::write(&index, b"BZPKTS1\nnothing that follows").unwrap();
    let wanted = Wanted::of(&id_of(9)).unwrap();
    assert_eq!(ports(folder.path(), &wanted).1.packets, 10);
    fs::remove_file(&index).unwrap();
    let length = fs::metadata(&path).unwrap().len();
    fs::File::options().write(true).open(&path).unwrap().set_len(length - 3).unwrap();
    assert_eq!(ports(folder.path(), &wanted).1.packets, 9);
    let mut bytes = fs::read(&path).unwrap();
    // The length of the second packet's block.
    let block = 142_usize.next_multiple_of(4) + 32;
    bytes[28 + 2 * 32 + block + 4] = 1;
    fs::write(&path, bytes).unwrap();
    let found = ports(folder.path(), &wanted).1;
    assert_eq!((found.packets, found.damaged), (0, 1));
}

#[test]
fn what_is_given_is_a_capture_file() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), 16, 2, 200, 1000);
    let mut file = Vec::new();
    let mut pieces = 0;
    give(folder.path(), &Wanted::of(&id_of(1)).unwrap(), &mut |piece| {
        file.extend(piece);
        pieces += 1;
        true
    })
    .unwrap();
    assert!(pieces > 1);
    let mut count = 0;
    PcapReader::new().feed(&file, &mut |raws| count += raws.len()).unwrap();
    assert_eq!(count, 200);
    // Nobody wants more after the first piece; nothing is there of another flow.
    let mut taken = 0;
    let mut once = |_| {
        taken += 1;
        false
    };
    give(folder.path(), &Wanted::of(&id_of(1)).unwrap(), &mut once).unwrap();
    give(folder.path(), &Wanted::of(&id_of(5)).unwrap(), &mut once).unwrap();
    assert_eq!(taken, 1);
}

#[test]
fn no_identifier_is_no_flow() {
    for wrong in ["", "1:", "2:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:AAAA", "1:!", "LQU9"] {
        assert!(Wanted::of(wrong).is_err(), "{wrong}");
    }
    assert!(Wanted::of("1:LQU9qZlK+B5F3KDmev6m5PMibrg=").is_ok());
}

proptest! {
    #[test]
    fn no_bytes_of_an_index_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..200), head in any::<bool>()) {
        let mut all = if head { b"BZPKTS1\n".to_vec() } else { Vec::new() };
        all.extend(bytes);
        if let Ok(index) = Index::read(&all) {
            prop_assert!(index.pieces_of(7).count() < 20);
        }
    }

    #[test]
    fn no_bytes_of_a_file_make_it_fail(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let folder = tempfile::tempdir().unwrap();
        record(folder.path(), 16, 3, 5, 40);
        for path in fs::read_dir(folder.path()).unwrap() {
            let path = path.unwrap().path();
            let mut bytes = fs::read(&path).unwrap();
            for (place, byte) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            fs::write(&path, bytes).unwrap();
        }
        let found = find(folder.path(), &Wanted::of(&id_of(1)).unwrap(), |_| ControlFlow::Continue(()));
        prop_assert!(found.unwrap().packets <= 15);
    }
}
