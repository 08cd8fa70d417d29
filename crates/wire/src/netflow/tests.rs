//! Messages that are built here, those of real exporters, and any bytes at all.

use std::collections::BTreeMap;
use std::net::{IpAddr, UdpSocket};
use std::path::Path;

use expect_test::{Expect, expect};
use netflow_parser::{NetflowPacket, NetflowParser};
use proptest::prelude::*;
use serde_json::Value;

use super::{EXPORTERS_MAX, Exporters, NetflowConfig};
use crate::json::Lines;
use crate::testing::{Line, of};
use crate::traffic::{Home, SharedTraffic, Traffic};

/// 2026-11-21T06:58:00Z, when every message here was sent.
const SENT_SECONDS: u32 = 1_795_244_280;
const EXPORTER: [u8; 4] = [192, 0, 2, 254];

struct Bench {
    exporters: Exporters,
    traffic: Traffic,
    lines: Lines,
}

impl Bench {
    fn new() -> Self {
        Self {
            exporters: Exporters::new(Home::default()),
            traffic: Traffic::new(Home::default()),
            lines: Lines::default(),
        }
    }

    fn read_from(&mut self, exporter: IpAddr, datagram: &[u8]) {
        let received = u64::from(SENT_SECONDS) * 1_000_000_000;
        self.exporters.read(exporter, datagram, received, &mut self.lines, &mut self.traffic);
    }

    fn read(&mut self, datagram: &[u8]) -> &mut Self {
        self.read_from(EXPORTER.into(), datagram);
        self
    }

