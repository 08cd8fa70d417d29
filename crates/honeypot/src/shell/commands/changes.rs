//! Files and folders that seem to change.

use super::super::Shell;
use super::super::files::{Follow, Node, Refusal, Remove};
use super::storage::{refuse, whole};
use super::{Call, Command};

pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("mkdir", mkdir),
    ("rm", rm),
    ("rmdir", rmdir),
    ("cp", cp),
    ("mv", mv),
    ("ln", ln),
    ("touch", touch),
    ("chmod", chmod),
    ("chown", chown),
    ("mktemp", mktemp),
    ("tar", tar),
    ("dd", dd),
];

/// What it costs to take something away: its folder is looked through.
const REMOVE_WORK: usize = 32 * 1024;

fn mkdir(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let (mut status, parents) = (0, call.has('p', "parents"));
    for name in call.operands() {
        let path = whole(shell, &name);
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]).take(32);
        for end in ends {
            let above = path.get(..end).unwrap_or_default();
            if end < path.len() && (!parents || shell.files.get(above).is_some()) {
                continue;
            }
            match shell.files.make_folder(above, shell.uid) {
                Err(Refusal::Exists) if parents => {}
                Err(refusal) => status = refuse(call, "cannot create directory", &name, refusal),
                Ok(()) => {}
            }
        }
    }
    status
}

fn rm(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let (force, deep) = (call.has('f', "force"), call.has('r', "recursive") || call.has('R', ""));
    let mut status = 0;
    for name in call.operands() {
        let path = shell.files.resolve(&shell.cwd, &name, Follow::Parents);
        if path == "/" {
            call.complain("it is dangerous to operate recursively on '/'");
            call.complain("use --no-preserve-root to override this failsafe");
            status = 1;
            continue;
        }
        let how = if deep { Remove::All } else { Remove::File };
        if !shell.spend(REMOVE_WORK) {
            return 137;
        }
        match shell.files.remove(&path, shell.uid, how) {
            Err(Refusal::Absent) if force => {}
            Err(refusal) => status = refuse(call, "cannot remove", &name, refusal),
            Ok(()) => {}
        }
    }
    status
}

fn rmdir(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let mut status = 0;
    for name in call.operands() {
        let path = whole(shell, &name);
        if !shell.spend(REMOVE_WORK) {
            return 137;
        }
        if let Err(refusal) = shell.files.remove(&path, shell.uid, Remove::EmptyFolder) {
            status = refuse(call, "failed to remove", &name, refusal);
        }
    }
    status
}

/// Gives where a file goes that is copied or moved: into a folder under its own name.
fn target(shell: &Shell, from: &str, to: &str) -> String {
    let path = whole(shell, to);
    if shell.files.get(&path).is_some_and(Node::is_folder) {
        let name = from.trim_end_matches('/').rsplit('/').next().unwrap_or(from);
        return format!("{}/{name}", path.trim_end_matches('/'));
    }
    path
}

fn cp(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    each_to(shell, call, |shell, path, to| shell.files.copy(path, to, shell.uid))
}

fn mv(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    each_to(shell, call, |shell, path, to| {
        shell.files.copy(path, to, shell.uid)?;
        shell.files.remove(path, shell.uid, Remove::All)
    })
}

/// Does something with each of the files named first and the place named last.
fn each_to(
    shell: &mut Shell,
    call: &mut Call<'_>,
    deed: impl Fn(&mut Shell, &str, &str) -> Result<(), Refusal>,
) -> u8 {
    let names = call.operands();
    let Some((to, from)) = names.split_last().filter(|(_, from)| !from.is_empty()) else {
        call.complain("missing file operand");
        return 1;
    };
    let mut status = 0;
    for name in from {
        if !shell.spend(REMOVE_WORK) {
            return 137;
        }
        let (path, to) = (whole(shell, name), target(shell, name, to));
        if let Err(refusal) = deed(shell, &path, &to) {
            status = refuse(call, "cannot stat", name, refusal);
        }
    }
    status
}

fn ln(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let names = call.operands();
    let [from, to] = names.as_slice() else { return 1 };
    let (path, to) = (whole(shell, from), target(shell, from, to));
    match shell.files.copy(&path, &to, shell.uid) {
        Ok(()) => 0,
        Err(refusal) => refuse(call, "failed to access", from, refusal),
    }
}

fn touch(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let mut status = 0;
    for name in call.operands() {
        let path = whole(shell, &name);
        if shell.files.get(&path).is_some() {
            continue;
        }
        if let Err(refusal) = shell.files.write(&path, Vec::new(), shell.uid) {
            status = refuse(call, "cannot touch", &name, refusal);
        }
    }
    status
}

