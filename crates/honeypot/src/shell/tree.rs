//! The files of the machine: made up from the persona once, shared by all sessions.

mod texts;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use model::Timestamp;

use super::files::{Content, Node, parent};
use crate::persona::Persona;
use texts::{BASHRC, CRONTAB, FOLDERS, LOGOUT, NOTES, PROFILE, PROGRAMS, SERVICES, SSHD, TYPED};

/// The machine's files by their whole path.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: BTreeMap<String, Node>,
}

impl Tree {
    pub(super) fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    pub(super) fn below(&self, prefix: &str) -> impl Iterator<Item = (&String, &Node)> {
        let from = self.nodes.range(prefix.to_owned()..);
        let prefix = prefix.to_owned();
        from.take_while(move |(path, _)| path.starts_with(&prefix))
    }
}

pub(super) fn cores(persona: &Persona) -> u64 {
    1 << persona.number("cores", 1, 3)
}

pub(super) fn memory_kb(persona: &Persona) -> u64 {
    let gigabytes = 1 << persona.number("memory", 2, 5);
    // The kernel keeps some for itself.
    gigabytes * 1024 * 1024 - persona.number("kept memory", 90_000, 260_000)
}

pub(super) fn disk_kb(persona: &Persona) -> u64 {
    persona.number("disk", 3, 16) * 10 * 1024 * 1024 - persona.number("disk rest", 400_000, 900_000)
}

/// Makes up the files.
pub(crate) fn grow(persona: &Persona) -> Tree {
    let mut grower = Grower { persona, nodes: BTreeMap::new() };
    grower.folders();
    grower.programs(&super::commands::programs());
    grower.accounts();
    grower.settings();
    grower.logs();
    grower.devices();
    Tree { nodes: grower.nodes }
}

struct Grower<'a> {
    persona: &'a Persona,
    nodes: BTreeMap<String, Node>,
}

