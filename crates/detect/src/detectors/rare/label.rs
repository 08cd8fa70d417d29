//! What is looked at of a program's file: the kind of folder it lies in, and its name without what changes from one
//! day to the next.

use crate::keep;
use crate::names::Names;

/// How much of a name or a path is looked at; the rest of a longer one is cut off.
pub(super) const TEXT_BYTES_MAX: usize = 255;
/// From so many letters on a part of a name may be one by chance.
const CHANCE_LETTERS_MIN: usize = 8;
/// How much likelier it must be that a program made a part of a name up than that somebody chose it (a logarithm).
const CHANCE_ODDS: f64 = 6.0;
const MIXED_ODDS: f64 = 2.0;
/// Between letters and figures such a part changes so often.
const CHANGES_MIN: usize = 3;

/// From so many capitals and figures on fewer changes do.
const CAPITALS_MIN: usize = 6;
/// A part in both cases is by chance where they change so often, in hundredths of its letters.
const CASES_PERCENT_MIN: usize = 40;
/// How many folders make an area, and how many where users' programs keep what is theirs.
const AREA_FOLDERS: usize = 4;
const AREA_FOLDERS_KEPT: usize = 5;

/// Programs that put other programs in place, without their ending.
const INSTALLERS: &[&str] = &[
    "apk",
    "apt",
    "apt-get",
    "dnf",
    "dpkg",
    "flatpak",
    "installer",
    "msiexec",
    "nix",
    "packagekitd",
    "pacman",
    "rpm",
    "snapd",
    "softwareupdated",
    "tiworker",
    "trustedinstaller",
    "unattended-upgrade",
    "winget",
    "wusa",
    "yum",
    "zypper",
];

/// Where a program lies, as far as that tells who could put it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The path is not told.
    Untold,
    /// The system's own folders.
    System,
    /// Where programs are installed for all.
    Installed,
    /// Where anybody may write, for a while.
    Temporary,
    /// What somebody has downloaded.
    Downloaded,
    /// A user's own folders.
    Own,
    Other,
}

impl Place {
    /// Gives the place of a path that is written in small letters.
    fn of(path: &str) -> Self {
        const TEMPORARY: &[&str] =
            &["/tmp/", "/dev/shm/", "/run/", "/temp/", "/inetcache/", "/$recycle.bin/"];
        const SYSTEM: &[&str] = &["/bin/", "/sbin/", "/lib/", "/lib64/", "/usr/", "/system/"];
        const INSTALLED: &[&str] = &["/usr/local/", "/opt/", "/snap/", "/nix/", "/applications/"];
        let has = |parts: &[&str]| parts.iter().any(|part| path.contains(part));
        let begins = |parts: &[&str]| parts.iter().any(|part| path.starts_with(part));
        if !path.contains('/') {
            Self::Untold
        } else if has(TEMPORARY) {
            Self::Temporary
        } else if path.contains("/downloads/") {
            Self::Downloaded
        } else if begins(&["/home/", "/root/", "/users/"]) || path.contains(":/users/") {
            Self::Own
        } else if begins(INSTALLED) || path.contains(":/program files") {
            Self::Installed
        } else if begins(SYSTEM) || path.contains(":/windows/") {
            Self::System
        } else {
            Self::Other
        }
    }

    /// Tells whether only installers, and who may do anything, write there.
    pub(super) fn is_kept(self) -> bool {
        matches!(self, Self::System | Self::Installed)
    }

    /// Tells whether a user writes there without asking anybody, and keeps programs there.
    fn is_user(self) -> bool {
        matches!(self, Self::Own | Self::Downloaded)
    }

    /// Gives the place in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Untold => "",
            Self::System => " from the system's folders",
            Self::Installed => " from where programs are installed",
            Self::Temporary => " from a folder for temporary files",
            Self::Downloaded => " from a folder of downloads",
            Self::Own => " from a user's own folders",
            Self::Other => " from a folder of no usual kind",
        }
    }

    pub(super) fn number(self) -> u8 {
        match self {
            Self::Untold => 0,
            Self::System => 1,
            Self::Installed => 2,
            Self::Temporary => 3,
            Self::Downloaded => 4,
            Self::Own => 5,
            Self::Other => 6,
        }
    }

    pub(super) fn of_number(number: u64) -> Option<Self> {
        let all = [
            Self::Untold,
            Self::System,
            Self::Installed,
            Self::Temporary,
            Self::Downloaded,
            Self::Own,
            Self::Other,
        ];
        all.get(usize::try_from(number).ok()?).copied()
    }
}

