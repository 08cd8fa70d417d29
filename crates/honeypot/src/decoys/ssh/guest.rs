//! Whoever has come: log-ins that are tried, channels that are opened.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use russh::keys::{HashAlg, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session};
use russh::{Channel, ChannelId, Pty};

use super::hello::Hello;
use super::room::Room;
use crate::pace::Paced;
use crate::session::{Fields, Outcome, Visit};

/// Bounds the channels of a connection, as OpenSSH does.
const ROOMS_MAX: usize = 10;
/// How long a refusal takes, as with PAM, in milliseconds.
const REFUSED_MS: (u64, u64) = (1600, 2300);
const ADMITTED_MS: (u64, u64) = (60, 180);

pub(super) struct Guest {
    visit: Visit,
    hello: Arc<Mutex<Hello>>,
    user: String,
    rooms: HashMap<ChannelId, Room>,
}

impl Guest {
    pub(super) fn new(visit: Visit, hello: Arc<Mutex<Hello>>) -> Self {
        Self { visit, hello, user: String::new(), rooms: HashMap::new() }
    }

    async fn introduce(&self) -> Fields {
        super::tell_hello(&self.visit, &self.hello).await;
        self.hello.lock().unwrap_or_else(PoisonError::into_inner).fields()
    }

    async fn judge(&mut self, user: &str, password: &[u8], method: &'static str) -> Auth {
        let fields = self.introduce().await.with("bartizan.decoy.method", method);
        let admitted = self.visit.admits(user.as_bytes(), password);
        let outcome = if admitted { Outcome::Success } else { Outcome::Failure };
        self.visit.credentials(user.as_bytes(), Some(password), outcome, fields).await;
        let (least, most) = if admitted { ADMITTED_MS } else { REFUSED_MS };
        self.visit.think(least, most).await;
        if admitted {
            self.hello.lock().unwrap_or_else(PoisonError::into_inner).enter();
            user.clone_into(&mut self.user);
            return Auth::Accept;
        }
        Auth::reject()
    }

    async fn refuse_key(&self, user: &str, key: &PublicKey) -> Auth {
        let shown = format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256));
        let fields = self
            .introduce()
            .await
            .with("bartizan.decoy.method", "publickey")
            .with("bartizan.decoy.key", shown);
        self.visit.credentials(user.as_bytes(), None, Outcome::Failure, fields).await;
        Auth::reject()
    }
}

impl Handler for Guest {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        Ok(self.judge(user, password.as_bytes(), "password").await)
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, russh::Error> {
        Ok(self.refuse_key(user, offer.public_key).await)
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let answer = response.and_then(|mut answers| answers.next());
        if let Some(answer) = answer {
            return Ok(self.judge(user, &answer, "keyboard-interactive").await);
        }
        Ok(Auth::Partial {
            name: Cow::Borrowed(""),
            instructions: Cow::Borrowed(""),
            prompts: Cow::Borrowed(&[(Cow::Borrowed("Password: "), false)]),
        })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        if self.rooms.len() < ROOMS_MAX {
            self.rooms.insert(channel.id(), Room::new(self.visit.clone(), self.user.clone()));
            reply.accept().await;
        }
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        host: &str,
        port: u32,
        _from: &str,
        _from_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        // Nothing is ever connected to; the handle that goes refuses.
        let to = format!("{host}:{port}");
        let fields = Fields::new().with("bartizan.decoy.forward", to);
        self.visit.tell("forward", fields.with("event.outcome", "failure")).await;
        drop(reply);
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        if let Some(room) = self.rooms.remove(&channel) {
            room.left().await;
        }
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        if let Some(room) = self.rooms.get_mut(&channel) {
            room.input_ended(channel, session).await?;
        }
        Ok(())
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        if let Some(room) = self.rooms.get_mut(&channel) {
            Paced::new(&self.visit, room.data(data, channel, session).boxed()).await?;
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        if let Some(room) = self.rooms.get_mut(&channel) {
            room.with_terminal();
        }
        session.channel_success(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        _value: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        // As `AcceptEnv LANG LC_*` has it.
        if name == "LANG" || name.starts_with("LC_") {
            session.channel_success(channel)
        } else {
            session.channel_failure(channel)
        }
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_success(channel)?;
        match self.rooms.get_mut(&channel) {
            Some(room) => room.open_shell(channel, session),
            None => Ok(()),
        }
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_success(channel)?;
        match self.rooms.get_mut(&channel) {
            Some(room) => Paced::new(&self.visit, room.exec(data, channel, session).boxed()).await,
            None => Ok(()),
        }
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let Some(room) = self.rooms.get_mut(&channel).filter(|_| name == "sftp") else {
            return session.channel_failure(channel);
        };
        self.visit.command(b"subsystem sftp", Fields::new()).await;
        room.open_sftp();
        session.channel_success(channel)
    }
}
