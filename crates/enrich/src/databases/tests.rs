use std::net::IpAddr;

use expect_test::{Expect, expect};
use model::{Event, Field, Text, Timestamp};
use proptest::prelude::*;

use super::*;

/// A value of the format, as far as the tests need it.
enum Data<'a> {
    Map(Vec<(&'a str, Data<'a>)>),
    Text(&'a str),
    Double(f64),
    Whole(u32),
    Short(u16),
    Long(u64),
    List,
}

impl Data<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let control = |out: &mut Vec<u8>, kind: u8, length: usize| {
            let length = u8::try_from(length).unwrap();
            out.push(kind << 5 | length.min(29));
            if length >= 29 {
                out.push(length - 29);
            }
        };
        match self {
            Self::Map(rows) => {
                control(out, 7, rows.len());
                for (name, value) in rows {
                    Data::Text(name).write(out);
                    value.write(out);
                }
            }
            Self::Text(text) => {
                control(out, 2, text.len());
                out.extend(text.as_bytes());
            }
            Self::Double(number) => {
                control(out, 3, 8);
                out.extend(number.to_be_bytes());
            }
            Self::Whole(number) => {
                control(out, 6, 4);
                out.extend(number.to_be_bytes());
            }
            Self::Short(number) => {
                control(out, 5, 2);
                out.extend(number.to_be_bytes());
            }
            // An empty one; kinds past seven stand in a byte of their own.
            Self::List => out.extend([0, 11 - 7]),
            Self::Long(number) => {
                control(out, 0, 8);
                out.push(9 - 7);
                out.extend(number.to_be_bytes());
            }
        }
    }
}

/// Gives a database of IPv4 that knows one thing, of 128.0.0.0/1.
fn database(row: &Data<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    // One node: its left record is "not found" (the number of nodes), its right one the first row of the data.
    for record in [1_u32, 1 + 16] {
        out.extend(record.to_be_bytes().get(1..).unwrap());
    }
    out.extend([0; 16]);
    row.write(&mut out);
    out.extend(b"\xab\xcd\xefMaxMind.com");
    Data::Map(vec![
        ("node_count", Data::Whole(1)),
        ("record_size", Data::Short(24)),
        ("ip_version", Data::Short(4)),
        ("database_type", Data::Text("Test")),
        ("binary_format_major_version", Data::Short(2)),
        ("binary_format_minor_version", Data::Short(0)),
        ("description", Data::Map(Vec::new())),
        ("languages", Data::List),
        ("build_epoch", Data::Long(1_795_244_280)),
    ])
    .write(&mut out);
    out
}

fn nested() -> Vec<u8> {
    let named = |name| Data::Map(vec![("en", Data::Text(name))]);
    database(&Data::Map(vec![
        ("city", Data::Map(vec![("names", named("Berlin"))])),
        ("country", Data::Map(vec![("iso_code", Data::Text("DE")), ("names", named("Germany"))])),
        (
            "location",
            Data::Map(vec![
                ("latitude", Data::Double(52.5)),
                ("longitude", Data::Double(13.4)),
                ("accuracy_radius", Data::Short(20)),
            ]),
        ),
    ]))
}

fn flat() -> Vec<u8> {
    database(&Data::Map(vec![
        ("city", Data::Text("Tokyo")),
        ("country_code", Data::Text("JP")),
        ("latitude", Data::Double(35.7)),
        ("longitude", Data::Double(139.7)),
        ("autonomous_system_number", Data::Whole(64_500)),
        ("autonomous_system_organization", Data::Text("Example Net")),
    ]))
}

fn event(address: &str) -> Event {
    let mut event = Event::new(Text::default(), Timestamp::default());
    event.set(Field::SourceIp, address.parse::<IpAddr>().unwrap());
    event
}

fn started(files: &[&[u8]]) -> (tempfile::TempDir, Databases, Config) {
    let folder = tempfile::tempdir().unwrap();
    let path = |index: usize| folder.path().join(format!("{index}.mmdb"));
    for (index, bytes) in files.iter().enumerate() {
        fs::write(path(index), bytes).unwrap();
    }
    let config = Config { databases: (0..files.len()).map(path).collect() };
    let databases = Databases::start(&config).unwrap();
    (folder, databases, config)
}

#[track_caller]
fn check(files: &[&[u8]], mut event: Event, expect: Expect) {
    let (_folder, databases, _) = started(files);
    databases.lookup().enrich(&mut event);
    expect.assert_eq(&event.to_string());
}

