//! Goes through a parsed line: lists, pipes, loops, redirections; every step is counted.

use super::commands::{self, Call};
use super::files::{Content, Follow, Refusal};
use super::parse::{self, Command, Link, List, Piece, Redirect, RedirectKind, Word};
use super::{DEPTH_MAX, Flavour, Happening, OUTPUT_BYTES_MAX, SCRIPT_BYTES_MAX, STEPS_MAX, Shell};

/// What a word costs beside its letters.
const WORD_WORK: usize = 64;
/// Bounds the rounds of one loop.
const ROUNDS_MAX: usize = 64;

/// Where both outputs of a command go.
#[derive(Debug, Default)]
struct Outputs {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Shell {
    /// Runs a text and gives what it would show.
    pub(super) fn script(&mut self, text: &str) -> Vec<u8> {
        self.script_with(text, &[])
    }

    /// Runs a text that reads an input.
    pub(super) fn script_with(&mut self, text: &str, input: &[u8]) -> Vec<u8> {
        if !self.spend(text.len()) {
            return Vec::new();
        }
        let text = text.get(..text.floor_char_boundary(SCRIPT_BYTES_MAX)).unwrap_or_default();
        match parse::parse(text) {
            Ok(list) => self.list(&list, input),
            Err(fault) => {
                self.status = 2;
                self.syntax(&fault.0)
            }
        }
    }

    fn syntax(&self, token: &str) -> Vec<u8> {
        match (self.flavour, token) {
            (Flavour::BusyBox, token) => format!("-sh: syntax error: unexpected \"{token}\"\n"),
            (Flavour::Bash, "'" | "\"" | "`" | ")" | "}") => format!(
                "-bash: unexpected EOF while looking for matching `{token}'\n-bash: syntax error: unexpected end of file\n"
            ),
            (Flavour::Bash, "end of file") => "-bash: syntax error: unexpected end of file\n".to_owned(),
            (Flavour::Bash, token) => format!("-bash: syntax error near unexpected token `{token}'\n"),
        }
        .into_bytes()
    }

    fn list(&mut self, list: &List, input: &[u8]) -> Vec<u8> {
        let mut shown = Vec::new();
        for step in list {
            if self.stops() {
                break;
            }
            let runs = match step.link {
                Link::Always => true,
                Link::And => self.status == 0,
                Link::Or => self.status != 0,
            };
            if !runs {
                continue;
            }
            let mut fed = input.to_vec();
            let end = step.commands.len().saturating_sub(1);
            for (at, command) in step.commands.iter().enumerate() {
                let mut outputs = self.command(command, &fed);
                add(&mut shown, &outputs.err);
                if at == end {
                    add(&mut shown, &outputs.out);
                } else {
                    fed = std::mem::take(&mut outputs.out);
                }
            }
            if step.not {
                self.status = u8::from(self.status == 0);
            }
            if step.background {
                self.pid += 1;
                if self.terminal {
                    add(&mut shown, format!("[1] {}\n", self.pid).as_bytes());
                }
                self.status = 0;
            }
        }
        shown
    }

    fn command(&mut self, command: &Command, input: &[u8]) -> Outputs {
        self.steps += 1;
        let (out, redirects) = match command {
            Command::Simple(words, redirects) => return self.simple(words, redirects, input),
            Command::Group(list, redirects) => (self.list(list, input), redirects),
            Command::If(branches, otherwise, redirects) => {
                let mut shown = Vec::new();
                let mut chosen = otherwise;
                for (condition, body) in branches {
                    add(&mut shown, &self.list(condition, input));
                    if self.status == 0 {
                        chosen = body;
                        break;
                    }
                }
                self.status = 0;
                add(&mut shown, &self.list(chosen, input));
                (shown, redirects)
            }
            Command::For(name, words, body, redirects) => {
                let mut shown = Vec::new();
                for value in self.expand_all(words).into_iter().take(ROUNDS_MAX) {
                    self.set(name, &value);
                    add(&mut shown, &self.list(body, input));
                    if self.stops() {
                        break;
                    }
                }
                (shown, redirects)
            }
            Command::While(condition, body, redirects) => {
                let mut shown = Vec::new();
                for _ in 0..ROUNDS_MAX {
                    add(&mut shown, &self.list(condition, input));
                    if self.status != 0 || self.stops() {
                        break;
                    }
                    add(&mut shown, &self.list(body, input));
                }
                self.status = 0;
                (shown, redirects)
            }
        };
        let redirects = redirects.clone();
        self.redirected(Outputs { out, err: Vec::new() }, &redirects)
    }

