//! What is usual at every site: learned in the order of events by one owner, and shown to those who
//! read records as a snapshot, which shares what has not changed since.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use model::{Event, Field, Timestamp, Value};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::model::Model;
use super::request::Request;
use super::score;
use super::site::{Learned, Site};
use super::votes::Source;
use crate::keep;

/// How many sites are kept; of more, the one that was quiet for longest goes.
pub(crate) const SITES_MAX: usize = 64;
/// How many parameters of all sites are kept: what bounds the memory, at two kilobytes each at most.
pub(crate) const PARAMETERS_ALL_MAX: usize = 20_000;
/// How many bytes of a site's name tell it apart; no name of the DNS has more.
const NAME_BYTES_MAX: usize = 255;
/// A site that was asked for within this time does not make room for another.
const HELD: i64 = 24 * 3_600 * 1_000_000_000;
/// From how many turns on only every fourth request is learned from.
const PLENTY: f64 = 5_000.0;
/// After how many requests, or how long, the snapshot is renewed.
const RENEWED_AFTER: u32 = 2_000;
const RENEWED_WITHIN: i64 = 1_000_000_000;

/// What is usual at every site, at one moment; cheap to share.
#[derive(Clone, Debug, Default)]
pub struct Usual(Arc<HashMap<u64, Arc<Site>>>);

impl Usual {
    pub(crate) fn site(&self, key: u64) -> Option<&Site> {
        self.0.get(&key).map(AsRef::as_ref)
    }

    /// Gives what is kept of each site, by name.
    #[cfg(test)]
    pub(crate) fn sites(&self) -> Vec<SiteView> {
        let mut views: Vec<SiteView> = self.0.values().map(|site| SiteView::of(site)).collect();
        views.sort_by(|one, other| one.name.cmp(&other.name));
        views
    }
}

/// What the tests look at of one site.
#[cfg(test)]
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SiteView {
    pub(crate) name: String,
    pub(crate) requests: f64,
    pub(crate) templates: usize,
    pub(crate) parameters: usize,
    pub(crate) settled: bool,
}

#[cfg(test)]
impl SiteView {
    fn of(site: &Site) -> Self {
        Self {
            name: site.name.to_string(),
            requests: site.sketch.total(),
            templates: site.templates.len(),
            parameters: site.parameters(),
            settled: site.is_settled(),
        }
    }
}

/// The owner of what is usual.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    /// Whether it learns nothing: old events come in any order, and not all of them.
    of_old_events: bool,
    sites: HashMap<u64, Arc<Site>>,
    parameters: usize,
    forgotten: u64,
    /// Learned since the snapshot was renewed last.
    fresh: u32,
    renewed: Timestamp,
    latest: Timestamp,
}

/// Gives the request of an event, where it is one.
pub(crate) fn request(event: &Event) -> Option<Request<'_>> {
    Some(Request {
        method: event.text(Field::RequestMethod)?,
        target: event.text(Field::UrlOriginal)?,
        body: event.text(Field::RequestBody).unwrap_or_default(),
    })
}

/// Gives the name of the site that a request went to: its host, or who served it.
pub(crate) fn site_name(event: &Event) -> &str {
    let names = [Field::UrlDomain, Field::HostName, Field::Input];
    names.into_iter().find_map(|field| event.text(field)).unwrap_or_default()
}

/// Gives the key of a site's name, whatever its case.
pub(crate) fn site_key(name: &str) -> u64 {
    let mut folded = [0_u8; NAME_BYTES_MAX];
    let bytes = folded.iter_mut().zip(name.bytes());
    let length = bytes.map(|(to, from)| *to = from.to_ascii_lowercase()).count();
    keep::hash(folded.get(..length).unwrap_or_default())
}

/// Gives who sent a request, see [`keep::customer_key`].
fn source(address: IpAddr) -> Source {
    let [low, high, ..] = keep::mix(keep::customer_key(address)).to_le_bytes();
    Source::from_le_bytes([low, high])
}

impl Sites {
    /// Gives one that learns nothing.
    pub(crate) fn of_old_events() -> Self {
        Self { of_old_events: true, ..Self::default() }
    }

