use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

#[test]
fn greetings() {
    let check = |said: &[u8], expect: Expect| expect.assert_eq(&told(read_greeting(said)));
    check(
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
        expect!["ssh | OpenSSH | 9.2p1 | Debian-2+deb12u3, protocol 2.0"],
    );
    check(b"SSH-2.0-dropbear_2022.83\r\n", expect!["ssh | dropbear | 2022.83 | protocol 2.0"]);
    check(b"220 (vsFTPd 3.0.3)\r\n", expect!["ftp | vsftpd | 3.0.3 | (vsFTPd 3.0.3)"]);
    check(
        b"220 ProFTPD Server (Debian) [::ffff:10.0.0.1]\r\n",
        expect!["ftp | ProFTPD |  | ProFTPD Server (Debian) [::ffff:10.0.0.1]"],
    );
    check(
        b"220 mail.example ESMTP Postfix (Debian/GNU)\r\n",
        expect!["smtp | Postfix |  | mail.example"],
    );
    check(
        b"220 mx.example ESMTP Exim 4.96 Tue, 1 Jan\r\n",
        expect!["smtp | Exim | 4.96 | mx.example"],
    );
    check(b"220 who are you\r\n", expect!["nobody"]);
    check(
        b"+OK Dovecot (Debian) ready.\r\n",
        expect!["pop3 | Dovecot |  | Dovecot (Debian) ready."],
    );
    check(
        b"* OK [CAPABILITY IMAP4rev1 LOGIN-REFERRALS] Dovecot ready.\r\n",
        expect!["imap | Dovecot |  | Dovecot ready."],
    );
    check(b"RFB 003.008\n", expect!["vnc |  |  | protocol 003.008"]);
    check(b"@RSYNCD: 31.0 sha512 sha256\n", expect!["rsync | rsync |  | protocol 31.0"]);
    check(b"\xff\xfd\x18\xff\xfd\x20router login: ", expect!["telnet |  |  | router login:"]);
    check(
        b"\x4a\0\0\0\x0a8.0.36\0\x0b\0\0\0abcdefgh\0\xff\xff",
        expect!["mysql | MySQL | 8.0.36 | "],
    );
    check(
        b"\x5a\0\0\0\x0a5.5.5-10.11.6-MariaDB-0+deb12u1\0\x0b\0\0\0abcdefgh",
        expect!["mysql | MariaDB | 10.11.6 | MariaDB-0+deb12u1"],
    );
    check(
        b"\x45\0\0\0\xff\x6a\x04Host '10.0.0.9' is not allowed to connect to this MariaDB server",
        expect![
            "mysql | MariaDB |  | Host '10.0.0.9' is not allowed to connect to this MariaDB server"
        ],
    );
}

