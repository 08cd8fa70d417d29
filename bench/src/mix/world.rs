//! Who and what there is: users, hosts, addresses, paths, names, programs.

use std::net::Ipv4Addr;

use super::dice::{Crowd, Dice};

/// A program on Windows and how it is called.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) arguments: &'static str,
}

/// All there is.
#[derive(Debug)]
pub(super) struct World {
    pub(super) users: Crowd<String>,
    pub(super) servers: Crowd<String>,
    pub(super) clients: Crowd<String>,
    pub(super) outside: Crowd<Ipv4Addr>,
    pub(super) inside: Crowd<Ipv4Addr>,
    pub(super) paths: Crowd<String>,
    pub(super) agents: Crowd<String>,
    pub(super) names: Crowd<String>,
    pub(super) programs: Crowd<Program>,
    pub(super) ports: Crowd<u16>,
    pub(super) rules: Crowd<u32>,
}

impl World {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let ports = vec![443, 53, 80, 22, 3389, 445, 8080, 25, 123, 993, 8443, 5432, 3306, 21];
        Self {
            users: Crowd::new((0..3000).map(|n| user(n, dice)).collect(), 1.05),
            servers: Crowd::new((0..300).map(|n| server(n, dice)).collect(), 0.9),
            clients: Crowd::new(
                (0..1500).map(|n| format!("WS-{:05}", n * 37 % 99_991)).collect(),
                0.6,
            ),
            outside: Crowd::new((0..60_000).map(|_| outside(dice)).collect(), 1.0),
            inside: Crowd::new((0..6000).map(|_| inside(dice)).collect(), 0.9),
            paths: Crowd::new((0..400).map(|n| path(n, dice)).collect(), 1.0),
            agents: Crowd::new((0..90).map(|_| agent(dice)).collect(), 1.1),
            names: Crowd::new((0..25_000).map(|n| name(n, dice)).collect(), 1.0),
            programs: Crowd::new((0..160).map(|n| program(n, dice)).collect(), 1.0),
            ports: Crowd::new(ports, 1.1),
            rules: Crowd::new(
                (0..240).map(|_| u32::try_from(dice.between(100, 9999)).unwrap_or(1)).collect(),
                1.1,
            ),
        }
    }
}

const FIRST: [&str; 24] = [
    "anna", "ben", "clara", "david", "emma", "felix", "greta", "hugo", "ida", "jonas", "karla",
    "leon", "mia", "noah", "olga", "paul", "quentin", "rosa", "simon", "thea", "udo", "vera",
    "willi", "zoe",
];
const LAST: [&str; 30] = [
    "adler", "bauer", "conrad", "dietz", "ebert", "fuchs", "graf", "haas", "iser", "jung", "kern",
    "lang", "maier", "nagel", "ott", "pohl", "quast", "roth", "seidel", "thiel", "ulrich", "vogt",
    "weber", "xaver", "yilmaz", "zander", "brandt", "fink", "horn", "winkler",
];
const SERVICE_USERS: [&str; 8] =
    ["root", "admin", "deploy", "backup", "postgres", "www-data", "git", "jenkins"];

fn user(number: usize, dice: &mut Dice) -> String {
    match SERVICE_USERS.get(number / 3) {
        Some(service) if number.is_multiple_of(3) => (*service).to_owned(),
        _ => {
            let (first, last) = (*dice.one_of(&FIRST), *dice.one_of(&LAST));
            match dice.below(3) {
                0 => format!("{first}.{last}"),
                1 => format!("{first}{}", dice.below(1000)),
                _ => format!("{}{last}{}", first.get(..1).unwrap_or_default(), dice.below(100)),
            }
        }
    }
}

fn server(number: usize, dice: &mut Dice) -> String {
    let role = *dice.one_of(&["web", "db", "app", "mail", "build", "jump", "cache", "queue"]);
    format!("{role}-{:02}.{}", number / 6, dice.one_of(&["fra", "ber", "ams", "iad"]))
}

fn outside(dice: &mut Dice) -> Ipv4Addr {
    loop {
        let [a, b, c, d, ..] = dice.word().to_le_bytes();
        let reserved = matches!(a, 0 | 10 | 100 | 127 | 169 | 172 | 192 | 198 | 203 | 224..);
        if !reserved {
            return Ipv4Addr::new(a, b, c, d);
        }
    }
}

