//! The network: what is asked for is told, nothing is ever fetched.

use std::fmt::Write as _;

use super::super::{Happening, Shell};
use super::{Call, Command};

pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("wget", wget),
    ("curl", curl),
    ("tftp", tftp),
    ("ftpget", tftp),
    ("ftp", tftp),
    ("lwp-download", tftp),
    ("ifconfig", ifconfig),
    ("ip", ip),
    ("netstat", netstat),
    ("ss", netstat),
    ("ping", ping),
    ("nslookup", nslookup),
    ("host", nslookup),
    ("dig", nslookup),
    ("nc", nc),
    ("telnet", nc),
    ("ssh-keygen", keygen),
    ("route", route),
    ("arp", route),
];

const URL_BYTES_MAX: usize = 2048;

/// Tells of an address that was to be fetched.
fn wanted(shell: &mut Shell, url: &str) {
    let url = url.get(..url.floor_char_boundary(URL_BYTES_MAX)).unwrap_or_default();
    shell.happened(Happening::Download(url.to_owned()));
    // As long as a name server that does not answer is waited for, in part.
    shell.answer.takes_ms = shell.answer.takes_ms.saturating_add(2500);
}

/// Gives host and port of a URL, and whether the host is a name.
fn host(url: &str) -> (String, u16, bool) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = place.rsplit('@').next().unwrap_or_default();
    let default = match scheme {
        "https" => 443,
        "ftp" => 21,
        _ => 80,
    };
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(default)),
        None => (place, default),
    };
    let is_name = host.parse::<std::net::IpAddr>().is_err();
    (host.to_owned(), port, is_name)
}

fn urls(call: &Call<'_>, takes_value: &[&str]) -> Vec<String> {
    let mut words = call.arguments.iter();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        if takes_value.contains(&word.as_str()) {
            words.next();
        } else if !word.starts_with('-') {
            found.push(word.clone());
        }
    }
    found.truncate(16);
    found
}

fn wget(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let options = ["-O", "-o", "-P", "-T", "-t", "-U", "--user-agent", "--header", "-a", "-Y"];
    let urls = urls(call, &options);
    if urls.is_empty() {
        call.err.extend_from_slice(b"wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n");
        return 1;
    }
    let quiet = call.has('q', "quiet");
    for url in urls {
        wanted(shell, &url);
        let (host, port, is_name) = host(&url);
        if quiet {
            continue;
        }
        let civil = shell.now.civil();
        let whole = if url.contains("://") { url } else { format!("http://{url}/") };
        let mut text = format!(
            "--{}-{:02}-{:02} {:02}:{:02}:{:02}--  {whole}\n",
            civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second
        );
        let _ = if is_name {
            writeln!(
                text,
                "Resolving {host} ({host})... failed: Temporary failure in name resolution.\nwget: unable to resolve host address ‘{host}’"
            )
        } else {
            writeln!(
                text,
                "Connecting to {host}:{port}... failed: Connection timed out.\nGiving up.\n"
            )
        };
        call.err.extend_from_slice(text.as_bytes());
    }
    4
}

fn curl(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    if call.has('V', "version") {
        call.say("curl 7.74.0 (x86_64-pc-linux-gnu) libcurl/7.74.0 OpenSSL/1.1.1w zlib/1.2.11\nProtocols: dict file ftp ftps gopher http https imap imaps ldap ldaps pop3 pop3s rtsp scp sftp smb smbs smtp smtps telnet tftp\n");
        return 0;
    }
    let options = [
        "-o",
        "-A",
        "-H",
        "-d",
        "-X",
        "-u",
        "-e",
        "-m",
        "--connect-timeout",
        "--max-time",
        "-x",
        "-T",
        "-F",
        "--output",
        "--data",
    ];
    let urls = urls(call, &options);
    if urls.is_empty() {
        call.err.extend_from_slice(
            b"curl: try 'curl --help' or 'curl --manual' for more information\n",
        );
        return 2;
    }
    let silent = call.has('s', "silent") && !call.has('S', "show-error");
    let mut status = 0;
    for url in urls {
        wanted(shell, &url);
        let (host, port, is_name) = host(&url);
        status = if is_name { 6 } else { 28 };
        if silent {
            continue;
        }
        let text = if is_name {
            format!("curl: (6) Could not resolve host: {host}\n")
        } else {
            format!("curl: (28) Failed to connect to {host} port {port}: Connection timed out\n")
        };
        call.err.extend_from_slice(text.as_bytes());
    }
    status
}