/// What a program is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) place: Place,
    /// The beginning of the path without what changes: where such programs lie.
    pub(super) area: u64,
    /// The place and the name without what changes.
    pub(super) program: u64,
    /// Whether it puts other programs in place.
    pub(super) installs: bool,
    /// Whether its name looks as if nobody had chosen it.
    pub(super) by_chance: bool,
}

impl Label {
    /// Gives the label of a program by its name, and its path where that is told.
    pub(super) fn of(name: &str, path: &str) -> Self {
        let lower = path.to_lowercase().replace('\\', "/");
        let place = Place::of(&lower);
        let plain = plain(name);
        let stem = plain.split('.').next().unwrap_or_default();
        let installs = place != Place::Temporary && INSTALLERS.contains(&stem);
        let program = keep::hash(format!("{} {plain}", place.number()).as_bytes());
        let area = keep::hash(area(path, place).as_bytes());
        Self { place, area, program, installs, by_chance: stem.contains('*') }
    }
}

/// Gives the first folders of a path without what changes, whose user it is, and the folder that a program that is
/// installed has for itself.
fn area(path: &str, place: Place) -> String {
    let path = path.replace('\\', "/");
    let mut folders: Vec<&str> = path.split('/').collect();
    let own = matches!(place, Place::Installed | Place::Own);
    folders.truncate(folders.len().saturating_sub(if own && folders.len() > 3 { 2 } else { 1 }));
    let mut area = String::new();
    let mut is_user = false;
    let mut most = AREA_FOLDERS;
    for (at, folder) in folders.into_iter().enumerate() {
        if at >= most {
            break;
        }
        let folder = match folder {
            _ if is_user => "*".to_owned(),
            // What is hidden is of one kind, whatever it is called; users' settings are all hidden so.
            hidden if hidden.starts_with('.') && !place.is_user() => ".*".to_owned(),
            folder => plain(folder),
        };
        is_user = matches!(&*folder, "users" | "home");
        if folder == "appdata" {
            most = AREA_FOLDERS_KEPT;
        }
        area.push_str(&folder);
        area.push('/');
    }
    area
}

/// Gives the group of a machine: its name without its number and its domain.
pub(super) fn group_of(host: &str) -> &str {
    let first = host.split('.').next().unwrap_or_default();
    let group = first.trim_end_matches(['#', '*', '-', '_']);
    if group.is_empty() { host } else { group }
}

/// Gives as much of a text as is looked at.
pub(super) fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default()
}

/// Gives a name in small letters, with `#` for every run of figures and `*` for every part that looks as if it was
/// made by chance: versions, hashes and the numbers of temporary files make no new program.
pub(super) fn plain(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_part = |letter: char| letter.is_alphanumeric();
        if !is_part(first) {
            out.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        if is_by_chance(part) {
            out.push('*');
        } else {
            figures_folded(part, &mut out);
        }
        rest = after;
    }
    out
}

fn figures_folded(part: &str, out: &mut String) {
    for letter in part.chars() {
        match letter {
            '0'..='9' if out.ends_with('#') => {}
            '0'..='9' => out.push('#'),
            _ => out.extend(letter.to_lowercase()),
        }
    }
}

