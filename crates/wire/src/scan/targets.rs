//! Which addresses are meant: hosts, ranges and networks, of both families, merged and counted.
//!
//! ```text
//! 10.0.0.1  10.0.0.0/24  10.0.0.1-10.0.0.99  10.0.0.1-99  fd00::1  fd00::/120  fd00::1-fd00::9  db.example
//! ```

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs as _};

/// Bounds the words that name targets; a longer list is refused.
const WORDS_MAX: usize = 65_536;
/// Bounds the addresses that one name may stand for.
const NAME_ADDRESSES_MAX: usize = 16;

/// Why a target is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    /// It is no address, range, network or name.
    #[error(
        "`{0}` is no target; write 10.0.0.1, 10.0.0.0/24, 10.0.0.1-99, fd00::/120 or a host name"
    )]
    Form(String),
    /// The range ends before it begins, or in the other family.
    #[error("`{0}` ends before it begins")]
    Backwards(String),
    /// The name stands for no address.
    #[error("no address is known for `{name}`: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What the resolver says.
        reason: String,
    },
    /// There are more words than is sensible.
    #[error("more than {WORDS_MAX} targets are named; name networks or ranges instead")]
    TooMany,
}

/// Turns a host name into addresses.
pub type Resolve<'a> = &'a dyn Fn(&str) -> io::Result<Vec<IpAddr>>;

/// Asks the system's resolver.
pub fn resolve(name: &str) -> io::Result<Vec<IpAddr>> {
    let mut found: Vec<IpAddr> = (name, 0).to_socket_addrs()?.map(|address| address.ip()).collect();
    found.sort();
    found.dedup();
    found.truncate(NAME_ADDRESSES_MAX);
    Ok(found)
}

/// Refuses names, where only addresses make sense.
pub fn resolve_nothing(_: &str) -> io::Result<Vec<IpAddr>> {
    Err(io::Error::other("only addresses are taken here"))
}

/// Addresses from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    is_six: bool,
    first: u128,
    last: u128,
}

/// A set of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Sorted, and no two touch.
    ranges: Vec<Range>,
}

impl Targets {
    /// Reads words; each may itself hold several with commas between.
    pub fn parse<'a>(
        words: impl IntoIterator<Item = &'a str>,
        resolve: Resolve<'_>,
    ) -> Result<Self, TargetFault> {
        let mut ranges = Vec::new();
        let words = words.into_iter().flat_map(|word| word.split([',', ' ', '\t']));
        for (index, word) in words.map(str::trim).filter(|word| !word.is_empty()).enumerate() {
            if index >= WORDS_MAX {
                return Err(TargetFault::TooMany);
            }
            match range(word)? {
                Some(range) => ranges.push(range),
                None => ranges.extend(named(word, resolve)?),
            }
        }
        Ok(Self::merged(ranges))
    }

    /// Reads a list as it stands in a file: words, and comments after `#`.
    pub fn parse_list(text: &str, resolve: Resolve<'_>) -> Result<Self, TargetFault> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        Self::parse(lines, resolve)
    }

    fn merged(mut ranges: Vec<Range>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<Range> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(before)
                    if before.is_six == range.is_six
                        && range.first <= before.last.saturating_add(1) =>
                {
                    before.last = before.last.max(range.last);
                }
                _ => merged.push(range),
            }
        }
        Self { ranges: merged }
    }

    /// Gives these and those.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self::merged(self.ranges.iter().chain(&other.ranges).copied().collect())
    }

    /// Gives these without those.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Vec::with_capacity(self.ranges.len());
        let mut cuts = other.ranges.iter().peekable();
        for range in &self.ranges {
            // Both lists are in order: what ends before this range begins cuts no later one either.
            let is_before = |cut: &&&Range| (cut.is_six, cut.last) < (range.is_six, range.first);
            while cuts.peek().is_some_and(|cut| is_before(&cut)) {
                cuts.next();
            }
            let mut rest = Some(*range);
            let mut here = cuts.clone();
            while let (Some(now), Some(cut)) = (rest, here.peek()) {
                if (cut.is_six, cut.first) > (now.is_six, now.last) {
                    break;
                }
                let [before, after] = now.without(cut);
                left.extend(before);
                rest = after;
                here.next();
            }
            left.extend(rest);
        }
        Self { ranges: left }
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Gives how many addresses there are; past `u64` the greatest number.
    pub fn count(&self) -> u64 {
        self.ranges.iter().fold(0, |sum: u64, range| {
            let many = u64::try_from(range.last - range.first).unwrap_or(u64::MAX);
            sum.saturating_add(many).saturating_add(1)
        })
    }

    /// Tells whether an address is among them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (is_six, number) = number(address);
        let after =
            self.ranges.partition_point(|range| (range.is_six, range.first) <= (is_six, number));
        after
            .checked_sub(1)
            .and_then(|index| self.ranges.get(index))
            .is_some_and(|range| range.is_six == is_six && range.last >= number)
    }

    /// Gives the addresses in order.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.ranges.iter().flat_map(|range| {
            (range.first..=range.last).map(|number| address(range.is_six, number))
        })
    }

    /// Gives the first address that is not this machine's, a private network's or a documentation's:
    /// one that may belong to anybody.
    pub fn first_public(&self) -> Option<IpAddr> {
        self.without(&own_networks()).iter().next()
    }

    /// Gives the first address that stands for many at once or for none: multicast, broadcast,
    /// unspecified.
    pub fn first_of_no_host(&self) -> Option<IpAddr> {
        let none = ["0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8"];
        let none = Self::parse(none, &resolve_nothing).unwrap_or_default();
        // What is left without those that are left without them.
        self.without(&self.without(&none)).iter().next()
    }
}

