//! Real interfaces in namespaces of their own, and files.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{CaptureConfig, Capturing, start_files, start_live};
use crate::packet::{Raw, link};
use crate::packets::{Wanted, find};
use crate::testing::networks::{Networks, ip};
use crate::testing::{Line, of};
use crate::traffic::{Home, SharedTraffic};
use crate::{PcapReader, PcapWriter};

/// A capture on the right side's `v1`, in a thread that lives there.
fn listen(line: &mut Line, config: &CaptureConfig, data: &Path) -> Capturing {
    assert_eq!(config.validate("capture"), []);
    let home = config.home().unwrap();
    let traffic = SharedTraffic::start(line.running(), home.clone(), data.join("known"));
    start_live(line.running(), config, &home, &traffic, data)
}

fn on(interface: &str) -> CaptureConfig {
    CaptureConfig { interfaces: vec![interface.to_owned()], ring_mb: 8, ..CaptureConfig::default() }
}

/// Runs a test on a thread that is in the right namespace, as are the threads of its line.
fn in_networks(test: impl FnOnce(&Networks) + Send) {
    let Some(networks) = Networks::make() else { return };
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            Networks::enter(&networks.right);
            test(&networks);
        });
        if let Err(panic) = run.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

fn wait_open(line: &mut Line, capturing: &Capturing, interface: &str) {
    let begun = std::time::Instant::now();
    while !capturing.is_open(interface) {
        line.take();
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", line.status("capture"));
    }
}

#[test]
fn pings_become_one_flow_and_are_counted() {
    in_networks(|networks| {
        let folder = tempfile::tempdir().unwrap();
        let mut line = Line::start();
        let capturing = listen(&mut line, &on("v1"), folder.path());
        wait_open(&mut line, &capturing, "v1");
        let ping = Networks::run(&networks.left, "ping -c 3 -i 0.05 -W 2 10.199.0.2");
        if !String::from_utf8_lossy(&ping.stdout).contains("3 received") {
            eprintln!("skipped: ping does not run here: {ping:?}");
            return;
        }
        while capturing.count("v1").unwrap().0 < 6 {
            line.take();
        }
        assert_eq!(capturing.count("v1").unwrap().1, 0);
        let events = line.stop();
        let flows = of(&events, "flow.connection");
        let echo = flows.iter().find(|flow| flow["network"]["transport"] == "icmp").unwrap();
        assert_eq!(echo["network"]["packets"], 6);
        assert_eq!(echo["source"]["packets"], 3);
        assert_eq!(echo["source"]["ip"], "10.199.0.1");
        assert_eq!(echo["observer"]["ingress"]["interface"]["name"], "v1");
        let captured = of(&events, "traffic.capture");
        let packets: u64 =
            captured.iter().filter_map(|event| event["network"]["packets"].as_u64()).sum();
        assert!(packets >= 6, "{captured:?}");
        assert_eq!(captured[0]["bartizan"]["capture"]["kernel_dropped"], 0);
        let minutes = of(&events, "traffic.minute");
        let by = |event: &&&Value| event["source"]["ip"] == "10.199.0.1";
        assert_eq!(minutes.iter().find(by).unwrap()["bartizan"]["traffic"]["by"], "source");
        let new = of(&events, "traffic.new");
        assert!(new.iter().any(|event| event["host"]["ip"][0] == "10.199.0.2"), "{new:?}");
    });
}