    fn stops(&self) -> bool {
        self.ended.is_some()
            || self.asks.is_some()
            || self.steps >= STEPS_MAX
            || self.work > super::WORK_MAX
    }

    fn simple(&mut self, words: &[Word], redirects: &[Redirect], input: &[u8]) -> Outputs {
        let mut words = words;
        let mut assigned = Vec::new();
        while let Some((word, rest)) = words.split_first() {
            let Some((name, value)) = assignment(word) else { break };
            let value = self.expand_one(&value);
            assigned.push((name, value));
            words = rest;
        }
        let words = self.expand_all(words);
        let input = self.input(redirects, input);
        let input = match input {
            Ok(input) => input,
            Err(text) => {
                self.status = 1;
                return Outputs { out: Vec::new(), err: text };
            }
        };
        let Some((name, arguments)) = words.split_first() else {
            for (name, value) in assigned {
                self.set(&name, &value);
            }
            self.status = 0;
            return self.redirected(Outputs::default(), redirects);
        };
        let outputs = self.call(name, arguments, &input);
        self.redirected(outputs, redirects)
    }

    /// Calls a command by its name or its path.
    pub(super) fn invoke(
        &mut self,
        name: &str,
        arguments: &[String],
        input: &[u8],
    ) -> (Vec<u8>, Vec<u8>) {
        if self.depth >= DEPTH_MAX {
            return (Vec::new(), Vec::new());
        }
        self.depth += 1;
        let outputs = self.call(name, arguments, input);
        self.depth -= 1;
        (outputs.out, outputs.err)
    }

    fn call(&mut self, name: &str, arguments: &[String], input: &[u8]) -> Outputs {
        let given: usize = arguments.iter().map(|word| word.len() + WORD_WORK).sum();
        if !self.spend(given + input.len()) {
            self.status = 137;
            return Outputs::default();
        }
        let base = if name.contains('/') {
            let path = self.files.resolve(&self.cwd, name, Follow::All);
            match self.runnable(name, &path) {
                Ok(base) => base,
                Err(outputs) => return outputs,
            }
        } else {
            name.to_owned()
        };
        let Some(command) = commands::find(&base) else {
            self.status = 127;
            let text = match self.flavour {
                Flavour::Bash => format!("-bash: {name}: command not found\n"),
                Flavour::BusyBox => format!("-sh: {name}: not found\n"),
            };
            return Outputs { out: Vec::new(), err: text.into_bytes() };
        };
        let mut call = Call { name: &base, arguments, input, out: Vec::new(), err: Vec::new() };
        self.status = command(self, &mut call);
        let Call { out, err, .. } = call;
        Outputs { out, err }
    }

    /// Gives which command a path stands for; a file that was brought here seems to run and ends.
    fn runnable(&mut self, name: &str, path: &str) -> Result<String, Outputs> {
        let said = |shell: &mut Self, status, text: &str| {
            shell.status = status;
            let err = format!("-bash: {name}: {text}\n").into_bytes();
            Outputs { out: Vec::new(), err }
        };
        let Some(node) = self.files.get(path).cloned() else {
            return Err(said(self, 127, &Refusal::Absent.to_string()));
        };
        if node.is_folder() {
            return Err(said(self, 126, &Refusal::Folder.to_string()));
        }
        if node.mode & 0o111 == 0 || !self.files.reachable(path, self.uid) {
            return Err(said(self, 126, &Refusal::Denied.to_string()));
        }
        self.tell_grown(path);
        match node.content {
            Content::Bytes(bytes) if bytes.starts_with(b"\x7fELF") => {
                // What an intruder brought is never run. It dies as one for another machine would.
                Err(said(self, 126, "cannot execute binary file: Exec format error"))
            }
            Content::Bytes(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if self.depth >= DEPTH_MAX {
                    return Err(Outputs::default());
                }
                self.depth += 1;
                let out = self.script(&text);
                self.depth -= 1;
                Err(Outputs { out, err: Vec::new() })
            }
            _ => {
                let own = path.rsplit('/').next().unwrap_or(path);
                let typed = name.rsplit('/').next().unwrap_or(name);
                Ok(if commands::find(typed).is_some() { typed } else { own }.to_owned())
            }
        }
    }

    /// Gives the input where it is redirected.
    fn input(&mut self, redirects: &[Redirect], input: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
        let mut input = input.to_vec();
        for redirect in redirects {
            match redirect.kind {
                RedirectKind::In => {
                    let name = self.expand_one(&redirect.to);
                    input = self
                        .read(&name)
                        .map_err(|refusal| format!("-bash: {name}: {refusal}\n").into_bytes())?;
                }
                RedirectKind::Text => {
                    input = self.expand_one(&redirect.to).into_bytes();
                    input.push(b'\n');
                }
                _ => {}
            }
        }
        Ok(input)
    }