/// The networks that are nobody else's: RFC 1918, 4193, 6598, 3927, 5737, 2544, 3849, loopback, link-local.
fn own_networks() -> Targets {
    let networks = [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "198.18.0.0/15",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
        "2001:db8::/32",
    ];
    Targets::parse(networks, &resolve_nothing).unwrap_or_default()
}

impl Range {
    /// Gives what is left on both sides of a cut that touches it.
    fn without(&self, cut: &Self) -> [Option<Self>; 2] {
        let before = (cut.first > self.first).then(|| Self { last: cut.first - 1, ..*self });
        let after = (cut.last < self.last).then(|| Self { first: cut.last + 1, ..*self });
        [before, after]
    }
}

impl fmt::Display for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{}", address(range.is_six, range.first))?;
            if range.last > range.first {
                write!(f, "-{}", address(range.is_six, range.last))?;
            }
        }
        Ok(())
    }
}

/// Reads an address, range or network; `None` where it may be a name.
fn range(word: &str) -> Result<Option<Range>, TargetFault> {
    let fault = || TargetFault::Form(word.to_owned());
    if let Ok(ip) = word.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        let (is_six, number) = number(ip);
        return Ok(Some(Range { is_six, first: number, last: number }));
    }
    if let Some((network, bits)) = word.split_once('/') {
        let (is_six, number) = number(network.parse().map_err(|_| fault())?);
        let width: u32 = if is_six { 128 } else { 32 };
        let bits: u32 = bits.parse().map_err(|_| fault())?;
        let free = width.checked_sub(bits).ok_or_else(fault)?;
        let mask = 1_u128.checked_shl(free).map_or(u128::MAX, |size| size - 1);
        return Ok(Some(Range { is_six, first: number & !mask, last: number | mask }));
    }
    let Some((first, last)) = word.split_once('-') else { return Ok(None) };
    let Ok(from) = first.parse::<IpAddr>() else { return Ok(None) };
    let to =
        last.parse::<IpAddr>().ok().or_else(|| end_of_last_byte(from, last)).ok_or_else(fault)?;
    let ((is_six, first), (ends_six, last)) = (number(from), number(to));
    if is_six != ends_six || last < first {
        return Err(TargetFault::Backwards(word.to_owned()));
    }
    Ok(Some(Range { is_six, first, last }))
}

/// Reads the `99` of `10.0.0.1-99`.
fn end_of_last_byte(from: IpAddr, text: &str) -> Option<IpAddr> {
    let IpAddr::V4(from) = from else { return None };
    let last: u8 = text.parse().ok()?;
    let [a, b, c, _] = from.octets();
    Some(IpAddr::V4(Ipv4Addr::new(a, b, c, last)))
}

fn named(word: &str, resolve: Resolve<'_>) -> Result<Vec<Range>, TargetFault> {
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_');
    // `10.0.0.256` is a mistake, not a name: none has a last label of digits.
    let last = word.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    if !word.chars().all(is_name) || last.chars().all(|letter| letter.is_ascii_digit()) {
        return Err(TargetFault::Form(word.to_owned()));
    }
    let failed = |reason: String| TargetFault::Name { name: word.to_owned(), reason };
    let found = resolve(word).map_err(|error| failed(error.to_string()))?;
    if found.is_empty() {
        return Err(failed("the name is empty".to_owned()));
    }
    let single = |ip| {
        let (is_six, number) = number(ip);
        Range { is_six, first: number, last: number }
    };
    Ok(found.into_iter().map(single).collect())
}

fn number(address: IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(four) => (false, u128::from(four.to_bits())),
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => (false, u128::from(four.to_bits())),
            None => (true, six.to_bits()),
        },
    }
}

