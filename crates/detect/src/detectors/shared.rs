//! What detectors of log-ins read alike: who tried to come in, from where, and whether it worked.

use std::net::IpAddr;

use model::{Event, EventId, Field, Timestamp, Value};

use crate::keep::{self, address_key, is_inside};

/// How long the name of a user may be; a longer one is nobody's.
const NAME_BYTES_MAX: usize = 255;
/// A day, in seconds.
pub(super) const DAY_SECONDS: i64 = 86_400;

/// What tells the users of sample traffic from real ones of the same name.
const SIMULATED: u64 = 0x5EED_5EED_5EED_5EED;

/// What Microsoft's sign-in log says of a wrong name or password; its other codes ask for a second factor,
/// a consent or patience.
const WRONG_AT_MICROSOFT: [&str; 4] = ["50034", "50053", "50056", "50126"];

/// Owners of networks in which machines live and tunnels end, as words of their names.
const HOSTING: &[&str] = &[
    "akamai",
    "alibaba",
    "amazon",
    "aruba s.p.a",
    "aws",
    "azure",
    "choopa",
    "cloudflare",
    "cogent",
    "colocrossing",
    "contabo",
    "datacamp",
    "datacenter",
    "digitalocean",
    "expressvpn",
    "fastly",
    "g-core",
    "google cloud",
    "hetzner",
    "hosting",
    "ionos",
    "kamatera",
    "leaseweb",
    "linode",
    "m247",
    "mullvad",
    "nordvpn",
    "oracle",
    "ovh",
    "packethub",
    "proton",
    "psychz",
    "quadranet",
    "scaleway",
    "server",
    "surfshark",
    "tencent",
    "tor exit",
    "vpn",
    "vultr",
    "worldstream",
    "zscaler",
];

/// One attempt to log in over the network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Login<'e> {
    pub(super) event: &'e Event,
    /// The user's name as it was written, and its key, which does not tell cases apart.
    pub(super) name: &'e str,
    pub(super) user: u64,
    pub(super) source: IpAddr,
    /// The network that the source is in: what one attacker or one household has, see [`network`].
    pub(super) network: u32,
    pub(super) worked: bool,
}

impl<'e> Login<'e> {
    /// Reads an attempt, where the event tells of one by a person, from an address other than the
    /// machine's own.
    pub(super) fn of(event: &'e Event) -> Option<Self> {
        let worked = match event.text(Field::EventOutcome)? {
            "success" => true,
            "failure" => false,
            _ => return None,
        };
        let name = event.text(Field::UserName)?;
        let nobody = name.is_empty() || name == "-" || name.len() > NAME_BYTES_MAX;
        let machine = name.ends_with('$') || name == "ANONYMOUS LOGON";
        if nobody || machine || (!worked && !is_guess(event)) {
            return None;
        }
        let source = event.ip(Field::SourceIp)?.to_canonical();
        if source.is_loopback() || source.is_unspecified() {
            return None;
        }
        // Who plays under somebody's name is not that somebody.
        let played = event.get(Field::Simulated) == Some(Value::Flag(true));
        let (salt, short_salt) = if played { (SIMULATED, 0x5EED) } else { (0, 0) };
        Some(Self {
            event,
            name,
            user: user_key(name) ^ salt,
            source,
            network: network(source) ^ short_salt,
            worked,
        })
    }

    /// Gives the owner of the source's network as a number; the front of the address where nobody knows.
    pub(super) fn owner(&self) -> u64 {
        let known = number(self.event, "source.as.number").filter(|number| *number > 0.0);
        if let Some(number) = known {
            return keep::whole(number);
        }
        // Without a database the first half of an address tells providers apart about as well.
        let front = match self.source {
            IpAddr::V4(address) => u64::from(address.to_bits() >> 16),
            IpAddr::V6(address) => u64::try_from(address.to_bits() >> 96).unwrap_or(0),
        };
        front | 1 << 40
    }

