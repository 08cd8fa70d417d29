//! The five kinds of records, each as its sender writes it.

use std::fmt::Write;
use std::time::Duration;

use model::Field;

use super::dice::Dice;
use super::draft::{Draft, Made};
use super::extras::{
    DNS_EXTRAS, FIREWALL_EXTRAS, SSH_EXTRAS, WEB_EXTRAS, WINDOWS_EXTRAS, extras, said_extras,
};
use super::needles::{self, Planted};
use super::world::World;

const SECOND: i64 = 1_000_000_000;
const MILLISECOND: i64 = 1_000_000;

/// Writes one record, of a kind drawn by the mix.
pub(super) fn write(draft: &mut Draft, dice: &mut Dice, world: &World, planted: Planted) {
    let late = Duration::from_micros(dice.between(300, 900_000));
    match dice.below(100) {
        0..20 => ssh(draft, dice, world, planted, late),
        20..45 => web(draft, dice, world, planted, late),
        45..70 => firewall(draft, dice, world, planted, late),
        // The needles are of sources outside; whoever has one is a web request.
        70.. if planted.address || planted.word => web(draft, dice, world, planted, late),
        70..90 => dns(draft, dice, world, late),
        _ => process(draft, dice, world, late),
    }
    if planted.extra {
        draft.extra(needles::EXTRA, Made::Text(needles::EXTRA_VALUE.to_owned()));
    } else if dice.chance(2) {
        let other = format!("CHG{:07}", dice.between(40_000, 9_999_999));
        draft.extra(needles::EXTRA, Made::Text(other));
    }
}

fn common(draft: &mut Draft, input: &'static str, module: &'static str, dataset: &'static str) {
    draft
        .mean(Field::Input, input)
        .mean(Field::EventKind, "event")
        .mean(Field::EventModule, module)
        .mean(Field::EventDataset, dataset);
}

/// Appends the header of BSD syslog.
fn header(draft: &mut Draft, priority: i64, host: &str) {
    let (time, month) = (draft.time(), draft.month());
    draft.plain('<').say(Field::SyslogPriority, priority).plain(format_args!(
        ">{month} {:>2} {:02}:{:02}:{:02} ",
        time.day, time.hour, time.minute, time.second
    ));
    draft.say(Field::HostName, host).plain(' ');
}

/// Appends the source's address: one of the outside, or the needle.
fn source(draft: &mut Draft, dice: &mut Dice, world: &World, planted: Planted) {
    if planted.address {
        draft.say(Field::SourceIp, needles::ADDRESS);
    } else {
        draft.say(Field::SourceIp, world.outside.draw(dice));
    }
}

fn ssh(draft: &mut Draft, dice: &mut Dice, world: &World, planted: Planted, late: Duration) {
    draft.happened(late, SECOND);
    common(draft, "syslog_udp", "sshd", "system.auth");
    let accepted = dice.chance(380);
    let unknown = !accepted && dice.chance(485);
    header(draft, 38, world.servers.draw(dice));
    draft.say(Field::ProcessName, "sshd").plain('[');
    draft.say(Field::ProcessPid, dice.between(300, 4_194_303)).plain("]: ");
    let method = if accepted && dice.chance(600) { "publickey" } else { "password" };
    draft.plain(if accepted { "Accepted " } else { "Failed " }).say(Field::SshMethod, method);
    draft.plain(" for ").plain(if unknown { "invalid user " } else { "" });
    if planted.word {
        draft.say(Field::UserName, needles::WORD);
    } else {
        draft.say(Field::UserName, world.users.draw(dice));
    }
    draft.plain(" from ");
    source(draft, dice, world, planted);
    draft.plain(" port ").say(Field::SourcePort, dice.between(1024, 65_535)).plain(" ssh2");
    draft
        .mean(Field::EventCategory, "authentication")
        .mean(Field::EventType, "start")
        .mean(Field::EventAction, "ssh_login")
        .mean(Field::EventOutcome, if accepted { "success" } else { "failure" })
        .mean(Field::NetworkTransport, "tcp")
        .number(Field::DestinationPort, 22);
    extras(draft, dice, &SSH_EXTRAS);
}

