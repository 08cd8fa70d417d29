//! What names targets, ports and probes of a scan is read or refused, whatever it holds; what was read
//! and is written out again is read as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::scan::{Foreign, Ports, Targets, Transport, resolve_nothing};

fuzz_target!(|bytes: &[u8]| {
    let _ = Foreign::parse(bytes);
    let text = String::from_utf8_lossy(bytes);
    if let Ok(targets) = Targets::parse_list(&text, &resolve_nothing) {
        let again = Targets::parse([targets.to_string().as_str()], &resolve_nothing);
        assert!(targets.is_empty() || again.as_ref() == Ok(&targets));
        let _ = (targets.first_public(), targets.count());
    }
    if let Ok(ports) = Ports::parse(&text, Transport::Tcp) {
        assert_eq!(Ports::parse(&ports.to_string(), Transport::Tcp).as_ref(), Ok(&ports));
    }
});