    fn redirected(&mut self, mut outputs: Outputs, redirects: &[Redirect]) -> Outputs {
        for redirect in redirects {
            let to = match redirect.kind {
                RedirectKind::In | RedirectKind::Text => continue,
                _ => self.expand_one(&redirect.to),
            };
            if redirect.kind == RedirectKind::Same && matches!(to.as_str(), "1" | "2") {
                let Outputs { out, err } = &mut outputs;
                let (from, into) = if redirect.from == 2 { (err, out) } else { (out, err) };
                into.append(from);
                continue;
            }
            let bytes = match redirect.from {
                2 => std::mem::take(&mut outputs.err),
                9 => [std::mem::take(&mut outputs.out), std::mem::take(&mut outputs.err)].concat(),
                _ => std::mem::take(&mut outputs.out),
            };
            let append = redirect.kind == RedirectKind::Append;
            if let Err(refusal) = self.keep(&to, bytes, append) {
                self.status = 1;
                outputs.err.extend_from_slice(format!("-bash: {to}: {refusal}\n").as_bytes());
            }
        }
        outputs
    }

    /// Gives what a file holds that is to be run, and tells of it.
    pub(super) fn read_to_run(&mut self, name: &str) -> Result<Vec<u8>, Refusal> {
        let path = self.files.resolve(&self.cwd, name, Follow::All);
        self.tell_grown(&path);
        self.read(name)
    }

    /// Gives what a file holds.
    pub(super) fn read(&mut self, name: &str) -> Result<Vec<u8>, Refusal> {
        let path = self.files.resolve(&self.cwd, name, Follow::All);
        let node = self.files.get(&path).ok_or(Refusal::Absent)?;
        if node.is_folder() {
            return Err(Refusal::Folder);
        }
        if !node.lets(self.uid, 4) || !self.files.reachable(&path, self.uid) {
            return Err(Refusal::Denied);
        }
        let bytes = match &node.content {
            Content::Bytes(bytes) => bytes.to_vec(),
            Content::Program(size) => commands::program(&path, *size),
            Content::Live => self.live(&path),
            _ => Vec::new(),
        };
        // Past the bound of a line's work everything reads as empty.
        Ok(if self.spend(bytes.len() + WORD_WORK) { bytes } else { Vec::new() })
    }

    /// Keeps a file and tells of it.
    pub(super) fn keep(&mut self, name: &str, bytes: Vec<u8>, append: bool) -> Result<(), Refusal> {
        let path = self.files.resolve(&self.cwd, name, Follow::All);
        let is_device = self.files.get(&path).is_some_and(|node| node.content == Content::Device);
        if is_device {
            return Ok(());
        }
        if !append {
            self.tell_grown(&path);
        }
        let mut whole = if append { self.read(name).unwrap_or_default() } else { Vec::new() };
        whole.extend_from_slice(bytes.get(..OUTPUT_BYTES_MAX).unwrap_or(&bytes));
        self.files.write(&path, whole.clone(), self.uid)?;
        // A file that grows piece by piece is told when it has doubled, and whole when it is run.
        if !whole.is_empty() && (!append || self.files.doubled(&path, whole.len())) {
            self.tell_written(path, whole);
        }
        Ok(())
    }

    fn tell_written(&mut self, path: String, bytes: Vec<u8>) {
        self.files.told(&path, bytes.len());
        self.happened(Happening::Written { path, bytes });
    }

    /// Tells of a file that grew since it was told last, now that it is to be run or written over.
    pub(super) fn tell_grown(&mut self, path: &str) {
        let Some(Content::Bytes(bytes)) = self.files.get(path).map(|node| &node.content) else {
            return;
        };
        if self.files.grew(path, bytes.len()) {
            let bytes = bytes.to_vec();
            self.tell_written(path.to_owned(), bytes);
        }
    }
}

fn add(shown: &mut Vec<u8>, more: &[u8]) {
    let room = OUTPUT_BYTES_MAX.saturating_sub(shown.len());
    shown.extend_from_slice(more.get(..room).unwrap_or(more));
}

/// Gives the name and the value of `NAME=value`.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let Some(Piece::Text(first, false)) = word.first() else { return None };
    let (name, value) = first.split_once('=')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    let mut rest = vec![Piece::Text(value.to_owned(), false)];
    rest.extend(word.iter().skip(1).cloned());
    Some((name.to_owned(), rest))
}