    /// Gives the lines of flows.
    fn flows(&self) -> String {
        let flows = self.lines.iter().filter(|line| line.contains("\"netflow.flow\""));
        flows.flat_map(|line| [line, "\n"]).collect()
    }
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn shorts(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn version_5(sequence: u32, sampling: u16, flows: u16) -> Vec<u8> {
    let mut message = shorts(&[5, flows]);
    message.extend(words(&[100_000, SENT_SECONDS, 0, sequence]));
    message.extend(shorts(&[0, sampling]));
    for flow in 0..flows {
        message.extend([10, 0, 0, 1, 198, 51, 100, 7, 0, 0, 0, 0]);
        message.extend(shorts(&[3, 4]));
        message.extend(words(&[10, 4000, 60_000, 90_000]));
        message.extend(shorts(&[50_000 + flow, 443]));
        message.extend([0, 0x1B, 6, 0]);
        message.extend(shorts(&[0, 64_500, 0, 0]));
    }
    message
}

fn version_9(sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let mut message = shorts(&[9, 1]);
    message.extend(words(&[100_000, SENT_SECONDS, sequence, 7]));
    message.extend(sets.concat());
    message
}

fn ipfix(sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let sets = sets.concat();
    let length = u16::try_from(16 + sets.len()).unwrap();
    let mut message = shorts(&[10, length]);
    message.extend(words(&[SENT_SECONDS, sequence, 9]));
    message.extend(sets);
    message
}

fn set(id: u16, body: &[u8]) -> Vec<u8> {
    let mut set = shorts(&[id, u16::try_from(4 + body.len()).unwrap()]);
    set.extend(body);
    set
}

/// Addresses, ports, protocol, bytes, packets, sampler.
fn template_9() -> Vec<u8> {
    set(0, &shorts(&[260, 8, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 4, 2, 4, 48, 1]))
}

fn record_9() -> Vec<u8> {
    let mut record = vec![10, 0, 0, 1, 198, 51, 100, 7];
    record.extend(shorts(&[50_000, 53]));
    record.push(17);
    record.extend(words(&[600, 6]));
    record.push(3);
    record
}

#[test]
fn a_flow_of_version_5() {
    check(
        &[version_5(1, 0, 1)],
        expect![[r#"
            {"@timestamp":"2026-11-21T06:57:50.000000Z","event":{"module":"netflow","dataset":"netflow.flow","kind":"event","category":["network"],"type":["connection","end"],"action":"network_flow","start":"2026-11-21T06:57:20.000000Z","end":"2026-11-21T06:57:50.000000Z","duration":30000000000},"source":{"ip":"10.0.0.1","port":50000,"bytes":4000,"packets":10},"destination":{"ip":"198.51.100.7","port":443,"as":{"number":64500}},"network":{"transport":"tcp","iana_number":"6","type":"ipv4","community_id":"1:WHxtZjhcqIkSnLjobjtIVvosjuA=","direction":"outbound","bytes":4000,"packets":10},"observer":{"ip":"192.0.2.254","ingress":{"interface":{"id":"3"}},"egress":{"interface":{"id":"4"}}},"bartizan":{"netflow":{"version":5,"domain":0,"tcp_flags":27}}}
        "#]],
    );
}

#[test]
fn sampled_flows_are_multiplied() {
    let mut bench = Bench::new();
    bench.read(&version_5(1, 0x4000 + 100, 1));
    let flow: Value = serde_json::from_str(bench.flows().trim()).unwrap();
    assert_eq!(flow["network"]["bytes"], 400_000);
    assert_eq!(flow["bartizan"]["netflow"]["sampling"], 100);
}

#[test]
fn version_9_with_the_rate_of_its_sampler() {
    // The options: scope 1 (system), then sampler and rate.
    let options = set(1, &shorts(&[300, 4, 8, 1, 4, 48, 1, 34, 4]));
    let mut told = words(&[0]);
    told.push(3);
    told.extend(words(&[10]));
    check(
        &[
            version_9(1, &[options, template_9()]),
            version_9(2, &[set(300, &told), set(260, &record_9())]),
        ],
        expect![[r#"
            {"@timestamp":"2026-11-21T06:58:00.000000Z","event":{"module":"netflow","dataset":"netflow.flow","kind":"event","category":["network"],"type":["connection","end"],"action":"network_flow"},"source":{"ip":"10.0.0.1","port":50000,"bytes":6000,"packets":60},"destination":{"ip":"198.51.100.7","port":53},"network":{"transport":"udp","iana_number":"17","type":"ipv4","community_id":"1:0fNrfFvVTXq2wdQl/kdooUWSmgE=","direction":"outbound","bytes":6000,"packets":60},"observer":{"ip":"192.0.2.254"},"bartizan":{"netflow":{"version":9,"domain":7,"sampling":10}}}
        "#]],
    );
}

#[test]
fn what_comes_before_its_template_is_counted_and_told() {
    let mut bench = Bench::new();
    bench.read(&version_9(1, &[set(260, &record_9())]));
    assert_eq!(bench.exporters.standing().sets_unknown, 1);
    let fault = bench.exporters.close_minute(0, &mut bench.lines).unwrap();
    assert!(fault.starts_with("192.0.2.254 has sent 1 sets"), "{fault}");
    let minute: Value = serde_json::from_str(bench.lines.iter().next().unwrap()).unwrap();
    assert_eq!(minute["bartizan"]["netflow"]["template_unknown"], 260);
    bench.read(&version_9(2, &[template_9(), set(260, &record_9())]));
    assert_eq!(bench.exporters.standing().flows, 1);
    assert!(bench.exporters.close_minute(0, &mut bench.lines).is_none());
}

#[test]
fn templates_belong_to_their_exporter_and_domain() {
    let mut bench = Bench::new();
    bench.read(&version_9(1, &[template_9()]));
    bench.read_from(IpAddr::from([192, 0, 2, 1]), &version_9(1, &[set(260, &record_9())]));
    assert_eq!(bench.exporters.standing().sets_unknown, 1);
    assert_eq!(bench.exporters.standing().flows, 0);
}

#[test]
fn both_directions_and_a_text_of_varying_length_in_ipfix() {
    // Source, destination, ports, protocol, bytes, reverse bytes, start and end, a name.
    let mut template = shorts(&[256, 10, 27, 16, 28, 16, 7, 2, 11, 2, 4, 1, 1, 8, 0x8001, 8]);
    template.extend(words(&[29_305]));
    template.extend(shorts(&[152, 8, 153, 8, 82, 0xFFFF]));
    let mut record = vec![0; 32];
    record[..2].copy_from_slice(&[0x20, 1]);
    record[15] = 1;
    record[16..18].copy_from_slice(&[0x20, 1]);
    record[31] = 2;
    record.extend(shorts(&[50_000, 443]));
    record.push(6);
    record.extend(1000_u64.to_be_bytes());
    record.extend(5000_u64.to_be_bytes());
    let start = u64::from(SENT_SECONDS - 10) * 1000;
    record.extend(start.to_be_bytes());
    record.extend((start + 1500).to_be_bytes());
    record.extend([4]);
    record.extend(b"eth0");
    check(
        &[ipfix(0, &[set(2, &template), set(256, &record)])],
        expect![[r#"
        {"@timestamp":"2026-11-21T06:57:51.500000Z","event":{"module":"netflow","dataset":"netflow.flow","kind":"event","category":["network"],"type":["connection","end"],"action":"network_flow","start":"2026-11-21T06:57:50.000000Z","end":"2026-11-21T06:57:51.500000Z","duration":1500000000},"source":{"ip":"2001::1","port":50000,"bytes":1000,"packets":0},"destination":{"ip":"2001::2","port":443,"bytes":5000,"packets":0},"network":{"transport":"tcp","iana_number":"6","type":"ipv6","community_id":"1:duODMQSv+/P/U+Sru/qTTtv4pRQ=","direction":"external","bytes":6000,"packets":0},"observer":{"ip":"192.0.2.254"},"bartizan":{"netflow":{"version":10,"domain":9,"tcp_flags":0}}}
    "#]],
    );
}

#[test]
fn gaps_are_losses_and_restarts_are_not() {
    let mut bench = Bench::new();
    bench.read(&version_5(100, 0, 2)).read(&version_5(102, 0, 1));
    assert_eq!(bench.exporters.standing().lost, 0);
    bench.read(&version_5(110, 0, 1));
    assert_eq!(bench.exporters.standing().lost, 7);
    // Overtaken, then in turn again.
    bench.read(&version_5(105, 0, 1)).read(&version_5(111, 0, 1));
    assert_eq!(bench.exporters.standing().lost, 7);
    bench.read(&version_5(500_000_000, 0, 1)).read(&version_5(7, 0, 1)).read(&version_5(8, 0, 1));
    assert_eq!(bench.exporters.standing().lost, 7);
}

#[test]
fn a_template_can_be_taken_back() {
    let mut bench = Bench::new();
    let template = set(2, &shorts(&[256, 2, 8, 4, 12, 4]));
    let record = set(256, &[10, 0, 0, 1, 10, 0, 0, 2]);
    bench.read(&ipfix(0, &[template, record.clone()]));
    bench.read(&ipfix(1, &[set(2, &shorts(&[256, 0])), record]));
    let standing = bench.exporters.standing();
    assert_eq!((standing.flows, standing.sets_unknown), (1, 1));
}

#[test]
fn forged_exporters_are_forgotten() {
    let mut bench = Bench::new();
    let senders = u32::try_from(EXPORTERS_MAX).unwrap() + 10;
    for sender in 0..senders {
        bench.read_from(IpAddr::from(sender.to_be_bytes()), &version_9(1, &[template_9()]));
    }
    let standing = bench.exporters.standing();
    assert_eq!((standing.forgotten, standing.malformed), (10, 0));
}

#[test]
fn forged_exporters_without_templates_push_out_none_that_has_some() {
    let mut bench = Bench::new();
    let template = set(2, &shorts(&[256, 2, 8, 4, 12, 4]));
    bench.read(&ipfix(0, &[template]));
    for sender in 0..u32::try_from(EXPORTERS_MAX).unwrap() + 10 {
        bench.read_from(IpAddr::from(sender.to_be_bytes()), &ipfix(1, &[]));
    }
    bench.read(&ipfix(0, &[set(256, &[10, 0, 0, 1, 10, 0, 0, 2])]));
    assert_eq!(bench.exporters.standing().flows, 1);
}

#[test]
fn what_is_broken_is_counted() {
    let mut bench = Bench::new();
    bench.read(&[]).read(&[0, 5]).read(&[0, 7, 0, 1]).read(&version_5(1, 0, 1)[..40]);
    bench.read(&version_9(1, &[shorts(&[260, 900])]));
    // A template of a thousand columns, and one whose records have no length.
    bench.read(&version_9(2, &[set(0, &shorts(&[260, 1000, 8, 4]))]));
    bench.read(&version_9(3, &[set(0, &shorts(&[260, 1, 8, 0]))]));
    assert_eq!(bench.exporters.standing().malformed, 7);
    assert_eq!(bench.exporters.standing().flows, 0);
}

/// The corpus is not part of the project; where it is absent there is nothing to compare.
#[test]
fn real_exporters_as_another_parser_reads_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/netflow");
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {} is absent", folder.display());
        return;
    };
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "dat"));
    // Templates come in files of their own, which stand before their data by this order only.
    paths.sort_by_key(|path| (!path.to_string_lossy().contains("tpl"), path.clone()));
    let mut bench = Bench::new();
    let mut others: BTreeMap<String, NetflowParser> = BTreeMap::new();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        // The files of one exporter begin alike.
        let device: Vec<&str> = name.split("_tpl").next().unwrap().split("_data").collect();
        let number =
            device[0].bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        let other = others.entry(device[0].to_owned()).or_default();
        let exporter = IpAddr::from([192, 0, 2, number]);
        let message = std::fs::read(&path).unwrap();
        let before = bench.exporters.standing();
        bench.read_from(exporter, &message);
        let after = bench.exporters.standing();
        let ours = after.flows + after.records_other - before.flows - before.records_other;
        // The other one refuses the whole of a message that says more than it holds.
        let theirs = if name == "netflow5_test_invalid02" {
            30
        } else {
            records(&other.parse_bytes(&message).packets)
        };
        assert_eq!(ours, theirs, "{name}");
    }
    assert!(bench.exporters.standing().flows > 100);
    for line in bench.lines.iter() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

/// Counts the records that the other parser found.
fn records(packets: &[NetflowPacket]) -> u64 {
    use netflow_parser::variable_versions::ipfix::FlowSetBody as Ipfix;
    use netflow_parser::variable_versions::v9::FlowSetBody as V9;
    let count = |packet: &NetflowPacket| match packet {
        NetflowPacket::V5(message) => message.flowsets.len(),
        NetflowPacket::V9(message) => {
            let of = |set: &V9| match set {
                V9::Data(data) => data.fields.len(),
                V9::OptionsData(data) => data.fields.len(),
                _ => 0,
            };
            message.flowsets.iter().map(|set| of(&set.body)).sum()
        }
        NetflowPacket::IPFix(message) => {
            let of = |set: &Ipfix| match set {
                Ipfix::Data(data) => data.fields.len(),
                Ipfix::OptionsData(data) => data.fields.len(),
                _ => 0,
            };
            message.flowsets.iter().map(|set| of(&set.body)).sum()
        }
        _ => 0,
    };
    packets.iter().map(count).sum::<usize>().try_into().unwrap()
}

#[test]
fn a_socket_that_exporters_send_to() {
    let mut line = Line::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known");
    let traffic = SharedTraffic::start(line.running(), Home::default(), file.clone());
    let config = NetflowConfig {
        enabled: true,
        listen: "127.0.0.1:0".parse().unwrap(),
        exporters: vec!["127.0.0.1".to_owned()],
        ..NetflowConfig::default()
    };
    assert_eq!(config.validate("netflow"), []);
    let address = super::start(line.running(), &config, Home::default(), traffic).unwrap().unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
    stranger.send_to(&version_5(1, 0, 1), address).unwrap();
    sender.send_to(&version_5(1, 0, 2), address).unwrap();
    sender.send_to(&version_5(8, 0, 1), address).unwrap();
    line.until(|events| of(events, "netflow.flow").len() == 3);
    line.until_status("netflow", |status| status.dropped == 5 && status.refused == 1);
    let events = line.stop();
    // The minute is told at the end, and the host is remembered.
    let minutes = of(&events, "traffic.minute");
    let by_source = minutes.iter().find(|event| event["source"]["ip"] == "10.0.0.1").unwrap();
    assert_eq!(by_source["network"]["bytes"], 12_000);
    assert_eq!(of(&events, "traffic.new").len(), 1);
    assert!(std::fs::read_to_string(file).unwrap().contains("10.0.0.1"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_fail(messages in prop::collection::vec(message(), 0..12)) {
        let mut bench = Bench::new();
        for message in &messages {
            bench.read(message);
        }
        for line in bench.lines.iter() {
            prop_assert!(serde_json::from_str::<Value>(line).is_ok(), "{}", line);
        }
    }
}

/// A message as it should be, changed in places, or bytes by chance.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop_oneof![
        Just(version_5(1, 5, 3)),
        Just(version_9(1, &[template_9(), set(260, &record_9())])),
        Just(ipfix(0, &[set(2, &shorts(&[256, 2, 8, 4, 12, 4])), set(256, &[1; 80])])),
    ];
    let changed = (whole, prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8))
        .prop_map(|(mut message, changes)| {
            for (place, byte) in changes {
                let place = place.index(message.len());
                message[place] = byte;
            }
            message
        });
    prop_oneof![changed, prop::collection::vec(any::<u8>(), 0..200)]
}

#[track_caller]
fn check(messages: &[Vec<u8>], expect: Expect) {
    let mut bench = Bench::new();
    for message in messages {
        bench.read(message);
    }
    expect.assert_eq(&bench.flows());
}