fn web(draft: &mut Draft, dice: &mut Dice, world: &World, planted: Planted, late: Duration) {
    draft.happened(late, SECOND);
    common(draft, "file", "access", "nginx.access");
    source(draft, dice, world, planted);
    draft.plain(" - ");
    if dice.chance(250) {
        draft.say(Field::UserName, world.users.draw(dice));
    } else {
        draft.plain('-');
    }
    let (time, month) = (draft.time(), draft.month());
    draft.plain(format_args!(
        " [{:02}/{month}/{}:{:02}:{:02}:{:02} +0000] \"",
        time.day, time.year, time.hour, time.minute, time.second
    ));
    let method = if dice.chance(780) { "GET" } else { dice.one_of(&["POST", "PUT", "HEAD"]) };
    let status = match dice.below(100) {
        0..82 => 200,
        82..88 => 304,
        88..92 => 302,
        92..97 => 404,
        97..99 => 403,
        _ => 500,
    };
    draft.say(Field::RequestMethod, method).plain(' ');
    let url = filled(world.paths.draw(dice), dice, if planted.word { needles::WORD } else { "" });
    draft.say(Field::UrlOriginal, url).plain(" HTTP/1.1\" ");
    draft.say(Field::ResponseStatus, status).plain(' ');
    // From some bytes to megabytes, as sizes are spread.
    let bits = dice.between(7, 20);
    draft.say(Field::ResponseBodyBytes, dice.below(1 << bits)).plain(" \"");
    if dice.chance(200) {
        let path = filled(world.paths.draw(dice), dice, "");
        draft.say(Field::RequestReferrer, format_args!("https://shop.example{path}"));
    } else {
        draft.plain('-');
    }
    draft.plain("\" \"").say(Field::UserAgentOriginal, world.agents.draw(dice)).plain('"');
    draft
        .mean(Field::EventCategory, "web")
        .mean(Field::EventType, "access")
        .mean(Field::EventAction, "http_request")
        .mean(Field::EventOutcome, if status < 400 { "success" } else { "failure" });
    extras(draft, dice, &WEB_EXTRAS);
}

/// Gives the pattern with a number for each `#`, and the word at its end.
fn filled(pattern: &str, dice: &mut Dice, word: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    for letter in pattern.chars() {
        match letter {
            '#' => {
                let _ = write!(out, "{}", dice.below(1_000_000));
            }
            letter => out.push(letter),
        }
    }
    if !word.is_empty() {
        let _ = write!(out, "{}q={word}", if out.contains('?') { '&' } else { '?' });
    }
    out
}

fn firewall(draft: &mut Draft, dice: &mut Dice, world: &World, planted: Planted, late: Duration) {
    draft.happened(late, MILLISECOND);
    common(draft, "syslog_tcp", "key_value", "firewall.traffic");
    let time = draft.time();
    let allowed = dice.chance(700);
    draft.plain('<').say(Field::SyslogPriority, 134).plain(format_args!(
        ">1 {}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z ",
        time.year,
        time.month,
        time.day,
        time.hour,
        time.minute,
        time.second,
        time.nanosecond / 1_000_000
    ));
    draft.say(Field::ObserverName, dice.one_of(&["fw-fra-1", "fw-fra-2", "fw-ber-1", "fw-ams-1"]));
    draft.plain(" traffic - - - ");
    draft.plain("action=").say(Field::EventAction, if allowed { "accept" } else { "drop" });
    draft.plain(" rule=").say(Field::RuleId, world.rules.draw(dice)).plain(" src=");
    let inward = dice.chance(550) || planted.address;
    if inward {
        source(draft, dice, world, planted);
    } else {
        draft.say(Field::SourceIp, world.inside.draw(dice));
    }
    draft.plain(" spt=").say(Field::SourcePort, dice.between(1024, 65_535)).plain(" dst=");
    if inward {
        draft.say(Field::DestinationIp, world.inside.draw(dice));
    } else {
        draft.say(Field::DestinationIp, world.outside.draw(dice));
    }
    let port =
        if dice.chance(850) { u64::from(*world.ports.draw(dice)) } else { dice.between(1, 65_535) };
    draft.plain(" dpt=").say(Field::DestinationPort, port);
    let transport = if matches!(port, 53 | 123) { "udp" } else { "tcp" };
    draft.plain(" proto=").say(Field::NetworkTransport, transport);
    let bits = dice.between(6, 24);
    draft.plain(" sent=").say(Field::SourceBytes, dice.below(1 << bits));
    draft.plain(" rcvd=").say(Field::DestinationBytes, dice.below(1 << bits));
    if planted.word {
        draft.plain(" note=").plain(needles::WORD);
    }
    said_extras(draft, dice, &FIREWALL_EXTRAS, |draft, name, value| {
        draft.plain(' ').plain(name).plain('=').plain(value);
    });
    draft
        .mean(Field::EventCategory, "network")
        .mean(Field::EventType, if allowed { "allowed" } else { "denied" })
        .mean(Field::EventOutcome, if allowed { "success" } else { "failure" });
}