fn address(is_six: bool, number: u128) -> IpAddr {
    match u32::try_from(number) {
        Ok(four) if !is_six => IpAddr::V4(Ipv4Addr::from_bits(four)),
        _ => IpAddr::V6(Ipv6Addr::from_bits(number)),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_of_every_form_are_merged() {
        check(
            "10.0.0.7/24 10.0.0.1-99,10.0.1.0 10.0.0.5-10.0.0.9 fd00::/126 fd00::9-fd00::b ::ffff:10.9.9.9",
            expect!["10.0.0.0-10.0.1.0,10.9.9.9,fd00::-fd00::3,fd00::9-fd00::b (265)"],
        );
        check(
            "::/0 0.0.0.0/0",
            expect![
                "0.0.0.0-255.255.255.255,::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff (18446744073709551615)"
            ],
        );
    }

    #[test]
    fn mistakes_are_told() {
        check("10.0.0.9-3", expect!["`10.0.0.9-3` ends before it begins"]);
        check("10.0.0.1-fd00::1", expect!["`10.0.0.1-fd00::1` ends before it begins"]);
        let form =
            "is no target; write 10.0.0.1, 10.0.0.0/24, 10.0.0.1-99, fd00::/120 or a host name";
        for wrong in ["10.0.0.256", "10.0.0.0/33", "10.0.0.1-x", "b/c", "$(id)", "10.0.0.1:22"] {
            let fault = Targets::parse([wrong], &resolve_nothing).unwrap_err().to_string();
            assert!(fault.contains(form), "{wrong}: {fault}");
        }
        check(
            "db.example",
            expect!["no address is known for `db.example`: only addresses are taken here"],
        );
    }

    #[test]
    fn a_long_list_is_cut_by_a_long_list() {
        let list = |from: u32| {
            let every_other =
                (0..60_000_u32).map(|n| Ipv4Addr::from_bits(0x0a00_0000 + from + 4 * n));
            every_other.map(|ip| ip.to_string()).collect::<Vec<_>>().join(" ")
        };
        let (even, odd) = (parse(&list(0)), parse(&list(2)));
        assert_eq!(even.without(&odd), even);
        assert!(even.without(&even).is_empty());
        assert_eq!(even.first_of_no_host(), None);
    }

    #[test]
    fn whose_addresses_they_are() {
        let public = |text| parse(text).first_public().map(|ip| ip.to_string());
        assert_eq!(public("10.0.0.0/8 127.0.0.1 fd00::/64 ::1"), None);
        assert_eq!(public("192.168.255.250-192.169.0.9").as_deref(), Some("192.169.0.0"));
        assert_eq!(public("fe80::/8").as_deref(), Some("fe00::"));
        assert_eq!(public("0.0.0.0/0").as_deref(), Some("0.0.0.0"));
        let none = |text| parse(text).first_of_no_host().map(|ip| ip.to_string());
        assert_eq!(none("10.0.0.0/8"), None);
        assert_eq!(none("223.255.255.255-224.0.0.1").as_deref(), Some("224.0.0.0"));
        assert_eq!(none("::/127").as_deref(), Some("::"));
    }

    #[test]
    fn a_list_has_comments() {
        let list = Targets::parse_list("# ours\n10.0.0.1 # one\n\n10.0.0.3\n", &resolve_nothing);
        assert_eq!(list.unwrap().to_string(), "10.0.0.1,10.0.0.3");
    }

    proptest! {
        #[test]
        fn sets_are_as_a_naive_set_has_them(
            pairs in prop::collection::vec((0_u8..64, 0_u8..8), 0..6),
            cuts in prop::collection::vec((0_u8..64, 0_u8..8), 0..6),
        ) {
            let words = |pairs: &[(u8, u8)]| -> Vec<String> {
                pairs.iter().map(|(from, more)| format!("10.0.0.{from}-{}", from + more)).collect()
            };
            let naive = |pairs: &[(u8, u8)]| -> std::collections::BTreeSet<u8> {
                pairs.iter().flat_map(|(from, more)| *from..=from + more).collect()
            };
            let read = |words: &[String]| {
                Targets::parse(words.iter().map(String::as_str), &resolve_nothing).unwrap()
            };
            let left = read(&words(&pairs)).without(&read(&words(&cuts)));
            let expected: Vec<u8> = naive(&pairs).difference(&naive(&cuts)).copied().collect();
            let found: Vec<u8> = left.iter().map(|ip| match ip {
                IpAddr::V4(four) => four.octets()[3],
                IpAddr::V6(_) => unreachable!(),
            }).collect();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(left.count(), u64::try_from(expected.len()).unwrap());
            for last in 0..=80_u8 {
                let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 0, last));
                prop_assert_eq!(left.contains(ip), expected.contains(&last));
            }
            if !left.is_empty() {
                prop_assert_eq!(read(&[left.to_string()]), left);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = Targets::parse([text.as_str()], &resolve_nothing);
        }
    }

    fn parse(text: &str) -> Targets {
        Targets::parse([text], &resolve_nothing).unwrap()
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        expect.assert_eq(&match Targets::parse([text], &resolve_nothing) {
            Ok(targets) => format!("{targets} ({})", targets.count()),
            Err(fault) => fault.to_string(),
        });
    }
}