#[test]
fn nested_rows() {
    check(
        &[&nested()],
        event("203.0.113.9"),
        expect![[r"
        source.ip = 203.0.113.9
        source.geo.country_iso_code = DE
        source.geo.country_name = Germany
        source.geo.city_name = Berlin
        source.geo.location.lat = 52.5
        source.geo.location.lon = 13.4
        source.geo.accuracy_radius = 20
    "]],
    );
}

#[test]
fn flat_rows() {
    check(
        &[&flat()],
        event("203.0.113.9"),
        expect![[r"
            source.ip = 203.0.113.9
            source.as.organization.name = Example Net
            source.as.number = 64500
            source.geo.country_iso_code = JP
            source.geo.city_name = Tokyo
            source.geo.location.lat = 35.7
            source.geo.location.lon = 139.7
        "]],
    );
}

#[test]
fn what_an_earlier_one_says_counts() {
    check(
        &[&nested(), &flat()],
        event("203.0.113.9"),
        expect![[r"
            source.ip = 203.0.113.9
            source.as.organization.name = Example Net
            source.as.number = 64500
            source.geo.country_iso_code = DE
            source.geo.country_name = Germany
            source.geo.city_name = Berlin
            source.geo.location.lat = 52.5
            source.geo.location.lon = 13.4
            source.geo.accuracy_radius = 20
        "]],
    );
}

#[test]
fn what_the_event_tells_stays() {
    let mut event = event("203.0.113.9");
    event.set_path("source.geo.country_iso_code", "FR");
    event.set_path("source.geo.location.lat", 48.8);
    event.set_path("source.geo.location.lon", 2.3);
    check(
        &[&nested()],
        event,
        expect![[r"
            source.ip = 203.0.113.9
            source.geo.country_iso_code = FR
            source.geo.location.lat = 48.8
            source.geo.location.lon = 2.3
        "]],
    );
}

#[test]
fn addresses_of_nobody_and_addresses_that_are_not_there() {
    for address in ["192.168.7.9", "127.0.0.1", "::1", "2001:db8::1", "9.9.9.9"] {
        let (_folder, databases, _) = started(&[&flat()]);
        let mut event = event(address);
        let before = event.to_string();
        databases.lookup().enrich(&mut event);
        assert_eq!(event.to_string(), before);
    }
}

#[test]
fn a_broken_one_leaves_the_others_in_force() {
    check(
        &[b"no database", &flat()],
        event("203.0.113.9"),
        expect![[r"
            source.ip = 203.0.113.9
            source.as.organization.name = Example Net
            source.as.number = 64500
            source.geo.country_iso_code = JP
            source.geo.city_name = Tokyo
            source.geo.location.lat = 35.7
            source.geo.location.lon = 139.7
        "]],
    );
}

/// Looks as the thread does, without its clock.
#[test]
fn a_changed_file_is_read_once_it_rests_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mmdb");
    let shared = Arc::new(Shared::default());
    let mut files = [Watched::new(path.clone())];
    let mut lookup = Lookup::new(Arc::clone(&shared));
    let mut city = || {
        let mut event = event("203.0.113.9");
        lookup.enrich(&mut event);
        event.get_path("source.geo.city_name").map(|value| value.to_string())
    };
    look(&mut files, &shared);
    assert_eq!(city(), None, "it is not there");
    fs::write(&path, nested()).unwrap();
    look(&mut files, &shared);
    assert_eq!(city(), None, "somebody may still be writing");
    look(&mut files, &shared);
    assert_eq!(city().as_deref(), Some("Berlin"));
    fs::write(&path, flat()).unwrap();
    look(&mut files, &shared);
    look(&mut files, &shared);
    assert_eq!(city().as_deref(), Some("Tokyo"));
    fs::write(&path, b"torn").unwrap();
    for _ in 0..3 {
        look(&mut files, &shared);
    }
    assert_eq!(city().as_deref(), Some("Tokyo"));
    fs::remove_file(&path).unwrap();
    look(&mut files, &shared);
    assert_eq!(city().as_deref(), Some("Tokyo"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever stands in a file, nothing panics or hangs.
    #[test]
    fn torn_databases(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut bytes = nested();
        for (index, byte) in changes {
            *index.get_mut(&mut bytes) = byte;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        let (_folder, databases, _) = started(&[&bytes]);
        for address in ["203.0.113.9", "9.9.9.9", "2001:db8::1"] {
            databases.lookup().enrich(&mut event(address));
        }
    }
}

#[test]
fn databases_broken_by_their_makers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/geo");
    let Ok(entries) = fs::read_dir(&folder) else {
        println!("no {}: skipped", folder.display());
        return;
    };
    let mut read = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "mmdb") {
            continue;
        }
        let databases = Databases::start(&Config { databases: vec![path] }).unwrap();
        for address in
            ["1.128.0.1", "2.125.160.216", "2001:218::1", "81.2.69.142", "255.255.255.255"]
        {
            databases.lookup().enrich(&mut event(address));
        }
        read += 1;
    }
    assert!(read > 10);
}
