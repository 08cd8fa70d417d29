//! The machine: processors, memory, disks, processes, services.

use std::fmt::Write as _;

use super::super::{Flavour, Shell};
use super::{Call, Command};
use crate::text::hex;

pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("nproc", nproc),
    ("lscpu", lscpu),
    ("free", free),
    ("df", df),
    ("mount", mount),
    ("umount", denied),
    ("dmesg", dmesg),
    ("lspci", lspci),
    ("lsblk", lsblk),
    ("lsmod", lsmod),
    ("dmidecode", denied),
    ("nvidia-smi", absent),
    ("reboot", reboot),
    ("sleep", sleep),
    ("apt", apt),
    ("apt-get", apt),
    ("ulimit", ulimit),
    ("umask", umask),
    ("iptables", iptables),
];

const MODEL: &str = "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz";

pub(super) fn cpuinfo(shell: &Shell) -> String {
    let cores = shell.machine.cores;
    let mut text = String::new();
    for core in 0..cores {
        let _ = write!(
            text,
            "processor\t: {core}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 79\nmodel name\t: {MODEL}\nstepping\t: 1\nmicrocode\t: 0x1\ncpu MHz\t\t: 2399.996\ncache size\t: 35840 KB\nphysical id\t: 0\nsiblings\t: {cores}\ncore id\t\t: {core}\ncpu cores\t: {cores}\napicid\t\t: {core}\nfpu\t\t: yes\ncpuid level\t: 13\nwp\t\t: yes\nflags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ss ht syscall nx pdpe1gb rdtscp lm constant_tsc rep_good nopl xtopology cpuid pni pclmulqdq ssse3 fma cx16 sse4_1 sse4_2 x2apic movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm abm\nbogomips\t: 4799.99\nclflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: 46 bits physical, 48 bits virtual\n\n"
        );
    }
    text
}

/// Gives all, used, free, shared, cached and available memory in kilobytes.
fn memory(shell: &Shell) -> [u64; 6] {
    let all = shell.machine.memory_kb;
    let wander = shell.now.seconds().unsigned_abs() / 60 % 1000 * 61;
    let used = all / 6 + wander;
    let cached = all / 3 + wander / 2;
    [all, used, all - used - cached, 8_344, cached, all - used - all / 40]
}

pub(super) fn meminfo(shell: &Shell) -> String {
    let [all, _, free, shared, cached, available] = memory(shell);
    format!(
        "MemTotal:       {all:8} kB\nMemFree:        {free:8} kB\nMemAvailable:   {available:8} kB\nBuffers:        {:8} kB\nCached:         {:8} kB\nSwapCached:            0 kB\nShmem:          {shared:8} kB\nSwapTotal:        998396 kB\nSwapFree:         998396 kB\n",
        cached / 9,
        cached - cached / 9
    )
}

pub(super) fn mounts() -> String {
    "sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0\nproc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\nudev /dev devtmpfs rw,nosuid,relatime,size=2007112k,nr_inodes=501778,mode=755 0 0\ndevpts /dev/pts devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=000 0 0\ntmpfs /run tmpfs rw,nosuid,nodev,noexec,relatime,size=404120k,mode=755 0 0\n/dev/sda1 / ext4 rw,relatime,errors=remount-ro 0 0\ntmpfs /dev/shm tmpfs rw,nosuid,nodev 0 0\n".to_owned()
}

fn nproc(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    call.say(&format!("{}\n", shell.machine.cores));
    0
}

fn lscpu(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let cores = shell.machine.cores;
    call.say(&format!(
        "Architecture:                    x86_64\nCPU op-mode(s):                  32-bit, 64-bit\nByte Order:                      Little Endian\nAddress sizes:                   46 bits physical, 48 bits virtual\nCPU(s):                          {cores}\nOn-line CPU(s) list:             0-{}\nThread(s) per core:              1\nCore(s) per socket:              {cores}\nSocket(s):                       1\nVendor ID:                       GenuineIntel\nCPU family:                      6\nModel:                           79\nModel name:                      {MODEL}\nStepping:                        1\nCPU MHz:                         2399.996\nBogoMIPS:                        4799.99\nHypervisor vendor:               KVM\nVirtualization type:             full\n",
        cores - 1
    ));
    0
}

fn free(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let divide = if call.has('m', "mebi") {
        1024
    } else if call.has('g', "gibi") {
        1024 * 1024
    } else {
        1
    };
    let human = call.has('h', "human");
    let shown =
        |kb: u64| if human { human_size(kb * 1024, "i") } else { (kb / divide).to_string() };
    let [all, used, free, shared, cached, available] = memory(shell).map(shown);
    let swap = shown(998_396);
    let none = if human { "0B" } else { "0" };
    call.say(&format!(
        "               total        used        free      shared  buff/cache   available\nMem:    {all:>12}{used:>12}{free:>12}{shared:>12}{cached:>12}{available:>12}\nSwap:   {swap:>12}{none:>12}{swap:>12}\n"
    ));
    0
}

/// Gives a size as `df -h` and `ls -h` show it.
pub(super) fn human_size(bytes: u64, unit: &str) -> String {
    let (mut size, mut rest) = (bytes, 0);
    for letter in ["", "K", "M", "G", "T"] {
        if size < 1024 {
            let unit = if letter.is_empty() { "" } else { unit };
            return match size {
                0..10 if !letter.is_empty() => format!("{size}.{}{letter}{unit}", rest * 10 / 1024),
                _ => format!("{size}{letter}{unit}"),
            };
        }
        rest = size % 1024;
        size /= 1024;
    }
    format!("{size}P")
}

