//! Packets and flow records through the whole product.

use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::console::Console;
use crate::product::{Place, Product, bartizan, eventually};

/// A datagram of 10.0.0.1 to port 9 of 10.0.0.2.
const FRAME: [u8; 46] = [
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0,
    1, 10, 0, 0, 2, 0xC3, 0x50, 0, 9, 0, 12, 0, 0, 1, 2, 3, 4,
];

/// Writes a capture of three such datagrams, as if a minute ago.
fn write_capture(path: &Path) {
    let mut file = 0xA1B2_C3D4_u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
    for second in 0..3 {
        for number in [1_600_000_000 + second, 0, 46, 46] {
            file.extend(u32::to_le_bytes(number));
        }
        file.extend(FRAME);
    }
    std::fs::write(path, file).unwrap();
    let written = std::fs::File::options().write(true).open(path).unwrap();
    written.set_modified(SystemTime::now() - Duration::from_mins(1)).unwrap();
}

/// One flow of version 5 that ends now.
fn netflow() -> Vec<u8> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let mut message = vec![0, 5, 0, 1, 0, 0, 0x27, 0x10];
    message.extend(u32::try_from(now).unwrap().to_be_bytes());
    message.extend([0; 12]);
    message.extend([10, 0, 0, 7, 198, 51, 100, 7, 0, 0, 0, 0, 0, 1, 0, 2]);
    message.extend([0, 0, 0, 10, 0, 0, 0x0F, 0xA0, 0, 0, 0x20, 0, 0, 0, 0x27, 0x10]);
    message.extend([0xC3, 0x50, 1, 0xBB, 0, 0x1B, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    message
}

#[test]
fn captures_and_flow_records_are_events_like_any_other() {
    let place = Place::new();
    write_capture(&place.path("one.pcap"));
    let config = place.configure(&format!(
        "[netflow]\nenabled = true\nlisten = \"127.0.0.1:0\"\n[capture]\nfiles = ['{}']\n",
        place.path("*.pcap").display()
    ));
    let mut product = Product::start(&config);
    let console = Console::set_up(&mut product);
    let exporter = UdpSocket::bind("127.0.0.1:0").unwrap();
    exporter.send_to(&netflow(), product.address("netflow")).unwrap();
    let flows = "SELECT source.ip, network.bytes, observer.ip, network.community_id FROM events \
                 WHERE event.action = 'network_flow' ORDER BY 1";
    let rows = eventually("both flows are stored", || {
        let rows = console.sql(flows);
        (rows.len() == 2).then_some(rows)
    });
    assert_eq!((&rows[0][0], rows[0][1].as_f64()), (&Value::from("10.0.0.1"), Some(138.0)));
    assert_eq!((&rows[1][0], rows[1][1].as_f64()), (&Value::from("10.0.0.7"), Some(4000.0)));
    assert_eq!(rows[1][2], "127.0.0.1");
    let at = console.sql("SELECT @timestamp FROM events WHERE source.ip = '10.0.0.1' LIMIT 1");
    assert!(at[0][0].as_str().unwrap().starts_with("2020-09-13"), "{at:?}");
    assert_eq!(product.stop(), Some(0));

    // The file was read: it says nothing more.
    let mut product = Product::start(&config);
    let console = console.at(&mut product);
    exporter.send_to(&netflow(), product.address("netflow")).unwrap();
    eventually("another flow record", || (console.sql(flows).len() == 3).then_some(()));
    let unkept = console.text("/api/v1/packets?community_id=1:LQU9qZlK%2BB5F3KDmev6m5PMibrg=");
    assert!(unkept.contains("set capture.ring.enabled"), "{unkept}");
    product.stop();
}

#[test]
fn an_interface_that_is_not_there_stops_nothing() {
    let place = Place::new();
    let ring = place.path("ring");
    let config = place.configure(&format!(
        "[capture]\ninterfaces = [\"bt-nowhere0\"]\n[capture.ring]\nenabled = true\ndir = '{}'\n",
        ring.display()
    ));
    let mut product = Product::start(&config);
    assert_eq!(product.line("input capture"), "bt-nowhere0");
    let console = Console::set_up(&mut product);
    let unkept = console.text("/api/v1/packets?community_id=1:LQU9qZlK%2BB5F3KDmev6m5PMibrg=");
    assert!(unkept.contains("flow among the packets that are kept"), "{unkept}");
    assert_eq!(product.stop(), Some(0));
    let out = place.path("out.pcap");
    let mut command = bartizan();
    command.args(["flows", "--flow", "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "--ring"]).arg(&ring);
    let output = command.arg("--write").arg(&out).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("0 packets written"), "{told}");
    assert_eq!(std::fs::metadata(out).unwrap().len(), 24);
}