fn chmod(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    // A mode such as -x begins like an option.
    let words: Vec<String> =
        call.arguments.iter().filter(|word| *word != "-R" && *word != "-f").cloned().collect();
    let Some((asked, names)) = words.split_first().filter(|(_, names)| !names.is_empty()) else {
        call.complain("missing operand");
        return 1;
    };
    let mut status = 0;
    for name in names {
        let path = whole(shell, name);
        let Some(node) = shell.files.get(&path) else {
            status = refuse(call, "cannot access", name, Refusal::Absent);
            continue;
        };
        let mode = changed(node.mode, asked);
        if mode & 0o111 != 0 {
            shell.tell_grown(&path);
        }
        if let Err(refusal) = shell.files.set_mode(&path, mode, shell.uid) {
            call.complain(&format!("changing permissions of '{name}': {refusal}"));
            status = 1;
        }
    }
    status
}

/// Gives the mode that `755` or `u+x` makes of another.
fn changed(old: u32, asked: &str) -> u32 {
    if let Ok(mode) = u32::from_str_radix(asked, 8) {
        return mode & 0o7777;
    }
    let Some(at) = asked.find(['+', '-', '=']) else { return old };
    let (who, what) = asked.split_at(at);
    let bits = what.chars().skip(1).fold(0, |bits, letter| {
        bits | match letter {
            'r' => 4,
            'w' => 2,
            'x' => 1,
            _ => 0,
        }
    });
    let all = who.is_empty() || who.contains('a');
    let spread = [('u', 6), ('g', 3), ('o', 0)]
        .iter()
        .filter(|(letter, _)| all || who.contains(*letter))
        .fold(0, |spread, (_, shift)| spread | bits << shift);
    if what.starts_with('-') { old & !spread } else { old | spread }
}

fn chown(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    if shell.uid == 0 {
        return 0;
    }
    let name = call.operands().pop().unwrap_or_default();
    call.complain(&format!("changing ownership of '{name}': Operation not permitted"));
    1
}

fn mktemp(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let name = format!("/tmp/tmp.{:08x}aB", shell.now.nanos().unsigned_abs() & 0xffff_ffff);
    let _ = shell.files.write(&name, Vec::new(), shell.uid);
    call.say(&format!("{name}\n"));
    0
}

fn tar(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let name = call.operands().into_iter().find(|word| word.contains('.')).unwrap_or_default();
    let path = whole(shell, &name);
    let text = if shell.files.get(&path).is_none() {
        format!(
            "tar: {name}: Cannot open: No such file or directory\ntar: Error is not recoverable: exiting now\n"
        )
    } else {
        "tar: This does not look like a tar archive\ntar: Exiting with failure status due to previous errors\n".to_owned()
    };
    call.err.extend_from_slice(text.as_bytes());
    2
}

fn dd(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let value = |name: &str| {
        call.arguments.iter().find_map(|word| word.strip_prefix(name)).map(str::to_owned)
    };
    let number = |text: Option<String>, or: usize| {
        let text = text.unwrap_or_default();
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match text.get(digits.len()..) {
            Some("k" | "K") => 1024,
            Some("M") => 1 << 20,
            _ => 1,
        };
        digits.parse::<usize>().unwrap_or(or).saturating_mul(unit)
    };
    let (block, count) = (number(value("bs="), 512), number(value("count="), usize::MAX));
    let input = match value("if=") {
        None => call.input.to_vec(),
        Some(name) if name == "/dev/zero" => vec![0; block.saturating_mul(count).min(65_536)],
        Some(name) => match shell.read(&name) {
            Ok(bytes) => bytes,
            Err(refusal) => {
                call.complain(&format!("failed to open '{name}': {refusal}"));
                return 1;
            }
        },
    };
    let most = block.saturating_mul(count);
    let bytes = input.get(..most).unwrap_or(&input).to_vec();
    let blocks = bytes.len() / block.max(1);
    let part = usize::from(blocks * block.max(1) < bytes.len());
    let told = format!(
        "{blocks}+{part} records in\n{blocks}+{part} records out\n{} bytes copied, 0.000{} s, 1.2 MB/s\n",
        bytes.len(),
        112 + bytes.len() % 800
    );
    match value("of=") {
        Some(name) => {
            if let Err(refusal) = shell.keep(&name, bytes, false) {
                call.complain(&format!("failed to open '{name}': {refusal}"));
                return 1;
            }
        }
        None => call.bytes(&bytes),
    }
    call.err.extend_from_slice(told.as_bytes());
    0
}
