//! Everyday traffic, with all that looks dangerous and is not.

use std::fmt::Write;

use super::Scene;
use crate::access::{Access, percent};
use crate::cast;
use crate::stage::{Kind, Stage};

pub(crate) const SCENES: &[Scene] = &[
    scene("page_views", 30, page_views),
    scene("bot", 8, bot),
    scene("not_found", 4, not_found),
    scene("search_prose", 8, search_prose),
    scene("long_query", 4, long_query),
    scene("api_call", 10, api_call),
    scene("ssh_login", 8, ssh_login),
    scene("ssh_typo", 2, ssh_typo),
    scene("cron", 8, cron),
    scene("systemd", 8, systemd),
    scene("sudo_upgrade", 3, sudo_upgrade),
    scene("daemon", 7, daemon),
];

const fn scene(label: &'static str, weight: u32, play: fn(&mut Stage)) -> Scene {
    Scene { label, kind: Kind::Benign, weight, play }
}

const PATHS: &[&str] = &[
    "/",
    "/index.html",
    "/shop",
    "/cart",
    "/about",
    "/blog/2026/11/select-a-plan",
    "/contact",
    "/static/app.8f3a2c.js",
    "/static/site.css",
    "/images/logo.svg",
    "/images/hero@2x.webp",
    "/favicon.ico",
    "/robots.txt",
    "/docs/union-and-select-committee.pdf",
    "/account/orders",
    "/products/4711",
    "/products/4712/reviews",
    "/feed.xml",
    "/fonts/inter.woff2",
];

const GONE: &[&str] = &[
    "/old-campaign",
    "/apple-touch-icon-precomposed.png",
    "/blog/2019/removed",
    "/ads.txt",
    "/products/99999",
    "/static/app.000000.js.map",
    "/.well-known/change-password",
];

/// Words that a careless rule takes for an attack.
const PROSE: &[&str] = &[
    "how to select a plan from the list",
    "union square hotels and parking",
    "drop off table near me",
    "O'Brien's 5'11\" bookshelf",
    "1=1 meaning in algebra",
    "a < b && c > d in c++",
    "best <3 gifts for mum",
    "order by phone or online?",
    "script writing course for beginners",
    "etc. and so on; and so forth",
    "price $(100) or less",
    "{{first_name}} template not filled",
    "where 5' rugs are -- on sale",
    "insert coin into slot, update address",
    "café münchen öffnungszeiten",
    "cat food | dog food",
];

const CRON_JOBS: &[&str] = &[
    "(root) CMD (   cd / && run-parts --report /etc/cron.hourly)",
    "(root) CMD (command -v debian-sa1 > /dev/null && debian-sa1 1 1)",
    "(www-data) CMD (php -f /var/www/shop/cron.php)",
    "(postgres) CMD (/usr/local/bin/backup-database --quiet)",
    "(root) CMD (test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; })",
];

const UNITS: &[&str] = &[
    "Started apt-daily.service - Daily apt download activities.",
    "Finished logrotate.service - Rotate log files.",
    "Starting man-db.service - Daily man-db regeneration...",
    "apt-daily-upgrade.service: Deactivated successfully.",
    "Reloading nginx.service - A high performance web server and a reverse proxy server...",
    "Started session-812.scope - Session 812 of User deploy.",
    "fstrim.service: Consumed 1.204s CPU time.",
];

const DAEMONS: &[(&str, &str)] = &[
    ("systemd-resolved", "Clock change detected. Flushing caches."),
    ("dhclient", "DHCPACK of 192.0.2.40 from 192.0.2.1"),
    ("chronyd", "Selected source 192.0.2.123 (ntp.simulated.example)"),
    ("postfix/smtpd", "connect from mail-out.example.com[192.0.2.25]"),
    ("postfix/qmgr", "4bKq2T1x9Zz: removed"),
    ("kernel", "[ 8123.104412] eth0: renewed lease, link is up at 10000 Mbps full duplex"),
    (
        "dockerd",
        "time=\"2026-11-21T06:58:00Z\" level=info msg=\"ignoring event\" module=libcontainerd",
    ),
    (
        "named",
        "client @0x7f2c 192.0.2.30#51234 (www.example.org): query: www.example.org IN AAAA + (192.0.2.53)",
    ),
];

fn browse(stage: &mut Stage, target: impl Into<String>) -> Access {
    let dice = &mut stage.dice;
    let client = cast::customer(dice);
    let mut access = Access::get(client, target);
    access.bytes = dice.between(180, 90_000);
    dice.favour(cast::BROWSERS).clone_into(&mut access.agent);
    if dice.chance(60) {
        "https://shop.example.com/".clone_into(&mut access.referer);
    }
    access
}

fn page_views(stage: &mut Stage) {
    let path = stage.dice.favour(PATHS);
    let mut first = browse(stage, path);
    if stage.dice.chance(12) {
        first.status = 304;
        first.bytes = 0;
    }
    stage.access(&first);
    for _ in 0..stage.dice.below(4) {
        let target = stage.dice.pick(PATHS).to_owned();
        let bytes = stage.dice.between(180, 90_000);
        stage.access(&Access { target, bytes, ..first.clone() });
    }
}