fn df(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let disk = shell.machine.disk_kb;
    let used = disk / 100 * 31;
    let memory = shell.machine.memory_kb;
    let human = call.has('h', "human-readable");
    let mut text = if human {
        "Filesystem      Size  Used Avail Use% Mounted on\n".to_owned()
    } else {
        "Filesystem     1K-blocks    Used Available Use% Mounted on\n".to_owned()
    };
    for (name, size, used, place) in [
        ("udev", memory / 2, 0, "/dev"),
        ("tmpfs", memory / 10, 628, "/run"),
        ("/dev/sda1", disk, used, "/"),
        ("tmpfs", memory / 2, 0, "/dev/shm"),
    ] {
        let (left, part) = (size - used, (used * 100).div_ceil(size));
        let _ = if human {
            let [size, used, left] = [size, used, left].map(|kb| human_size(kb * 1024, ""));
            writeln!(text, "{name:<15} {size:>4}  {used:>4}  {left:>4} {part:>3}% {place}")
        } else {
            writeln!(text, "{name:<14} {size:>9} {used:>7} {left:>9} {part:>3}% {place}")
        };
    }
    call.say(&text);
    0
}

fn mount(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    if !call.arguments.is_empty() {
        return denied(shell, call);
    }
    let mounts = mounts();
    for line in mounts.lines() {
        let mut words = line.split(' ');
        let [from, to, kind, how] = std::array::from_fn(|_| words.next().unwrap_or_default());
        call.say(&format!("{from} on {to} type {kind} ({how})\n"));
    }
    0
}

fn denied(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let text = if shell.uid == 0 { "permission denied" } else { "must be superuser to use this" };
    call.complain(text);
    32
}

fn absent(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let own = if shell.flavour == Flavour::Bash { "-bash: " } else { "-sh: " };
    let text = format!("{own}{}: command not found\n", call.name);
    call.err.extend_from_slice(text.as_bytes());
    127
}

fn dmesg(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    if shell.uid != 0 {
        call.complain("read kernel buffer failed: Operation not permitted");
        return 1;
    }
    let os = shell.machine.os;
    let mac = hex(&shell.machine.mac);
    call.say(&format!(
        "[    0.000000] Linux version {} {} {}\n[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz-{} root=/dev/sda1 ro quiet\n[    0.000000] BIOS-provided physical RAM map:\n[    0.000000] Hypervisor detected: KVM\n[    0.412041] smpboot: CPU0: {MODEL} (family: 0x6, model: 0x4f, stepping: 0x1)\n[    1.630221] virtio_net virtio0 ens3: renamed from eth0 ({mac})\n[    2.118714] EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: (null)\n[    3.041108] systemd[1]: Detected virtualization kvm.\n",
        os.kernel, os.compiler, os.kernel_build, os.kernel
    ));
    0
}

fn lspci(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    call.say("00:00.0 Host bridge: Intel Corporation 440FX - 82441FX PMC [Natoma] (rev 02)\n00:01.0 ISA bridge: Intel Corporation 82371SB PIIX3 ISA [Natoma/Triton II]\n00:02.0 VGA compatible controller: Cirrus Logic GD 5446\n00:03.0 Ethernet controller: Red Hat, Inc. Virtio network device\n");
    0
}

fn lsblk(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let size = human_size(shell.machine.disk_kb * 1024, "");
    call.say(&format!("NAME   MAJ:MIN RM  SIZE RO TYPE MOUNTPOINT\nsda      8:0    0 {size:>5}  0 disk \n├─sda1   8:1    0 {size:>5}  0 part /\n├─sda2   8:2    0    1K  0 part \n└─sda5   8:5    0  975M  0 part [SWAP]\n"));
    0
}

fn lsmod(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    call.say("Module                  Size  Used by\nvirtio_net             61440  0\nnet_failover           20480  1 virtio_net\next4                  921600  1\n");
    0
}

fn reboot(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    if shell.uid != 0 {
        call.err.extend_from_slice(
            b"Failed to set wall message, ignoring: Interactive authentication required.\n",
        );
        return 1;
    }
    shell.ended = Some(0);
    0
}

fn sleep(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let seconds = call
        .operands()
        .first()
        .and_then(|word| word.trim_end_matches('s').parse().ok())
        .unwrap_or(0_u64);
    shell.answer.takes_ms = shell.answer.takes_ms.saturating_add(seconds.saturating_mul(1000));
    0
}

fn apt(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let words = call.operands();
    if shell.uid != 0 {
        call.err.extend_from_slice(b"E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?\n");
        return 100;
    }
    shell.answer.takes_ms = shell.answer.takes_ms.saturating_add(3000);
    call.say("Reading package lists... Done\n");
    match (words.first().map(String::as_str), words.get(1)) {
        (Some("install"), Some(name)) => {
            call.say("Building dependency tree... Done\nReading state information... Done\n");
            call.err.extend_from_slice(format!("E: Unable to locate package {name}\n").as_bytes());
            100
        }
        _ => 0,
    }
}

fn ulimit(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    if call.operands().is_empty() {
        call.say(if call.has('n', "") { "1024\n" } else { "unlimited\n" });
    }
    0
}

fn umask(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    call.say("0022\n");
    0
}

fn iptables(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    if shell.uid != 0 {
        call.complain("v1.8.7 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)");
        return 4;
    }
    if call.has('L', "list") {
        for chain in ["INPUT", "FORWARD", "OUTPUT"] {
            call.say(&format!("Chain {chain} (policy ACCEPT)\ntarget     prot opt source               destination         \n\n"));
        }
    }
    0
}