fn tftp(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let what = call.arguments.join(" ");
    if what.is_empty() {
        call.err.extend_from_slice(format!("usage: {} host file\n", call.name).as_bytes());
        return 1;
    }
    let scheme = if call.name == "tftp" { "tftp" } else { "ftp" };
    let words: Vec<String> = call.operands();
    let url = format!("{scheme}://{}", words.join("/"));
    wanted(shell, &url);
    call.complain("timeout");
    1
}

fn mac(shell: &Shell) -> String {
    let bytes = shell.machine.mac.iter().map(|byte| format!("{byte:02x}"));
    bytes.collect::<Vec<_>>().join(":")
}

fn ifconfig(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let up = shell.now.since(shell.machine.booted).as_secs();
    call.say(&format!(
        "ens3: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n        inet {}  netmask 255.255.255.0\n        ether {}  txqueuelen 1000  (Ethernet)\n        RX packets {}  bytes {}\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets {}  bytes {}\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\nlo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n        loop  txqueuelen 1000  (Local Loopback)\n\n",
        shell.machine.address, mac(shell), up * 3, up * 1711, up * 2, up * 903
    ));
    0
}

fn ip(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let (address, mac) = (shell.machine.address, mac(shell));
    let text = match call.operands().first().map(String::as_str) {
        Some(word) if "route".starts_with(word) => {
            let gateway = gateway(shell);
            format!("default via {gateway} dev ens3 onlink \n")
        }
        Some(word) if "neighbour".starts_with(word) => String::new(),
        Some(_) => format!(
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n2: ens3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc pfifo_fast state UP group default qlen 1000\n    link/ether {mac} brd ff:ff:ff:ff:ff:ff\n    inet {address}/24 scope global ens3\n       valid_lft forever preferred_lft forever\n"
        ),
        None => {
            call.err.extend_from_slice(b"Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n");
            return 255;
        }
    };
    call.say(&text);
    0
}

/// Gives the first address of the machine's network.
fn gateway(shell: &Shell) -> String {
    let own = shell.machine.address.to_string();
    own.rsplit_once('.').map_or_else(|| "fe80::1".to_owned(), |(net, _)| format!("{net}.1"))
}

fn netstat(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let mut text = "Active Internet connections (servers and established)\nProto Recv-Q Send-Q Local Address           Foreign Address         State      \n".to_owned();
    for port in [22, 80, 3306] {
        let place = if port == 3306 { "127.0.0.1" } else { "0.0.0.0" };
        let _ = writeln!(
            text,
            "tcp        0      0 {:<23} 0.0.0.0:*               LISTEN     ",
            format!("{place}:{port}")
        );
    }
    let _ = writeln!(
        text,
        "tcp        0     36 {:<23} {:<23} ESTABLISHED",
        format!("{}:22", shell.machine.address),
        format!("{}:50122", shell.machine.peer)
    );
    call.say(&text);
    0
}

fn ping(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let Some(host) = call.operands().pop() else {
        call.complain("usage error: Destination address required");
        return 1;
    };
    shell.answer.takes_ms = shell.answer.takes_ms.saturating_add(2000);
    if host.parse::<std::net::IpAddr>().is_err() {
        call.complain(&format!("{host}: Temporary failure in name resolution"));
        return 2;
    }
    let count = call.value("-c").and_then(|count| count.parse().ok()).unwrap_or(4_u64).min(10);
    call.say(&format!("PING {host} ({host}) 56(84) bytes of data.\n\n--- {host} ping statistics ---\n{count} packets transmitted, 0 received, 100% packet loss, time {}ms\n\n", count * 1021));
    1
}

fn nslookup(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    shell.answer.takes_ms = shell.answer.takes_ms.saturating_add(2000);
    call.say(";; connection timed out; no servers could be reached\n\n");
    1
}

fn nc(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let words = call.operands();
    if let [host, port, ..] = words.as_slice() {
        wanted(shell, &format!("tcp://{host}:{port}"));
        call.err.extend_from_slice(format!("({host}) {port} : Connection timed out\n").as_bytes());
    }
    1
}

fn keygen(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    call.say(&format!("Generating public/private rsa key pair.\nEnter file in which to save the key ({}/.ssh/id_rsa): \n", shell.home));
    1
}

fn route(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let gateway = gateway(shell);
    if call.name == "arp" {
        call.say(&format!("Address                  HWtype  HWaddress           Flags Mask            Iface\n{gateway:<24} ether   52:54:00:12:35:02   C                     ens3\n"));
    } else {
        call.say(&format!("Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\ndefault         {gateway:<15} 0.0.0.0         UG    0      0        0 ens3\n"));
    }
    0
}
