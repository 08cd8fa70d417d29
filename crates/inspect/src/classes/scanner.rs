//! Scanners that give their name in the `User-Agent`.
//!
//! Whoever hides does not; but a name given is certain and costs nothing to read.

use super::shared::{find, from};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::Scanner,
    summary: "a client that names itself as an attack tool",
    literals: NAMES,
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[Kind::Path, Kind::Value, Kind::Name, Kind::Header, Kind::Document],
    confirm,
};

const NAMES: &[&str] = &[
    "sqlmap",
    "nikto",
    "nessus",
    "nmap scripting",
    "masscan",
    "zgrab",
    "acunetix",
    "netsparker",
    "dirbuster",
    "gobuster",
    "feroxbuster",
    "wpscan",
    "w3af",
    "arachni",
    "openvas",
    "havij",
    "jorgee",
    "zmeu",
    "morfeus",
    "fimap",
    "commix",
    "joomscan",
    "whatweb",
    "nuclei",
    "burpcollaborator",
    "interact.sh",
    "oast.",
    "absinthe",
    "bsqlbf",
    "grabber",
    "paros",
    "webinspect",
    "brutus",
    "hydra",
    "xsser",
    "vega/",
    "ffuf",
    "fuzz faster",
    "dirsearch",
    "wfuzz",
    "skipfish",
    "appscan",
    "qualys",
    "detectify",
    ".nasl",
    "sf-scan",
    "libwhisker",
    "metis",
];

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let at = NAMES.iter().find_map(|name| find(view.lower, name.as_bytes()))?;
    Some(from(view, at, 0.8))
}