    /// Learns from an event, where it is a request that no class of attack claims and somebody sent it.
    pub(crate) fn observe(&mut self, event: &Event, model: &Model) {
        if self.of_old_events {
            return;
        }
        let Some(request) = request(event) else { return };
        let Some(address) = event.ip(Field::SourceIp) else { return };
        let decoyed = event.text(Field::EventDataset).is_some_and(|name| name.starts_with("decoy"));
        // What people inside look at outside says nothing of a site of ours.
        let outgoing = event.text(Field::EventAction) == Some("proxy_request");
        let attack = event.get(Field::InspectionClasses).is_some();
        if attack || decoyed || outgoing || request.method.is_empty() {
            return;
        }
        self.latest = self.latest.max(event.time);
        let name = site_name(event);
        let key = site_key(name);
        if !self.sites.contains_key(&key) && !self.make_room(event.time) {
            self.forgotten = self.forgotten.saturating_add(1);
            return;
        }
        let room = PARAMETERS_ALL_MAX.saturating_sub(self.parameters);
        let begin = || Arc::new(Site::new(name, event.time));
        let site = self.sites.entry(key).or_insert_with(begin);
        if site.support.count() > PLENTY && !event.id.0.is_multiple_of(4) {
            return;
        }
        let raw = site.judge(&request, score::outside(event, &request, model)).raw;
        let status = event.integer(Field::ResponseStatus);
        let learned = Learned {
            source: source(address),
            time: event.time,
            raw,
            found: status.is_none_or(|status| (100..400).contains(&status)),
        };
        let new = Arc::make_mut(site).learn(&request, &learned, room);
        self.parameters = self.parameters.saturating_add(new);
        if self.parameters >= PARAMETERS_ALL_MAX && self.fresh.is_multiple_of(512) {
            // Some may have faded.
            self.parameters = self.sites.values().map(|site| site.parameters()).sum();
        }
        self.fresh = self.fresh.saturating_add(1);
    }

    /// Makes room for a site: the one goes that was quiet for longest, unless all are in use. So who
    /// makes up names of sites drives out none that anybody asks for.
    fn make_room(&mut self, now: Timestamp) -> bool {
        if self.sites.len() < SITES_MAX {
            return true;
        }
        // Made-up sites have next to nothing; they go before any other.
        let rank = |site: &Arc<Site>| (site.support.suffices(), site.last);
        let quietest = self.sites.iter().min_by_key(|(key, site)| (rank(site), **key));
        let Some((key, site)) = quietest.map(|(key, site)| (*key, site)) else { return true };
        if site.support.suffices() && now.nanos().saturating_sub(site.last.nanos()) < HELD {
            return false;
        }
        self.parameters = self.parameters.saturating_sub(site.parameters());
        self.sites.remove(&key);
        self.forgotten = self.forgotten.saturating_add(1);
        true
    }

    /// Gives a snapshot of all.
    pub(crate) fn usual(&self) -> Usual {
        Usual(Arc::new(self.sites.clone()))
    }

    /// Gives a snapshot, if enough was learned since the last one.
    pub(crate) fn renewed(&mut self) -> Option<Usual> {
        let waited = self.latest.nanos().saturating_sub(self.renewed.nanos());
        let due = self.fresh >= RENEWED_AFTER || self.fresh > 0 && waited >= RENEWED_WITHIN;
        due.then(|| {
            (self.fresh, self.renewed) = (0, self.latest);
            self.usual()
        })
    }

    /// Gives how many sites were let go or not taken up.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Gives about how many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        let templates: usize = self.sites.values().map(|site| site.templates.len()).sum();
        self.sites.len() * 3_000 + templates * 300 + self.parameters * 1_500
    }

    pub(crate) fn snapshot(&self, writer: &mut Writer) {
        writer.number(self.forgotten);
        let mut sites: Vec<(&u64, &Arc<Site>)> = self.sites.iter().collect();
        sites.sort_unstable_by_key(|(key, _)| **key);
        writer.length(sites.len());
        for (key, site) in sites {
            writer.whole(*key);
            site.write(writer);
        }
    }

    pub(crate) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let mut sites = Self { forgotten: reader.number()?, ..Self::default() };
        let length = reader.length()?;
        if length > SITES_MAX {
            return Err(SnapshotError::TooLarge);
        }
        for _ in 0..length {
            let key = reader.whole()?;
            let site = Site::read(reader)?;
            sites.latest = sites.latest.max(site.last);
            sites.parameters += site.parameters();
            if sites.parameters > PARAMETERS_ALL_MAX * 2 {
                return Err(SnapshotError::TooLarge);
            }
            sites.sites.insert(key, Arc::new(site));
        }
        Ok(sites)
    }
}

/// Gives how sure inspection is that an event is an attack.
pub(crate) fn inspected(event: &Event) -> f64 {
    match event.get(Field::InspectionScore) {
        Some(Value::Float(score)) => score.clamp(0.0, 1.0),
        _ => 0.0,
    }
}
