//! What Redis answers to a command, and what the command was.

use std::fmt::Write as _;

use super::attempts;
use super::info::{self, Facts, Standing};
use super::keys::Keys;
use super::resp::{Command, array, bulk, error, integer, nothing, simple};
use super::script;
use super::settings::Settings;
use super::values;

/// What a command leads to.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) close: bool,
    /// The user name and the password that were tried; the answer waits for a look at who this is, and
    /// stands in `bytes` where a right one is answered by more than that it was.
    pub(super) login: Option<(String, String)>,
    /// The way to take a server over that the command belongs to.
    pub(super) attempt: Option<&'static str>,
    /// A file that a real server would have written: its path and what stands in it.
    pub(super) file: Option<(String, Vec<u8>)>,
}

impl From<Vec<u8>> for Answer {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }
}

/// One connection's Redis.
#[derive(Debug)]
pub(super) struct Machine {
    facts: Facts,
    keys: Keys,
    settings: Settings,
    master: Option<(String, String)>,
    admitted: bool,
    commands: u64,
    name: String,
}

impl Machine {
    pub(super) fn new(facts: Facts) -> Self {
        Self {
            admitted: !facts.asks_password,
            settings: Settings::default(),
            facts,
            keys: Keys::default(),
            master: None,
            commands: 0,
            name: String::new(),
        }
    }

    /// Answers one command.
    pub(super) fn answer(&mut self, command: &Command) -> Answer {
        self.commands += 1;
        let text = |word: &Vec<u8>| String::from_utf8_lossy(word).into_owned();
        let words: Vec<String> = command.words.iter().map(text).collect();
        let name = words.first().map(|name| name.to_ascii_lowercase()).unwrap_or_default();
        let attempt =
            attempts::of(&words, self.settings.get("dir"), self.settings.get("dbfilename"));
        let mut answer = match name.as_str() {
            "auth" => self.auth(words.get(1..).unwrap_or_default()),
            "quit" => Answer { close: true, ..simple("OK").into() },
            "hello" if self.facts.major() >= 6 => self.hello(&words),
            // A browser was sent here; Redis hangs up without a word.
            "post" | "host:" => Answer { close: true, ..Answer::default() },
            _ if !self.admitted => error("NOAUTH Authentication required.").into(),
            "save" | "bgsave" => self.save(&name),
            "shutdown" => Answer { close: true, ..Answer::default() },
            _ => self.ordinary(&name, &words, &command.words).into(),
        };
        answer.attempt = attempt;
        answer
    }

    fn ordinary(&mut self, name: &str, words: &[String], raw: &[Vec<u8>]) -> Vec<u8> {
        if let Some(bytes) = values::answer(&mut self.keys, name, raw) {
            return bytes;
        }
        match (name, words.len()) {
            ("ping", 1) => simple("PONG"),
            ("ping" | "echo", 2) => raw.get(1).map(bulk).unwrap_or_default(),
            ("info", _) => bulk(self.info(words)),
            ("config", 2..) => self.settings.command(words),
            ("slaveof" | "replicaof", 3) => self.follow(words),
            ("module", 2..) => module(words),
            ("eval" | "eval_ro", 3..) => script::answer(words.get(1).map_or("", String::as_str)),
            ("evalsha" | "evalsha_ro", 3..) => {
                error("NOSCRIPT No matching script. Please use EVAL.")
            }
            ("script", 2..) => script::command(words),
            ("client", 2..) => self.client(words),
            ("command", _) => command(words),
            ("select", 2) => select(words.get(1).map_or("", String::as_str)),
            ("dbsize", 1) => integer(self.keys.len()),
            ("flushall" | "flushdb", _) => {
                self.keys.clear();
                simple("OK")
            }
            ("lastsave", 1) => integer(self.facts.now.saturating_sub(1_217)),
            ("time", 1) => array(&[bulk(self.facts.now.to_string()), bulk("314159")]),
            ("role", 1) => array(&[bulk("master"), integer(0), array(&[])]),
            ("acl", 2..) if self.facts.major() >= 6 => acl(words),
            ("debug", 2..) | ("monitor" | "reset" | "multi" | "discard" | "asking", 1) => {
                simple("OK")
            }
            ("psync" | "sync" | "replconf", _) => error("ERR Replication is not possible here"),
            _ if KNOWN.contains(&name) => {
                error(&format!("ERR wrong number of arguments for '{name}' command"))
            }
            _ => unknown(self.facts.major(), words),
        }
    }

