//! Requests to a site, far more than this hour of the week usually has.
//!
//! A busy day and a flood both are many requests; what tells them apart is who asks for what. Guests come
//! from many addresses and look at many pages, which the site serves. A flood comes from few addresses for
//! its size, or asks for one page again and again, or makes the site fail. So a spike is told as a `flood` where
//! one of these holds, and as `busy` otherwise. A flood that does all that guests do is left with its size: what is many
//! times the most that the site had within four weeks, whatever brought it then, is told as a `crowd`.

use model::{Event, Field, Timestamp};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::{Detector, Finding, Kinds, Watcher};
use crate::keep::series::BUCKET_SECONDS;
use crate::keep::sketch::Spread;
use crate::keep::watched::{Judged, Limits, Watched};
use crate::keep::{self, Table};
use crate::models::site_key;

/// The detector's row.
pub(super) const DETECTOR: Detector = Detector {
    id: "requests",
    version: 2,
    summary: "far more requests to a site than this hour of the week usually has",
    wants: Kinds::REQUEST,
    live_only: false,
    make: || Box::new(Requests::default()),
};

/// How many sites are kept, and how long the name of one may be.
const SITES_MAX: usize = 2_000;
const NAME_BYTES_MAX: usize = 255;
/// Requests within five minutes.
const LIMITS: Limits =
    Limits { floor: 600.0, unknown: f64::INFINITY, deviations: 5.0, at_once: 8.0, lasting: 0 };
/// How far below the usual the entropy of the sources may lie, in bits, and how low it may be where nothing is usual
/// yet.
const ENTROPY_FALL: f64 = 1.5;
const ENTROPY_MIN: f64 = 3.0;
/// How many addresses are few, and which share of the requests may come from so few.
const FEW: usize = 4;
const FEW_SHARE_MIN: f64 = 0.5;
/// How many times the most within four weeks is a crowd.
const CROWD_TIMES: f64 = 12.0;
/// For how many unusual buckets in a row it is waited whether they were a flood, before they are learned from: a day.
const HELD_MAX: u32 = 288;
const WEEK: i64 = 7 * 86_400 * keep::SECOND;
const WEEKS: usize = 5;
/// By which share of the requests of a spike one page may lead, and which share may fail.
const LEAD_SHARE_MIN: f64 = 0.5;
const FAILED_SHARE_MIN: f64 = 0.25;
/// How quickly what is usual of the sources follows, a bucket.
const FOLLOW: f64 = 0.05;

/// What is watched of one site.
#[derive(Debug)]
struct Site {
    name: String,
    requests: Watched,
    sources: Spread,
    /// The usual entropy of the sources of a bucket; nothing is usual of buckets with few requests.
    usual_entropy: Option<f64>,
    /// The page asked for most, by hash, and by how much it leads (Boyer and Moore's vote).
    page: u64,
    lead: u32,
    page_name: String,
    count: u32,
    failed: u32,
    /// The most requests that a bucket of each week had, the newest week first, and which week that is.
    most: [u32; WEEKS],
    week: i64,
    /// How many buckets in a row were unusual, the most of one of them, and whether they were told of as no guests'.
    held: u32,
    stretch: u32,
    told: bool,
    /// Whether the bucket that is being filled has reached a crowd's size.
    crowded: bool,
}