    /// Tells whether it is of sample traffic.
    pub(super) fn is_played(&self) -> bool {
        self.event.get(Field::Simulated) == Some(Value::Flag(true))
    }

    /// Tells whether machines rather than people live in the source's network.
    pub(super) fn is_hosted(&self) -> bool {
        text(self.event, "source.as.organization.name").is_some_and(is_hosting)
    }

    pub(super) fn time(&self) -> Timestamp {
        self.event.time
    }

    pub(super) fn id(&self) -> EventId {
        self.event.id
    }

    /// Tells whether the sender says that nobody has this name.
    pub(super) fn is_of_nobody(&self) -> bool {
        self.event.text(Field::EventReason) == Some("invalid user")
            || self.event.text(Field::EventCode) == Some("50034")
            || said(self.event, "SubStatus")
                .is_some_and(|status| status.eq_ignore_ascii_case("0xc0000064"))
    }

    /// Tells whether it worked by something that can be guessed.
    pub(super) fn is_by_password(&self) -> bool {
        let method = self.event.text(Field::SshMethod).unwrap_or_default();
        !["publickey", "hostbased", "gssapi"].iter().any(|kind| method.starts_with(kind))
    }
}

/// Tells whether a failure is one of a password or a name.
fn is_guess(event: &Event) -> bool {
    // Keys that a known user's client offers one after the other are no guesses.
    let offered = event.text(Field::SshMethod) == Some("publickey")
        && event.text(Field::EventReason).is_none();
    let asked = event.text(Field::EventDataset) == Some("azure.signinlogs")
        && !event.text(Field::EventCode).is_some_and(|code| WRONG_AT_MICROSOFT.contains(&code));
    !offered && !asked
}

fn said<'e>(event: &'e Event, name: &str) -> Option<&'e str> {
    event.get_extra(name)?.as_text()
}

/// Gives the key of a user's name, whatever its case, see [`keep::hash`].
fn user_key(name: &str) -> u64 {
    let mut folded = [0_u8; NAME_BYTES_MAX];
    let bytes = name.as_bytes();
    folded.iter_mut().zip(bytes).for_each(|(to, from)| *to = from.to_ascii_lowercase());
    keep::hash(folded.get(..bytes.len()).unwrap_or_default())
}

/// Gives the network of an address as a number: the 24 or 48 leading bits outside, the address itself in
/// the own networks, where each machine is somebody else.
pub(super) fn network(address: IpAddr) -> u32 {
    let key = address_key(address);
    let kept = match address {
        _ if is_inside(address) => key,
        IpAddr::V4(_) => key >> 8,
        // The lowest bits of a routed address are never a mapped one.
        IpAddr::V6(_) => key >> 80 | 1 << 127,
    };
    keep::mix(kept)
}

/// Gives the day of a moment, counted since 1970.
pub(super) fn day_of(time: Timestamp) -> i64 {
    time.nanos().div_euclid(DAY_SECONDS * keep::SECOND)
}

/// Gives a name as it may stand in a sentence.
pub(super) fn shown(name: &str) -> String {
    name.chars().map(|one| if one.is_control() { '?' } else { one }).take(64).collect()
}

/// Gives the text of a field that the schema need not know.
pub(super) fn text<'e>(event: &'e Event, name: &str) -> Option<&'e str> {
    event.get_path(name)?.as_text().filter(|text| !text.is_empty())
}

/// Gives the number of a field that the schema need not know.
pub(super) fn number(event: &Event, name: &str) -> Option<f64> {
    match event.get_path(name)? {
        Value::Float(number) => Some(number),
        Value::Integer(number) => Some(keep::number(number.unsigned_abs()) * sign(number)),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn sign(number: i64) -> f64 {
    if number < 0 { -1.0 } else { 1.0 }
}

/// Tells whether a network's owner lets machines rather than people in.
fn is_hosting(name: &str) -> bool {
    let folded = name.get(..name.len().min(128)).unwrap_or_default().to_ascii_lowercase();
    HOSTING.iter().any(|word| folded.contains(word))
}