    fn auth(&self, given: &[String]) -> Answer {
        let (user, password) = match given {
            [password] => ("default", password),
            [user, password] if self.facts.major() >= 6 => (user.as_str(), password),
            _ => return error("ERR wrong number of arguments for 'auth' command").into(),
        };
        Answer { login: Some((user.to_owned(), password.clone())), ..Answer::default() }
    }

    /// What is said after a password was tried.
    pub(super) fn authenticated(&mut self, admitted: bool) -> Vec<u8> {
        if !self.facts.asks_password {
            return error(match self.facts.major() {
                ..6 => "ERR Client sent AUTH, but no password is set",
                _ => {
                    "ERR AUTH <password> called without any password configured for the default user. \
                     Are you sure your configuration is correct?"
                }
            });
        }
        self.admitted |= admitted;
        if admitted {
            return simple("OK");
        }
        error(match self.facts.major() {
            ..6 => "ERR invalid password",
            6 => "WRONGPASS invalid username-password pair",
            _ => "WRONGPASS invalid username-password pair or user is disabled.",
        })
    }

    /// `HELLO` may carry a password, which is looked at first.
    fn hello(&self, words: &[String]) -> Answer {
        let at = words.iter().position(|word| word.eq_ignore_ascii_case("auth"));
        let given = at.and_then(|at| words.get(at + 1).zip(words.get(at + 2)));
        let bytes = self.greeting(words, self.admitted || given.is_some());
        let login = given.map(|(user, password)| (user.clone(), password.clone()));
        Answer { login, ..bytes.into() }
    }

    fn greeting(&self, words: &[String], admitted: bool) -> Vec<u8> {
        if words.get(1).is_some_and(|version| version != "2") {
            return error("NOPROTO unsupported protocol version");
        }
        if !admitted {
            return error(
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
                 HELLO AUTH <user> <pass> option can be used to authenticate the client and select the \
                 RESP protocol version at the same time",
            );
        }
        array(&[
            bulk("server"),
            bulk("redis"),
            bulk("version"),
            bulk(&self.facts.version),
            bulk("proto"),
            integer(2),
            bulk("id"),
            integer(self.facts.uptime.as_secs() / 180 + 7),
            bulk("mode"),
            bulk("standalone"),
            bulk("role"),
            bulk("master"),
            bulk("modules"),
            array(&[]),
        ])
    }

    fn info(&self, words: &[String]) -> String {
        let wanted: Vec<String> =
            words.iter().skip(1).map(|name| name.to_ascii_lowercase()).collect();
        let standing = Standing {
            keys: self.keys.len(),
            commands: self.commands,
            master: self.master.as_ref(),
        };
        info::info(&self.facts, &standing, &wanted)
    }

    /// It is told whom to follow, and says so ever after; it never connects.
    fn follow(&mut self, words: &[String]) -> Vec<u8> {
        let (host, port) =
            (words.get(1).map_or("", String::as_str), words.get(2).map_or("", String::as_str));
        if host.eq_ignore_ascii_case("no") && port.eq_ignore_ascii_case("one") {
            self.master = None;
        } else if port.parse::<u16>().is_err() {
            return error("ERR Invalid master port");
        } else {
            self.master = Some((cut(host).to_owned(), port.to_owned()));
        }
        simple("OK")
    }

