//! Who is here, and what machine it is.

use std::fmt::Write as _;

use model::Timestamp;

use super::super::{Asks, Flavour, Shell};
use super::{Call, Command};

pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("whoami", whoami),
    ("id", id),
    ("groups", groups),
    ("hostname", hostname),
    ("uname", uname),
    ("arch", arch),
    ("w", w),
    ("who", who),
    ("users", users),
    ("last", last),
    ("tty", tty),
    ("date", date),
    ("uptime", uptime),
    ("lsb_release", lsb_release),
    ("hostnamectl", hostnamectl),
];

fn whoami(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    call.say(&format!("{}\n", shell.user));
    0
}

fn id(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let (uid, user) = (shell.uid, shell.user.clone());
    if let Some(other) = call.operands().first().filter(|other| **other != user) {
        let other = other.clone();
        call.complain(&format!("'{other}': no such user"));
        return 1;
    }
    let text = match (call.has('u', "user"), call.has('g', "group"), call.has('n', "name")) {
        (true, _, true) | (_, true, true) => user,
        (true, ..) | (_, true, _) => uid.to_string(),
        _ => format!("uid={uid}({user}) gid={uid}({user}) groups={uid}({user})"),
    };
    call.say(&format!("{text}\n"));
    0
}

fn groups(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    call.say(&format!("{}\n", shell.user));
    0
}

fn hostname(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let machine = &shell.machine;
    let text = if call.has('f', "fqdn") {
        format!("{}.{}", machine.host_name, machine.domain)
    } else if call.has('I', "all-ip-addresses") || call.has('i', "ip-address") {
        format!("{} ", machine.address)
    } else {
        machine.host_name.clone()
    };
    call.say(&format!("{text}\n"));
    0
}

fn uname(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let machine = &shell.machine;
    let all = call.has('a', "all");
    let parts = [
        (call.has('s', "kernel-name"), "Linux"),
        (call.has('n', "nodename"), machine.host_name.as_str()),
        (call.has('r', "kernel-release"), machine.os.kernel),
        (call.has('v', "kernel-version"), machine.os.kernel_build),
        (call.has('m', "machine"), "x86_64"),
    ];
    let mut words: Vec<&str> =
        parts.iter().filter(|(asked, _)| all || *asked).map(|(_, word)| *word).collect();
    if machine.os.id == "ubuntu" && all {
        words.extend(["x86_64", "x86_64"]);
    }
    if all || call.has('o', "operating-system") {
        words.push("GNU/Linux");
    }
    if words.is_empty() {
        let asked = call.has('p', "processor") || call.has('i', "hardware-platform");
        words.push(if asked { "x86_64" } else { "Linux" });
    }
    call.say(&format!("{}\n", words.join(" ")));
    0
}

fn arch(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    call.say("x86_64\n");
    0
}

/// Gives `10:04:05`.
fn clock(at: Timestamp) -> String {
    let civil = at.civil();
    format!("{:02}:{:02}:{:02}", civil.hour, civil.minute, civil.second)
}

fn up(shell: &Shell) -> String {
    let seconds = shell.now.since(shell.machine.booted).as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let days = match days {
        0 => String::new(),
        1 => "1 day, ".to_owned(),
        days => format!("{days} days, "),
    };
    if hours == 0 {
        format!("{days}{minutes} min")
    } else {
        format!("{days}{hours:2}:{minutes:02}")
    }
}

/// Gives the load, which wanders a little.
pub(super) fn load(shell: &Shell) -> [String; 3] {
    let minute = shell.now.seconds() / 60;
    [1_i64, 5, 15].map(|span| {
        let hundredths = (minute / span).wrapping_mul(7919).rem_euclid(31) + 1;
        format!("0.{hundredths:02}")
    })
}

fn header(shell: &Shell) -> String {
    format!(
        " {} up {},  1 user,  load average: {}\n",
        clock(shell.now),
        up(shell),
        load(shell).join(", ")
    )
}

fn uptime(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    if call.has('p', "pretty") {
        call.say(&format!("up {}\n", up(shell)));
    } else {
        call.say(&header(shell));
    }
    0
}

