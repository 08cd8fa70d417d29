//! Files of tokens, through every way in which lines come.

use std::fmt::Write as _;
use std::fs;

use expect_test::{Expect, expect};

use super::*;
use crate::heading::Heading;
use crate::sources::testing::Line as Pipe;
use crate::{FileConfig, Import, ImportConfig, StdinConfig};

const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
const OTHER: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const NOW: u64 = 1_780_000_000;

#[test]
fn a_file_that_grows_and_is_read_on_where_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let (log, keys) = (folder.path().join("a.log"), folder.path().join("keys"));
    fs::write(&keys, KEY).unwrap();
    let watch = |checkpoints| {
        Pipe::resume(100, checkpoints, |config| {
            config.file = vec![FileConfig {
                paths: vec![log.display().to_string()],
                poll_ms: 10,
                codec: CodecKind::Fernet,
                key_file: Some(keys.clone()),
                ..FileConfig::default()
            }];
        })
    };
    let (one, two) = (token(KEY, "one"), token(KEY, "two"));
    let (half, rest) = two.split_at(40);
    fs::write(&log, format!("{one}\r\n{half}")).unwrap();
    let line = watch(Vec::new());
    assert_eq!(line.texts(1), ["one"]);
    let (left_over, checkpoints) = line.stop();
    assert_eq!(left_over, [""; 0]);
    // The place is in bytes of the file as it lies.
    assert!(checkpoints[0].position.contains(&format!("\"offset\":{}", one.len() + 2)));

    let foreign = token(OTHER, "foreign");
    fs::write(&log, format!("{one}\r\n{half}{rest}\n{foreign}\nplain text\n")).unwrap();
    let line = watch(checkpoints);
    let records = line.records(3);
    assert_eq!(&*records[0].text, "two");
    assert_eq!(&*records[1].text, foreign);
    assert_eq!(records[1].origin.undecoded, Some("not authentic"));
    assert_eq!(&*records[2].text, "plain text");
    assert_eq!(records[2].origin.undecoded, Some("no token"));
    assert_eq!(records[2].origin.path.as_deref(), log.to_str());
    line.until(|status| status.received == 3 && status.undecoded == 2, "file");
    assert_eq!(line.stop().0, [""; 0]);
}

#[test]
fn old_files_packed_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let packed = zstd::stream::encode_all(token(KEY, "packed").as_bytes(), 1).unwrap();
    fs::write(folder.path().join("a.log.zst"), packed).unwrap();
    let lines = format!("{}\nplain\n{}\n", token(KEY, "two"), token(OTHER, "three"));
    fs::write(folder.path().join("b.log"), lines).unwrap();
    let codec = Codec { fernet: Fernet::from_text(&format!("{OTHER}\n{KEY}")).unwrap() };
    let config = ImportConfig { codec: Some(codec), ..ImportConfig::default() };
    let mut import = Import::new(&[folder.path().to_owned()], config).unwrap();
    let texts: Vec<String> =
        import.by_ref().flatten().map(|record| record.text.to_string()).collect();
    assert_eq!(texts, ["packed", "two", "plain", "three"]);
    assert_eq!((import.progress().records, import.progress().undecoded), (4, 1));
}

#[test]
fn what_a_token_holds_is_one_record_within_the_bound() {
    check(&token(KEY, "text\r\n"), expect!["text"]);
    check(&format!("  {} ", token(KEY, "text")), expect!["text"]);
    check(&token(KEY, "two\nlines\n"), expect!["two\nlines"]);
    check(&token(KEY, "\n"), expect![""]);
    check(&token(KEY, &"x".repeat(20)), expect!["xxxxxxxxxxxxxxxxxxxx"]);
    check(&token(KEY, &"x".repeat(23)), expect!["xxxxxxxxxxxxxxxxxxxx (+3)"]);
    check(
        &token(KEY, &"x".repeat(99)),
        expect!["gAAAAABqGKUA-------- (+208): longer than the bound"],
    );
    check("no token but quite a long line", expect!["no token but quite a (+10): no token"]);
    check("\u{e4}\u{0}", expect!["ä\0: no token"]);
}