    fn save(&self, name: &str) -> Answer {
        let text = if name == "save" { "OK" } else { "Background saving started" };
        let mut content = Vec::new();
        for (key, value) in self.keys.pairs() {
            content.extend_from_slice(key);
            content.push(b'\n');
            content.extend_from_slice(value);
            content.push(b'\n');
        }
        let path = format!(
            "{}/{}",
            self.settings.get("dir").trim_end_matches('/'),
            self.settings.get("dbfilename")
        );
        let file = (!content.is_empty()).then_some((path, content));
        Answer { file, ..simple(text).into() }
    }

    fn client(&mut self, words: &[String]) -> Vec<u8> {
        let what = words.get(1).map(|word| word.to_ascii_lowercase()).unwrap_or_default();
        match what.as_str() {
            "setname" => {
                words.get(2).map_or("", |name| cut(name)).clone_into(&mut self.name);
                simple("OK")
            }
            "getname" if self.name.is_empty() => nothing(),
            "getname" => bulk(&self.name),
            "id" => integer(self.facts.uptime.as_secs() / 180 + 7),
            "list" => bulk(format!(
                "id={} addr=127.0.0.1:48214 laddr=127.0.0.1:{} fd=8 name={} age=1 idle=0 flags=N db=0 \
                 sub=0 psub=0 multi=-1 qbuf=26 qbuf-free=20448 cmd=client|list user=default redir=-1\n",
                self.facts.uptime.as_secs() / 180 + 7,
                self.facts.port,
                self.name
            )),
            _ => simple("OK"),
        }
    }
}

/// The commands whose number of words was wrong where they come to this.
const KNOWN: &[&str] = &[
    "append",
    "client",
    "config",
    "dbsize",
    "decr",
    "del",
    "echo",
    "eval",
    "evalsha",
    "exists",
    "expire",
    "get",
    "incr",
    "keys",
    "mget",
    "module",
    "mset",
    "ping",
    "replicaof",
    "scan",
    "script",
    "select",
    "set",
    "setex",
    "setnx",
    "slaveof",
    "strlen",
    "ttl",
    "type",
    "unlink",
    "acl",
];

fn module(words: &[String]) -> Vec<u8> {
    let what = words.get(1).map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    match what.as_str() {
        "list" => array(&[]),
        "load" | "loadex" => {
            error("ERR Error loading the extension. Please check the server logs.")
        }
        "unload" => error("ERR Error unloading module: no such module with that name"),
        _ => error("ERR unknown subcommand. Try MODULE HELP."),
    }
}

fn command(words: &[String]) -> Vec<u8> {
    match words.get(1).map(|word| word.to_ascii_lowercase()).as_deref() {
        Some("count") => integer(241),
        _ => array(&[]),
    }
}

fn select(number: &str) -> Vec<u8> {
    match number.parse::<i64>() {
        Ok(0..16) => simple("OK"),
        Ok(_) => error("ERR DB index is out of range"),
        Err(_) => error("ERR value is not an integer or out of range"),
    }
}

fn acl(words: &[String]) -> Vec<u8> {
    let what = words.get(1).map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    match what.as_str() {
        "whoami" => bulk("default"),
        "list" => array(&[bulk("user default on nopass ~* &* +@all")]),
        "users" => array(&[bulk("default")]),
        _ => error("ERR unknown subcommand. Try ACL HELP."),
    }
}

fn unknown(major: u32, words: &[String]) -> Vec<u8> {
    let name = words.first().map_or("", String::as_str);
    let (open, between) = if major >= 7 { ('\'', "' ") } else { ('`', "`, ") };
    let mut text =
        format!("ERR unknown command {open}{}{open}, with args beginning with: ", cut(name));
    for word in words.iter().skip(1) {
        if text.len() >= 128 {
            break;
        }
        let _ = write!(text, "{open}{}{between}", cut(word));
    }
    error(&text)
}

/// The first 128 characters, as Redis cuts what it says again.
pub(super) fn cut(text: &str) -> &str {
    text.char_indices().nth(128).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}