/// Tells whether a part of a name looks as if nobody had chosen it.
fn is_by_chance(part: &str) -> bool {
    let bytes = part.as_bytes();
    let figures = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let pairs = bytes.iter().zip(bytes.iter().skip(1));
    let changes = pairs.filter(|(one, next)| one.is_ascii_digit() != next.is_ascii_digit()).count();
    if changes >= CHANGES_MIN && figures < bytes.len() {
        return true;
    }
    // As installers name what they unpack.
    let capitals = bytes.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    if capitals && bytes.len() >= CAPITALS_MIN && changes + 1 >= CHANGES_MIN {
        return true;
    }
    if bytes.len() < CHANCE_LETTERS_MIN || figures == bytes.len() {
        return false;
    }
    let cases = bytes.iter().zip(bytes.iter().skip(1)).filter(|(one, next)| {
        one.is_ascii_alphabetic()
            && next.is_ascii_alphabetic()
            && one.is_ascii_uppercase() != next.is_ascii_uppercase()
    });
    let cases = cases.count();
    if cases * 100 >= (bytes.len() - 1) * CASES_PERCENT_MIN {
        return true;
    }
    // Figures among letters, or capitals among small ones, make chance more likely to begin with.
    let mixed = figures > 0 && changes >= 2 && cases > 0;
    let least = if cases >= CHANGES_MIN { MIXED_ODDS } else { CHANCE_ODDS };
    let hex = figures > 0 && bytes.iter().all(u8::is_ascii_hexdigit);
    hex || mixed || Names::shipped().odds(&part.to_ascii_lowercase()) >= least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_makes_no_new_program() {
        for (name, expected) in [
            ("Chrome.exe", "chrome.exe"),
            ("setup-4.12.9.exe", "setup-#.#.#.exe"),
            ("python3.11", "python#.#"),
            ("tmp.X7sKq29vLw", "tmp.*"),
            ("is-8F2K1.tmp", "is-*.tmp"),
            ("tmp.aXbdQRzkPw", "tmp.*"),
            ("SearchProtocolHost.exe", "searchprotocolhost.exe"),
            ("unit-3fa9c07be2d14a55", "unit-*"),
            ("MSI703Y.tmp", "*.tmp"),
            ("tmp.CsSRNT00fw", "tmp.*"),
            ("tmp.xIoeblMOMG", "tmp.*"),
            ("PowerToysRunner.exe", "powertoysrunner.exe"),
            ("7z", "#z"),
            ("qzxvkwjpl.exe", "*.exe"),
            ("svchost.exe", "svchost.exe"),
            ("powershell.exe", "powershell.exe"),
            ("x86_64-linux-gnu-gcc-12", "x#_#-linux-gnu-gcc-#"),
            ("\u{c9}diteur", "\u{e9}diteur"),
        ] {
            assert_eq!(plain(name), expected, "{name}");
        }
    }

    #[test]
    fn a_place_tells_who_could_put_a_program_there() {
        for (path, place) in [
            (r"C:\Windows\System32\cmd.exe", Place::System),
            (r"C:\Windows\Temp\a.exe", Place::Temporary),
            (r"C:\Program Files (x86)\Word\word.exe", Place::Installed),
            (r"C:\Users\eve\AppData\Local\Temp\x.exe", Place::Temporary),
            (r"C:\Users\eve\Downloads\x.exe", Place::Downloaded),
            (r"C:\Users\eve\AppData\Roaming\x\x.exe", Place::Own),
            (r"C:\ProgramData\x\x.exe", Place::Other),
            ("/usr/bin/id", Place::System),
            ("/usr/local/bin/tool", Place::Installed),
            ("/var/tmp/.x/miner", Place::Temporary),
            ("/home/eve/x", Place::Own),
            ("/srv/x", Place::Other),
            ("id", Place::Untold),
            ("", Place::Untold),
        ] {
            assert_eq!(Label::of("x", path).place, place, "{path}");
        }
    }

    #[test]
    fn an_area_is_where_such_programs_lie() {
        for (path, expected) in [
            (r"C:\Windows\System32\cmd.exe", "c:/windows/system#/"),
            (r"C:\Windows\x.exe", "c:/windows/"),
            (r"C:\Program Files\Word\word.exe", "c:/program files/"),
            (r"C:\Users\eve\AppData\Roaming\x\x.exe", "c:/users/*/appdata/roaming/"),
            (r"C:\Users\bob\Downloads\setup.exe", "c:/users/*/downloads/"),
            ("/usr/bin/id", "/usr/bin/"),
            ("/var/tmp/.x/miner", "/var/tmp/.*/"),
            ("/home/eve/.config/x/y", "/home/*/.config/"),
            ("/builds/runner-aB3dE9xY/run-17/target/debug/x", "/builds/runner-*/run-#/"),
            ("", ""),
        ] {
            let place = Label::of("x", path).place;
            assert_eq!(area(path, place), expected, "{path}");
        }
    }
}
