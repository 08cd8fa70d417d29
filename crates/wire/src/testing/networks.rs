//! Two network namespaces with a cable between them, which are gone with the value.

use std::fs::File;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Two namespaces: `left` has 10.199.0.1 on `v0`, `right` has 10.199.0.2 on `v1`.
pub(crate) struct Networks {
    pub(crate) left: String,
    pub(crate) right: String,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Networks {
    /// Makes them, or says why this machine does not let us.
    pub(crate) fn make() -> Option<Self> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = |side: &str| format!("bt-{}-{number}-{side}", std::process::id());
        let networks = Self { left: name("l"), right: name("r") };
        match networks.set_up() {
            Ok(()) => Some(networks),
            Err(why) => {
                eprintln!("skipped: network namespaces cannot be made here: {why}");
                None
            }
        }
    }

    fn set_up(&self) -> Result<(), String> {
        let Self { left, right } = self;
        ip(&format!("netns add {left}"))?;
        ip(&format!("netns add {right}"))?;
        ip(&format!("link add v0 netns {left} type veth peer name v1 netns {right}"))?;
        for (namespace, interface, number) in [(left, "v0", 1), (right, "v1", 2)] {
            ip(&format!("-n {namespace} link set lo up"))?;
            ip(&format!("-n {namespace} addr add 10.199.0.{number}/24 dev {interface}"))?;
            ip(&format!("-n {namespace} link set {interface} up"))?;
        }
        Ok(())
    }

    /// Runs a program in a namespace, to its end.
    pub(crate) fn run(namespace: &str, command: &str) -> Output {
        let mut words = command.split(' ');
        let mut program = Command::new("ip");
        program.args(["netns", "exec", namespace]).args(&mut words);
        program.stdin(Stdio::null()).output().unwrap()
    }

    /// Puts the calling thread, and those that it starts, into a namespace.
    pub(crate) fn enter(namespace: &str) {
        let file = File::open(format!("/run/netns/{namespace}")).unwrap();
        crate::capture::enter_network(&file).unwrap();
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for namespace in [&self.left, &self.right] {
            let _gone = ip(&format!("netns del {namespace}"));
        }
    }
}

/// Runs `ip` with these words.
pub(crate) fn ip(words: &str) -> Result<(), String> {
    let output = Command::new("ip").args(words.split(' ')).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("ip: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("ip {words}: {}", said.trim())) }
}
