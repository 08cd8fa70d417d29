//! One channel: a shell with a terminal, a single command, or a transfer of files.

use std::sync::atomic::{AtomicUsize, Ordering};

use russh::ChannelId;
use russh::server::Session;

use super::scp::Scp;
use super::sftp::Sftp;
use crate::session::{Fields, Visit, now};
use crate::shell::{Answer, Flavour, Key, Shell, Terminal};
use crate::vault::Way;
use crate::visitor;

/// Bounds what is read for a command that reads its input.
const INPUT_BYTES_MAX: usize = 1 << 20;

/// Bounds a line that is read without a terminal.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Bounds what waits for a peer that does not take it.
const OWED_BYTES_MAX: usize = 4 << 20;

/// What goes on in a channel.
enum Doing {
    Nothing,
    Shell(Box<(Shell, Terminal)>),
    /// A shell without a terminal, which reads lines.
    Lines(Box<Shell>, Vec<u8>),
    /// A command that waits for its input.
    Waiting(Box<Shell>, String, Vec<u8>),
    Sftp(Box<Sftp>),
    Scp(Box<Scp>),
}

pub(super) struct Room {
    visit: Visit,
    user: String,
    terminal: bool,
    doing: Doing,
    /// What was sent and may not have been taken yet.
    owed: AtomicUsize,
}

impl Room {
    pub(super) fn new(visit: Visit, user: String) -> Self {
        let owed = AtomicUsize::new(0);
        Self { visit, user, terminal: false, doing: Doing::Nothing, owed }
    }

    pub(super) fn with_terminal(&mut self) {
        self.terminal = true;
    }

    fn shell(&self) -> Shell {
        visitor::shell(&self.visit, &self.user, Flavour::Bash, self.terminal)
    }

    pub(super) fn open_shell(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let shell = self.shell();
        if !self.terminal {
            self.doing = Doing::Lines(Box::new(shell), Vec::new());
            return Ok(());
        }
        let greeting = visitor::greeting(&self.visit, &self.user);
        let prompt = shell.prompt();
        self.doing = Doing::Shell(Box::new((shell, Terminal::default())));
        self.say(format!("{greeting}{prompt}").as_bytes(), channel, session)
    }

    pub(super) fn open_sftp(&mut self) {
        self.doing = Doing::Sftp(Box::new(Sftp::new(self.visit.clone(), self.shell())));
    }

    fn say(
        &self,
        bytes: &[u8],
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let text = if self.terminal { visitor::with_returns(bytes) } else { bytes.to_vec() };
        self.visit.note(Way::Out, &text);
        self.send(text, channel, session)
    }

    /// Sends, and ends the connection of a peer that asks for much and takes nothing.
    fn send(
        &self,
        bytes: Vec<u8>,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        if !session.has_pending_data(channel) {
            self.owed.store(0, Ordering::Relaxed);
        }
        let before = self.owed.fetch_add(bytes.len(), Ordering::Relaxed);
        if before > OWED_BYTES_MAX {
            return Err(russh::Error::Disconnect);
        }
        session.data(channel, bytes)
    }

    pub(super) async fn exec(
        &mut self,
        command: &[u8],
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let text = String::from_utf8_lossy(command).into_owned();
        self.visit.note(Way::In, command);
        self.visit.command(command, Fields::new()).await;
        let shell = self.shell();
        if let Some((scp, first)) = Scp::of(&text, self.visit.clone(), shell) {
            self.doing = Doing::Scp(Box::new(scp));
            return self.send(first, channel, session);
        }
        let shell = self.shell();
        if reads_input(&text) {
            self.doing = Doing::Waiting(Box::new(shell), text, Vec::new());
            return Ok(());
        }
        self.finish(shell, &text, b"", channel, session).await
    }

    /// Runs a single command and closes.
    async fn finish(
        &mut self,
        mut shell: Shell,
        text: &str,
        input: &[u8],
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let answer = shell.with_input(text, input, now());
        visitor::happened(&self.visit, &answer).await;
        self.say(&answer.bytes, channel, session)?;
        let status = shell.ended().unwrap_or(shell.status());
        end(status, channel, session)
    }

