//! What changes with time: the files of `/proc`.

use std::fmt::Write as _;

use super::super::Shell;
use super::{identity, machine};

impl Shell {
    /// Gives what a file of `/proc` holds now.
    pub(in super::super) fn live(&self, path: &str) -> Vec<u8> {
        let machine = &self.machine;
        let text = match path {
            "/proc/cpuinfo" => machine::cpuinfo(self),
            "/proc/meminfo" => machine::meminfo(self),
            "/proc/uptime" => {
                let up = self.now.since(machine.booted).as_secs();
                format!("{up}.{:02} {}.{:02}\n", up % 97, up * machine.cores * 98 / 100, up % 89)
            }
            "/proc/version" => format!(
                "Linux version {} {} {}\n",
                machine.os.kernel, machine.os.compiler, machine.os.kernel_build
            ),
            "/proc/loadavg" => {
                format!("{} 1/{} {}\n", identity::load(self).join(" "), 118 + machine.cores, self.pid + 7)
            }
            "/proc/mounts" | "/proc/self/mounts" => machine::mounts(),
            "/proc/cmdline" => format!(
                "BOOT_IMAGE=/boot/vmlinuz-{} root=/dev/sda1 ro quiet\n",
                machine.os.kernel
            ),
            "/proc/stat" => {
                let up = self.now.since(machine.booted).as_secs();
                let mut text = format!("cpu  {} 1021 {} {} 8123 0 941 0 0 0\n", up / 9, up / 14, up * 99 * machine.cores);
                for core in 0..machine.cores {
                    let _ = writeln!(text, "cpu{core} {} 255 {} {} 2031 0 235 0 0 0", up / 36, up / 56, up * 99);
                }
                let _ = writeln!(text, "btime {}", machine.booted.seconds());
                text
            }
            "/proc/filesystems" => "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\n\text4\n".to_owned(),
            "/proc/self/status" => format!("Name:\tcat\nState:\tR (running)\nPid:\t{}\nUid:\t{u}\t{u}\t{u}\t{u}\n", self.pid + 3, u = self.uid),
            "/proc/1/cmdline" => "/sbin/init\0".to_owned(),
            "/proc/self/cmdline" => "cat\0/proc/self/cmdline\0".to_owned(),
            "/proc/self/exe" => return super::program("/usr/bin/cat", 43_936),
            "/proc/net/tcp" => "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15921 1 0000000000000000 100 0 0 10 0\n".to_owned(),
            "/proc/net/route" => "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n".to_owned(),
            "/proc/net/arp" => "IP address       HW type     Flags       HW address            Mask     Device\n".to_owned(),
            _ => String::new(),
        };
        text.into_bytes()
    }
}