fn bot(stage: &mut Stage) {
    let path = stage.dice.pick(PATHS);
    let mut access = browse(stage, path);
    stage.dice.pick(cast::BOTS).clone_into(&mut access.agent);
    "-".clone_into(&mut access.referer);
    stage.access(&access);
}

fn not_found(stage: &mut Stage) {
    let path = stage.dice.pick(GONE);
    let mut access = browse(stage, path);
    access.status = 404;
    access.bytes = 153;
    stage.access(&access);
}

fn search_prose(stage: &mut Stage) {
    let words = stage.dice.pick(PROSE);
    let written =
        if stage.dice.chance(50) { percent(words).replace("%20", "+") } else { percent(words) };
    let access = browse(stage, format!("/search?q={written}&page=1"));
    stage.access(&access);
}

fn long_query(stage: &mut Stage) {
    let dice = &mut stage.dice;
    let mut target = "/track?v=2".to_owned();
    for name in ["utm_source", "utm_medium", "utm_campaign", "gclid", "_ga", "cid", "sid", "ref"] {
        let length = usize::try_from(dice.between(8, 40)).unwrap_or(8);
        let value = dice.text(b"abcdefghijklmnopqrstuvwxyz0123456789-_", length);
        // Writing to a string cannot fail, here and below.
        let _ = write!(target, "&{name}={value}");
    }
    let back = percent("https://shop.example.com/products/4711?color=blue&size=m");
    let _ = write!(target, "&redirect={back}");
    let access = browse(stage, target);
    stage.access(&access);
}

fn api_call(stage: &mut Stage) {
    let dice = &mut stage.dice;
    let number = dice.between(1000, 9999);
    let target = match dice.below(4) {
        0 => format!("/api/v2/orders/{number}"),
        1 => format!("/api/v2/products?limit=50&offset={number}&sort=-price"),
        2 => format!("/odata/Items?$filter=contains(Name,'ab''c')%20and%20Price%20lt%20{number}"),
        _ => "/graphql?query=%7Bviewer%7Bid%2Cname%7D%7D".to_owned(),
    };
    let mut access = browse(stage, target);
    if stage.dice.chance(30) {
        access.method = "POST";
        access.status = 201;
    }
    stage.access(&access);
}

fn ssh_login(stage: &mut Stage) {
    let dice = &mut stage.dice;
    let (host, user) = (dice.pick(cast::HOSTS), dice.favour(cast::PEOPLE));
    let (address, port) = (cast::customer(dice), cast::port(dice));
    let key = dice.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 43);
    stage.log(
        host,
        "sshd",
        &format!(
            "Accepted publickey for {user} from {address} port {port} ssh2: ED25519 SHA256:{key}"
        ),
    );
    let opened =
        format!("pam_unix(sshd:session): session opened for user {user}(uid=1001) by (uid=0)");
    stage.log(host, "sshd", &opened);
    let left = format!("Disconnected from user {user} {address} port {port}");
    stage.log(host, "sshd", &left);
}

fn ssh_typo(stage: &mut Stage) {
    let dice = &mut stage.dice;
    let (host, user) = (dice.pick(cast::HOSTS), dice.pick(cast::PEOPLE));
    let (address, port) = (cast::customer(dice), cast::port(dice));
    for outcome in ["Failed", "Accepted"] {
        let text = format!("{outcome} password for {user} from {address} port {port} ssh2");
        stage.log(host, "sshd", &text);
    }
}

fn cron(stage: &mut Stage) {
    let (host, job) = (stage.dice.pick(cast::HOSTS), stage.dice.pick(CRON_JOBS));
    stage.log(host, "CRON", job);
}

/// A service manager's everyday word.
pub(crate) fn systemd(stage: &mut Stage) {
    let (host, unit) = (stage.dice.pick(cast::HOSTS), stage.dice.pick(UNITS));
    stage.log(host, "systemd", unit);
}

fn sudo_upgrade(stage: &mut Stage) {
    let dice = &mut stage.dice;
    let (host, user) = (dice.pick(cast::HOSTS), dice.favour(cast::PEOPLE));
    let command = dice.pick(&[
        "/usr/bin/apt update",
        "/usr/bin/apt upgrade -y",
        "/usr/bin/systemctl reload nginx",
        "/usr/bin/journalctl -u nginx -n 100",
    ]);
    let text = format!("{user} : TTY=pts/0 ; PWD=/home/{user} ; USER=root ; COMMAND={command}");
    stage.log(host, "sudo", &format!("   {text}"));
    let by =
        format!("pam_unix(sudo:session): session opened for user root(uid=0) by {user}(uid=1001)");
    stage.log(host, "sudo", &by);
    stage.log(host, "sudo", "pam_unix(sudo:session): session closed for user root");
}

fn daemon(stage: &mut Stage) {
    let host = stage.dice.pick(cast::HOSTS);
    let (program, text) = stage.dice.pick(DAEMONS);
    stage.log(host, program, text);
}
