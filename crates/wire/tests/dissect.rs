//! Whatever bytes come, in whatever pieces, each protocol's reader goes on or ends, and what it tells is JSON.

#[cfg(test)]
mod readers {
    use proptest::prelude::*;
    use wire::dissect::{First, Progress, Verdict};
    use wire::{About, DISSECTORS, Direction, Lines, Protocol, Told, Transport};

    /// How much one reader may be fed here.
    const FED_BYTES_MAX: usize = 64 * 1024;

    fn about(row: &Protocol) -> About<'static> {
        About {
            time_ns: 1_795_244_280_000_000_000,
            source: [192, 0, 2, 1].into(),
            destination: [192, 0, 2, 2].into(),
            source_port: 50_000,
            destination_port: row.ports.first().copied().unwrap_or(0),
            source_mac: None,
            destination_mac: None,
            transport: row.over[0],
            protocol_number: 6,
            vlans: [None, None],
            community_id: None,
            interface: "",
        }
    }

    /// Feeds the messages as the house does; tells how many lines came of it.
    fn feed(row: &Protocol, messages: &[(bool, Vec<u8>)]) -> usize {
        let about = about(row);
        let mut lines = Lines::default();
        let mut told = Told::new(&mut lines, &about, row.name, 64);
        let mut reader = (row.open)(&about);
        let mut held: [Vec<u8>; 2] = Default::default();
        let mut skips = [0_u64; 2];
        let mut fed = 0;
        let mut over = false;
        for (server, bytes) in messages {
            let side = usize::from(*server);
            let direction = if *server { Direction::Server } else { Direction::Client };
            let skipped = usize::try_from(skips[side]).unwrap_or(usize::MAX).min(bytes.len());
            skips[side] -= u64::try_from(skipped).unwrap();
            held[side].extend_from_slice(&bytes[skipped..]);
            if held[side].is_empty() || over {
                continue;
            }
            fed += held[side].len();
            match reader.feed(direction, &held[side], &mut told) {
                Progress::Taken(_) if about.transport != Transport::Tcp => held[side].clear(),
                Progress::Taken(count) => {
                    let here = u64::try_from(held[side].len()).unwrap();
                    skips[side] = count.saturating_sub(here);
                    let count = usize::try_from(count.min(here)).unwrap();
                    held[side].drain(..count);
                    if held[side].len() > row.held_max {
                        over = reader.gap(direction, &mut told) == Progress::Done;
                        held[side].clear();
                    }
                }
                Progress::Done | Progress::Become(..) => over = true,
            }
            assert!(fed <= FED_BYTES_MAX * messages.len());
        }
        if !over {
            reader.end(&mut told);
        }
        for line in lines.iter() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
        lines.len()
    }

    fn recognises(row: &Protocol, client: &[u8], server: &[u8]) -> Verdict {
        let about = about(row);
        (row.recognises)(&First {
            client,
            server,
            port: about.destination_port,
            client_port: about.source_port,
            transport: about.transport,
        })
    }

    /// Beginnings of real messages: what is thrown at a reader is mostly these, changed.
    fn seeds() -> Vec<Vec<u8>> {
        let texts: [&[u8]; 22] = [
        b"GET /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"SSH-2.0-a\r\n\0\0\0\x20\x04\x14aaaaaaaaaaaaaaaa\0\0\0\x02ab\0\0\0\0\0\0\0\0",
        b"220 a\r\n230 in\r\n250-a\r\n250 b\r\n354 go\r\n535 no\r\n",
        b"EHLO a\r\nAUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@b>\r\nDATA\r\nSubject: a\r\n\r\n.\r\n",
        b"USER a\r\nPASS b\r\nSTOR c\r\nAUTH TLS\r\n",
        b"* OK a\r\na1 LOGIN \"a\" b\r\na1 OK in\r\n+OK a\r\n-ERR b\r\n",
        b"*2\r\n$4\r\nAUTH\r\n$1\r\na\r\n+OK\r\n",
        b"\x16\x03\x01\0\x30\x01\0\0\x2c\x03\x03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0\0\x02\0\x2f\x01\0\0\x02\0\0",
        b"\x124\x01\0\0\x01\0\x01\0\0\0\0\x03www\x01a\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04abcd",
        b"\0\x1b\x124\x01\0\0\x01\0\0\0\0\0\0\x03www\x01a\0\0\xfc\0\x01",
        b"\0\0\0\x40\xfeSMB\x40\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0",
        b"\0\0\0\x30\xffSMB\x73\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0NTLMSSP\0\x03\0\0\0",
        b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0",
        b"\x0a\0\0\0\x0a8.0\0aaaaaaa",
        b"\0\0\0\x10\0\x03\0\0user\0a\0\0R\0\0\0\x08\0\0\0\0",
        b"\x24\0\0\0\0\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x0f\0\0\0\x02find\0\x02\0\0\0a\0\0",
        b"\x6c\x20\x30\x1e\xa1\x03\x02\x01\x05\xa4\x17\x30\x15\xa2\x03\x1b\x01a\xa8\x05\x30\x03\x02\x01\x17",
        b"\x30\x0f\x02\x01\x01\x04\x06public\xa0\x02\x05\0",
        b"\xc3\0\0\0\x01\x08aaaaaaaa\0\0\x40\x20aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        b"\xff\xfd\x18login: a\r\nPassword: \r\nLogin incorrect\r\n",
        b"\0\x01\x08\0\x06\x04\0\x01aaaaaaaaaaaaaaaaaaaa",
    ];
        texts.into_iter().map(<[u8]>::to_vec).collect()
    }

    #[derive(Clone, Debug)]
    struct Change {
        place: usize,
        byte: u8,
        kind: u8,
    }

    fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
        for change in changes {
            if bytes.is_empty() {
                break;
            }
            let place = change.place % bytes.len();
            match change.kind % 4 {
                0 => bytes[place] = change.byte,
                1 => bytes[place] ^= 1 << (change.byte % 8),
                2 => bytes.insert(place, change.byte),
                _ => {
                    bytes.remove(place);
                }
            }
        }
        bytes
    }

    fn message() -> impl Strategy<Value = (bool, Vec<u8>)> {
        let change = (any::<usize>(), any::<u8>(), any::<u8>())
            .prop_map(|(place, byte, kind)| Change { place, byte, kind });
        let seeds = seeds();
        let made = (0..seeds.len(), prop::collection::vec(change, 0..6))
            .prop_map(move |(seed, changes)| changed(seeds[seed].clone(), &changes));
        let random = prop::collection::vec(any::<u8>(), 0..300);
        (any::<bool>(), prop_oneof![4 => made, 1 => random])
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn nothing_panics_and_all_is_json(messages in prop::collection::vec(message(), 1..8)) {
            for row in DISSECTORS {
                feed(row, &messages);
                recognises(row, &messages[0].1, &messages.last().unwrap().1);
            }
        }

        /// Streams do not know where messages end: cut anywhere, they tell the same.
        #[test]
        fn pieces_tell_what_the_whole_does(messages in prop::collection::vec(message(), 1..5), size in 1usize..7) {
            for row in DISSECTORS.iter().filter(|row| row.over == [Transport::Tcp]) {
                // Of one side alone, whose order pieces do not change.
                let whole: Vec<u8> = messages.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
                for server in [false, true] {
                    let pieces: Vec<(bool, Vec<u8>)> =
                        whole.chunks(size).map(|piece| (server, piece.to_vec())).collect();
                    prop_assert_eq!(feed(row, &pieces), feed(row, &[(server, whole.clone())]), "{}", row.name);
                }
            }
        }
    }

    #[test]
    fn each_row_is_named_once_and_bounded() {
        for (place, row) in DISSECTORS.iter().enumerate() {
            assert!(row.events_max > 0 && row.held_max > 0 && row.bytes_max > 0, "{}", row.name);
            assert!(
                !DISSECTORS[..place].iter().any(|other| other.name == row.name),
                "{}",
                row.name
            );
        }
    }
}
