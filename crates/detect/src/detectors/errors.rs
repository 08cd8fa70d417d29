//! Storms of errors: a site that fails or refuses more than it usually does at this hour, a program that
//! writes more errors than it usually does.
//!
//! A new release is put in place with a short burst of errors, which is no storm: one has to last for
//! five minutes. Refusals (400 to 499) count only from many addresses: what one address asks for in vain is its
//! own doing, and other rules tell of it.

use model::{Event, Field, Timestamp};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::{Detector, Finding, Kinds, Watcher};
use crate::keep::series::BUCKET_SECONDS;
use crate::keep::sketch::Linear;
use crate::keep::watched::{Judged, Limits, Watched};
use crate::keep::{self, Table};
use crate::models::site_key;

/// The detector's row.
pub(super) const DETECTOR: Detector = Detector {
    id: "errors",
    version: 1,
    summary: "a site or a program that fails far more than it usually does at this hour",
    wants: Kinds::REQUEST.and(Kinds::FAULT),
    live_only: false,
    make: || Box::new(Errors::default()),
};

/// How many sites and programs are kept, and how long a name may be.
const ENTITIES_MAX: usize = 10_000;
const NAME_BYTES_MAX: usize = 255;
/// Server errors of a site within five minutes.
const FAILED: Limits =
    Limits { floor: 50.0, unknown: 500.0, deviations: 5.0, at_once: 8.0, lasting: 300 };
/// Refusals of a site.
const REFUSED: Limits = Limits { floor: 300.0, unknown: f64::INFINITY, ..FAILED };
/// Errors that a program writes.
const WRITTEN: Limits = Limits { floor: 100.0, unknown: 1_500.0, ..FAILED };
/// From how many addresses refusals must come; those of one customer of IPv6 are one.
const ADDRESSES_MIN: f64 = 20.0;

/// What of an entity is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum What {
    Failed,
    Refused,
    Written,
}

const ALL: [What; 3] = [What::Failed, What::Refused, What::Written];

impl What {
    fn limits(self) -> Limits {
        match self {
            Self::Failed => FAILED,
            Self::Refused => REFUSED,
            Self::Written => WRITTEN,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Written => "written",
        }
    }
}

/// One site or program, and one thing that is counted of it.
#[derive(Debug)]
struct Entity {
    host: String,
    program: String,
    watched: Watched,
    addresses: Linear,
}

#[derive(Debug)]
struct Errors {
    entities: Table<(What, u64), Entity>,
}

impl Default for Errors {
    fn default() -> Self {
        Self { entities: Table::new(ENTITIES_MAX) }
    }
}

impl Watcher for Errors {
    fn observe(&mut self, event: &Event, found: &mut Vec<Finding>) {
        let what = match event.integer(Field::ResponseStatus) {
            Some(500..=599) => What::Failed,
            Some(400..=499) => What::Refused,
            Some(_) => return,
            None => What::Written,
        };
        let named = |field| event.text(field).filter(|name: &&str| name.len() <= NAME_BYTES_MAX);
        let (host, program) = match what {
            What::Written => (named(Field::HostName), named(Field::ProcessName)),
            _ => (named(Field::UrlDomain).or_else(|| named(Field::HostName)), None),
        };
        let (host, program) = (host.unwrap_or_default(), program.unwrap_or_default());
        if what == What::Written && (host.is_empty() || program.is_empty()) {
            return;
        }
        let key = site_key(host) ^ keep::hash(program.as_bytes()).rotate_left(17);
        let entity = self.entities.entry((what, key), || Entity {
            host: host.to_owned(),
            program: program.to_owned(),
            watched: Watched::new(event.time),
            addresses: Linear::default(),
        });
        if entity.watched.advance(event.time, what.limits()) {
            entity.addresses = Linear::default();
        }
        if let Some(source) = event.ip(Field::SourceIp) {
            entity.addresses.insert(keep::mix(keep::customer_key(source)));
        }
        if what == What::Refused && entity.addresses.count() < ADDRESSES_MIN {
            // Nor is it learned from: what few do must not become usual for many.
            return;
        }
        let judged = entity.watched.add(event, keep::number(event.repeat()), what.limits());
        if let Some(judged) = judged {
            found.push(finding(what, entity, &judged));
        }
    }