fn w(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let civil = shell.now.civil();
    let mut text = header(shell);
    text.push_str("USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n");
    let _ = writeln!(
        text,
        "{:<8} pts/0    {:<16} {:02}:{:02}    0.00s  0.02s  0.00s w",
        shell.user, shell.machine.peer, civil.hour, civil.minute
    );
    call.say(&text);
    0
}

fn who(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let civil = shell.now.civil();
    call.say(&format!(
        "{:<8} pts/0        {}-{:02}-{:02} {:02}:{:02} ({})\n",
        shell.user,
        civil.year,
        civil.month,
        civil.day,
        civil.hour,
        civil.minute,
        shell.machine.peer
    ));
    0
}

fn users(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    call.say(&format!("{}\n", shell.user));
    0
}

fn last(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let now = day(shell.now);
    let booted = day(shell.machine.booted);
    call.say(&format!(
        "{:<8} pts/0        {:<16} {now}   still logged in\nreboot   system boot  {:<16.16} {booted}   still running\n\nwtmp begins {booted} {}\n",
        shell.user,
        shell.machine.peer,
        shell.machine.os.kernel,
        shell.machine.booted.civil().year,
    ));
    0
}

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Gives the day of the week.
fn week_day(at: Timestamp) -> &'static str {
    let day = usize::try_from(at.seconds().div_euclid(86_400).rem_euclid(7)).unwrap_or(0);
    DAYS.get(day).copied().unwrap_or("Mon")
}

pub(super) fn month(at: Timestamp) -> &'static str {
    MONTHS.get(usize::from(at.civil().month).saturating_sub(1)).copied().unwrap_or("Jan")
}

/// Gives `Mon Nov 21 10:04`.
fn day(at: Timestamp) -> String {
    let civil = at.civil();
    format!("{} {} {:2} {:02}:{:02}", week_day(at), month(at), civil.day, civil.hour, civil.minute)
}

fn tty(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    call.say(if shell.terminal { "/dev/pts/0\n" } else { "not a tty\n" });
    u8::from(!shell.terminal)
}

fn date(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let (now, civil) = (shell.now, shell.now.civil());
    let Some(format) = call.arguments.iter().find_map(|word| word.strip_prefix('+')) else {
        let text = format!(
            "{} {} {} {} UTC {}\n",
            week_day(now),
            format_args!("{:02}", civil.day),
            month(now),
            clock(now),
            civil.year
        );
        let debian = shell.machine.os.id == "debian" && shell.flavour == Flavour::Bash;
        let old = format!(
            "{} {} {:2} {} UTC {}\n",
            week_day(now),
            month(now),
            civil.day,
            clock(now),
            civil.year
        );
        call.say(if debian { &old } else { &text });
        return 0;
    };
    let text = format
        .replace("%s", &now.seconds().to_string())
        .replace("%Y", &civil.year.to_string())
        .replace("%m", &format!("{:02}", civil.month))
        .replace("%d", &format!("{:02}", civil.day))
        .replace("%F", &format!("{}-{:02}-{:02}", civil.year, civil.month, civil.day))
        .replace("%H", &format!("{:02}", civil.hour))
        .replace("%M", &format!("{:02}", civil.minute))
        .replace("%S", &format!("{:02}", civil.second))
        .replace("%T", &clock(now))
        .replace("%N", &format!("{:09}", civil.nanosecond));
    call.say(&format!("{text}\n"));
    0
}

fn lsb_release(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let os = shell.machine.os;
    let name = if os.id == "ubuntu" { "Ubuntu" } else { "Debian" };
    call.say(&format!(
        "No LSB modules are available.\nDistributor ID:\t{name}\nDescription:\t{}\nRelease:\t{}\nCodename:\t{}\n",
        os.pretty, os.version_id, os.codename
    ));
    0
}

fn hostnamectl(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let machine = &shell.machine;
    call.say(&format!(
        "   Static hostname: {}\n         Icon name: computer-vm\n           Chassis: vm\n    Virtualization: kvm\n  Operating System: {}\n            Kernel: Linux {}\n      Architecture: x86-64\n",
        machine.host_name, machine.os.pretty, machine.os.kernel
    ));
    0
}

/// Begins to ask for another user's password.
pub(super) fn ask(shell: &mut Shell, asks: Asks) {
    shell.asks = Some(asks);
}
