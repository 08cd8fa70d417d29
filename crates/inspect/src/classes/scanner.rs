//! Scanners and attack tools: by the name they give in the `User-Agent`, and by what they ask for
//! that nobody else asks for.
//!
//! Whoever hides does not; but a name given is certain and costs nothing to read. A library's name
//! says only that no person sat there: a hint, since half of the honest programs send it too.

use super::shared::{find, from};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::Scanner,
    summary: "a client that names itself as an attack tool, or asks as only such a tool does",
    literals: NAMES,
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[Kind::Path, Kind::Value, Kind::Name, Kind::Header, Kind::Document],
    confirm: named,
};

/// The row of what is asked for; apart, so that no path is searched for the names of tools.
pub(super) const PROBE_CLASS: ClassRow = ClassRow {
    class: Class::Scanner,
    summary: "a request that only an attack tool sends, to see how what is absent is answered",
    literals: PROBES,
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[Kind::Value, Kind::Name, Kind::Header, Kind::Agent, Kind::Document],
    confirm: probed,
};

/// The row of programs that are no browsers.
pub(super) const LIBRARY_CLASS: ClassRow = ClassRow {
    class: Class::Scanner,
    summary: "a client that is a library or a command; information only",
    literals: LIBRARIES,
    confirm: library,
    ..CLASS
};

/// Names of tools, in lower case; each must begin and end as a word does.
const NAMES: &[&str] = &[
    "sqlmap",
    "nikto",
    "nessus",
    "nmap scripting",
    "nmap",
    "masscan",
    "zgrab",
    "zmap",
    "acunetix",
    "netsparker",
    "invicti",
    "dirbuster",
    "dirb",
    "gobuster",
    "feroxbuster",
    "wpscan",
    "w3af",
    "arachni",
    "openvas",
    "greenbone",
    "havij",
    "jorgee",
    "zmeu",
    "morfeus",
    "fimap",
    "commix",
    "joomscan",
    "droopescan",
    "cmsmap",
    "whatweb",
    "wappalyzer",
    "nuclei",
    "burpcollaborator",
    "burp",
    "burpsuite",
    "portswigger",
    "interact.sh",
    "interactsh",
    "oast",
    "absinthe",
    "bsqlbf",
    "paros",
    "webinspect",
    "brutus",
    "hydra",
    "thc-hydra",
    "medusa",
    "patator",
    "ncrack",
    "xsser",
    "xsstrike",
    "dalfox",
    "vega/",
    "ffuf",
    "fuzz faster",
    "dirsearch",
    "wfuzz",
    "skipfish",
    "appscan",
    "qualys",
    "qualysguard",
    "detectify",
    "nasl",
    "sf-scan",
    "libwhisker",
    "metis",
    "owasp zap",
    "zaproxy",
    "owasp_zap",
    "httpx - open-source",
    "projectdiscovery",
    "subfinder",
    "naabu",
    "jaeles",
    "hakrawler",
    "gospider",
    "aquatone",
    "eyewitness",
    "rustbuster",
    "kiterunner",
    "arjun",
    "paramspider",
    "tplmap",
    "sqlninja",
    "sqlsus",
    "nosqlmap",
    "jsql",
    "bbqsql",
    "webshag",
    "uniscan",
    "golismero",
    "rapid7",
    "nexpose",
    "insightappsec",
    "webcruiser",
    "n-stealth",
    "nstalker",
    "cgichk",
    "webvulnscan",
    "wapiti",
    "l9explore",
    "l9tcpid",
    "xspider",
    "tsunamisecurityscanner",
    "tsunami security scanner",
    "shodan",
    "censysinspect",
    "internetmeasurement",
    "metasploit",
    "cobalt strike",
    "weevely",
    "antsword",
    "behinder",
    "log4j-scan",
    "vulscan",
    "pocsuite",
];
/// What tools ask for to see how a server answers what is not there.
const PROBES: &[&str] = &[
    "nmaplowercheck",
    "nice ports,/tri",
    "acunetix-wvs-test",
    "acunetix_wvs",
    "w00tw00t",
    "muieblackcat",
    "netsparker-",
    "appscan_fingerprint",
    "openvas-",
];
/// Libraries, and programs that people write programs with.
const LIBRARIES: &[&str] = &[
    "curl/",
    "python-requests/",
    "python-urllib",
    "python-httpx/",
    "aiohttp/",
    "go-http-client/",
    "wget/",
    "libwww-perl/",
    "okhttp/",
    "apache-httpclient/",
    "java/",
    "node-fetch",
    "axios/",
    "scrapy/",
];
/// The score of a library's name: information only.
const HINT_SCORE: f64 = 0.1;
/// Most places of one name looked at.
const PLACES_MAX: usize = 8;

fn named(view: &View<'_>) -> Option<Evidence> {
    let at = NAMES.iter().find_map(|name| word(view.lower, name.as_bytes()))?;
    Some(from(view, at, 0.8))
}

/// A program that uses a library names itself before it.
fn library(view: &View<'_>) -> Option<Evidence> {
    let begins = LIBRARIES.iter().any(|name| view.lower.starts_with(name.as_bytes()));
    begins.then(|| from(view, 0, HINT_SCORE))
}

fn probed(view: &View<'_>) -> Option<Evidence> {
    let at = PROBES.iter().find_map(|probe| find(view.lower, probe.as_bytes()))?;
    Some(from(view, at, 0.8))
}

/// Gives where `name` stands as a word of its own: `dirb` is no part of `dirbirds`.
fn word(text: &[u8], name: &[u8]) -> Option<usize> {
    let own = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphabetic());
    memchr::memmem::find_iter(text, name).take(PLACES_MAX).find(|at| {
        own(at.checked_sub(1).and_then(|at| text.get(at))) && own(text.get(at + name.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{quiet, request, said};
    use super::*;

    const CLASS: Class = Class::Scanner;

    #[test]
    fn tools() {
        for agent in [
            "sqlmap/1.8.11#stable (https://sqlmap.org)",
            "Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:Port Check)",
            "Mozilla/5.0 (Hydra)",
            "feroxbuster/2.11.0",
            "Fuzz Faster U Fool v2.1.0-dev",
            "httpx - Open-source project (github.com/projectdiscovery/httpx)",
            "WhatWeb/0.5.5",
            "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)",
            "Arachni/v1.5",
            "masscan-ng/1.3",
            "DIRB/2.22",
        ] {
            said(CLASS, &request("GET", "/", &[("User-Agent", agent)], ""));
        }
        for target in ["/nmaplowercheck1732172", "/nice%20ports%2C/Tri%6Eity.txt%2ebak"] {
            said(CLASS, &request("GET", target, &[], ""));
        }
    }

    #[test]
    fn programs_and_people() {
        for agent in [
            "curl/8.5.0",
            "python-requests/2.32.3",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Hydrate/1.0 (+https://hydration.example)",
            "Burpee-Seeds/2.0",
            "LasVegas-Guide/3.1",
            "Medusan/1.0",
            "ToastApp/2.1",
        ] {
            quiet(CLASS, &request("GET", "/blog/how-to-use-sqlmap", &[("User-Agent", agent)], ""));
        }
    }

    #[test]
    fn a_library_is_a_hint() {
        let verdict = crate::inspect_access_log(&crate::AccessLog {
            method: "GET",
            target: "/",
            user_agent: Some("curl/8.5.0"),
            referrer: None,
        });
        assert!(!verdict.attack && verdict.findings.len() == 1, "{verdict:?}");
    }
}
