//! Files and folders.

use std::fmt::Write as _;

use model::Timestamp;

use super::super::Shell;
use super::super::files::{Content, Follow, Node, Refusal};
use super::{Call, Command, identity, machine};

pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("ls", ls),
    ("ll", ls),
    ("dir", ls),
    ("cd", cd),
    ("pwd", pwd),
    ("find", find),
    ("du", du),
    ("stat", stat),
    ("file", file),
    ("test", test),
    ("[", test),
    ("readlink", readlink),
    ("sync", |_, _| 0),
    ("md5sum", sum),
    ("sha256sum", sum),
];

/// How much of the list of accounts is looked through for an owner.
const OWNER_WORK: usize = 8 * 1024;
/// Bounds the files that a walk passes.
const WALK_MAX: usize = 4000;

pub(super) fn whole(shell: &Shell, name: &str) -> String {
    shell.files.resolve(&shell.cwd, name, Follow::All)
}

/// Says what cannot be done, as programs of the system do.
pub(super) fn refuse(call: &mut Call<'_>, what: &str, name: &str, refusal: Refusal) -> u8 {
    call.complain(&format!("{what} '{name}': {refusal}"));
    1
}

fn mode(node: &Node) -> String {
    let kind = match node.content {
        Content::Folder => 'd',
        Content::Link(_) => 'l',
        Content::Device => 'c',
        _ => '-',
    };
    let mut text = String::from(kind);
    for (at, letter) in "rwxrwxrwx".chars().enumerate() {
        text.push(if node.mode >> (8 - at) & 1 == 1 { letter } else { '-' });
    }
    if node.mode & 0o1000 != 0 {
        text.pop();
        text.push('t');
    }
    text
}

/// Gives a line as `ls -l` shows it, with numbers for owners, as SFTP does.
pub(crate) fn listed(name: &str, node: &Node) -> String {
    let civil = node.at.civil();
    let day = format!("{} {:2}  {}", identity::month(node.at), civil.day, civil.year);
    format!(
        "{} {:>4} {:<8} {:<8} {:>8} {day} {name}",
        mode(node),
        1,
        node.uid,
        node.gid,
        node.size()
    )
}

fn owner(shell: &Shell, uid: u32) -> String {
    if uid == shell.uid {
        return shell.user.clone();
    }
    let passwd = match shell.files.get("/etc/passwd").map(|node| &node.content) {
        Some(Content::Bytes(bytes)) => {
            let bytes = bytes.get(..OWNER_WORK).unwrap_or(bytes);
            String::from_utf8_lossy(bytes).into_owned()
        }
        _ => String::new(),
    };
    let number = uid.to_string();
    let found = passwd.lines().find_map(|line| {
        let mut words = line.split(':');
        let name = words.next()?;
        (words.nth(1) == Some(number.as_str())).then(|| name.to_owned())
    });
    found.unwrap_or(number)
}

fn when(shell: &Shell, at: Timestamp) -> String {
    let civil = at.civil();
    let old = shell.now.since(at).as_secs() > 180 * 86_400;
    let rest = if old {
        format!(" {}", civil.year)
    } else {
        format!("{:02}:{:02}", civil.hour, civil.minute)
    };
    format!("{} {:2} {rest}", identity::month(at), civil.day)
}

fn long(shell: &Shell, name: &str, node: &Node, human: bool) -> String {
    let size = if human { machine::human_size(node.size(), "") } else { node.size().to_string() };
    let links = if node.is_folder() { 2 } else { 1 };
    let arrow = match &node.content {
        Content::Link(to) => format!(" -> {to}"),
        _ => String::new(),
    };
    let owner = owner(shell, node.uid);
    format!(
        "{} {links:2} {owner:<8} {owner:<8} {size:>8} {} {name}{arrow}\n",
        mode(node),
        when(shell, node.at)
    )
}

fn ls(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let (all, human) =
        (call.has('a', "all") || call.has('A', "almost-all"), call.has('h', "human-readable"));
    let is_long = call.has('l', "") || call.name == "ll";
    let mut names = call.operands();
    if names.is_empty() {
        names.push(".".to_owned());
    }
    let (mut status, several) = (0, names.len() > 1);
    for name in names {
        let path = whole(shell, &name);
        let Some(node) = shell.files.get(&path).cloned() else {
            status = 2;
            refuse(call, "cannot access", &name, Refusal::Absent);
            continue;
        };
        if !node.is_folder() || call.has('d', "directory") {
            call.say(&if is_long { long(shell, &name, &node, human) } else { format!("{name}\n") });
            continue;
        }
        if !node.lets(shell.uid, 4) || !shell.files.reachable(&path, shell.uid) {
            status = 2;
            call.complain(&format!("cannot open directory '{name}': {}", Refusal::Denied));
            continue;
        }
        if several {
            call.say(&format!("{name}:\n"));
        }
        let mut found = shell.listing(&path);
        // The owner of each is looked up.
        if is_long && !shell.spend(found.len() * OWNER_WORK) {
            return 137;
        }
        found.retain(|(name, _)| all || !name.starts_with('.'));
        if call.has('a', "all") {
            found.insert(0, ("..".to_owned(), node.clone()));
            found.insert(0, (".".to_owned(), node.clone()));
        }
        call.say(&shown(shell, &found, is_long, human));
    }
    status
}

