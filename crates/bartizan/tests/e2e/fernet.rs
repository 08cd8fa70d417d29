//! Log files whose lines are Fernet tokens: made by the command, tailed by the product, hunted.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::console::Console;
use crate::product::{Place, Product, bartizan, eventually};

#[test]
fn a_log_of_tokens_is_read_as_it_grows_through_a_rotation_of_keys() {
    let place = Place::new();
    let (log, keys) = (place.path("app.log"), place.path("app.keys"));
    let (old, new) = (place.path("old.key"), place.path("new.key"));
    for key in [&old, &new] {
        assert_eq!(fernet("generate", &[], &[key], "").status.code(), Some(0));
    }
    // Never written over, and for its owner alone.
    assert_eq!(fernet("generate", &[], &[&old], "").status.code(), Some(1));
    assert_eq!(mode(&old), 0o600);
    let both = [&new, &old].map(|key| std::fs::read_to_string(key).unwrap()).concat();
    std::fs::write(&keys, both).unwrap();
    let config = place.configure(&format!(
        "[[inputs.file]]\npaths = [{log:?}]\npoll_ms = 10\ncodec = \"fernet\"\nkey_file = {keys:?}\n"
    ));
    std::fs::write(&log, encrypted(&old, "sshd[1]: by the old key\n")).unwrap();
    let mut product = Product::start(&config);
    let console = Console::set_up(&mut product);
    let stored = |count: usize| {
        eventually("the lines are stored", || {
            let rows = console.sql(
                "SELECT event.original, event.module, bartizan.decode_fault FROM events \
                 WHERE bartizan.input = 'file' ORDER BY event.id",
            );
            (rows.len() >= count).then_some(rows)
        })
    };
    assert_eq!(stored(1)[0][0], "sshd[1]: by the old key");
    let line =
        "Nov 21 06:58:00 web1 sshd[1]: Failed password for root from 203.0.113.9 port 22 ssh2";
    let forged =
        "Nov 21 06:58:00 web1 sshd[1]: Accepted password for root from 203.0.113.9 port 22 ssh2";
    let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
    write!(file, "{}{forged}\n{}", encrypted(&new, line), encrypted(&old, "last\n")).unwrap();
    let rows = stored(4);
    assert_eq!((&rows[1][0], &rows[1][1]), (&line.into(), &"sshd".into()));
    // Whoever has no key can write no line of a log.
    let texts: Vec<_> = rows[2].iter().map(|cell| cell.as_str().unwrap()).collect();
    assert_eq!(texts, [forged, "unknown", "no token"]);
    assert_eq!(rows[3][0], "last");
    let metrics = console.text("/metrics");
    assert!(metrics.contains("\nbartizan_input_undecoded_total 1\n"), "{metrics}");
    assert_eq!(product.stop(), Some(0));
}

#[test]
fn a_hunt_finds_in_tokens_what_it_finds_in_the_lines() {
    let place = Place::new();
    let (plain, sealed, key) = (place.path("plain"), place.path("sealed"), place.path("key"));
    let mut lines = String::new();
    for second in 0..40 {
        let user = ["root", "admin", "x"][second % 3];
        writeln!(
            lines,
            "Nov 21 06:58:{second:02} web1 sshd[1]: Failed password for {user} from 203.0.113.9 port 22 ssh2"
        )
        .unwrap();
    }
    std::fs::create_dir(&plain).unwrap();
    std::fs::create_dir(&sealed).unwrap();
    fernet("generate", &[], &[&key], "");
    std::fs::write(plain.join("a.log"), &lines).unwrap();
    std::fs::write(sealed.join("a.log"), encrypted(&key, &lines)).unwrap();
    let decrypted = fernet("decrypt", &["--key-file".as_ref(), &key], &[&sealed.join("a.log")], "");
    assert_eq!(String::from_utf8(decrypted.stdout).unwrap(), lines);
    let titles = |folder: &Path, options: &[&Path]| {
        let output = bartizan()
            .args(["hunt", "--output", "csv"])
            .args(options)
            .arg(folder)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let options = ["--codec", "fernet", "--key-file"].map(Path::new);
    let found = titles(&sealed, &[&options[..], &[&key]].concat());
    assert!(found.contains("SSH brute force"), "{found}");
    assert_eq!(found.replace("/sealed/", "/plain/"), titles(&plain, &[]));
    assert!(!titles(&sealed, &[]).contains("SSH brute force"));
}

/// Gives lines as lines of tokens of a key.
fn encrypted(key: &Path, lines: &str) -> String {
    let output = fernet("encrypt", &["--key-file".as_ref(), key], &[], lines);
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

fn fernet(action: &str, options: &[&Path], paths: &[&Path], input: &str) -> Output {
    let mut command = bartizan();
    command.args(["key", "fernet", action]).args(options).args(paths);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
