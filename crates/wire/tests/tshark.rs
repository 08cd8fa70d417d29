//! Fingerprints and names, held against those that tshark reads from the same real captures.

#[cfg(test)]
mod agreement {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    use serde_json::Value;
    use wire::{FlowConfig, Flows, Lines, PcapReader, Raw};

    const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/pcap/zeek");

    /// What is compared: tshark's field, and where ours stands.
    const FIELDS: &[(&str, &str)] = &[
        ("tls.handshake.ja3", "/tls/client/ja3"),
        ("tls.handshake.ja3s", "/tls/server/ja3s"),
        ("tls.handshake.extensions_server_name", "/tls/client/server_name"),
        ("ssh.kex.hassh", "/bartizan/ssh/hassh"),
        ("ssh.kex.hasshserver", "/bartizan/ssh/hassh_server"),
    ];

    /// Captures of which tshark tells what we do not, each with the reason.
    const EXPLAINED: &[(&str, &str)] = &[
        (
            "hrr.pcap",
            "the server's hello is not in the capture; tshark digests its request for another",
        ),
        ("ssl.v3.pcap", "the first client's hello has the form of SSL 2"),
        ("xmpp-dialback-starttls.pcap", "TLS begins within XMPP, which is not read"),
        ("xmpp-starttls.pcap", "TLS begins within XMPP, which is not read"),
        ("irc-starttls.pcap", "TLS begins within IRC, which is not read"),
        ("dtls13-cid.pcap", "DTLS is not read"),
    ];

    fn has(program: &str) -> bool {
        let mut asked = Command::new(program);
        asked.arg("-v").stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    }

    fn captures(folder: &str) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(Path::new(CORPUS).join(folder)) else {
            return Vec::new();
        };
        let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        found.retain(|path| {
            let name = path.file_name().unwrap_or_default();
            let explained = EXPLAINED.iter().any(|(known, _)| name == *known);
            !explained && path.extension().is_some_and(|extension| extension == "pcap")
        });
        found.sort();
        found
    }

    fn theirs(path: &Path) -> Vec<BTreeSet<String>> {
        let mut command = Command::new("tshark");
        command.arg("-r").arg(path).args(["-Y", "tls or ssh", "-T", "fields", "-E", "separator=|"]);
        for (field, _) in FIELDS {
            command.args(["-e", field]);
        }
        let output = command.stderr(Stdio::null()).output().unwrap();
        let mut sets = vec![BTreeSet::new(); FIELDS.len()];
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            for (set, cell) in sets.iter_mut().zip(line.split('|')) {
                set.extend(cell.split(',').filter(|one| !one.is_empty()).map(str::to_owned));
            }
        }
        sets
    }

    fn ours(path: &Path) -> Vec<BTreeSet<String>> {
        let bytes = std::fs::read(path).unwrap();
        let mut reader = PcapReader::new();
        let mut flows = Flows::new(FlowConfig::default());
        let mut lines = Lines::default();
        // A broken file is read to where it can be.
        let _ = reader.feed(&bytes, &mut |raws: &[Raw<'_>]| flows.read_all(raws, &mut lines));
        while flows.finish_file(&mut lines) {}
        let mut sets = vec![BTreeSet::new(); FIELDS.len()];
        for line in lines.iter() {
            let value: Value = serde_json::from_str(line).unwrap();
            for (set, (_, place)) in sets.iter_mut().zip(FIELDS) {
                set.extend(value.pointer(place).and_then(Value::as_str).map(str::to_owned));
            }
        }
        sets
    }

    fn compare(folder: &str, values_min: usize) {
        let found = captures(folder);
        if found.is_empty() {
            eprintln!("skipped: no captures in {CORPUS}/{folder}");
            return;
        }
        if let Some(absent) = ["tshark", "mergecap"].into_iter().find(|program| !has(program)) {
            eprintln!("skipped: {absent} is not installed");
            return;
        }
        // Each start of it takes a second: all captures go into one.
        let whole = tempfile::NamedTempFile::new().unwrap();
        let mut merge = Command::new("mergecap");
        merge.args(["-a", "-w"]).arg(whole.path()).args(&found);
        assert!(merge.stderr(Stdio::null()).status().unwrap().success());
        let mut sets = vec![BTreeSet::new(); FIELDS.len()];
        for path in &found {
            for (set, more) in sets.iter_mut().zip(ours(path)) {
                set.extend(more);
            }
        }
        let (mut agreed, mut faults) = (0, Vec::new());
        for ((field, _), (theirs, ours)) in
            FIELDS.iter().zip(theirs(whole.path()).iter().zip(&sets))
        {
            agreed += theirs.intersection(ours).count();
            let missed: Vec<&String> = theirs.difference(ours).collect();
            if !missed.is_empty() {
                faults.push(format!("{field}: {missed:?}"));
            }
        }
        assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
        assert!(agreed >= values_min, "only {agreed} values agree");
    }

    #[test]
    fn tls() {
        compare("tls", 70);
    }

    #[test]
    fn quic() {
        compare("quic", 10);
    }

    #[test]
    fn ssh() {
        compare("ssh", 20);
    }
}
