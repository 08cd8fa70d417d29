//! The operating systems that a persona may have, and what every service says of itself on each.
//!
//! The versions are those that the distribution shipped, so that they agree with one another.

/// An operating system.
#[derive(Debug)]
pub struct Os {
    /// As in `ID=` of `/etc/os-release`.
    pub id: &'static str,
    /// As in `NAME=`.
    pub name: &'static str,
    /// As in `VERSION_ID=`.
    pub version_id: &'static str,
    /// As in `VERSION=`.
    pub version: &'static str,
    /// As in `VERSION_CODENAME=`.
    pub codename: &'static str,
    /// As in `PRETTY_NAME=`.
    pub pretty: &'static str,
    /// As `uname -r` tells.
    pub kernel: &'static str,
    /// As `uname -v` tells.
    pub kernel_build: &'static str,
    /// The compiler, as `/proc/version` tells.
    pub compiler: &'static str,
}

#[derive(Debug)]
pub(crate) struct System {
    pub(crate) os: Os,
    versions: &'static [(&'static str, &'static str)],
}

impl System {
    pub(crate) fn version(&self, service: &str) -> Option<&'static str> {
        self.versions.iter().find(|(name, _)| *name == service).map(|(_, version)| *version)
    }
}

pub(crate) const SYSTEMS: &[System] = &[
    System {
        os: Os {
            id: "debian",
            name: "Debian GNU/Linux",
            version_id: "11",
            version: "11 (bullseye)",
            codename: "bullseye",
            pretty: "Debian GNU/Linux 11 (bullseye)",
            kernel: "5.10.0-32-amd64",
            kernel_build: "#1 SMP Debian 5.10.223-1 (2024-08-10)",
            compiler: "(debian-kernel@lists.debian.org) (gcc-10 (Debian 10.2.1-6) 10.2.1 20210110, GNU ld (GNU Binutils for Debian) 2.35.2)",
        },
        versions: &[
            ("ssh", "OpenSSH_8.4p1 Debian-5+deb11u3"),
            ("apache", "Apache/2.4.62 (Debian)"),
            ("nginx", "nginx/1.18.0"),
            ("php", "7.4.33"),
            ("vsftpd", "3.0.3"),
            ("proftpd", "1.3.7a"),
            ("mysql", "5.5.5-10.5.26-MariaDB-0+deb11u2"),
            ("postgresql", "13.16 (Debian 13.16-0+deb11u1)"),
            ("redis", "6.0.16"),
            ("mongodb", "4.4.29"),
            ("elasticsearch", "7.17.24"),
            ("postfix", "3.5.25"),
            ("exim", "4.94.2"),
            ("samba", "4.13.13-Debian"),
            ("vnc", "RFB 003.008"),
            ("windows", "10.0.17763"),
            ("busybox", "1.30.1"),
        ],
    },
    System {
        os: Os {
            id: "ubuntu",
            name: "Ubuntu",
            version_id: "20.04",
            version: "20.04.6 LTS (Focal Fossa)",
            codename: "focal",
            pretty: "Ubuntu 20.04.6 LTS",
            kernel: "5.4.0-196-generic",
            kernel_build: "#216-Ubuntu SMP Thu Aug 29 13:26:53 UTC 2024",
            compiler: "(buildd@lcy02-amd64-031) (gcc version 9.4.0 (Ubuntu 9.4.0-1ubuntu1~20.04.2))",
        },
        versions: &[
            ("ssh", "OpenSSH_8.2p1 Ubuntu-4ubuntu0.11"),
            ("apache", "Apache/2.4.41 (Ubuntu)"),
            ("nginx", "nginx/1.18.0 (Ubuntu)"),
            ("php", "7.4.3"),
            ("vsftpd", "3.0.5"),
            ("proftpd", "1.3.6c"),
            ("mysql", "8.0.39-0ubuntu0.20.04.1"),
            ("postgresql", "12.20 (Ubuntu 12.20-0ubuntu0.20.04.1)"),
            ("redis", "5.0.7"),
            ("mongodb", "4.4.29"),
            ("elasticsearch", "7.17.24"),
            ("postfix", "3.4.13"),
            ("exim", "4.93"),
            ("samba", "4.15.13-Ubuntu"),
            ("vnc", "RFB 003.008"),
            ("windows", "10.0.20348"),
            ("busybox", "1.30.1"),
        ],
    },
];
