//! Accounts and what runs by itself: they seem to change and do not.

use super::super::files::Follow;
use super::super::{Asks, Flavour, Shell};
use super::{Call, Command, identity};

pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("passwd", passwd),
    ("chpasswd", chpasswd),
    ("useradd", useradd),
    ("adduser", useradd),
    ("usermod", useradd),
    ("userdel", useradd),
    ("su", su),
    ("sudo", sudo),
    ("crontab", crontab),
    ("chattr", chattr),
    ("lsattr", chattr),
    ("exit", exit),
    ("logout", exit),
    ("history", history),
    ("export", export),
    ("unset", unset),
    ("env", env),
    ("printenv", env),
    ("set", env),
    ("alias", nothing),
    ("jobs", nothing),
    (":", nothing),
    ("true", nothing),
    ("clear", clear),
    ("false", |_, _| 1),
    ("type", kind),
    ("which", which),
    ("whereis", which),
    ("command", command),
];

fn passwd(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    if let Some(other) =
        call.operands().first().filter(|other| **other != shell.user && shell.uid != 0)
    {
        let text =
            format!("passwd: You may not view or modify password information for {other}.\n");
        call.err.extend_from_slice(text.as_bytes());
        return 1;
    }
    if call.input.is_empty() && shell.terminal {
        if shell.uid != 0 {
            call.say(&format!("Changing password for {}.\n", shell.user));
        }
        identity::ask(shell, Asks::NewPassword(false));
        return 0;
    }
    call.say("New password: Retype new password: passwd: password updated successfully\n");
    0
}

fn chpasswd(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    if shell.uid == 0 {
        return 0;
    }
    call.complain("cannot lock /etc/passwd; try again later.");
    1
}

fn useradd(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    if shell.uid == 0 {
        return 0;
    }
    call.complain("Permission denied.");
    1
}

fn su(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let user =
        call.operands().into_iter().find(|word| word != "-").unwrap_or_else(|| "root".to_owned());
    if shell.uid == 0 {
        return 0;
    }
    if shell.terminal {
        identity::ask(shell, Asks::SwitchUser(user));
        return 0;
    }
    call.complain("must be run from a terminal");
    1
}

fn sudo(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let start = call.arguments.iter().position(|word| !word.starts_with('-'));
    let words = start.and_then(|start| call.arguments.get(start..)).unwrap_or_default().to_vec();
    if shell.uid != 0 {
        let user = shell.user.clone();
        let text = format!("{user} is not in the sudoers file.  This incident will be reported.\n");
        call.err.extend_from_slice(text.as_bytes());
        return 1;
    }
    match words.split_first() {
        Some((name, arguments)) => {
            let (out, err) = shell.invoke(name, arguments, call.input);
            call.bytes(&out);
            call.err.extend_from_slice(&err);
            shell.status
        }
        None => 0,
    }
}

fn crontab(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let place = format!("/var/spool/cron/crontabs/{}", shell.user);
    if call.has('l', "list") {
        let kept =
            shell.files.get(&place).is_some().then(|| shell.read(&place).unwrap_or_default());
        if let Some(text) = kept {
            call.bytes(&text);
            return 0;
        }
        let text = format!("no crontab for {}\n", shell.user);
        call.err.extend_from_slice(text.as_bytes());
        return 1;
    }
    if call.has('r', "remove") {
        return 0;
    }
    let text = match call.operands().first().map(String::as_str) {
        None | Some("-") => call.input.to_vec(),
        Some(name) => match shell.read(name) {
            Ok(text) => text,
            Err(refusal) => {
                call.err.extend_from_slice(format!("{name}: {refusal}\n").as_bytes());
                return 1;
            }
        },
    };
    // Kept as the superuser would: the folder is closed to others.
    let _ = shell.files.write(&place, text.clone(), 0);
    if !text.is_empty() {
        shell.happened(super::super::Happening::Written { path: place, bytes: text });
    }
    0
}

fn chattr(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    if call.name == "lsattr" {
        for name in call.operands() {
            call.say(&format!("--------------e------- {name}\n"));
        }
    }
    0
}

fn exit(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let status = call.operands().first().and_then(|word| word.parse().ok()).unwrap_or(shell.status);
    if shell.depth == 0 {
        if shell.terminal {
            call.say("logout\n");
        }
        shell.ended = Some(status);
    }
    status
}

fn history(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    if call.has('c', "") {
        shell.history.clear();
        return 0;
    }
    for (at, line) in shell.history.iter().enumerate() {
        call.say(&format!("{:5}  {line}\n", at + 1));
    }
    0
}

fn export(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    for word in call.operands() {
        if let Some((name, value)) = word.split_once('=') {
            shell.set(name, value);
        }
    }
    0
}

fn unset(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    for name in call.operands() {
        shell.variables.remove(&name);
    }
    0
}

fn env(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    for (name, value) in &shell.variables {
        call.say(&format!("{name}={value}\n"));
    }
    0
}

fn nothing(_: &mut Shell, _: &mut Call<'_>) -> u8 {
    0
}

fn clear(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    call.say("\x1b[H\x1b[2J\x1b[3J");
    0
}

/// Bounds the folders that a program is looked for in.
const FOLDERS_MAX: usize = 32;

/// Gives where a program lies.
fn place(shell: &Shell, name: &str) -> Option<String> {
    let path = shell.variables.get("PATH")?;
    path.split(':').take(FOLDERS_MAX).map(|folder| format!("{folder}/{name}")).find(|path| {
        let whole = shell.files.resolve("/", path, Follow::All);
        shell.files.get(&whole).is_some_and(|node| !node.is_folder() && node.mode & 0o111 != 0)
    })
}

fn kind(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let mut status = 0;
    for name in call.operands() {
        if super::is_built_in(&name) {
            call.say(&format!("{name} is a shell builtin\n"));
        } else if let Some(path) = place(shell, &name) {
            call.say(&format!("{name} is {path}\n"));
        } else {
            call.err.extend_from_slice(format!("-bash: type: {name}: not found\n").as_bytes());
            status = 1;
        }
    }
    status
}

fn which(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let mut status = 0;
    for name in call.operands() {
        match place(shell, &name) {
            Some(path) if call.name == "whereis" => call.say(&format!("{name}: {path}\n")),
            Some(path) => call.say(&format!("{path}\n")),
            None if call.name == "whereis" => call.say(&format!("{name}:\n")),
            None => status = 1,
        }
    }
    if shell.flavour == Flavour::BusyBox && call.operands().is_empty() { 1 } else { status }
}

fn command(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let words = call.operands();
    let Some((name, arguments)) = words.split_first() else { return 0 };
    if call.has('v', "") {
        return which(shell, call);
    }
    let (out, err) = shell.invoke(name, arguments, call.input);
    call.bytes(&out);
    call.err.extend_from_slice(&err);
    shell.status
}