impl Site {
    fn new(name: &str, at: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            requests: Watched::new(at),
            sources: Spread::default(),
            usual_entropy: None,
            page: 0,
            lead: 0,
            page_name: String::new(),
            count: 0,
            failed: 0,
            most: [0; WEEKS],
            week: at.nanos().div_euclid(WEEK),
            held: 0,
            stretch: 0,
            told: false,
            crowded: false,
        }
    }

    /// Takes the bucket that ends into the most of its week, and an unusual stretch once it is over and was no flood; and
    /// goes on to the week of a moment.
    fn close(&mut self, at: Timestamp) {
        if self.requests.is_unusual() {
            self.held = self.held.saturating_add(1);
            self.stretch = self.stretch.max(self.count);
        } else {
            let most = if self.told { 0 } else { self.stretch.max(self.count) };
            self.most[0] = self.most[0].max(most);
            (self.held, self.stretch, self.told) = (0, 0, false);
        }
        if self.held > HELD_MAX {
            self.most[0] = self.most[0].max(self.stretch);
        }
        self.crowded = false;
        let week = at.nanos().div_euclid(WEEK);
        let gone = usize::try_from(week.saturating_sub(self.week)).unwrap_or_default().min(WEEKS);
        self.most.rotate_right(gone);
        self.most.iter_mut().take(gone).for_each(|most| *most = 0);
        self.week = self.week.max(week);
        if self.week.saturating_sub(week) > 1 {
            // The clock was wrong before.
            self.week = week;
        }
    }

    /// Gives how many times the most within four weeks there are.
    fn times_the_most(&self, value: f64) -> f64 {
        let most = self.most.iter().copied().max().unwrap_or_default();
        if most == 0 { 0.0 } else { value / f64::from(most) }
    }

    fn add(&mut self, event: &Event) -> Option<Judged> {
        if self.requests.advance(event.time, LIMITS) {
            // Of an unusual bucket nothing is learned here either.
            if self.count >= 100 && !self.requests.is_unusual() {
                let now = self.sources.entropy();
                let usual = self.usual_entropy.unwrap_or(now);
                self.usual_entropy = Some(usual + FOLLOW * (now - usual));
            }
            self.close(event.time);
            self.sources.clear();
            (self.count, self.failed, self.lead) = (0, 0, 0);
        }
        self.count = self.count.saturating_add(1);
        if let Some(source) = event.ip(Field::SourceIp) {
            self.sources.add(keep::mix(keep::customer_key(source)));
        }
        let status = event.integer(Field::ResponseStatus).unwrap_or_default();
        self.failed = self.failed.saturating_add(u32::from(status >= 500 || status == 429));
        self.vote(event.text(Field::UrlPath).unwrap_or_default());
        if !self.told && !self.crowded && self.times_the_most(f64::from(self.count)) >= CROWD_TIMES
        {
            self.crowded = true;
            self.requests.tell_again();
        }
        self.requests.add(event, keep::number(event.repeat()), LIMITS)
    }

    fn vote(&mut self, page: &str) {
        let hash = keep::hash(page.as_bytes());
        if self.lead == 0 {
            (self.page, self.lead) = (hash, 1);
            self.page_name.clear();
            self.page_name.extend(page.chars().take(80));
        } else if hash == self.page {
            self.lead = self.lead.saturating_add(1);
        } else {
            self.lead -= 1;
        }
    }

    /// Gives why a spike is a flood, if it is one.
    fn flood(&self) -> Option<String> {
        let count = f64::from(self.count.max(1));
        let failed = f64::from(self.failed) / count;
        // The page has the lead at least, and may have more.
        let lead = f64::from(self.lead) / count;
        let entropy = self.sources.entropy();
        let least = self.usual_entropy.map_or(ENTROPY_MIN, |usual| usual - ENTROPY_FALL);
        let few = self.sources.of_few(FEW);
        if few >= FEW_SHARE_MIN {
            Some(format!("{:.0} % of them come from {FEW} addresses or fewer", few * 100.0))
        } else if entropy < least {
            Some(format!(
                "they come from few addresses for their number (an entropy of {entropy:.1} bits, where {:.1} are usual)",
                self.usual_entropy.unwrap_or(ENTROPY_MIN)
            ))
        } else if failed >= FAILED_SHARE_MIN {
            Some(format!("{:.0} % of them fail", failed * 100.0))
        } else if lead >= LEAD_SHARE_MIN {
            Some(format!("most ask for {}", self.page_name))
        } else {
            None
        }
    }

    fn snapshot(&self, writer: &mut Writer) {
        writer.text(&self.name);
        self.requests.snapshot(writer);
        self.sources.snapshot(writer);
        writer.flag(self.usual_entropy.is_some());
        writer.whole(self.usual_entropy.unwrap_or_default().to_bits());
        writer.whole(self.page);
        writer.text(&self.page_name);
        for number in
            [self.lead, self.count, self.failed, self.held, self.stretch].iter().chain(&self.most)
        {
            writer.number(u64::from(*number));
        }
        writer.signed(self.week);
        writer.flag(self.told);
        writer.flag(self.crowded);
    }

    fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let mut site = Self::new(reader.text()?, Timestamp::default());
        site.requests = Watched::restore(reader)?;
        site.sources = Spread::restore(reader)?;
        let is_known = reader.flag()?;
        let entropy = f64::from_bits(reader.whole()?);
        site.usual_entropy = is_known.then_some(entropy);
        site.page = reader.whole()?;
        reader.text()?.clone_into(&mut site.page_name);
        let numbers =
            [&mut site.lead, &mut site.count, &mut site.failed, &mut site.held, &mut site.stretch];
        for number in numbers.into_iter().chain(&mut site.most) {
            *number = u32::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?;
        }
        site.week = reader.signed()?;
        site.told = reader.flag()?;
        site.crowded = reader.flag()?;
        Ok(site)
    }
}

#[derive(Debug)]
struct Requests {
    sites: Table<u64, Site>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { sites: Table::new(SITES_MAX) }
    }
}

impl Watcher for Requests {
    fn observe(&mut self, event: &Event, found: &mut Vec<Finding>) {
        if event.text(Field::EventAction) == Some("proxy_request") {
            return;
        }
        let name = event.text(Field::UrlDomain).or_else(|| event.text(Field::HostName));
        let name = name.filter(|name| name.len() <= NAME_BYTES_MAX).unwrap_or_default();
        let site = self.sites.entry(site_key(name), || Site::new(name, event.time));
        if let Some(judged) = site.add(event) {
            found.push(finding(site, &judged));
        }
    }

    fn snapshot(&self, writer: &mut Writer) {
        self.sites.snapshot(writer, |writer, key, site| {
            writer.whole(*key);
            site.snapshot(writer);
        });
    }

    fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.sites.restore(reader, |reader| Ok((reader.whole()?, Site::restore(reader)?)))
    }

    fn bytes(&self) -> usize {
        let texts = |site: &Site| site.name.len() + site.page_name.len();
        let each =
            |site: &Site| site.requests.bytes() + Spread::bytes() + size_of::<Site>() + texts(site);
        self.sites.values().map(each).sum()
    }

    fn forgotten(&self) -> u64 {
        self.sites.forgotten()
    }
}

fn finding(site: &mut Site, judged: &Judged) -> Finding {
    let flood = site.flood();
    let times = site.times_the_most(judged.value);
    let is_crowd = flood.is_none() && times >= CROWD_TIMES;
    site.told |= flood.is_some() || is_crowd;
    let name = if site.name.is_empty() { "the site" } else { &site.name };
    let why = flood.clone().unwrap_or_else(|| {
        let much = if is_crowd {
            format!("{times:.0} times the most that five minutes had within four weeks; ")
        } else {
            String::new()
        };
        format!("{much}they come from many addresses, for many pages, and are served")
    });
    let text = format!(
        "{:.0} requests to {name} within five minutes; usual at this hour are up to {:.0}; {why}",
        judged.value,
        judged.baseline(),
    );
    Finding {
        kind: match (flood.is_some(), is_crowd) {
            (true, _) => "flood",
            (false, true) => "crowd",
            (false, false) => "busy",
        },
        host: (!site.name.is_empty()).then(|| site.name.clone()),
        score: judged.score(LIMITS.deviations),
        observed: judged.value,
        baseline: judged.baseline(),
        window_seconds: BUCKET_SECONDS,
        text,
        first: site.requests.told_in,
        count: keep::whole(judged.value),
        fresh: judged.fresh,
        events: site.requests.evidence.events(),
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use model::Text;

    use super::*;

    /// Plays so many requests of many guests within a bucket; gives what is told.
    fn filled(requests: &mut Requests, bucket: i64, guests: u32) -> Vec<&'static str> {
        let mut found = Vec::new();
        for number in 0..guests {
            let second = bucket * BUCKET_SECONDS + i64::from(number) * 299 / i64::from(guests);
            let mut event = Event::new(Text::default(), Timestamp::from_seconds(second));
            event.set(Field::ResponseStatus, 200_i64);
            event.set(Field::UrlDomain, "shop.example");
            event.set(Field::UrlPath, &*format!("/{number}"));
            let address = format!("2001:db8:{:x}::1", number % 4_000).parse::<std::net::IpAddr>();
            event.set(Field::SourceIp, address.unwrap());
            requests.observe(&event, &mut found);
        }
        found.into_iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn what_guests_never_were_is_a_crowd_and_does_not_become_the_most_at_once() {
        let mut requests = Requests::default();
        for bucket in 0..12 * 24 * 4 {
            assert_eq!(filled(&mut requests, bucket, 60), [""; 0]);
        }
        let now = 12 * 24 * 4;
        let kinds = filled(&mut requests, now, 700);
        assert!(kinds.contains(&"busy") && !kinds.contains(&"crowd"), "{kinds:?}");
        filled(&mut requests, now + 1, 60);
        // Less than twelve times the seven hundred, which were guests.
        assert!(!filled(&mut requests, now + 2, 4_000).contains(&"crowd"));
        let mut other = Requests::default();
        for bucket in 0..12 * 24 * 4 {
            filled(&mut other, bucket, 60);
        }
        for later in 0..3 {
            assert!(filled(&mut other, now + later * 20, 1_500).contains(&"crowd"), "{later}");
        }
    }

    /// A site that was asked for these pages, by as many as is usual.
    fn asked(pages: &str) -> Site {
        let mut site = Site::new("shop.example", Timestamp::default());
        site.usual_entropy = Some(0.0);
        for page in pages.split(' ') {
            site.count += 1;
            site.vote(page);
        }
        site
    }

    #[test]
    fn most_ask_for_a_page_only_where_most_do() {
        assert_eq!(asked("a b a b a b c c c c").flood(), None);
        assert_eq!(asked("a a a a a a b b b c").flood(), None);
        assert_eq!(asked("c a c c c c").flood().as_deref(), Some("most ask for c"));
    }

    #[test]
    fn a_site_is_one_however_its_name_is_written_and_so_is_a_customer() {
        let (mut requests, mut found) = (Requests::default(), Vec::new());
        let hosts = ["shop.example", "sHop.example", "SHOP.EXAMPLE"].iter().cycle();
        for (host, number) in hosts.zip(0..600) {
            let mut event = Event::new(Text::default(), Timestamp::from_seconds(1_000));
            event.set(Field::ResponseStatus, 200_i64);
            event.set(Field::UrlDomain, *host);
            let address = format!("2001:db8::{number}").parse::<std::net::IpAddr>();
            event.set(Field::SourceIp, address.unwrap());
            requests.observe(&event, &mut found);
        }
        let sites: Vec<&Site> = requests.sites.values().collect();
        let [site] = &sites[..] else { panic!("{}", sites.len()) };
        assert!(site.sources.entropy() < 0.1, "{}", site.sources.entropy());
    }
}
