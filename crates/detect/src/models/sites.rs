//! What is usual at every site: learned in the order of events by one owner.

use std::net::IpAddr;
use std::sync::Arc;

use model::{Event, Field, Timestamp};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::answers::Answer;
use super::keys::ByHash;
use super::model::Model;
use super::quotas::Quotas;
use super::score;
use super::site::{Kind, Learned, Room, Site};
use super::usual::{Shown, Usual, answer, request, shown_name, site_key, site_name};
use super::votes::{Source, Support};
use crate::keep::{self, Table};

/// How many sites are kept, and how many of the places are for newcomers.
pub(crate) const SITES_MAX: usize = 256;
const NEWCOMERS_MAX: usize = 64;
/// How many sites without a place are watched for whether they earn one.
const WAITING_MAX: usize = 4_096;
/// How many new sites one source may bring in an hour.
const NEW_SITES_MAX: u16 = 20;
/// How many parameters and path templates of all sites are kept: what bounds the memory, at two kilobytes
/// each at most. Newcomers find room up to the half.
pub(crate) const PARAMETERS_ALL_MAX: usize = 20_000;
const TEMPLATES_ALL_MAX: usize = 32_768;
/// From how many turns on only every fourth request is learned from.
const PLENTY: f64 = 5_000.0;
/// After how many requests, or how long, the snapshot is renewed.
const RENEWED_AFTER: u32 = 2_000;
const RENEWED_WITHIN: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * 1_000_000_000;
/// The version of a snapshot.
const VERSION: &[u8; 4] = b"sit3";
/// What all sites without a place are called together.
const OTHERS: &str = "the sites without a profile of their own";

/// The owner of what is usual.
///
/// Names of sites are what clients say (`Host`), so that anybody makes them up. A new site takes a place
/// of its own while there are free ones for newcomers; then it has to be asked for by several sources, and
/// more often than some newcomer, whose place it takes. What was asked for often and on several
/// days is established and loses its place to no newcomer, unless nobody asks for it for a month. All
/// that have no place share one profile.
#[derive(Debug)]
pub(crate) struct Sites {
    /// Whether it learns nothing: old events come in any order, and not all of them.
    of_old_events: bool,
    sites: ByHash<u64, Arc<Site>>,
    /// How many of them are established; the rest are newcomers.
    established: usize,
    /// What is usual at all without a place.
    others: Arc<Site>,
    waiting: Table<u64, Support>,
    /// Which source brought how many new sites in which hour.
    quotas: Quotas,
    hour: i64,
    templates: usize,
    parameters: usize,
    forgotten: u64,
    /// Learned since the snapshot was renewed last.
    fresh: u32,
    renewed: Timestamp,
    latest: Timestamp,
}

/// Gives who sent a request, see [`keep::customer_key`].
fn source(address: IpAddr) -> Source {
    let [low, high, ..] = keep::mix(keep::customer_key(address)).to_le_bytes();
    Source::from_le_bytes([low, high])
}