    pub(super) async fn data(
        &mut self,
        data: &[u8],
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        match &mut self.doing {
            Doing::Nothing => Ok(()),
            Doing::Waiting(_, _, input) => {
                let room = INPUT_BYTES_MAX.saturating_sub(input.len());
                input.extend_from_slice(data.get(..room).unwrap_or(data));
                Ok(())
            }
            Doing::Sftp(sftp) => match sftp.data(data).await {
                Some(answer) => self.send(answer, channel, session),
                None => end(255, channel, session),
            },
            Doing::Scp(scp) => {
                let (answer, status) = scp.data(data).await;
                self.send(answer, channel, session)?;
                status.map_or(Ok(()), |status| end(status, channel, session))
            }
            Doing::Lines(..) => self.lines(data, channel, session).await,
            Doing::Shell(_) => self.keys(data, channel, session).await,
        }
    }

    async fn lines(
        &mut self,
        data: &[u8],
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let Doing::Lines(shell, pending) = &mut self.doing else { return Ok(()) };
        self.visit.note(Way::In, data);
        pending.extend_from_slice(data);
        let mut said = Vec::new();
        while let Some(end) = memchr::memchr(b'\n', pending) {
            let rest = pending.split_off(end + 1);
            let line = std::mem::replace(pending, rest);
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            let answer = visitor::line(&self.visit, shell, &text).await;
            said.extend_from_slice(&answer.bytes);
            if shell.ended().is_some() || said.len() > INPUT_BYTES_MAX {
                break;
            }
        }
        if pending.len() > LINE_BYTES_MAX {
            pending.clear();
        }
        let ended = shell.ended();
        self.say(&said, channel, session)?;
        ended.map_or(Ok(()), |status| end(status, channel, session))
    }

    async fn keys(
        &mut self,
        data: &[u8],
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.visit.note(Way::In, data);
        for byte in data {
            let Doing::Shell(both) = &mut self.doing else { return Ok(()) };
            let (shell, terminal) = &mut **both;
            let mut echo = Vec::new();
            let key = terminal.key(*byte, shell.hides(), &mut echo);
            let Some(key) = key else {
                self.visit.note(Way::Out, &echo);
                self.send(echo, channel, session)?;
                continue;
            };
            let answer = match key {
                Key::Line(text) => visitor::line(&self.visit, shell, &text).await,
                Key::Break => Answer::default(),
                Key::End => visitor::line(&self.visit, shell, "exit").await,
            };
            let ended = shell.ended();
            let prompt = if ended.is_none() { shell.prompt() } else { String::new() };
            self.visit.note(Way::Out, &echo);
            self.send(echo, channel, session)?;
            self.say(&[&answer.bytes, prompt.as_bytes()].concat(), channel, session)?;
            if let Some(status) = ended {
                self.doing = Doing::Nothing;
                return end(status, channel, session);
            }
        }
        Ok(())
    }

    /// No more input comes.
    pub(super) async fn input_ended(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Waiting(shell, text, input) => {
                self.finish(*shell, &text, &input, channel, session).await
            }
            Doing::Lines(mut shell, rest) => {
                let text = String::from_utf8_lossy(&rest).trim_end().to_owned();
                if !text.is_empty() {
                    let answer = visitor::line(&self.visit, &mut shell, &text).await;
                    self.say(&answer.bytes, channel, session)?;
                }
                end(shell.status(), channel, session)
            }
            Doing::Sftp(sftp) => {
                sftp.left().await;
                end(0, channel, session)
            }
            Doing::Scp(scp) => {
                let status = scp.left().await;
                end(status, channel, session)
            }
            // A terminal has no end of input; whoever closes his side goes.
            Doing::Shell(_) => end(0, channel, session),
            Doing::Nothing => Ok(()),
        }
    }

    /// The channel is gone.
    pub(super) async fn left(self) {
        match self.doing {
            Doing::Sftp(sftp) => sftp.left().await,
            Doing::Scp(scp) => {
                scp.left().await;
            }
            _ => {}
        }
    }
}

/// Tells whether a command reads what is sent after it, as droppers do: `cat > x`.
fn reads_input(text: &str) -> bool {
    let last = text.rsplit([';', '&']).next().unwrap_or(text).trim_start();
    let words: Vec<&str> = last.split_whitespace().collect();
    match words.as_slice() {
        ["cat", rest @ ..] => rest.first().is_none_or(|word| word.starts_with('>') || *word == "-"),
        ["sh" | "bash" | "/bin/sh" | "/bin/bash"]
        | [_, "-s", ..]
        | ["tee" | "tar" | "dd" | "base64" | "gunzip", ..] => true,
        [first, ..] => first.starts_with("cat>"),
        [] => false,
    }
}

fn end(status: u8, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
    session.exit_status_request(channel, u32::from(status))?;
    session.eof(channel)?;
    session.close(channel)
}