fn inside(dice: &mut Dice) -> Ipv4Addr {
    let [b, c, d, ..] = dice.word().to_le_bytes();
    Ipv4Addr::new(10, b % 24, c, d)
}

fn path(number: usize, dice: &mut Dice) -> String {
    let thing = *dice.one_of(&[
        "items", "orders", "users", "carts", "invoices", "search", "images", "reports", "sessions",
        "tickets", "feeds", "exports",
    ]);
    match number % 5 {
        0 => format!("/api/v{}/{thing}/#", dice.between(1, 3)),
        1 => format!("/api/v2/{thing}?page=#&sort={}", dice.one_of(&["name", "date", "price"])),
        2 => format!(
            "/static/{thing}/{}.{}",
            dice.below(10_000),
            dice.one_of(&["js", "css", "png", "woff2"])
        ),
        3 => format!("/{thing}/{}/view?ref=#", dice.one_of(LAST.as_slice())),
        _ => format!("/{}/{thing}", dice.one_of(&["admin", "shop", "blog", "account", "help"])),
    }
}

fn agent(dice: &mut Dice) -> String {
    let system = *dice.one_of(&[
        "Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "X11; Linux x86_64",
        "iPhone; CPU iPhone OS 18_5 like Mac OS X",
        "Linux; Android 15; Pixel 9",
    ]);
    match dice.below(5) {
        0 | 3 | 4 => format!(
            "Mozilla/5.0 ({system}; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
            dice.between(115, 146)
        ),
        1 => format!("curl/8.{}.{}", dice.below(16), dice.below(4)),
        2 => format!(
            "Mozilla/5.0 (compatible; crawler/{}.{}; +https://crawler.example/bot)",
            dice.below(4),
            dice.below(10)
        ),
        _ => format!(
            "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.{}.{} Safari/537.36",
            dice.between(118, 143),
            dice.between(5000, 7400),
            dice.below(250),
        ),
    }
}

fn name(number: usize, dice: &mut Dice) -> String {
    let zone = *dice.one_of(&["com", "net", "org", "de", "io", "eu", "cloud"]);
    let head = *dice.one_of(&[
        "www",
        "api",
        "cdn",
        "mail",
        "login",
        "img",
        "static",
        "eu-west-1",
        "telemetry",
    ]);
    format!(
        "{head}.{}{}{}.{zone}",
        dice.one_of(&LAST),
        dice.one_of(&["", "-", "labs", "shop", "it"]),
        number % 997
    )
}

const PROGRAMS: [(&str, &str); 12] = [
    ("svchost.exe", "-k netsvcs -p -s Schedule"),
    ("cmd.exe", "/c \"C:\\Scripts\\job-#.cmd\""),
    ("powershell.exe", "-NoProfile -NonInteractive -File C:\\Scripts\\inventory-#.ps1"),
    ("conhost.exe", "0xffffffff -ForceV1"),
    ("chrome.exe", "--type=renderer --field-trial-handle=# --lang=en-GB --renderer-client-id=#"),
    (
        "msedge.exe",
        "--type=utility --utility-sub-type=network.mojom.NetworkService --mojo-handle=#",
    ),
    ("Teams.exe", "--type=gpu-process --handle=#"),
    ("OUTLOOK.EXE", "/embedding"),
    ("taskhostw.exe", "{#}"),
    ("rundll32.exe", "C:\\Windows\\System32\\shell32.dll,Control_RunDLL #"),
    ("git.exe", "fetch --prune origin refs/pull/#/head"),
    ("python.exe", "C:\\Tools\\agent\\run.py --task # --retry 3"),
];

fn program(number: usize, dice: &mut Dice) -> Program {
    let (name, arguments) = *dice.one_of(&PROGRAMS);
    let folder = match number % 4 {
        0 => "C:\\Windows\\System32".to_owned(),
        1 => "C:\\Windows\\SysWOW64".to_owned(),
        2 => format!(
            "C:\\Program Files\\{}",
            dice.one_of(&["Google", "Microsoft", "Tools", "Vendor"])
        ),
        _ => format!("C:\\Users\\{}\\AppData\\Local\\Programs", user(number, dice)),
    };
    Program { path: format!("{folder}\\{name}"), name: name.to_owned(), arguments }
}