    fn snapshot(&self, writer: &mut Writer) {
        self.entities.snapshot(writer, |writer, (what, key), entity| {
            writer.length(ALL.iter().position(|one| one == what).unwrap_or_default());
            writer.whole(*key);
            writer.text(&entity.host);
            writer.text(&entity.program);
            entity.watched.snapshot(writer);
            entity.addresses.snapshot(writer);
        });
    }

    fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.entities.restore(reader, |reader| {
            let what = usize::try_from(reader.number()?).unwrap_or(usize::MAX);
            let what = *ALL.get(what).ok_or(SnapshotError::Malformed)?;
            Ok(((what, reader.whole()?), entity(reader)?))
        })
    }

    fn bytes(&self) -> usize {
        let texts = |entity: &Entity| entity.host.len() + entity.program.len();
        let each = |entity: &Entity| entity.watched.bytes() + size_of::<Entity>() + texts(entity);
        self.entities.values().map(each).sum()
    }

    fn forgotten(&self) -> u64 {
        self.entities.forgotten()
    }
}

fn entity(reader: &mut Reader<'_>) -> Read<Entity> {
    Ok(Entity {
        host: reader.text()?.to_owned(),
        program: reader.text()?.to_owned(),
        watched: Watched::restore(reader)?,
        addresses: Linear::restore(reader)?,
    })
}

fn finding(what: What, entity: &Entity, judged: &Judged) -> Finding {
    let host = if entity.host.is_empty() { "the site" } else { &entity.host };
    let (value, usual) = (judged.value, judged.baseline());
    let said = match what {
        What::Failed => format!("{host} failed {value:.0} requests"),
        What::Refused => format!("{host} refused {value:.0} requests"),
        What::Written => format!("{} wrote {value:.0} errors on {host}", entity.program),
    };
    let lasted = judged.lasted.max(1);
    let text = format!(
        "{said} within five minutes, and has done so for {}; usual at this hour are {usual:.0}",
        keep::span(lasted)
    );
    let program = (!entity.program.is_empty()).then(|| ("process.name", entity.program.clone()));
    Finding {
        kind: what.kind(),
        host: (!entity.host.is_empty()).then(|| entity.host.clone()),
        score: judged.score(FAILED.deviations),
        observed: value,
        baseline: usual,
        window_seconds: BUCKET_SECONDS,
        text,
        first: Timestamp::from_nanos(
            entity.watched.told_in.nanos().saturating_sub(lasted.saturating_mul(keep::SECOND)),
        ),
        count: keep::whole(value),
        fresh: judged.fresh,
        events: entity.watched.evidence.events(),
        also: program.into_iter().collect(),
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use model::Text;

    use super::*;

    fn refused(host: &str, address: &str) -> Event {
        let mut event = Event::new(Text::default(), Timestamp::from_seconds(1_000));
        event.set(Field::ResponseStatus, 404_i64);
        event.set(Field::UrlDomain, host);
        event.set(Field::SourceIp, address.parse::<std::net::IpAddr>().unwrap());
        event
    }

    #[test]
    fn what_few_are_refused_does_not_become_usual() {
        let (mut errors, mut found) = (Errors::default(), Vec::new());
        let mut value = |address: &str| {
            errors.observe(&refused("shop.example", address), &mut found);
            errors.entities.values_mut().map(|entity| entity.watched.series.add(0.0)).sum::<f64>()
        };
        for number in 0..1_000 {
            assert!(value(&format!("2001:db8::{number}")) < 0.5, "all of one customer");
        }
        let seen = (0..40).map(|number| value(&format!("203.0.113.{number}"))).last();
        assert!(seen.is_some_and(|seen| (15.0..=25.0).contains(&seen)), "{seen:?}");
    }

    #[test]
    fn a_site_is_one_however_its_name_is_written() {
        let (mut errors, mut found) = (Errors::default(), Vec::new());
        for host in ["shop.example", "sHop.example", "SHOP.EXAMPLE"] {
            errors.observe(&refused(host, "203.0.113.9"), &mut found);
        }
        assert_eq!(errors.entities.len(), 1);
    }
}
