//! A house with one decoy to test against: a real listener in front, its events behind.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use model::Batch;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::config::{Account, Config, ServiceConfig};
use crate::house::{Decoys, Start, start};
use crate::persona::Persona;
use crate::vault::Vault;

/// Longer than anything takes; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// One decoy that listens on the loopback. `root` with `opensesame` is let in at once.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    decoys: Decoys,
    batches: Receiver<Batch>,
    running: Option<source::Running>,
    _folder: tempfile::TempDir,
}

#[allow(dead_code, reason = "decoys to come use all of it")]
impl House {
    /// Starts one of a kind.
    pub(crate) async fn new(kind: &str) -> Self {
        Self::of(kind, |_| {}).await
    }

    pub(crate) async fn with_banner(kind: &str, banner: &str) -> Self {
        Self::of(kind, |config| config.services[0].banner = Some(banner.to_owned())).await
    }

    /// Starts one of a kind, its configuration changed.
    #[expect(clippy::unused_async, reason = "it is to be called where a runtime is")]
    pub(crate) async fn of(kind: &str, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        keep_keys(folder.path());
        let service = ServiceConfig {
            kind: kind.to_owned(),
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            name: None,
            banner: None,
        };
        let account = Account { user: "root".to_owned(), password: "opensesame".to_owned() };
        let mut config =
            Config { services: vec![service], accounts: vec![account], ..Config::default() };
        change(&mut config);
        assert_eq!(config.validate("decoys"), []);
        let (outlet, batches) = crossbeam_channel::bounded(4096);
        let mut running = source::start(
            &source::Config::silent(),
            source::Start {
                outlet,
                checkpoints: Vec::new(),
                runtime: tokio::runtime::Handle::current(),
                simulated: false,
            },
        )
        .unwrap();
        let parts =
            Start { folder: folder.path().to_owned(), keyring: None, running: &mut running };
        let decoys = start(&config, parts).unwrap().unwrap();
        let address = decoys.listening()[0].1;
        Self { address, decoys, batches, running: Some(running), _folder: folder }
    }

    pub(crate) fn persona(&self) -> &Persona {
        self.decoys.persona()
    }

    pub(crate) fn vault(&self) -> &Arc<Vault> {
        self.decoys.vault()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Waits for the next event with this action; others before it are passed over.
    pub(crate) async fn event(&self, action: &str) -> Value {
        let word = format!("decoy_{action}");
        self.event_where(|event| event["event"]["action"] == *word).await
    }

    /// Waits for the next event that fits; others before it are passed over.
    pub(crate) async fn event_where(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            while let Ok(batch) = self.batches.try_recv() {
                for record in batch.records {
                    let event: Value = serde_json::from_str(&record.text).unwrap();
                    if fits(&event) {
                        return event;
                    }
                }
            }
            assert!(tokio::time::Instant::now() < deadline, "no such event came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops it; gives the events that were not waited for.
    pub(crate) async fn stop(mut self) -> Vec<Value> {
        let late = self.running.take().unwrap().stop(PATIENCE).await;
        assert_eq!(late, Vec::<&str>::new());
        let records = self.batches.try_iter().flat_map(|batch| batch.records);
        records.map(|record| serde_json::from_str(&record.text).unwrap()).collect()
    }
}

/// Makes keys once for all tests of the process: they are slow to make.
fn keep_keys(folder: &Path) {
    use std::sync::OnceLock;
    static MADE: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let first = tempfile::tempdir().unwrap();
        let vault = Vault::open(first.path(), None, &crate::Bounds::default()).unwrap();
        let config = crate::PersonaConfig::default();
        Persona::open(&vault, &config, crate::session::now()).unwrap();
        let read = |name| std::fs::read(first.path().join(name)).unwrap();
        (read("vault.key"), read("persona.sealed"))
    });
    std::fs::write(folder.join("vault.key"), &made.0).unwrap();
    std::fs::write(folder.join("persona.sealed"), &made.1).unwrap();
}

/// Gives the path of a program, or tells that the test is skipped for want of it.
#[allow(dead_code, reason = "decoys to come use it")]
pub(crate) fn client(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// Runs a client for a minute at most; gives what it wrote, or tells that the test is skipped.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Option<String> {
    run_with(&[], program, arguments)
}

/// The same, with more in its environment.
pub(crate) fn run_with(
    environment: &[(&str, &str)],
    program: &str,
    arguments: &[&str],
) -> Option<String> {
    client(program)?;
    let mut command = std::process::Command::new("timeout");
    command.args(["60", program]).args(arguments).env("LC_ALL", "C.UTF-8");
    command.envs(environment.iter().copied());
    let done = command.stdin(std::process::Stdio::null()).output().unwrap();
    let text = [done.stdout, done.stderr].concat();
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// Runs a Python script where Python has a module (`BARTIZAN_TEST_PYTHON` names another than
/// `python3`), or tells that the test is skipped.
pub(crate) fn python(module: &str, script: &str) -> Option<String> {
    let python = std::env::var("BARTIZAN_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has =
        std::process::Command::new(&python).args(["-c", &format!("import {module}")]).output();
    if !has.is_ok_and(|has| has.status.success()) {
        eprintln!("skipped: {python} has no module {module}");
        return None;
    }
    let mut command = std::process::Command::new("timeout");
    let done = command.args(["60", &python, "-c", script]).output().unwrap();
    Some(String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
}

/// A file with these words, for clients that read lists.
pub(crate) fn list(words: &[&str]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), words.join("\n") + "\n").unwrap();
    file
}

/// Runs a client to its end with this input.
pub(crate) fn ran(program: &Path, words: &[&str], input: &[u8]) -> std::process::Output {
    converse(program, words, &[("", input)])
}

/// Runs a client to its end; types each text once the client has shown, since the turn before, the one
/// beside it. A client that ends before it reads is no fault of ours.
pub(crate) fn converse(
    program: &Path,
    words: &[&str],
    turns: &[(&str, &[u8])],
) -> std::process::Output {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that hangs, which some do, ends the test and not the day.
    let id = child.id().to_string();
    let (done, ended) = std::sync::mpsc::channel();
    let watch = std::thread::spawn(move || {
        if ended.recv_timeout(PATIENCE * 2).is_err() {
            let _ = Command::new("kill").args(["-9", &id]).status();
        }
    });
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut shown, mut seen) = (Vec::new(), 0);
    for (wanted, typed) in turns {
        let mut some = [0; 4096];
        while !wanted.is_empty()
            && !String::from_utf8_lossy(&shown[seen..]).contains(wanted)
            && let Ok(length @ 1..) = output.read(&mut some)
        {
            shown.extend_from_slice(&some[..length]);
        }
        seen = shown.len();
        let _ = input.write_all(typed);
    }
    drop(input);
    output.read_to_end(&mut shown).unwrap();
    drop(output);
    let mut output = child.wait_with_output().unwrap();
    output.stdout = shown;
    let _ = done.send(());
    watch.join().unwrap();
    output
}
