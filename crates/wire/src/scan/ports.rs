//! Which ports are meant: numbers, ranges, the most used ones.
//!
//! ```text
//! 22,80,8000-8100   1-65535   all   top:50   top:20,9200
//! ```

use std::fmt;

/// TCP ports by how often something answers on them in networks of offices and data centres; our own
/// order.
const TOP_TCP: [u16; 144] = [
    80, 443, 22, 445, 3389, 21, 25, 23, 53, 8080, 3306, 139, 135, 8443, 110, 143, 5432, 5900, 6379,
    993, 995, 587, 389, 111, 88, 636, 1433, 27017, 9200, 2049, 5985, 8000, 8081, 8888, 9090, 3000,
    465, 1723, 554, 5060, 9100, 631, 515, 548, 873, 1521, 2222, 5000, 5001, 5601, 9000, 10000,
    8008, 8009, 8090, 8181, 81, 82, 7001, 7002, 9443, 4443, 10443, 2375, 2376, 6443, 10250, 2379,
    2380, 11211, 5672, 15672, 1883, 8883, 61616, 9092, 2181, 9042, 7000, 7199, 5984, 8086, 3128,
    1080, 5222, 5269, 6667, 119, 113, 179, 199, 264, 427, 444, 464, 500, 502, 512, 513, 514, 543,
    544, 593, 646, 789, 902, 990, 992, 1025, 1026, 1027, 1099, 1194, 1200, 1311, 1720, 1900, 2000,
    2121, 2483, 3268, 3269, 3310, 3690, 4000, 4369, 4444, 4786, 4848, 5009, 5061, 5357, 5555, 5901,
    5986, 6000, 6001, 8834, 9999, 32768, 49152, 49153, 49154, 50000,
];

/// UDP ports in the same manner.
const TOP_UDP: [u16; 40] = [
    53, 161, 123, 137, 67, 69, 1900, 5353, 500, 4500, 514, 111, 138, 5060, 389, 88, 11211, 1194,
    3478, 5683, 177, 520, 623, 1701, 1812, 1813, 2049, 3702, 4789, 5355, 6881, 443, 17, 19, 162,
    47808, 2123, 3391, 10001, 51820,
];

/// Which kind of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Transport {
    /// Gives the name, as `network.transport` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// Gives the most used ports, the most used first.
    fn top(self) -> &'static [u16] {
        match self {
            Self::Tcp => &TOP_TCP,
            Self::Udp => &TOP_UDP,
        }
    }

    /// Gives how many ports `top:N` can name.
    pub fn top_max(self) -> usize {
        self.top().len()
    }
}

/// Why a list of ports is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortFault {
    /// A word is no port, range or `top:N`.
    #[error("`{0}` is no port; write 22, 1-1024, all or top:50")]
    Form(String),
    /// There are not so many most used ports.
    #[error("`{word}` asks for more than the {most} most used ports that are known; name a range")]
    Top {
        /// The word.
        word: String,
        /// How many there are.
        most: usize,
    },
    /// Nothing is named.
    #[error("no port is named")]
    Empty,
}

/// A set of ports, without port 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Sorted, and no two touch.
    ranges: Vec<(u16, u16)>,
}

impl Ports {
    /// Reads words with commas between.
    pub fn parse(text: &str, transport: Transport) -> Result<Self, PortFault> {
        let mut ranges = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            if let Some(count) = word.strip_prefix("top:") {
                let count: usize = count.parse().map_err(|_| PortFault::Form(word.to_owned()))?;
                let top = transport.top();
                let top = top.get(..count).filter(|top| !top.is_empty());
                let fault = || PortFault::Top { word: word.to_owned(), most: transport.top_max() };
                ranges.extend(top.ok_or_else(fault)?.iter().map(|port| (*port, *port)));
            } else {
                ranges.push(range(word).ok_or_else(|| PortFault::Form(word.to_owned()))?);
            }
        }
        if ranges.is_empty() {
            return Err(PortFault::Empty);
        }
        ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::new();
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Ok(Self { ranges: merged })
    }

    /// Gives how many ports there are.
    pub fn count(&self) -> u32 {
        self.ranges.iter().map(|(first, last)| u32::from(last - first) + 1).sum()
    }

    /// Gives the ports in order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// Tells whether a port is among them.
    pub fn contains(&self, port: u16) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= port);
        let before = after.checked_sub(1).and_then(|index| self.ranges.get(index));
        before.is_some_and(|(_, last)| *last >= port)
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{first}")?;
            if last > first {
                write!(f, "-{last}")?;
            }
        }
        Ok(())
    }
}

fn range(word: &str) -> Option<(u16, u16)> {
    if matches!(word, "all" | "-") {
        return Some((1, u16::MAX));
    }
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let first: u16 = if first.is_empty() { 1 } else { first.trim().parse().ok()? };
    let last: u16 = if last.is_empty() { u16::MAX } else { last.trim().parse().ok()? };
    (first > 0 && first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn forms() {
        check("80,22,81-90,85-99", expect!["22,80-99 (21)"]);
        check("all", expect!["1-65535 (65535)"]);
        check("-", expect!["1-65535 (65535)"]);
        check("65000-", expect!["65000-65535 (536)"]);
        check("top:3,1-2", expect!["1-2,22,80,443 (5)"]);
        check("0", expect!["`0` is no port; write 22, 1-1024, all or top:50"]);
        check("9-1", expect!["`9-1` is no port; write 22, 1-1024, all or top:50"]);
        check("70000", expect!["`70000` is no port; write 22, 1-1024, all or top:50"]);
        check(
            "top:9999",
            expect![
                "`top:9999` asks for more than the 144 most used ports that are known; name a range"
            ],
        );
        check(
            "top:0",
            expect![
                "`top:0` asks for more than the 144 most used ports that are known; name a range"
            ],
        );
        check(" , ", expect!["no port is named"]);
    }

    #[test]
    fn the_most_used_stand_there_once() {
        for transport in [Transport::Tcp, Transport::Udp] {
            let text = format!("top:{}", transport.top_max());
            let count = Ports::parse(&text, transport).unwrap().iter().count();
            assert_eq!(count, transport.top_max());
        }
    }

    #[test]
    fn what_is_listed_is_contained() {
        let ports = Ports::parse("5,7-9,65535", Transport::Tcp).unwrap();
        let listed: Vec<u16> = (0..=u16::MAX).filter(|port| ports.contains(*port)).collect();
        assert_eq!(listed, ports.iter().collect::<Vec<_>>());
        assert_eq!(listed, [5, 7, 8, 9, 65_535]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        expect.assert_eq(&match Ports::parse(text, Transport::Tcp) {
            Ok(ports) => format!("{ports} ({})", ports.count()),
            Err(fault) => fault.to_string(),
        });
    }
}