#[test]
fn several_threads_share_the_flows_and_see_both_directions() {
    in_networks(|networks| {
        let folder = tempfile::tempdir().unwrap();
        let mut line = Line::start();
        let config = CaptureConfig { threads: 3, ..on("v1") };
        let capturing = listen(&mut line, &config, folder.path());
        wait_open(&mut line, &capturing, "v1");
        let server = TcpListener::bind("10.199.0.2:0").unwrap();
        let to = server.local_addr().unwrap();
        connect_from(&networks.left, to, 40);
        for _ in 0..40 {
            drop(server.accept().unwrap());
        }
        line.until(|events| {
            let flows = of(events, "flow.connection");
            flows.iter().filter(|flow| flow["destination"]["port"] == to.port()).count() >= 40
        });
        let events = line.stop();
        let flows = of(&events, "flow.connection");
        let ours: Vec<_> =
            flows.iter().filter(|flow| flow["destination"]["port"] == to.port()).collect();
        assert_eq!(ours.len(), 40);
        // A thread that saw one direction alone would tell flows without answers.
        assert!(ours.iter().all(|flow| flow["destination"]["packets"].as_u64() > Some(0)));
        let threads = &of(&events, "traffic.capture")[0]["bartizan"]["capture"]["threads"];
        assert_eq!(*threads, 3);
    });
}

/// Opens connections from the other side, one behind the other.
fn connect_from(namespace: &str, to: SocketAddr, count: usize) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            Networks::enter(namespace);
            for _ in 0..count {
                drop(TcpStream::connect_timeout(&to, Duration::from_secs(5)).unwrap());
            }
        });
    });
}

#[test]
fn a_tag_that_the_card_took_out_is_there_again() {
    in_networks(|networks| {
        let folder = tempfile::tempdir().unwrap();
        let mut line = Line::start();
        let capturing = listen(&mut line, &on("v1"), folder.path());
        wait_open(&mut line, &capturing, "v1");
        // The system takes the tag out of what comes, as cards do.
        for tags in [&[0x81, 0, 0, 77][..], &[0x88, 0xA8, 0, 5, 0x81, 0, 0, 77]] {
            let mut frame = datagram(9);
            frame.splice(12..12, tags.iter().copied());
            send_frames_from(&networks.left, std::iter::once(frame));
        }
        while capturing.count("v1").unwrap().0 < 2 {
            line.take();
        }
        let events = line.stop();
        let flows = of(&events, "flow.connection");
        let to = |event: &&&Value| event["destination"]["ip"] == "10.0.0.2";
        let mut tags: Vec<String> = flows
            .iter()
            .filter(to)
            .map(|flow| format!("{} {}", flow["network"]["vlan"], flow["network"]["inner"]))
            .collect();
        tags.sort_unstable();
        let double = r#"{"id":"5"} {"vlan":{"id":"77"}}"#;
        assert_eq!(tags, [double, r#"{"id":"77"} null"#]);
    });
}

/// Sends datagrams from the other side.
fn send_from(namespace: &str, to: &str, count: usize) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            Networks::enter(namespace);
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            for _ in 0..count {
                // Nobody listens there, which the system may tell at the next one.
                let _refused = socket.send_to(b"anything", to);
            }
        });
    });
}

#[test]
fn a_filter_lets_through_what_it_says() {
    in_networks(|networks| {
        let folder = tempfile::tempdir().unwrap();
        let mut line = Line::start();
        let config = CaptureConfig { filter: "udp port 53".to_owned(), ..on("v1") };
        let capturing = listen(&mut line, &config, folder.path());
        if super::filter::Filter::compile("udp", 1, 96).is_err() {
            line.until_status("capture", |status| {
                status.fault.as_ref().is_some_and(|fault| fault.contains("libpcap0.8"))
            });
            return;
        }
        wait_open(&mut line, &capturing, "v1");
        send_from(&networks.left, "10.199.0.2:9", 20);
        send_from(&networks.left, "10.199.0.2:53", 4);
        while capturing.count("v1").unwrap().0 < 4 {
            line.take();
        }
        let events = line.stop();
        let flows = of(&events, "flow.connection");
        assert_eq!(flows.len(), 1, "{flows:?}");
        assert_eq!(flows[0]["source"]["packets"], 4);
    });
}

