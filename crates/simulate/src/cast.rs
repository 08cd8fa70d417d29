//! Who plays: hosts, people, addresses, programs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::dice::Dice;

pub(crate) const WEB_HOSTS: &[&str] =
    &["web-1.simulated.example", "web-2.simulated.example", "shop.simulated.example"];

pub(crate) const HOSTS: &[&str] = &[
    "web-1.simulated.example",
    "web-2.simulated.example",
    "bastion.simulated.example",
    "db-1.simulated.example",
    "mail.simulated.example",
    "build.simulated.example",
    "files.simulated.example",
];

pub(crate) const PEOPLE: &[&str] = &[
    "deploy", "alice", "bob", "carol", "dmitri", "elif", "farah", "george", "hana", "ingrid",
    "jonas",
];

/// What attackers try first.
pub(crate) const GUESSED_USERS: &[&str] = &[
    "root",
    "admin",
    "test",
    "ubuntu",
    "oracle",
    "postgres",
    "git",
    "pi",
    "user",
    "guest",
    "ftp",
    "mysql",
    "jenkins",
    "hadoop",
    "minecraft",
    "support",
    "tomcat",
    "nagios",
    "www",
    "backup",
];

pub(crate) const BROWSERS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
];

pub(crate) const BOTS: &[&str] = &[
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "kube-probe/1.33",
    "Prometheus/3.5.0",
];

pub(crate) const SCANNERS: &[&str] = &[
    "sqlmap/1.9.4#stable (https://sqlmap.org)",
    "Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:Port Check)",
    "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)",
    "gobuster/3.6",
    "WPScan v3.8.28 (https://wpscan.com/wordpress-security-scanner)",
    "masscan/1.3 (https://github.com/robertdavidgraham/masscan)",
    "Nuclei - Open-source project (github.com/projectdiscovery/nuclei)",
    "DirBuster-1.0-RC1 (http://www.owasp.org/index.php/Category:OWASP_DirBuster_Project)",
    "Fuzz Faster U Fool v2.1.0-dev",
];

/// Gives somebody of the house or a customer: 192.0.2.0/24, now and then 2001:db8:1::/48.
pub(crate) fn customer(dice: &mut Dice) -> IpAddr {
    if dice.chance(15) {
        return v6(0x2001_0db8_0001, dice.below(64), dice.below(4));
    }
    v4([192, 0, 2], dice)
}

/// Gives somebody whose attacks have a name: 203.0.113.0/24.
pub(crate) fn attacker(dice: &mut Dice) -> IpAddr {
    v4([203, 0, 113], dice)
}

/// Gives somebody who hides: 198.51.100.0/24, now and then one of countless in 2001:db8:bad::/48.
pub(crate) fn hider(dice: &mut Dice) -> IpAddr {
    if dice.chance(25) { countless(dice) } else { v4([198, 51, 100], dice) }
}

/// Gives an address that is hardly ever given twice.
pub(crate) fn countless(dice: &mut Dice) -> IpAddr {
    v6(0x2001_0db8_0bad, dice.below(1 << 16), dice.next())
}

fn v4(network: [u8; 3], dice: &mut Dice) -> IpAddr {
    let [a, b, c] = network;
    let host = u8::try_from(dice.between(1, 254)).unwrap_or(1);
    IpAddr::V4(Ipv4Addr::new(a, b, c, host))
}

fn v6(network: u64, subnet: u64, host: u64) -> IpAddr {
    let high = (network << 16) | (subnet & 0xffff);
    IpAddr::V6(Ipv6Addr::from((u128::from(high) << 64) | u128::from(host)))
}

/// Gives a port as a client's system chooses it.
pub(crate) fn port(dice: &mut Dice) -> u64 {
    dice.between(32_768, 60_999)
}