fn shown(shell: &Shell, found: &[(String, Node)], is_long: bool, human: bool) -> String {
    if is_long {
        let mut text = format!(
            "total {}\n",
            found.iter().map(|(_, node)| node.size().div_ceil(4096) * 4).sum::<u64>()
        );
        for (name, node) in found {
            text.push_str(&long(shell, name, node, human));
        }
        return text;
    }
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        return String::new();
    }
    if !shell.terminal {
        return names.join("\n") + "\n";
    }
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0) + 2;
    let columns = (80 / width).max(1);
    if names.iter().map(|name| name.len() + 2).sum::<usize>() <= 80 {
        return names.join("  ") + "\n";
    }
    let rows = names.len().div_ceil(columns);
    let mut text = String::new();
    for row in 0..rows {
        let line: String =
            names.iter().skip(row).step_by(rows).fold(String::new(), |mut line, name| {
                let _ = write!(line, "{name:<width$}");
                line
            });
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn cd(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let name = match call.arguments.first().map(String::as_str) {
        None | Some("~") => shell.home.clone(),
        Some("-") => shell.variables.get("OLDPWD").cloned().unwrap_or_else(|| shell.home.clone()),
        Some(name) => name.to_owned(),
    };
    let path = whole(shell, &name);
    let refusal = match shell.files.get(&path) {
        None => Refusal::Absent,
        Some(node) if !node.is_folder() => Refusal::NoFolder,
        Some(node) if !node.lets(shell.uid, 1) || !shell.files.reachable(&path, shell.uid) => {
            Refusal::Denied
        }
        Some(_) => {
            let old = std::mem::replace(&mut shell.cwd, path.clone());
            shell.set("OLDPWD", &old);
            shell.set("PWD", &path);
            return 0;
        }
    };
    call.err.extend_from_slice(format!("-bash: cd: {name}: {refusal}\n").as_bytes());
    1
}

fn pwd(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    call.say(&format!("{}\n", shell.cwd));
    0
}

/// Gives the files below a folder, it first; bounded.
fn walk(shell: &mut Shell, path: &str) -> Vec<(String, Node)> {
    let (mut todo, mut found) = (vec![path.to_owned()], Vec::new());
    while let Some(path) = todo.pop() {
        let Some(node) = shell.files.get(&path).cloned() else { continue };
        if node.is_folder() && node.lets(shell.uid, 4) {
            let prefix = if path == "/" { "" } else { path.as_str() };
            let inside = shell.listing(&path);
            todo.extend(inside.into_iter().rev().map(|(name, _)| format!("{prefix}/{name}")));
        }
        found.push((path, node));
        if found.len() >= WALK_MAX {
            break;
        }
    }
    found
}

fn find(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let end = call
        .arguments
        .iter()
        .position(|word| word.starts_with('-'))
        .unwrap_or(call.arguments.len());
    let mut places: Vec<String> = call.arguments.get(..end).unwrap_or_default().to_vec();
    if places.is_empty() {
        places.push(".".to_owned());
    }
    let name = call.value("-name").or_else(|| call.value("-iname")).map(str::to_owned);
    let kind = call.value("-type").map(str::to_owned);
    let setuid = call.value("-perm").is_some();
    let mut status = 0;
    for place in places {
        let path = whole(shell, &place);
        if shell.files.get(&path).is_none() {
            call.complain(&format!("‘{place}’: {}", Refusal::Absent));
            status = 1;
            continue;
        }
        let asked = name.as_ref().map_or(0, String::len);
        for (found, node) in walk(shell, &path) {
            if !shell.spend(found.len() * (asked / 8 + 1)) {
                return 137;
            }
            let last = found.rsplit('/').next().unwrap_or_default();
            let kind_fits = match kind.as_deref() {
                Some("f") => !node.is_folder(),
                Some("d") => node.is_folder(),
                _ => true,
            };
            let fits = name.as_deref().is_none_or(|name| super::super::expand::fits(name, last));
            if kind_fits && fits && (!setuid || node.mode & 0o4000 != 0) {
                let shown = found
                    .strip_prefix(&path)
                    .map_or(found.clone(), |rest| format!("{}{rest}", place.trim_end_matches('/')));
                call.say(&format!("{}\n", if shown.is_empty() { "/" } else { &shown }));
            }
        }
    }
    status
}

fn du(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let name = call.operands().pop().unwrap_or_else(|| ".".to_owned());
    let path = whole(shell, &name);
    let bytes: u64 = walk(shell, &path).iter().map(|(_, node)| node.size()).sum();
    let size =
        if call.has('h', "") { machine::human_size(bytes, "") } else { (bytes / 1024).to_string() };
    call.say(&format!("{size}\t{name}\n"));
    0
}

fn stat(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let mut status = 0;
    for name in call.operands() {
        let path = whole(shell, &name);
        let Some(node) = shell.files.get(&path).cloned() else {
            status = refuse(call, "cannot stat", &name, Refusal::Absent);
            continue;
        };
        let owner = owner(shell, node.uid);
        call.say(&format!(
            "  File: {name}\n  Size: {}\t\tBlocks: {}\t IO Block: 4096   {}\nAccess: ({:04o}/{})  Uid: ({:5}/{owner:>8})   Gid: ({:5}/{owner:>8})\nModify: {}\n",
            node.size(), node.size().div_ceil(512), if node.is_folder() { "directory" } else { "regular file" },
            node.mode & 0o7777, mode(&node), node.uid, node.gid, node.at
        ));
    }
    status
}

fn file(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    for name in call.operands() {
        let path = whole(shell, &name);
        let kind = match shell.files.get(&path).map(|node| &node.content) {
            None => "cannot open (No such file or directory)",
            Some(Content::Folder) => "directory",
            Some(Content::Program(_)) => {
                "ELF 64-bit LSB pie executable, x86-64, version 1 (SYSV), dynamically linked, stripped"
            }
            Some(Content::Bytes(bytes)) if bytes.starts_with(b"\x7fELF") => "ELF executable",
            Some(_) => "ASCII text",
        };
        call.say(&format!("{name}: {kind}\n"));
    }
    0
}

fn test(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let mut words: Vec<&str> = call.arguments.iter().map(String::as_str).collect();
    if call.name == "[" && words.last() == Some(&"]") {
        words.pop();
    }
    let not = words.first() == Some(&"!");
    let words = words.get(usize::from(not)..).unwrap_or_default();
    let number = |word: &str| word.parse::<i64>().unwrap_or(0);
    let holds = match words {
        ["-n", word] | [word] => !word.is_empty(),
        ["-z", word] => word.is_empty(),
        [option @ ("-e" | "-f" | "-d" | "-x" | "-r" | "-w" | "-s"), name] => {
            let path = whole(shell, name);
            shell.files.get(&path).is_some_and(|node| match *option {
                "-f" => !node.is_folder(),
                "-d" => node.is_folder(),
                "-x" => node.mode & 0o111 != 0,
                "-w" => node.lets(shell.uid, 2),
                "-r" => node.lets(shell.uid, 4),
                "-s" => node.size() > 0,
                _ => true,
            })
        }
        [one, "=" | "==", two] => one == two,
        [one, "!=", two] => one != two,
        [one, "-eq", two] => number(one) == number(two),
        [one, "-ne", two] => number(one) != number(two),
        [one, "-gt", two] => number(one) > number(two),
        [one, "-lt", two] => number(one) < number(two),
        [one, "-ge", two] => number(one) >= number(two),
        [one, "-le", two] => number(one) <= number(two),
        _ => false,
    };
    u8::from(holds == not)
}

fn readlink(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    for name in call.operands() {
        let path = whole(shell, &name);
        call.say(&format!("{path}\n"));
    }
    0
}

fn sum(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    use md5::Md5;
    use sha2::{Digest as _, Sha256};
    let mut names = call.operands();
    if names.is_empty() {
        names.push("-".to_owned());
    }
    let mut status = 0;
    for name in names {
        let bytes = if name == "-" { Ok(call.input.to_vec()) } else { shell.read(&name) };
        match bytes {
            Ok(bytes) => {
                let digest = if call.name == "md5sum" {
                    crate::text::hex(&Md5::digest(&bytes))
                } else {
                    crate::text::hex(&Sha256::digest(&bytes))
                };
                call.say(&format!("{digest}  {name}\n"));
            }
            Err(refusal) => {
                call.complain(&format!("{name}: {refusal}"));
                status = 1;
            }
        }
    }
    status
}
