//! The fields that the schema does not know: fifteen of each kind of record.

use super::dice::Dice;
use super::draft::{Draft, Made};

/// What an unknown field holds.
#[derive(Clone, Copy)]
pub(super) enum Fill {
    /// A number below the bound.
    Below(u64),
    /// So many random hexadecimal digits.
    Hex(usize),
    /// One of a few words.
    Word(&'static [&'static str]),
    /// A fraction with so many values.
    Share(u64),
    /// Yes or no.
    Flag,
}

pub(super) type Extra = (&'static str, Fill);

fn made(fill: Fill, dice: &mut Dice) -> Made {
    match fill {
        Fill::Below(bound) => Made::Integer(i64::try_from(dice.below(bound)).unwrap_or_default()),
        Fill::Hex(digits) => {
            Made::Text(format!("{:0digits$x}", dice.word() >> (64 - 4 * digits.min(15))))
        }
        Fill::Word(words) => Made::Text((*dice.one_of(words)).to_owned()),
        Fill::Share(parts) => Made::Float(dice.below(parts) as f64 / parts as f64),
        Fill::Flag => Made::Flag(dice.chance(500)),
    }
}

/// Adds three or four fields beside the record: the first two mostly, the others now and then.
pub(super) fn extras(draft: &mut Draft, dice: &mut Dice, all: &[Extra; 15]) {
    said_extras(draft, dice, all, |_, _, _| {});
}

pub(super) fn said_extras(
    draft: &mut Draft,
    dice: &mut Dice,
    all: &[Extra; 15],
    say: impl Fn(&mut Draft, &str, &Made),
) {
    let wanted = if dice.chance(450) { 4 } else { 3 };
    let mut next = 0_u64;
    let mut taken = 0;
    // Ascending, so that no name comes twice; the first ones come most.
    while taken < wanted {
        let left = wanted - taken;
        let room = 15 - left - next;
        let step = if taken < 2 && dice.chance(800) { 0 } else { dice.below(room + 1) };
        next += step;
        if let Some((name, fill)) = usize::try_from(next).ok().and_then(|next| all.get(next)) {
            let value = made(*fill, dice);
            say(draft, name, &value);
            draft.extra(name, value);
        }
        next += 1;
        taken += 1;
    }
}

pub(super) const SSH_EXTRAS: [Extra; 15] = [
    ("agent.build", Fill::Hex(8)),
    ("ssh.session", Fill::Below(1 << 32)),
    ("ssh.kex_ms", Fill::Below(900)),
    ("ssh.cipher", Fill::Word(&["aes256-gcm", "chacha20-poly1305", "aes128-ctr"])),
    ("ssh.client", Fill::Word(&["OpenSSH_9.6", "OpenSSH_10.2", "libssh2_1.11", "paramiko_3.4"])),
    ("labels.team", Fill::Word(&["core", "shop", "data", "infra", "web"])),
    ("labels.zone", Fill::Word(&["a", "b", "c"])),
    ("geo.asn", Fill::Below(400_000)),
    ("geo.country", Fill::Word(&["DE", "US", "CN", "BR", "NL", "FR", "IN", "RU"])),
    ("risk.score", Fill::Share(100)),
    ("risk.known", Fill::Flag),
    ("host.uptime", Fill::Below(90_000_000)),
    ("container.short", Fill::Hex(12)),
    ("trace.ssh", Fill::Hex(15)),
    ("pam.retries", Fill::Below(6)),
];

pub(super) const WEB_EXTRAS: [Extra; 15] = [
    ("http.took_us", Fill::Below(2_000_000)),
    ("http.trace", Fill::Hex(15)),
    ("upstream.host", Fill::Word(&["app-1", "app-2", "app-3", "app-4"])),
    ("upstream.ms", Fill::Below(3000)),
    ("upstream.status", Fill::Below(5)),
    ("cache.state", Fill::Word(&["HIT", "MISS", "EXPIRED", "BYPASS"])),
    ("cache.age", Fill::Below(86_400)),
    ("tls.resumed", Fill::Flag),
    ("tls.ja4", Fill::Hex(12)),
    ("waf.score", Fill::Below(101)),
    ("waf.rule", Fill::Below(1_000_000)),
    ("edge.pop", Fill::Word(&["fra1", "ams2", "lhr3", "iad4", "sin5"])),
    ("edge.request", Fill::Hex(14)),
    ("site.release", Fill::Word(&["2026.44.1", "2026.45.0", "2026.46.2"])),
    ("ab.bucket", Fill::Below(100)),
];

pub(super) const FIREWALL_EXTRAS: [Extra; 15] = [
    ("fw.session", Fill::Below(1 << 30)),
    ("fw.pkts", Fill::Below(40_000)),
    ("fw.zone_from", Fill::Word(&["wan", "lan", "dmz", "guest"])),
    ("fw.zone_to", Fill::Word(&["wan", "lan", "dmz", "guest"])),
    ("fw.app", Fill::Word(&["web-browsing", "ssl", "dns", "ssh", "ntp", "smtp", "unknown-tcp"])),
    ("fw.app_risk", Fill::Below(6)),
    ("fw.nat_ip", Fill::Word(&["192.0.2.10", "192.0.2.11", "192.0.2.12"])),
    ("fw.nat_port", Fill::Below(64_512)),
    ("fw.vlan", Fill::Below(400)),
    ("fw.ttl", Fill::Below(256)),
    ("fw.window", Fill::Below(65_536)),
    ("fw.took_ms", Fill::Below(600_000)),
    ("fw.flags", Fill::Word(&["S", "SA", "PA", "FA", "R"])),
    ("fw.policy", Fill::Hex(8)),
    ("fw.is_offloaded", Fill::Flag),
];

pub(super) const DNS_EXTRAS: [Extra; 15] = [
    ("dns.id", Fill::Below(65_536)),
    ("dns.took_us", Fill::Below(300_000)),
    ("dns.view", Fill::Word(&["internal", "external", "guest"])),
    ("dns.ttl", Fill::Below(86_400)),
    ("dns.answers", Fill::Below(9)),
    ("dns.edns_size", Fill::Word(&["512", "1232", "4096"])),
    ("dns.is_cached", Fill::Flag),
    ("dns.zone_serial", Fill::Below(1 << 31)),
    ("dns.cookie", Fill::Hex(15)),
    ("dns.recursion_us", Fill::Below(900_000)),
    ("dns.entropy", Fill::Share(1000)),
    ("client.lease", Fill::Hex(12)),
    ("client.site", Fill::Word(&["berlin", "frankfurt", "amsterdam"])),
    ("client.vlan", Fill::Below(400)),
    ("dns.policy", Fill::Word(&["none", "sinkhole", "log"])),
];

pub(super) const WINDOWS_EXTRAS: [Extra; 15] = [
    ("winlog.SubjectLogonId", Fill::Hex(8)),
    ("winlog.RecordNumber", Fill::Below(1 << 32)),
    ("winlog.TokenElevationType", Fill::Word(&["%%1936", "%%1937", "%%1938"])),
    ("winlog.MandatoryLabel", Fill::Word(&["S-1-16-4096", "S-1-16-8192", "S-1-16-12288"])),
    ("winlog.TargetLogonId", Fill::Hex(8)),
    ("winlog.ThreadId", Fill::Below(30_000)),
    ("winlog.Task", Fill::Word(&["13312", "13313"])),
    ("winlog.Version", Fill::Below(3)),
    ("winlog.Keywords", Fill::Word(&["0x8020000000000000", "0x8010000000000000"])),
    ("winlog.SubjectUserSid", Fill::Hex(10)),
    ("winlog.TargetUserSid", Fill::Hex(10)),
    ("winlog.ActivityId", Fill::Hex(15)),
    ("winlog.ProcessGuid", Fill::Hex(15)),
    ("winlog.ImageSize", Fill::Below(40_000_000)),
    ("winlog.IsSigned", Fill::Flag),
];