impl Grower<'_> {
    /// Gives a moment for a path: mostly when the machine was set up, sometimes an update later.
    fn moment(&self, path: &str) -> Timestamp {
        let later = match self.persona.number(&format!("moment {path}"), 0, 9) {
            0..6 => self.persona.number(&format!("minute {path}"), 0, 1800),
            _ => self.persona.number(&format!("later {path}"), 86_400, 90 * 86_400),
        };
        self.persona.set_up().plus(Duration::from_secs(later))
    }

    fn put(&mut self, path: &str, content: Content, mode: u32, uid: u32) {
        let at = self.moment(path);
        let above = parent(path).to_owned();
        if !self.nodes.contains_key(&above) && above != path {
            self.put(&above, Content::Folder, 0o755, 0);
        }
        self.nodes.insert(path.to_owned(), Node { content, mode, uid, gid: uid, at });
    }

    fn text(&mut self, path: &str, text: &str) {
        self.put(path, Content::Bytes(text.as_bytes().into()), 0o644, 0);
    }

    fn secret(&mut self, path: &str, text: &str) {
        self.put(path, Content::Bytes(text.as_bytes().into()), 0o600, 0);
    }

    fn folders(&mut self) {
        self.put("/", Content::Folder, 0o755, 0);
        for folder in FOLDERS {
            self.put(folder, Content::Folder, 0o755, 0);
        }
        for shared in ["/tmp", "/var/tmp", "/dev/shm"] {
            self.put(shared, Content::Folder, 0o1777, 0);
        }
        self.put("/root", Content::Folder, 0o700, 0);
        self.put("/root/.ssh", Content::Folder, 0o700, 0);
        for name in ["bin", "sbin", "lib", "lib64"] {
            self.put(&format!("/{name}"), Content::Link(format!("usr/{name}")), 0o777, 0);
        }
        self.put("/var/run", Content::Link("/run".to_owned()), 0o777, 0);
    }

    fn programs(&mut self, programs: &[&str]) {
        for (path, size) in PROGRAMS {
            self.put(path, Content::Program(*size), 0o755, 0);
        }
        for name in programs {
            let place = match *name {
                "ifconfig" | "iptables" | "service" | "useradd" | "chpasswd" | "reboot" => "sbin",
                "ftpget" | "tftp" => continue,
                _ => "bin",
            };
            let path = format!("/usr/{place}/{name}");
            let size = self.persona.number(&path, 14_000, 190_000) / 8 * 8;
            self.put(&path, Content::Program(size), 0o755, 0);
        }
        self.put("/usr/bin/python3", Content::Link("python3.9".to_owned()), 0o777, 0);
        self.put("/usr/bin/python3.9", Content::Program(5_479_736), 0o755, 0);
        self.put("/usr/bin/sh", Content::Link("dash".to_owned()), 0o777, 0);
        self.put("/usr/bin/dash", Content::Program(125_560), 0o755, 0);
        self.put("/usr/bin/bash", Content::Program(1_234_376), 0o755, 0);
        self.put("/usr/lib/x86_64-linux-gnu", Content::Folder, 0o755, 0);
        self.put("/usr/lib/x86_64-linux-gnu/libc-2.31.so", Content::Program(1_905_632), 0o755, 0);
        self.put("/usr/lib64/ld-linux-x86-64.so.2", Content::Program(177_928), 0o755, 0);
    }

    fn accounts(&mut self) {
        let (mut passwd, mut group, mut shadow) = (String::new(), String::new(), String::new());
        let day = self.persona.set_up().seconds() / 86_400;
        let users = self.persona.users().to_vec();
        let mut account =
            |name: &str, uid, gid, full: &str, home: &str, shell: &str, word: &str| {
                let _ = writeln!(passwd, "{name}:x:{uid}:{gid}:{full}:{home}:{shell}");
                let _ = writeln!(group, "{name}:x:{gid}:");
                let _ = writeln!(shadow, "{name}:{word}:{day}:0:99999:7:::");
            };
        let word = |name: &str| {
            let letters = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
            let digest = [self.persona.bytes(&format!("a {name}")), self.persona.bytes(name)];
            let letter = |byte: &u8| letters.get(usize::from(byte & 63)).copied().map(char::from);
            let text: String =
                digest.concat().iter().chain(&digest.concat()).filter_map(letter).collect();
            let (salt, hash) = text.split_at(16);
            format!("$6${salt}${}", hash.get(..86).unwrap_or(hash))
        };
        let mut humans = users.iter();
        if let Some(root) = humans.next() {
            account("root", 0, 0, "root", "/root", "/bin/bash", &word(&root.name));
        }
        for (name, uid, gid, home, shell) in SERVICES {
            account(name, *uid, *gid, name, home, shell, "*");
        }
        for user in humans.clone() {
            let full = format!("{},,,", user.full_name);
            let shell = "/bin/bash";
            account(&user.name, user.uid, user.uid, &full, &user.home, shell, &word(&user.name));
        }
        let admins: Vec<&str> = humans.clone().take(2).map(|user| user.name.as_str()).collect();
        let _ = writeln!(group, "sudo:x:27:{}", admins.join(","));
        self.text("/etc/passwd", &passwd);
        self.text("/etc/group", &group);
        self.put("/etc/shadow", Content::Bytes(shadow.as_bytes().into()), 0o640, 0);
        for user in humans.cloned().collect::<Vec<_>>() {
            self.home(&user.name, &user.home, user.uid, user.made);
        }
        self.dot_files("/root", 0);
    }

    fn home(&mut self, name: &str, home: &str, uid: u32, made: Timestamp) {
        self.put(home, Content::Folder, 0o755, uid);
        self.dot_files(home, uid);
        if self.persona.number(&format!("notes {name}"), 0, 1) == 0 {
            self.put(
                &format!("{home}/notes.txt"),
                Content::Bytes(NOTES.as_bytes().into()),
                0o644,
                uid,
            );
        }
        self.put(&format!("{home}/.ssh"), Content::Folder, 0o700, uid);
        for (_, node) in self.nodes.iter_mut().filter(|(path, _)| path.starts_with(home)) {
            node.at = node.at.max(made);
        }
    }

    fn dot_files(&mut self, home: &str, uid: u32) {
        for (name, text) in [(".bashrc", BASHRC), (".profile", PROFILE), (".bash_logout", LOGOUT)] {
            let content = Content::Bytes(text.as_bytes().into());
            self.put(&format!("{home}/{name}"), content, 0o644, uid);
        }
        let typed = Content::Bytes(TYPED.as_bytes().into());
        self.put(&format!("{home}/.bash_history"), typed, 0o600, uid);
    }

    fn settings(&mut self) {
        let (persona, os) = (self.persona, self.persona.os());
        let (host, fqdn) = (persona.host_name(), persona.fqdn());
        self.text("/etc/hostname", &format!("{host}\n"));
        let hosts = format!(
            "127.0.0.1\tlocalhost\n127.0.1.1\t{fqdn}\t{host}\n\n::1     localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n"
        );
        self.text("/etc/hosts", &hosts);
        let like = if os.id == "ubuntu" { "ID_LIKE=debian\n" } else { "" };
        let release = format!(
            "PRETTY_NAME=\"{}\"\nNAME=\"{}\"\nVERSION_ID=\"{}\"\nVERSION=\"{}\"\nVERSION_CODENAME={}\nID={}\n{like}HOME_URL=\"https://www.{}.{}/\"\n",
            os.pretty,
            os.name,
            os.version_id,
            os.version,
            os.codename,
            os.id,
            os.id,
            if os.id == "ubuntu" { "com" } else { "org" },
        );
        self.text("/usr/lib/os-release", &release);
        self.put("/etc/os-release", Content::Link("../usr/lib/os-release".to_owned()), 0o777, 0);
        let issue =
            format!("{} \\n \\l\n\n", os.pretty.replace(&format!(" ({})", os.codename), ""));
        self.text("/etc/issue", &issue);
        self.text(
            "/etc/debian_version",
            if os.id == "ubuntu" { "bullseye/sid\n" } else { "11.11\n" },
        );
        if os.id == "ubuntu" {
            let lsb = format!(
                "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE={}\nDISTRIB_CODENAME={}\nDISTRIB_DESCRIPTION=\"{}\"\n",
                os.version_id, os.codename, os.pretty
            );
            self.text("/etc/lsb-release", &lsb);
        }
        let domain = persona.domain();
        self.text(
            "/etc/resolv.conf",
            &format!(
                "domain {domain}\nsearch {domain}\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n"
            ),
        );
        self.text("/etc/fstab", "# /etc/fstab: static file system information.\n/dev/sda1 /    ext4 errors=remount-ro 0 1\n/dev/sda5 none swap sw                0 0\n");
        self.text("/etc/crontab", CRONTAB);
        self.text("/etc/ssh/sshd_config", SSHD);
        self.text(
            "/etc/shells",
            "# /etc/shells: valid login shells\n/bin/sh\n/bin/bash\n/bin/dash\n",
        );
        self.text("/etc/profile", PROFILE);
        self.text("/var/www/html/index.html", "<!DOCTYPE html>\n<html><head><title>It works</title></head><body><h1>It works!</h1></body></html>\n");
        let boot = format!("/boot/vmlinuz-{}", os.kernel);
        self.put(&boot, Content::Program(6_962_112), 0o644, 0);
        self.put(
            &format!("/boot/initrd.img-{}", os.kernel),
            Content::Program(38_127_616),
            0o644,
            0,
        );
        let machine_id =
            crate::text::hex(persona.bytes("machine-id").get(..16).unwrap_or_default());
        self.text("/etc/machine-id", &format!("{machine_id}\n"));
    }

    fn logs(&mut self) {
        for (name, size) in
            [("syslog", 412_331), ("auth.log", 93_412), ("dpkg.log", 231_002), ("kern.log", 88_120)]
        {
            let size = size + self.persona.number(name, 0, 99_999);
            self.put(&format!("/var/log/{name}"), Content::Program(size), 0o640, 0);
        }
        self.put("/var/log/wtmp", Content::Program(39_936), 0o664, 0);
        self.put("/var/log/lastlog", Content::Program(292_292), 0o664, 0);
        self.secret("/root/.viminfo", "# This viminfo file was generated by Vim 8.2.\n");
    }

    fn devices(&mut self) {
        for name in ["null", "zero", "random", "urandom", "tty", "full", "sda", "sda1", "ptmx"] {
            let mode = if name.starts_with("sda") { 0o660 } else { 0o666 };
            self.put(&format!("/dev/{name}"), Content::Device, mode, 0);
        }
        for name in [
            "cpuinfo",
            "meminfo",
            "uptime",
            "version",
            "loadavg",
            "mounts",
            "stat",
            "cmdline",
            "filesystems",
            "self/exe",
            "self/status",
            "self/mounts",
            "net/tcp",
            "net/route",
            "net/arp",
            "1/cmdline",
            "self/cmdline",
        ] {
            self.put(&format!("/proc/{name}"), Content::Live, 0o444, 0);
        }
    }
}
