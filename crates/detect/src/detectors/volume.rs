//! Volumes against their usual course: what a machine sends out, and how many connections reach a
//! service without being opened.
//!
//! When a number is unusual is said by [`Watched`]. What goes out to a place that many machines of the house call must
//! be more before it is told: films and backups go there, and stolen data seldom.

use model::{Event, Field, Value};
use sigma::SnapshotError;
use sigma::codec::{Reader, Writer};

use super::{Detector, Finding, Kinds, Watcher};
use crate::keep::series::BUCKET_SECONDS;
use crate::keep::sketch::Linear;
use crate::keep::watched::{Judged, Limits, Watched};
use crate::keep::{self, Ends, Table, address_key, address_of, read_key, write_key};

/// The detector's row.
pub(super) const DETECTOR: Detector = Detector {
    id: "volume",
    version: 1,
    summary: "what is sent out, or half-open connections, far above what this hour of the week usually has",
    wants: Kinds::CONNECTION,
    live_only: false,
    make: || Box::new(Volume::default()),
};

/// How many machines and services are kept.
const ENTITIES_MAX: usize = 10_000;
/// How many robust deviations above the median count as unusual, and how many are told at once.
const DEVIATIONS_MIN: f64 = 5.0;
const DEVIATIONS_AT_ONCE: f64 = 10.0;
/// Bytes that are sent out.
const OUTBOUND: Limits = Limits {
    floor: 50e6,
    unknown: f64::INFINITY,
    deviations: DEVIATIONS_MIN,
    at_once: DEVIATIONS_AT_ONCE,
    lasting: 0,
};
/// What goes to a place that many machines call must be more, and further from what is usual.
const POPULAR_FLOOR: f64 = 500e6;
const POPULAR_CALLERS: f64 = 4.5;
const POPULAR: Limits = Limits { floor: POPULAR_FLOOR, deviations: 8.0, at_once: 16.0, ..OUTBOUND };
/// How many places are kept.
const PLACES_MAX: usize = 20_000;
/// Half-open connections to one service.
const HALF_OPEN: Limits = Limits { floor: 300.0, unknown: 3_000.0, ..OUTBOUND };

#[derive(Debug)]
struct Volume {
    /// Bytes that each machine of the own network sends to the outside.
    outbound: Table<u128, Watched>,
    /// Connections that reach a service and are not opened.
    half_open: Table<(u128, u16), Watched>,
    /// Who of the own network calls a place outside, and whether they are many.
    places: Table<u128, (Linear, bool)>,
}

impl Default for Volume {
    fn default() -> Self {
        Self {
            outbound: Table::new(ENTITIES_MAX),
            half_open: Table::new(ENTITIES_MAX),
            places: Table::new(PLACES_MAX),
        }
    }
}

impl Watcher for Volume {
    fn observe(&mut self, event: &Event, found: &mut Vec<Finding>) {
        if event.text(Field::EventAction) == Some("packet_denied") {
            return;
        }
        let Some(ends) = Ends::of(event) else { return };
        let (inside, outside) = (keep::is_inside(ends.source), !keep::is_inside(ends.destination));
        if inside
            && outside
            && let Some(bytes) = event.integer(Field::SourceBytes).filter(|bytes| *bytes > 0)
        {
            let key = address_key(ends.source);
            let place = self.places.entry(address_key(ends.destination), Default::default);
            let (callers, popular) = place;
            if callers.insert(keep::mix(key)) {
                *popular = callers.count() >= POPULAR_CALLERS;
            }
            let limits = if *popular { POPULAR } else { OUTBOUND };
            let watched = self.outbound.entry(key, || Watched::new(event.time));
            let bytes = keep::number(u64::try_from(bytes).unwrap_or_default());
            if let Some(judged) = watched.add(event, bytes, limits) {
                found.push(outbound(ends, &judged, watched));
            }
        }
        if is_half_open(event) {
            let key = (address_key(ends.destination), ends.port);
            let watched = self.half_open.entry(key, || Watched::new(event.time));
            if let Some(judged) = watched.add(event, 1.0, HALF_OPEN) {
                found.push(half_open(ends, &judged, watched));
            }
        }
    }

    fn snapshot(&self, writer: &mut Writer) {
        self.outbound.snapshot(writer, |writer, key, watched| {
            write_key(writer, *key);
            watched.snapshot(writer);
        });
        self.half_open.snapshot(writer, |writer, (key, port), watched| {
            write_key(writer, *key);
            writer.number(u64::from(*port));
            watched.snapshot(writer);
        });
        self.places.snapshot(writer, |writer, place, (callers, _)| {
            write_key(writer, *place);
            callers.snapshot(writer);
        });
    }

    fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.outbound
            .restore(reader, |reader| Ok((read_key(reader)?, Watched::restore(reader)?)))?;
        self.half_open.restore(reader, |reader| {
            let key = read_key(reader)?;
            let port = u16::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?;
            Ok(((key, port), Watched::restore(reader)?))
        })?;
        self.places.restore(reader, |reader| {
            let (key, callers) = (read_key(reader)?, Linear::restore(reader)?);
            let popular = callers.count() >= POPULAR_CALLERS;
            Ok((key, (callers, popular)))
        })
    }

    fn bytes(&self) -> usize {
        let all = self.outbound.values().chain(self.half_open.values());
        let places = self.places.values().count() * (size_of::<Linear>() + 24);
        all.map(Watched::bytes).sum::<usize>() + places
    }

    fn forgotten(&self) -> u64 {
        let forgotten = self.outbound.forgotten().saturating_add(self.half_open.forgotten());
        forgotten.saturating_add(self.places.forgotten())
    }
}

/// Tells whether a connection of TCP was begun and never opened.
fn is_half_open(event: &Event) -> bool {
    if event.text(Field::NetworkTransport) != Some("tcp") {
        return false;
    }
    let state = event.get_extra("bartizan.flow.state").or_else(|| event.get_extra("conn_state"));
    matches!(state.and_then(Value::as_text), Some("S0" | "SH"))
}

fn outbound(ends: Ends, judged: &Judged, watched: &Watched) -> Finding {
    let text = format!(
        "{} sent {} out within five minutes, last to {}; usual at this hour are up to {}",
        ends.source,
        keep::bytes(judged.value),
        ends.destination,
        keep::bytes(judged.baseline())
    );
    Finding {
        source: Some(address_of(address_key(ends.source))),
        destination: Some(ends.destination),
        port: Some(ends.port),
        ..finding("outbound", judged, watched, text)
    }
}

fn half_open(ends: Ends, judged: &Judged, watched: &Watched) -> Finding {
    let usual = match judged.usual {
        Some(usual) => format!("usual at this hour are up to {:.0}", usual.number()),
        None => "nothing is known yet of what is usual".to_owned(),
    };
    let text = format!(
        "{:.0} connections to port {} of {} were begun within five minutes and not opened; {usual}",
        judged.value, ends.port, ends.destination
    );
    Finding {
        destination: Some(ends.destination),
        port: Some(ends.port),
        host: Some(ends.destination.to_string()),
        ..finding("half_open", judged, watched, text)
    }
}

fn finding(kind: &'static str, judged: &Judged, watched: &Watched, text: String) -> Finding {
    Finding {
        kind,
        score: judged.score(DEVIATIONS_MIN),
        observed: judged.value,
        baseline: judged.baseline(),
        window_seconds: BUCKET_SECONDS,
        text,
        first: watched.told_in,
        count: keep::whole(judged.value),
        fresh: judged.fresh,
        events: watched.evidence.events(),
        ..Finding::default()
    }
}