#[test]
fn the_age_of_tokens() {
    let fernet = Fernet::from_text(KEY).unwrap();
    let made = |seconds_ago: u64| {
        let now = u64::try_from(now().nanos() / 1_000_000_000).unwrap();
        fernet.seal(b"text", now - seconds_ago).unwrap()
    };
    let codec = Codec { fernet: fernet.clone().with_age_max(Some(Duration::from_hours(1))) };
    assert_eq!(decoded(&codec, &made(60)), "text");
    assert!(decoded(&codec, &made(4000)).ends_with(": too old"));
}

#[test]
fn faults_of_the_settings() {
    let told = |text: &str| {
        let config: StdinConfig = toml::from_str(text).unwrap();
        let config = crate::Config { stdin: config, ..crate::Config::default() };
        let faults = config.validate("inputs");
        faults.iter().fold(String::new(), |mut all, fault| {
            writeln!(all, "{}: {}", fault.path, fault.message).unwrap();
            all
        })
    };
    expect![[r"
        inputs.stdin.codec: needs its keys: set one of key_file and key_env
    "]]
    .assert_eq(&told("codec = 'fernet'"));
    expect![[r"
        inputs.stdin.codec: needs its keys: set one of key_file and key_env
    "]]
    .assert_eq(&told("codec = 'fernet'\nkey_file = 'a'\nkey_env = 'B'"));
    expect![[r"
        inputs.stdin.key_env: is for the codec `fernet` only
        inputs.stdin.token_age_seconds_max: is for the codec `fernet` only
    "]]
    .assert_eq(&told("key_env = 'B'\ntoken_age_seconds_max = 9"));
    expect![""].assert_eq(&told("codec = 'fernet'\nkey_file = 'a'\ntoken_age_seconds_max = 9"));
}

#[test]
fn keys_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    let told = |settings: CodecSettings<'_>| {
        let error = settings.open("file").unwrap_err();
        error.to_string().replace(&folder.path().display().to_string(), "FOLDER")
    };
    let settings = CodecSettings { kind: CodecKind::Fernet, ..CodecSettings::default() };
    let of_file = CodecSettings { key_file: Some(&file), ..settings };
    expect!["cannot read FOLDER/keys"].assert_eq(&told(of_file));
    fs::write(&file, format!("{KEY}\nsecret\n")).unwrap();
    expect!["cannot use the keys of file: FOLDER/keys key 2 is no Fernet key, which is 32 bytes in URL-safe base64"]
        .assert_eq(&told(of_file));
    let of_variable = CodecSettings { key_env: Some("NO_SUCH_VARIABLE_OF_OURS"), ..settings };
    expect!["cannot use the keys of file: the variable NO_SUCH_VARIABLE_OF_OURS cannot be read: environment variable not found"]
        .assert_eq(&told(of_variable));
}

fn token(key: &str, text: &str) -> String {
    Fernet::from_text(key).unwrap().seal(text.as_bytes(), NOW).unwrap()
}

fn decoded(codec: &Codec, line: &str) -> String {
    let mut chunk = Chunk::default();
    let mut heading = Heading::default();
    let mut decoder = Decoder::new(Some(codec), 20, &mut heading);
    let mut splitter = splitter(Some(codec), 20);
    let origin = Arc::new(Origin::default());
    splitter.feed(line.as_bytes(), &mut |line| decoder.push(line, &origin, &mut chunk));
    splitter.finish(&mut |line| decoder.push(line, &origin, &mut chunk));
    let Some(record) = chunk.into_records(now()).pop() else { return String::new() };
    let mut shown = record.text.to_string();
    if record.truncated_bytes > 0 {
        write!(shown, " (+{})", record.truncated_bytes).unwrap();
    }
    if let Some(fault) = record.origin.undecoded {
        write!(shown, ": {fault}").unwrap();
    }
    shown
}

#[track_caller]
fn check(line: &str, expect: Expect) {
    let codec = Codec { fernet: Fernet::from_text(KEY).unwrap() };
    // What stands behind the time of a token is random.
    let mut shown = decoded(&codec, line);
    if shown.starts_with("gAAAA") {
        shown.replace_range(12..20, "--------");
    }
    expect.assert_eq(&shown);
}
