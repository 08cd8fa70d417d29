//! Commands that run others, and languages that are missing.

use super::super::{Flavour, Shell};
use super::{Call, Command};

pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("sh", sh),
    ("bash", sh),
    ("dash", sh),
    ("ash", sh),
    ("eval", eval),
    ("source", source),
    (".", source),
    ("exec", through),
    ("nohup", through),
    ("nice", through),
    ("time", through),
    ("timeout", timeout),
    ("setsid", through),
    ("xargs", xargs),
    ("busybox", busybox),
    ("perl", language),
    ("python", absent),
    ("python3", language),
    ("php", absent),
    ("ruby", absent),
    ("gcc", absent),
    ("make", language),
    ("enable", quiet),
    ("system", quiet),
    ("shell", quiet),
    ("linuxshell", quiet),
];

fn run(shell: &mut Shell, call: &mut Call<'_>, text: &str) -> u8 {
    if shell.depth < super::super::DEPTH_MAX {
        shell.depth += 1;
        let out = shell.script(text);
        shell.depth -= 1;
        call.bytes(&out);
    }
    shell.status
}

fn sh(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    if let Some(at) =
        call.arguments.iter().position(|word| word.starts_with('-') && word.ends_with('c'))
    {
        let text = call.arguments.get(at + 1).cloned().unwrap_or_default();
        return run(shell, call, &text);
    }
    if let Some(name) = call.operands().first().cloned() {
        return match shell.read_to_run(&name) {
            Ok(text) if text.starts_with(b"\x7fELF") => {
                call.complain(&format!("{name}: cannot execute binary file"));
                126
            }
            Ok(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                run(shell, call, &text)
            }
            Err(refusal) => {
                call.complain(&format!("{name}: {refusal}"));
                127
            }
        };
    }
    let text = call.text();
    run(shell, call, &text)
}

fn eval(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let text = call.arguments.join(" ");
    run(shell, call, &text)
}

fn source(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let Some(name) = call.operands().first().cloned() else { return 2 };
    match shell.read_to_run(&name) {
        Ok(text) => {
            let text = String::from_utf8_lossy(&text).into_owned();
            run(shell, call, &text)
        }
        Err(refusal) => {
            call.err.extend_from_slice(format!("-bash: {name}: {refusal}\n").as_bytes());
            1
        }
    }
}

fn pass(shell: &mut Shell, call: &mut Call<'_>, words: &[String]) -> u8 {
    let Some((name, arguments)) = words.split_first() else { return 0 };
    let (out, err) = shell.invoke(name, arguments, call.input);
    call.bytes(&out);
    call.err.extend_from_slice(&err);
    shell.status
}

fn through(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let start = call.arguments.iter().position(|word| !word.starts_with('-'));
    let words = start.and_then(|start| call.arguments.get(start..)).unwrap_or_default().to_vec();
    pass(shell, call, &words)
}

fn timeout(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let words = call.operands();
    pass(shell, call, words.get(1..).unwrap_or_default())
}

fn xargs(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let mut words: Vec<String> = call.arguments.to_vec();
    if words.is_empty() {
        words.push("echo".to_owned());
    }
    words.extend(call.text().split_whitespace().take(256).map(str::to_owned));
    pass(shell, call, &words)
}

fn busybox(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let Some((applet, arguments)) = call.arguments.split_first() else {
        let text = format!(
            "BusyBox v{} multi-call binary.\nBusyBox is copyrighted by many authors between 1998-2015.\nLicensed under GPLv2. See source distribution for detailed\ncopyright notices.\n\nUsage: busybox [function [arguments]...]\n   or: busybox --list[-full]\n\nCurrently defined functions:\n\t[, [[, ash, cat, chmod, cp, cut, date, dd, df, echo, env, false, free,\n\tftpget, grep, head, hostname, id, ifconfig, kill, killall, ls, mkdir,\n\tmount, mv, netstat, nc, ping, ps, pwd, rm, sed, sh, sleep, sort, tail,\n\ttar, tftp, top, touch, true, uname, uptime, wc, wget, which, whoami\n",
            shell.machine.busybox
        );
        call.say(&text);
        return 0;
    };
    if super::find(applet).is_none() || ["perl", "python3", "bash"].contains(&applet.as_str()) {
        // What bots ask for to tell a machine from a decoy: `busybox MIRAI`.
        let text = format!("{applet}: applet not found\n");
        call.err.extend_from_slice(text.as_bytes());
        return 127;
    }
    let arguments = arguments.to_vec();
    let applet = applet.clone();
    let (out, err) = shell.invoke(&applet, &arguments, call.input);
    call.bytes(&out);
    call.err.extend_from_slice(&err);
    shell.status
}

/// Languages that are there: they give their version, and end without a word on everything else, as a
/// program does that was killed.
fn language(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    let asked = call.has('V', "version") || call.has('v', "version");
    match (call.name, asked) {
        ("python3", true) => call.say("Python 3.9.2\n"),
        ("perl", true) => call.say("\nThis is perl 5, version 32, subversion 1 (v5.32.1) built for x86_64-linux-gnu-thread-multi\n"),
        ("make", _) => {
            call.err.extend_from_slice(b"make: *** No targets specified and no makefile found.  Stop.\n");
            return 2;
        }
        _ => {
            call.err.extend_from_slice(b"Killed\n");
            return 137;
        }
    }
    0
}

fn absent(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let text = match shell.flavour {
        Flavour::Bash => format!("-bash: {}: command not found\n", call.name),
        Flavour::BusyBox => format!("-sh: {}: not found\n", call.name),
    };
    call.err.extend_from_slice(text.as_bytes());
    127
}

/// Words by which bots leave the menus of routers.
fn quiet(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    if shell.flavour == Flavour::BusyBox { 0 } else { absent(shell, call) }
}
