//! Processes and services.

use std::fmt::Write as _;

use super::super::Shell;
use super::{Call, Command};

pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("ps", ps),
    ("top", top),
    ("kill", kill),
    ("killall", kill),
    ("pkill", kill),
    ("pidof", pidof),
    ("pgrep", pidof),
    ("systemctl", systemctl),
    ("service", service),
];

/// Processes of a machine that serves: number, user, command.
const PROCESSES: &[(u32, &str, &str)] = &[
    (1, "root", "/sbin/init"),
    (2, "root", "[kthreadd]"),
    (3, "root", "[rcu_gp]"),
    (9, "root", "[ksoftirqd/0]"),
    (10, "root", "[rcu_sched]"),
    (11, "root", "[migration/0]"),
    (231, "root", "/lib/systemd/systemd-journald"),
    (255, "root", "/lib/systemd/systemd-udevd"),
    (412, "systemd+", "/lib/systemd/systemd-timesyncd"),
    (486, "root", "/usr/sbin/cron -f"),
    (488, "message+", "/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile"),
    (493, "root", "/usr/sbin/rsyslogd -n -iNONE"),
    (501, "root", "/lib/systemd/systemd-logind"),
    (577, "root", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"),
    (604, "mysql", "/usr/sbin/mysqld"),
    (642, "root", "/usr/sbin/apache2 -k start"),
    (648, "www-data", "/usr/sbin/apache2 -k start"),
    (649, "www-data", "/usr/sbin/apache2 -k start"),
];

fn ps(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let letters: String = call.arguments.concat();
    let pid = shell.pid;
    if !letters.contains(['a', 'e', 'x', 'A']) {
        call.say(&format!("    PID TTY          TIME CMD\n{pid:>7} pts/0    00:00:00 bash\n{:>7} pts/0    00:00:00 ps\n", pid + 5));
        return 0;
    }
    let full = letters.contains('u');
    let mut text = if full {
        "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n".to_owned()
    } else if letters.contains('f') {
        "UID          PID    PPID  C STIME TTY          TIME CMD\n".to_owned()
    } else {
        "    PID TTY          TIME CMD\n".to_owned()
    };
    let own = [
        (pid - 1, "root", format!("sshd: {}@pts/0", shell.user), "?"),
        (pid, shell.user.as_str(), "-bash".to_owned(), "pts/0"),
        (pid + 5, shell.user.as_str(), format!("ps {}", call.arguments.join(" ")), "pts/0"),
    ];
    let system =
        PROCESSES.iter().map(|(pid, user, command)| (*pid, *user, (*command).to_owned(), "?"));
    for (pid, user, command, tty) in system.chain(own) {
        let kernel = command.starts_with('[');
        let (size, resident) =
            if kernel { (0, 0) } else { (9_000 + pid * 37 % 160_000, 2_000 + pid * 13 % 9_000) };
        let short = command.trim_start_matches("/usr/sbin/").split(' ').next().unwrap_or_default();
        let _ = if full {
            writeln!(
                text,
                "{user:<8} {pid:>7}  0.0  0.{} {size:>6} {resident:>5} {tty:<8} Ss   {:02}:{:02}   0:00 {command}",
                resident / 1200,
                pid % 24,
                pid % 60
            )
        } else if letters.contains('f') {
            writeln!(
                text,
                "{user:<8} {pid:>7}       1  0 {:02}:{:02} {tty:<8} 00:00:00 {command}",
                pid % 24,
                pid % 60
            )
        } else {
            writeln!(text, "{pid:>7} {tty:<8} 00:00:00 {short}")
        };
    }
    call.say(&text);
    0
}

fn top(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    call.say(&format!(
        "top - up, load average: {}\nTasks: 104 total,   1 running, 103 sleeping,   0 stopped,   0 zombie\n%Cpu(s):  0.3 us,  0.2 sy,  0.0 ni, 99.4 id,  0.1 wa,  0.0 hi,  0.0 si,  0.0 st\n",
        super::identity::load(shell).join(", ")
    ));
    0
}

fn kill(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    match (call.name, call.operands().first()) {
        (_, None) => {
            call.complain("usage: kill [-s sigspec | -n signum | -sigspec] pid");
            2
        }
        ("killall", Some(name)) => {
            let text = format!("{name}: no process found\n");
            call.err.extend_from_slice(text.as_bytes());
            1
        }
        ("pkill", _) => 1,
        _ => 0,
    }
}

fn pidof(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    let wanted = call.operands();
    let found: Vec<String> = PROCESSES
        .iter()
        .filter(|(_, _, command)| wanted.iter().any(|name| command.contains(name.as_str())))
        .map(|(pid, ..)| pid.to_string())
        .collect();
    if found.is_empty() {
        return 1;
    }
    let between = if call.name == "pgrep" { "\n" } else { " " };
    call.say(&format!("{}\n", found.join(between)));
    0
}

fn systemctl(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let words = call.operands();
    let unit = words.get(1).cloned().unwrap_or_default();
    match words.first().map(String::as_str) {
        Some("status" | "is-active")
            if ["ssh", "sshd", "cron", "apache2", "mysql"]
                .contains(&unit.trim_end_matches(".service")) =>
        {
            call.say("active\n");
            0
        }
        Some("start" | "stop" | "restart" | "enable" | "disable" | "daemon-reload")
            if shell.uid == 0 =>
        {
            0
        }
        Some("start" | "stop" | "restart" | "enable" | "disable") => {
            call.err.extend_from_slice(b"Failed to execute operation: Access denied\n");
            1
        }
        _ => {
            let text = format!("Unit {unit}.service could not be found.\n");
            call.err.extend_from_slice(text.as_bytes());
            4
        }
    }
}

fn service(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    match call.operands().first() {
        Some(name) if ["ssh", "cron", "apache2", "mysql"].contains(&name.as_str()) => {
            u8::from(shell.uid != 0)
        }
        name => {
            let name = name.cloned().unwrap_or_default();
            call.err.extend_from_slice(format!("{name}: unrecognized service\n").as_bytes());
            1
        }
    }
}
