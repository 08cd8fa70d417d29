//! Databases of places and networks' owners, in the running product.

use crate::console::Console;
use crate::product::{Place, Product, eventually};

#[test]
fn the_owner_of_an_address_and_a_database_that_changes() {
    let place = Place::new();
    let path = place.path("asn.mmdb");
    std::fs::write(&path, owners(64_500)).unwrap();
    let databases = format!("[enrich]\ndatabases = ['{}']\n", path.display());
    let mut product = Product::start(&place.configure(&databases));
    let console = Console::set_up(&mut product);
    let mut sent = 0;
    let mut owner_of_next = |product: &mut Product| {
        sent += 1;
        let user = format!("user{sent}");
        product.send_udp(&[format!(
            "<38>Nov 21 06:58:00 web1 sshd[9]: Failed password for {user} from 198.51.100.7 port 4711 ssh2"
        )]);
        let asked =
            format!("SELECT field_int('source.as.number') FROM events WHERE user.name = '{user}'");
        let owner = eventually("the line is stored", || console.sql(&asked).pop());
        owner[0].as_u64()
    };
    assert_eq!(owner_of_next(&mut product), Some(64_500));

    std::fs::write(&path, owners(64_501)).unwrap();
    eventually("the new database is read", || {
        (owner_of_next(&mut product) == Some(64_501)).then_some(())
    });

    std::fs::write(&path, "torn").unwrap();
    product.later_line("the one read before stays in force");
    assert_eq!(owner_of_next(&mut product), Some(64_501));
    assert_eq!(product.stop(), Some(0));
}

/// Gives a database in MaxMind's format that knows one network, 128.0.0.0/1, and the number of its owner.
fn owners(number: u32) -> Vec<u8> {
    // Of IPv4 addresses that begin with 0 nothing is known; those with 1 have the first row.
    let tree = [0, 0, 1, 0, 0, 17];
    let row = [&[0xe1][..], &text("autonomous_system_number"), &long(number)];
    let about = [
        b"\xab\xcd\xefMaxMind.com".to_vec(),
        vec![0xe9],
        [text("node_count"), long(1)].concat(),
        [text("record_size"), short(24)].concat(),
        [text("ip_version"), short(4)].concat(),
        [text("database_type"), text("Test-ASN")].concat(),
        [text("binary_format_major_version"), short(2)].concat(),
        [text("binary_format_minor_version"), short(0)].concat(),
        [text("description"), vec![0xe0]].concat(),
        [text("languages"), vec![0, 4]].concat(),
        [text("build_epoch"), vec![8, 2], 1_795_244_280_u64.to_be_bytes().to_vec()].concat(),
    ];
    [tree.to_vec(), vec![0; 16], row.concat(), about.concat()].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&[0x40 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

fn long(number: u32) -> Vec<u8> {
    [&[0xc4][..], &number.to_be_bytes()].concat()
}

fn short(number: u16) -> Vec<u8> {
    [&[0xa2][..], &number.to_be_bytes()].concat()
}