#[test]
fn a_filter_finds_tags_that_the_card_took_out() {
    in_networks(|networks| {
        let folder = tempfile::tempdir().unwrap();
        if super::filter::Filter::compile("udp", 1, 96).is_err() {
            eprintln!("skipped: libpcap is not installed");
            return;
        }
        let mut line = Line::start();
        let config = CaptureConfig { filter: "vlan 77 and udp port 9".to_owned(), ..on("v1") };
        let capturing = listen(&mut line, &config, folder.path());
        wait_open(&mut line, &capturing, "v1");
        let tagged = |port, tag: &[u8]| {
            let mut frame = datagram(port);
            frame.splice(12..12, tag.iter().copied());
            frame
        };
        let tags: [(u16, &[u8]); 4] =
            [(1, &[]), (2, &[0x81, 0, 0, 5]), (3, &[0x81, 0, 0, 77]), (4, &[0x81, 0, 0, 77])];
        send_frames_from(&networks.left, tags.iter().map(|(port, tag)| tagged(*port, tag)));
        while capturing.count("v1").unwrap().0 < 2 {
            line.take();
        }
        let events = line.stop();
        let flows = of(&events, "flow.connection");
        let mut ports: Vec<u64> =
            flows.iter().map(|flow| flow["source"]["port"].as_u64().unwrap()).collect();
        ports.sort_unstable();
        assert_eq!(ports, [3, 4]);
        assert!(flows.iter().all(|flow| flow["network"]["vlan"]["id"] == "77"));
    });
}

#[test]
fn an_interface_that_goes_is_told_and_awaited() {
    in_networks(|networks| {
        let folder = tempfile::tempdir().unwrap();
        let mut line = Line::start();
        let capturing = listen(&mut line, &on("v1"), folder.path());
        wait_open(&mut line, &capturing, "v1");
        ip(&format!("-n {} link del v0", networks.left)).unwrap();
        line.until_status("capture", |status| {
            status.fault.as_deref() == Some("there is no interface v1; it is tried again")
        });
        let Networks { left, right } = networks;
        ip(&format!("link add v0 netns {left} type veth peer name v1 netns {right}")).unwrap();
        ip(&format!("-n {left} link set v0 up")).unwrap();
        ip(&format!("-n {right} link set v1 up")).unwrap();
        wait_open(&mut line, &capturing, "v1");
        line.stop();
    });
}

#[test]
fn without_the_right_the_command_is_told() {
    let mut line = Line::start();
    let folder = tempfile::tempdir().unwrap();
    // The right is given up by the thread that asks, so the supervisor's own opening is called.
    let outcome = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                super::sys::give_up_rights().unwrap();
                super::interface::open(&on("lo"), "lo", 0, "/opt/bartizan").map(|_| ())
            })
            .join()
            .unwrap()
    });
    let error = outcome.unwrap_err();
    assert!(!error.is_passing());
    assert_eq!(
        error.to_string(),
        "capturing needs a right that this process does not have: grant it with \
         `setcap cap_net_raw,cap_net_admin=eip /opt/bartizan`, or run as root"
    );
    drop(folder);
    line.take();
    line.stop();
}

#[test]
fn the_packets_of_a_flow_come_out_of_the_ring_on_disk() {
    in_networks(|networks| {
        let folder = tempfile::tempdir().unwrap();
        let mut line = Line::start();
        let mut config = on("v1");
        (config.ring.enabled, config.ring.megabytes) = (true, 16);
        let capturing = listen(&mut line, &config, folder.path());
        wait_open(&mut line, &capturing, "v1");
        send_from(&networks.left, "10.199.0.2:9", 7);
        send_from(&networks.left, "10.199.0.2:10", 5);
        while capturing.count("v1").unwrap().0 < 12 {
            line.take();
        }
        let events = line.stop();
        let flows = of(&events, "flow.connection");
        let flow = flows.iter().find(|flow| flow["destination"]["port"] == 9).unwrap();
        let wanted = Wanted::of(flow["network"]["community_id"].as_str().unwrap()).unwrap();
        let mut out = PcapWriter::new(Vec::new());
        let found = find(&folder.path().join("packets"), &wanted, |raw| {
            out.write(raw).unwrap();
            std::ops::ControlFlow::Continue(())
        });
        assert_eq!(found.unwrap().packets, flow["network"]["packets"].as_u64().unwrap());
        let mut count = 0;
        let file = out.finish().unwrap();
        PcapReader::new().feed(&file, &mut |raws| count += raws.len()).unwrap();
        assert!(count >= 7);
    });
}

