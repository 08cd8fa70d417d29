//! What is usual at every site as those see it who read records: a snapshot, which shares what has not
//! changed since the one before.

use std::sync::Arc;

use model::{Event, Field, Value};

use super::answers::{Answer, Beside, Level};
use super::keys::ByHash;
use super::request::Request;
use super::site::Site;
use crate::keep;

/// How many bytes of a site's name tell it apart; no name of the DNS has more.
const NAME_BYTES_MAX: usize = 255;
const NANOS_A_MILLI: u64 = 1_000_000;

/// What is usual at every site, at one moment; cheap to share.
#[derive(Clone, Debug, Default)]
pub struct Usual(Arc<Shown>);

#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) sites: ByHash<u64, Arc<Site>>,
    /// What is usual at all the others together, where the places are taken.
    pub(crate) others: Option<Arc<Site>>,
}

/// By what a request is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'u> {
    pub(crate) site: &'u Site,
    /// Whether it is the site's own profile, and not that of all without one.
    pub(crate) is_own: bool,
}

impl Usual {
    pub(crate) fn new(shown: Shown) -> Self {
        Self(Arc::new(shown))
    }

    pub(crate) fn site(&self, key: u64) -> Option<Known<'_>> {
        let own = self.0.sites.get(&key).map(|site| Known { site, is_own: true });
        own.or_else(|| self.0.others.as_ref().map(|site| Known { site, is_own: false }))
    }

    /// Puts an answer beside what the page usually answers: its size, and the milliseconds it took.
    pub(crate) fn beside(&self, event: &Event, answer: Answer) -> [Option<Beside>; 2] {
        let Some(request) = request(event) else { return [None, None] };
        let known = self.0.sites.get(&site_key(site_name(event)));
        let Some(page) = known.and_then(|site| site.template(&request)) else {
            return [None, None];
        };
        let beside = |number: Option<u64>, level: &Level| level.beside(number?);
        let (bytes, milliseconds) = (&page.answers.bytes, &page.answers.milliseconds);
        [beside(answer.bytes, bytes), beside(answer.milliseconds, milliseconds)]
    }

    /// Gives what is kept of each site, by name.
    #[cfg(test)]
    pub(crate) fn sites(&self) -> Vec<SiteView> {
        let mut views: Vec<SiteView> =
            self.0.sites.values().map(|site| SiteView::of(site)).collect();
        views.sort_by(|one, other| one.name.cmp(&other.name));
        views
    }
}

/// Gives what an event tells of the answer.
pub(crate) fn answer(event: &Event) -> Answer {
    let number = |field| event.integer(field).and_then(|number| u64::try_from(number).ok());
    Answer {
        bytes: number(Field::ResponseBodyBytes).or_else(|| number(Field::ResponseBytes)),
        milliseconds: number(Field::EventDuration).map(|nanos| nanos / NANOS_A_MILLI),
    }
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

/// Gives what a site is called in words; where nothing names it, by the input that its log comes from.
pub(crate) fn shown_name(event: &Event) -> String {
    let named =
        [Field::UrlDomain, Field::HostName].into_iter().any(|field| event.text(field).is_some());
    let name = site_name(event);
    if named || name.is_empty() { name.to_owned() } else { format!("the site of input {name}") }
}

/// Gives the key of a site's name, whatever its case.
pub(crate) fn site_key(name: &str) -> u64 {
    let mut folded = [0_u8; NAME_BYTES_MAX];
    let bytes = folded.iter_mut().zip(name.bytes());
    let length = bytes.map(|(to, from)| *to = from.to_ascii_lowercase()).count();
    keep::hash(folded.get(..length).unwrap_or_default())
}

/// Gives how sure inspection is that an event is an attack.
pub(crate) fn inspected(event: &Event) -> f64 {
    match event.get(Field::InspectionScore) {
        Some(Value::Float(score)) => score.clamp(0.0, 1.0),
        _ => 0.0,
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
    pub(crate) established: bool,
}

#[cfg(test)]
impl SiteView {
    fn of(site: &Site) -> Self {
        Self {
            name: site.name.to_string(),
            requests: site.served.total(),
            templates: site.templates.len(),
            parameters: site.parameters,
            settled: site.is_settled(super::Model::shipped().identity(), super::site::Kind::Found),
            established: site.established,
        }
    }
}
