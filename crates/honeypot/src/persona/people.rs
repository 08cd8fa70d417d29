//! Names of machines and people, and who has an account.

use std::collections::BTreeSet;
use std::time::Duration;

use model::Timestamp;

use super::dice::Dice;
use super::systems::System;

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name that is typed at log-in.
    pub name: String,
    /// The whole name.
    pub full_name: String,
    /// The number, and that of the group of the same name.
    pub uid: u32,
    /// The folder.
    pub home: String,
    /// When the account was made.
    pub made: Timestamp,
    /// When it was used last, before anybody came.
    pub last_login: Timestamp,
    /// From where.
    pub last_from: String,
}

const FIRST: &[&str] = &[
    "Anna", "Bruno", "Carla", "Daniel", "Elena", "Fabian", "Greta", "Henrik", "Irene", "Jonas",
    "Karin", "Lukas", "Marta", "Nils", "Olga", "Pavel", "Robert", "Sandra", "Tomas", "Ursula",
    "Viktor", "Walter", "Yvonne", "Simon", "Peter", "Laura", "Markus", "Helen", "George", "Diana",
];
const LAST: &[&str] = &[
    "Albrecht", "Berger", "Castro", "Dvorak", "Eriksen", "Fischer", "Garcia", "Hansen", "Ivanov",
    "Jensen", "Keller", "Lindberg", "Moreno", "Novak", "Olsen", "Petrov", "Quinn", "Rossi",
    "Schmid", "Tanaka", "Urban", "Vogel", "Weber", "Young", "Zimmer", "Meyer", "Brandt", "Clarke",
];
const ROLES: &[&str] = &[
    "web", "app", "db", "files", "mail", "build", "backup", "intranet", "proxy", "stage", "erp",
    "crm", "git", "media", "report", "gateway",
];
const SITES: &[&str] = &["prod", "fra", "ams", "lon", "muc", "dc1", "dc2", "int", "srv", "node"];
const FIRMS: &[&str] = &[
    "alderwood",
    "brightline",
    "castellan",
    "deltaworks",
    "eastgate",
    "fairmont",
    "greyfield",
    "harbourside",
    "ironbridge",
    "juniper-hill",
    "kingsway",
    "lakeland",
    "meridian",
    "northgate",
    "oakridge",
    "pinecrest",
    "quayside",
    "riverton",
    "stonebrook",
    "westmark",
];
const ENDINGS: &[&str] = &["local", "lan", "internal", "corp", "intra"];

/// Accounts and passwords that are tried often; each installation has some of them.
const WEAK: &[(&str, &str)] = &[
    ("root", "root"),
    ("root", "123456"),
    ("root", "password"),
    ("root", "admin"),
    ("root", "toor"),
    ("root", "12345678"),
    ("root", "1234"),
    ("root", "qwerty"),
    ("root", "111111"),
    ("root", "P@ssw0rd"),
    ("root", "root123"),
    ("root", "admin123"),
    ("root", "letmein"),
    ("root", "changeme"),
    ("root", "123123"),
    ("root", "passw0rd"),
    ("admin", "admin"),
    ("admin", "password"),
    ("admin", "123456"),
    ("admin", "admin123"),
    ("admin", "1234"),
    ("admin", "12345"),
    ("user", "user"),
    ("user", "123456"),
    ("test", "test"),
    ("test", "123456"),
    ("guest", "guest"),
    ("oracle", "oracle"),
    ("postgres", "postgres"),
    ("ubuntu", "ubuntu"),
    ("pi", "raspberry"),
    ("support", "support"),
    ("ftpuser", "ftpuser"),
    ("git", "git"),
    ("deploy", "deploy"),
    ("nagios", "nagios"),
];
/// How many of them open.
const WEAK_OPEN: usize = 7;

pub(super) fn host_name(dice: &Dice) -> String {
    let role = dice.pick("role", ROLES);
    let number = dice.between("number", 1, 24);
    match dice.between("shape", 0, 3) {
        0 => format!("{role}{number:02}"),
        1 => format!("{role}-{number}"),
        2 => format!("{}-{role}-{number:02}", dice.pick("site", SITES)),
        _ => format!("{role}-{}{number}", dice.pick("site", SITES)),
    }
}

pub(super) fn domain(dice: &Dice) -> String {
    format!("{}.{}", dice.pick("firm", FIRMS), dice.pick("ending", ENDINGS))
}

/// Gives the pairs that open an account here.
pub(super) fn weak(dice: &Dice) -> Vec<(String, String)> {
    let mut order: Vec<_> =
        WEAK.iter().map(|pair| (dice.bytes(&format!("weak {pair:?}")), *pair)).collect();
    order.sort_unstable();
    let open = order.into_iter().take(WEAK_OPEN);
    open.map(|(_, (user, password))| (user.to_owned(), password.to_owned())).collect()
}

/// Gives `root` and two to four people.
pub(super) fn users(dice: &Dice, system: &System, set_up: Timestamp, born: Timestamp) -> Vec<User> {
    let mut users = vec![user(dice, ("root", "root"), 0, set_up, born)];
    let mut taken = BTreeSet::new();
    if system.os.id == "ubuntu" {
        // The account that the installer asks for.
        taken.insert("sysadm".to_owned());
        users.push(user(dice, ("sysadm", "System Administrator"), 1000, set_up, born));
    }
    let people = dice.between("people", 2, 4);
    let initial = dice.between("user names", 0, 1) == 0;
    for turn in 0..people {
        let first = dice.pick(&format!("first {turn}"), FIRST);
        let last = dice.pick(&format!("last {turn}"), LAST);
        let letter = first.get(..1).unwrap_or_default();
        let name = if initial { format!("{letter}{last}") } else { (*first).to_owned() };
        let name = name.to_lowercase();
        if taken.insert(name.clone()) {
            let uid = 1000 + u32::try_from(taken.len()).unwrap_or_default() - 1;
            let full_name = format!("{first} {last}");
            users.push(user(dice, (&name, &full_name), uid, set_up, born));
        }
    }
    users
}

fn user(
    dice: &Dice,
    (name, full_name): (&str, &str),
    uid: u32,
    set_up: Timestamp,
    born: Timestamp,
) -> User {
    let number = |what: &str, least, most| dice.between(&format!("{what} {name}"), least, most);
    let made = set_up.plus(Duration::from_secs(number("made", 400, 5_000_000)));
    let made = if uid == 0 { set_up } else { made };
    let away = Duration::from_secs(number("away", 7_200, 1_900_000));
    let home = if uid == 0 { "/root".to_owned() } else { format!("/home/{name}") };
    User {
        name: name.to_owned(),
        full_name: full_name.to_owned(),
        uid,
        home,
        made,
        last_login: born.minus(away),
        last_from: format!(
            "10.{}.{}.{}",
            number("a", 0, 60),
            number("b", 0, 250),
            number("c", 2, 250)
        ),
    }
}