fn dns(draft: &mut Draft, dice: &mut Dice, world: &World, late: Duration) {
    draft.happened(late, MILLISECOND);
    common(draft, "syslog_udp", "named", "bind.query");
    let time = draft.time();
    let host = *dice.one_of(&["ns-1", "ns-2", "ns-3"]);
    header(draft, 30, host);
    draft.say(Field::ProcessName, "named").plain('[').say(Field::ProcessPid, 812).plain("]: ");
    draft.plain(format_args!(
        "{:02}-{}-{} {:02}:{:02}:{:02}.{:03} queries: info: client @0x7f{:010x} ",
        time.day,
        draft.month(),
        time.year,
        time.hour,
        time.minute,
        time.second,
        time.nanosecond / 1_000_000,
        dice.below(1 << 24) << 4
    ));
    draft.say(Field::SourceIp, world.inside.draw(dice)).plain('#');
    draft.say(Field::SourcePort, dice.between(1024, 65_535)).plain(" (");
    let name = match dice.below(100) {
        0..3 => format!("{:012x}.{}", dice.below(1 << 48), world.names.draw(dice)),
        _ => world.names.draw(dice).clone(),
    };
    draft.plain(&name).plain("): query: ").say(Field::DnsQuestionName, &name).plain(" IN ");
    let kind =
        if dice.chance(650) { "A" } else { dice.one_of(&["AAAA", "AAAA", "PTR", "TXT", "HTTPS"]) };
    draft.say(Field::DnsQuestionType, kind).plain(" +E(0)K (");
    draft.say(Field::DestinationIp, "10.0.0.53").plain(')');
    let failed = dice.chance(60);
    draft
        .mean(Field::DnsResponseCode, if failed { "NXDOMAIN" } else { "NOERROR" })
        .mean(Field::EventCategory, "network")
        .mean(Field::EventType, "protocol")
        .mean(Field::EventAction, "dns_query")
        .mean(Field::EventOutcome, "unknown")
        .mean(Field::NetworkTransport, "udp")
        .number(Field::DestinationPort, 53);
    extras(draft, dice, &DNS_EXTRAS);
}

fn process(draft: &mut Draft, dice: &mut Dice, world: &World, late: Duration) {
    draft.happened(late, MILLISECOND);
    common(draft, "http", "windows", "windows.security");
    let time = draft.time();
    draft.plain(format_args!(
        "{{\"@timestamp\":\"{}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z\",\"Channel\":\"Security\",\"EventID\":",
        time.year, time.month, time.day, time.hour, time.minute, time.second, time.nanosecond / 1_000_000
    ));
    draft.say(Field::EventCode, "4688").plain(",\"Computer\":\"");
    draft.say(Field::HostName, world.clients.draw(dice)).plain("\",\"SubjectUserName\":\"");
    draft.say(Field::UserName, world.users.draw(dice)).plain("\",\"SubjectDomainName\":\"");
    draft.say(Field::UserDomain, "EXAMPLE").plain("\",\"NewProcessId\":");
    draft.say(Field::ProcessPid, dice.between(100, 16_000) * 4).plain(",\"ProcessId\":");
    draft.say(Field::ParentPid, dice.between(100, 16_000) * 4);
    let (program, parent) = (world.programs.draw(dice), world.programs.draw(dice));
    let command = format!("\"{}\" {}", program.path, filled(program.arguments, dice, ""));
    draft.plain(",\"NewProcessName\":\"").escape(Field::ProcessExecutable, program.path.clone());
    draft.plain("\",\"CommandLine\":\"").escape(Field::ProcessCommandLine, command);
    draft.plain("\",\"ParentProcessName\":\"").escape(Field::ParentExecutable, parent.path.clone());
    draft.plain('"');
    said_extras(draft, dice, &WINDOWS_EXTRAS, |draft, name, value| {
        let quote = if matches!(value, Made::Text(_)) { "\"" } else { "" };
        draft.plain(format_args!(",\"{name}\":{quote}{value}{quote}"));
    });
    let name = program.name.clone();
    draft.plain('}');
    draft
        .mean(Field::EventCategory, "process")
        .mean(Field::EventType, "start")
        .mean(Field::EventAction, "created-process")
        .mean(Field::EventOutcome, "success")
        .own(Field::ProcessName, name);
}