/// A datagram from this port of 10.0.0.1 to port 9 of 10.0.0.2.
fn datagram(port: u16) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    bytes.extend([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend([port.to_be_bytes(), 9_u16.to_be_bytes()].concat());
    bytes.extend([0, 12, 0, 0, 1, 2, 3, 4]);
    bytes
}

/// Puts frames on the other side's cable as they are.
fn send_frames_from(namespace: &str, frames: impl Iterator<Item = Vec<u8>> + Send) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            Networks::enter(namespace);
            let socket = super::sys::packet_socket().unwrap();
            super::sys::bind(&socket, super::sys::interface_index("v0").unwrap()).unwrap();
            let mut cable = std::fs::File::from(socket);
            for frame in frames {
                cable.write_all(&frame).unwrap();
            }
        });
    });
}

/// Writes a capture of so many datagrams, each a flow of its own, a second apart.
fn write_capture(path: &Path, flows: u16) {
    write_capture_of(path, flows, 1_000_000_000);
}

/// The same with so many nanoseconds between them.
fn write_capture_of(path: &Path, flows: u16, apart_ns: u64) {
    let mut out = PcapWriter::new(std::fs::File::create(path).unwrap());
    for flow in 0..flows {
        let bytes = datagram(flow);
        let time_ns = 1_600_000_000_000_000_000 + u64::from(flow) * apart_ns;
        let wire_length = u32::try_from(bytes.len()).unwrap();
        out.write(&Raw { time_ns, wire_length, interface: 0, link: link::ETHERNET, bytes: &bytes })
            .unwrap();
    }
    let file = out.finish().unwrap();
    file.set_modified(SystemTime::now() - Duration::from_mins(1)).unwrap();
}

fn of_folder(folder: &Path) -> CaptureConfig {
    let pattern = folder.join("*.pcap").display().to_string();
    CaptureConfig { files: vec![pattern], ..CaptureConfig::default() }
}

#[test]
fn a_file_is_read_once_and_a_restart_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    write_capture(&folder.path().join("one.pcap"), 3000);
    let config = of_folder(folder.path());
    let mut line = Line::start();
    start_files(line.running(), &config, &Home::default(), &[]);
    line.until(|events| of(events, "flow.connection").len() == 3000);
    let checkpoints = line.checkpoints.clone();
    let all = line.stop();
    let bytes: u64 = of(&all, "traffic.minute")
        .iter()
        .filter(|event| event["bartizan"]["traffic"]["by"] == "protocol")
        .map(|event| event["network"]["bytes"].as_u64().unwrap())
        .sum();
    assert_eq!(bytes, 3000 * 46);
    assert!(of(&all, "traffic.new").is_empty());
    let last = checkpoints.last().unwrap();
    assert_eq!(last.position, "whole");

    // From the middle: what was handed on before does not come again.
    let mut again = Line::start();
    let middle = &checkpoints[checkpoints.len() / 2];
    let done: usize = middle.position.parse().unwrap();
    start_files(again.running(), &config, &Home::default(), std::slice::from_ref(middle));
    again.until(|events| events.len() >= all.len() - done);
    assert_eq!(again.stop(), all[done..]);

    // Read whole: nothing comes.
    let mut whole = Line::start();
    start_files(whole.running(), &config, &Home::default(), std::slice::from_ref(last));
    std::fs::write(folder.path().join("two.pcap"), b"no capture at all").unwrap();
    let two = std::fs::File::options().write(true).open(folder.path().join("two.pcap")).unwrap();
    two.set_modified(SystemTime::now() - Duration::from_mins(1)).unwrap();
    whole.until_status("pcap", |status| {
        status
            .fault
            .as_ref()
            .is_some_and(|fault| fault.ends_with("two.pcap: is no pcap or pcapng file"))
    });
    assert!(whole.stop().is_empty());
}