impl Default for Sites {
    fn default() -> Self {
        Self {
            of_old_events: false,
            sites: ByHash::default(),
            established: 0,
            others: Arc::new(Site::new(OTHERS, Timestamp::default())),
            waiting: Table::new(WAITING_MAX),
            quotas: Quotas::default(),
            hour: 0,
            templates: 0,
            parameters: 0,
            forgotten: 0,
            fresh: 0,
            renewed: Timestamp::default(),
            latest: Timestamp::default(),
        }
    }
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
        let status = event.integer(Field::ResponseStatus);
        let mut learned = Learned {
            source: source(address),
            time: event.time,
            raw: 0.0,
            kind: Kind::of(status),
            answer: Answer::default(),
        };
        let key = site_key(site_name(event));
        let has_place = self.sites.contains_key(&key) || self.takes_place(key, event, &learned);
        let own = if has_place { self.sites.get_mut(&key) } else { None };
        let is_own = own.is_some();
        let site = own.unwrap_or(&mut self.others);
        if site.support.count() > PLENTY && !event.id.0.is_multiple_of(4) {
            return;
        }
        // An answer without a body tells nothing of those that have one.
        if status == Some(200) && request.method != "HEAD" && is_own {
            learned.answer = answer(event);
        }
        let (templates, parameters) = if site.established || !is_own {
            (TEMPLATES_ALL_MAX, PARAMETERS_ALL_MAX)
        } else {
            (TEMPLATES_ALL_MAX / 2, PARAMETERS_ALL_MAX / 2)
        };
        let room = Room {
            templates: templates.saturating_sub(self.templates),
            parameters: parameters.saturating_sub(self.parameters),
        };
        let site = Arc::make_mut(site);
        let before = (site.templates.len(), site.parameters);
        site.follow(model.identity());
        learned.raw = site.judge(&request, &score::outside(event, &request, model)).raw;
        site.learn(&request, &learned, room);
        let after = (site.templates.len(), site.parameters);
        let earned = is_own && !site.established && site.has_earned();
        self.templates = (self.templates + after.0).saturating_sub(before.0);
        self.parameters = (self.parameters + after.1).saturating_sub(before.1);
        if earned {
            self.establish(key, event.time);
        }
        self.fresh = self.fresh.saturating_add(1);
    }

    /// Gives an unknown site a place of its own, if it may have one; what the application did not know
    /// counts for nothing.
    fn takes_place(&mut self, key: u64, event: &Event, learned: &Learned) -> bool {
        if learned.kind != Kind::Found {
            return false;
        }
        let hour = learned.time.nanos().div_euclid(HOUR);
        if hour != self.hour {
            self.hour = hour;
            self.quotas.clear();
        }
        let is_free = !self.is_full();
        if is_free || self.waiting.known(key).is_none() {
            let mut quota = self.quotas.of(learned.source);
            if quota.new >= NEW_SITES_MAX {
                self.forgotten = self.forgotten.saturating_add(1);
                return false;
            }
            quota.new += 1;
            self.quotas.keep(quota);
        }
        if !is_free && !self.earns_place(key, learned) {
            return false;
        }
        self.sites.insert(key, Arc::new(Site::new(&shown_name(event), learned.time)));
        true
    }

    /// Tells whether the places of newcomers are taken.
    fn is_full(&self) -> bool {
        self.sites.len().saturating_sub(self.established) >= NEWCOMERS_MAX
    }

    /// Counts a turn of a site that waits for a place; where it has more of them than some newcomer, that
    /// one goes.
    fn earns_place(&mut self, key: u64, learned: &Learned) -> bool {
        let waiting = self.waiting.entry(key, Support::default);
        waiting.add(learned.source);
        if !waiting.suffices() {
            return false;
        }
        let turns = waiting.count();
        let newcomers = self.sites.iter().filter(|(_, site)| !site.established);
        let count = |site: &Site| site.support.count();
        let weakest = newcomers
            .min_by(|one, other| count(one.1).total_cmp(&count(other.1)).then(one.0.cmp(other.0)))
            .map(|(key, site)| (*key, count(site)));
        let Some((weakest, _)) = weakest.filter(|(_, others)| *others < turns) else {
            return false;
        };
        self.waiting.take(&key);
        self.remove(weakest);
        true
    }

    /// Establishes a newcomer, if there is a place or somebody's is stale.
    fn establish(&mut self, key: u64, now: Timestamp) {
        if self.established >= SITES_MAX - NEWCOMERS_MAX {
            let stale =
                self.sites.iter().filter(|(_, site)| site.established && site.is_stale(now));
            let Some(stale) = stale.min_by_key(|(key, site)| (site.last, **key)) else { return };
            let stale = *stale.0;
            self.remove(stale);
        }
        if let Some(site) = self.sites.get_mut(&key) {
            Arc::make_mut(site).established = true;
            self.established += 1;
        }
    }

    fn remove(&mut self, key: u64) {
        let Some(site) = self.sites.remove(&key) else { return };
        self.established = self.established.saturating_sub(usize::from(site.established));
        self.templates = self.templates.saturating_sub(site.templates.len());
        self.parameters = self.parameters.saturating_sub(site.parameters);
        self.forgotten = self.forgotten.saturating_add(1);
    }

    /// Gives a snapshot of all.
    pub(crate) fn usual(&self) -> Usual {
        let others = self.is_full().then(|| Arc::clone(&self.others));
        Usual::new(Shown { sites: self.sites.clone(), others })
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
        let each = (self.sites.len() + 1) * 4_000 + WAITING_MAX * 40;
        each + self.templates * 500 + self.parameters * 1_500
    }

    pub(crate) fn snapshot(&self, writer: &mut Writer) {
        writer.raw(VERSION);
        writer.number(self.forgotten);
        self.others.write(writer);
        let mut sites: Vec<(&u64, &Arc<Site>)> = self.sites.iter().collect();
        sites.sort_unstable_by_key(|(key, _)| **key);
        writer.length(sites.len());
        for (key, site) in sites {
            writer.whole(*key);
            site.write(writer);
        }
        self.waiting.snapshot(writer, |writer, key, support| {
            writer.whole(*key);
            support.write(writer);
        });
    }

    pub(crate) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        if reader.raw(VERSION.len())? != VERSION {
            return Err(SnapshotError::Malformed);
        }
        let mut sites = Self { forgotten: reader.number()?, ..Self::default() };
        sites.others = Arc::new(Site::read(reader)?);
        sites.count(&Arc::clone(&sites.others))?;
        let length = reader.length()?;
        if length > SITES_MAX {
            return Err(SnapshotError::TooLarge);
        }
        for _ in 0..length {
            let key = reader.whole()?;
            let site = Arc::new(Site::read(reader)?);
            sites.count(&site)?;
            sites.sites.insert(key, site);
        }
        sites.waiting.restore(reader, |reader| Ok((reader.whole()?, Support::read(reader)?)))?;
        Ok(sites)
    }

    /// Counts what was read of a site; more than there may be is an error.
    fn count(&mut self, site: &Site) -> Read<()> {
        self.latest = self.latest.max(site.last);
        self.templates += site.templates.len();
        self.parameters += site.parameters;
        self.established += usize::from(site.established);
        let is_too_much = self.parameters > PARAMETERS_ALL_MAX * 2
            || self.templates > TEMPLATES_ALL_MAX * 2
            || self.established > SITES_MAX;
        if is_too_much { Err(SnapshotError::TooLarge) } else { Ok(()) }
    }
}