#[test]
fn answers() {
    let check = |id: &str, said: &[u8], expect: Expect| {
        let row = SERVICES.iter().find(|row| row.id == id).unwrap();
        expect.assert_eq(&told((row.read)(said)));
    };
    check(
        "http",
        b"HTTP/1.1 301 Moved\r\nserver: Apache/2.4.57 (Debian)\r\nLocation: https://x/\r\n\r\n",
        expect!["http | Apache | 2.4.57 | status 301; to https://x/"],
    );
    check("http", b"HTTP/1.1 200 OK\r\n\r\n{\"version\":{\"number\" : \"8.11.1\",\"lucene_version\":\"9.8\"},\"tagline\":\"You Know, for Search\"}", expect!["elasticsearch | Elasticsearch | 8.11.1 | status 200"]);
    check("http", b"HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"\x1b[2J\"\r\n\r\n<TITLE>a</TITLE>", expect![[r#"http |  |  | status 401; title a; asks for Basic realm=" [2J""#]]);
    check(
        "redis",
        b"$99\r\n# Server\r\nredis_version:7.0.15\r\nos:Linux 6.1 x86_64\r\n",
        expect!["redis | Redis | 7.0.15 | Linux 6.1 x86_64; no password"],
    );
    check(
        "redis",
        b"-NOAUTH Authentication required.\r\n",
        expect!["redis | Redis |  | -NOAUTH Authentication required."],
    );
    check(
        "postgresql",
        b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0",
        expect!["postgresql | PostgreSQL |  | asks for a password (SCRAM)"],
    );
    check(
        "postgresql",
        b"E\0\0\0\x40SFATAL\0C28000\0Mno pg_hba.conf entry for host\0\0",
        expect!["postgresql | PostgreSQL |  | no pg_hba.conf entry for host"],
    );
    check("mongodb", b"\x40\0\0\0\x07\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0\x30\0\0\0\x02version\0\x07\0\0\x006.0.12\0", expect!["mongodb | MongoDB | 6.0.12 | "]);
    check(
        "rdp",
        b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x02\0\0\0",
        expect!["rdp |  |  | network level authentication"],
    );
    check("memcached", b"VERSION 1.6.18\r\n", expect!["memcached | memcached | 1.6.18 | "]);
    check("mqtt", b"\x20\x02\0\x05", expect!["mqtt |  |  | asks for a password"]);
    check("ntp", &[&[0x24, 2][..], &[0; 46]].concat(), expect!["ntp |  |  | version 4, stratum 2"]);
    check("tftp", b"\0\x05\0\x01File not found\0", expect!["tftp |  |  | File not found"]);
}

#[test]
fn probes_are_as_their_protocols_have_them() {
    let says = |id: &str| match SERVICES.iter().find(|row| row.id == id).unwrap().ask {
        Ask::Say(say) => say(),
        Ask::Greeting => panic!("{id} greets"),
    };
    let dns = shared::without(says("dns"), 2);
    let question = simple_dns::Packet::parse(&dns).unwrap();
    assert_eq!(question.questions[0].qname.to_string(), "version.bind");
    let document = &says("mongodb")[21..];
    assert_eq!(
        usize::try_from(u32::from_le_bytes(document[..4].try_into().unwrap())).unwrap(),
        document.len()
    );
    let length =
        |bytes: &[u8]| usize::try_from(u32::from_be_bytes(bytes[..4].try_into().unwrap())).unwrap();
    assert_eq!(length(&says("postgresql")), says("postgresql").len());
    assert_eq!(length(&says("smb")) + 4, says("smb").len());
    assert_eq!(length(&says("portmap")) & 0xffff, says("portmap").len() - 4);
    let ike = says("ike");
    assert_eq!(length(&ike[24..]), ike.len());
    assert_eq!(usize::from(says("ldap")[1]) + 2, says("ldap").len());
    assert_eq!(usize::from(says("snmp")[1]) + 2, says("snmp").len());
    assert_eq!(usize::from(says("mqtt")[1]) + 2, says("mqtt").len());
    assert_eq!(usize::from(says("rdp")[3]), says("rdp").len());
}

#[test]
fn every_port_of_a_row_leads_to_it() {
    for row in &SERVICES {
        for port in row.udp {
            assert_eq!(of_udp(*port).map(|found| found.id), Some(row.id));
            assert!(!datagram(*port).is_empty(), "{port}");
        }
    }
    assert_eq!(to_ask(6379)[0].id, "redis");
    assert_eq!(datagram(53)[..2], [0xba, 0x27]);
}

proptest! {
    #[test]
    fn no_answer_breaks_a_reader(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        row in 0..SERVICES.len(),
        cut in 0_usize..200,
        port in any::<u16>(),
    ) {
        // Bytes at random, and what we say ourselves with some of them: it looks like the protocol.
        let row = &SERVICES[row];
        let _ = (row.read)(&bytes);
        if let Ask::Say(say) = row.ask {
            let said = say();
            let mixed = [said.get(..cut.min(said.len())).unwrap(), &bytes].concat();
            let _ = (row.read)(&mixed);
        }
        let _ = read_greeting(&bytes);
        let _ = read_datagram(port, &bytes);
        prop_assert!(shared::harmless(&bytes).is_ascii());
        prop_assert!(!shared::text(&bytes).chars().any(char::is_control));
    }
}

fn told(service: Option<Service>) -> String {
    service.map_or_else(
        || "nobody".to_owned(),
        |service| {
            let text = |text: Option<String>| text.unwrap_or_default();
            format!(
                "{} | {} | {} | {}",
                service.name,
                text(service.product),
                text(service.version),
                text(service.info)
            )
        },
    )
}