#[test]
fn every_flow_is_told_however_many_are_open_when_a_file_ends() {
    let folder = tempfile::tempdir().unwrap();
    write_capture_of(&folder.path().join("one.pcap"), 5000, 1000);
    let mut line = Line::start();
    start_files(line.running(), &of_folder(folder.path()), &Home::default(), &[]);
    while line.checkpoints.last().is_none_or(|last| last.position != "whole") {
        line.take();
    }
    let events = line.stop();
    assert_eq!(of(&events, "flow.connection").len(), 5000);
}

#[test]
fn every_flow_is_told_however_many_are_open_when_the_capture_stops() {
    in_networks(|networks| {
        let folder = tempfile::tempdir().unwrap();
        let mut line = Line::start();
        let capturing = listen(&mut line, &on("v1"), folder.path());
        wait_open(&mut line, &capturing, "v1");
        send_frames_from(&networks.left, (0..4000).map(datagram));
        while capturing.count("v1").unwrap().0 < 4000 {
            line.take();
        }
        let events = line.stop();
        let flows = of(&events, "flow.connection");
        let to = |event: &&&Value| event["destination"]["ip"] == "10.0.0.2";
        assert_eq!(flows.iter().filter(to).count(), 4000);
    });
}

#[test]
fn what_the_kernel_drops_does_not_count_as_taken() {
    in_networks(|networks| {
        let source =
            super::ring::Source { interface: 0, link: link::ETHERNET, skips_outgoing: false };
        let filter = super::filter::Filter::compile("udp port 9", 1, 96)
            .unwrap_or_else(|_| super::filter::Filter::everything(96));
        let options =
            super::ring::RingOptions { block_bytes: 1 << 12, blocks: 2, promiscuous: true };
        let index = super::sys::interface_index("v1").unwrap();
        let mut ring = super::ring::Ring::open(index, source, options).unwrap();
        // Nothing is heard before it is said what.
        send_frames_from(&networks.left, (0..100).map(datagram));
        assert_eq!(ring.kernel_count().packets, 0);
        ring.hear(&filter).unwrap();
        send_frames_from(&networks.left, (0..2000).map(datagram));
        let mut taken = 0;
        while ring.take(|raws| taken += u64::try_from(raws.len()).unwrap()) {}
        let told = ring.kernel_count();
        assert!(told.dropped > 1000, "{told:?}");
        // What the kernel has taken and not yet handed over is in neither.
        assert!(told.packets >= taken && told.packets + told.dropped <= 2100, "{told:?} {taken}");
    });
}

#[test]
fn a_file_waits_for_the_store() {
    let folder = tempfile::tempdir().unwrap();
    write_capture(&folder.path().join("one.pcap"), 30_000);
    // One place, and nobody takes what is in it.
    let mut line = Line::with_places(1);
    start_files(line.running(), &of_folder(folder.path()), &Home::default(), &[]);
    while line.batches.is_empty() {
        std::thread::yield_now();
    }
    let held = line.status("pcap").received;
    assert!(held <= 2000, "{held}");
    line.until(|events| of(events, "flow.connection").len() == 30_000);
    assert_eq!(line.status("pcap").dropped, 0);
    line.stop();
}

#[test]
fn every_fault_of_the_configuration_at_once() {
    let config = CaptureConfig {
        interfaces: vec!["eth0/1".to_owned()],
        threads: 0,
        snap_bytes: 10,
        home: vec!["10.0.0.0/40".to_owned()],
        files: vec!["/tmp/[".to_owned()],
        ..CaptureConfig::default()
    };
    let paths: Vec<String> =
        config.validate("capture").into_iter().map(|fault| fault.path).collect();
    let expected = ["interfaces", "threads", "snap_bytes", "home", "files"];
    assert_eq!(paths, expected.map(|key| format!("capture.{key}")));
}
