//! What is remembered of each exporter, and what its messages hold.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::cursor::Cursor;
use super::record::{From, Record, Sent};
use super::standing::{Key, Standing, tell_minute};
use super::template::{Change, Dialect, TEMPLATE_ID_MIN, Template, options, templates};
use crate::json::Lines;
use crate::traffic::{Home, Traffic};

/// How many exporters are remembered, a domain each; senders may be forged, so there may be any number.
/// Past it the one that was silent longest is forgotten.
pub const EXPORTERS_MAX: usize = 1024;
/// Templates of one exporter.
const TEMPLATES_MAX: usize = 1024;
/// Columns of all templates of all exporters together.
const COLUMNS_ALL_MAX: usize = 1 << 20;
/// Samplers of one exporter.
const SAMPLERS_MAX: usize = 64;
/// A jump of more is a restart, not a loss.
const GAP_MAX: u32 = 1 << 20;
/// A message that many numbers behind was overtaken; one further behind comes after a restart.
const LATE_MAX: u32 = 2048;
const SECOND: u64 = 1_000_000_000;

/// The exporters that are known.
#[derive(Debug)]
pub struct Exporters {
    known: HashMap<Key, Exporter>,
    columns: usize,
    clock: u64,
    home: Home,
    standing: Standing,
}

#[derive(Debug, Default)]
struct Exporter {
    templates: HashMap<u16, Arc<Template>>,
    /// The number that the next message should have.
    expected: Option<u32>,
    sampling: Option<u32>,
    samplers: HashMap<u64, u32>,
    /// When it was heard last, in messages of all.
    heard: u64,
    minute: Standing,
    last_unknown: Option<u16>,
}

/// Where records go.
struct Out<'a> {
    lines: &'a mut Lines,
    traffic: &'a mut Traffic,
    received_ns: u64,
}

/// How many records a message held, where all could be told apart.
#[derive(Clone, Copy, Debug)]
struct Records(Option<u32>);

impl Records {
    fn add(&mut self, read: Option<u32>) {
        self.0 = self.0.zip(read).map(|(all, read)| all.wrapping_add(read));
    }
}

/// What a header says.
struct Header {
    key: Key,
    sequence: u32,
    sent: Sent,
}

impl Exporters {
    /// Knows nobody yet.
    pub fn new(home: Home) -> Self {
        let known = HashMap::new();
        Self { known, columns: 0, clock: 0, home, standing: Standing::default() }
    }

    /// Gives what was read so far.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Reads one datagram; its flows become lines, and are added to the accounts.
    pub fn read(
        &mut self,
        exporter: IpAddr,
        datagram: &[u8],
        received_ns: u64,
        lines: &mut Lines,
        traffic: &mut Traffic,
    ) {
        let mut out = Out { lines, traffic, received_ns };
        let mut cursor = Cursor(datagram);
        let outcome = match cursor.u16() {
            Some(5) => self.version_5(exporter, cursor, &mut out),
            Some(9) => self.version_9(exporter, cursor, &mut out),
            Some(10) => self.ipfix(exporter, cursor, &mut out),
            _ => None,
        };
        self.standing.messages += 1;
        if outcome.is_none() {
            self.standing.malformed += 1;
        }
    }

    fn version_5(
        &mut self,
        address: IpAddr,
        mut cursor: Cursor<'_>,
        out: &mut Out<'_>,
    ) -> Option<()> {
        let count = cursor.u16()?;
        let uptime_ms = cursor.u32()?;
        let at_ns = u64::from(cursor.u32()?) * SECOND + u64::from(cursor.u32()?);
        let sequence = cursor.u32()?;
        let domain = u32::from(cursor.u16()?);
        let sampling = u32::from(cursor.u16()? & 0x3FFF);
        let sent = Sent { at_ns, uptime_ms: Some(uptime_ms) };
        let key = Key { address, version: 5, domain };
        let exporter = self.hear(&Header { key, sequence, sent });
        exporter.sampling = (sampling > 1).then_some(sampling);
        let rate = exporter.sampling;
        let mut read = 0;
        for _ in 0..count {
            let Some(mut record) = Record::of_version_5(&mut cursor, sent) else { break };
            record.sampling = rate;
            self.tell(record, key, sent, out);
            read += 1;
        }
        self.expect(key, sequence.wrapping_add(read));
        // A message that says more than it holds is broken, though what it held counts.
        (read == u32::from(count) && count > 0).then_some(())
    }

    fn version_9(
        &mut self,
        address: IpAddr,
        mut cursor: Cursor<'_>,
        out: &mut Out<'_>,
    ) -> Option<()> {
        let _records = cursor.u16()?;
        let uptime_ms = cursor.u32()?;
        let at_ns = u64::from(cursor.u32()?) * SECOND;
        let (sequence, domain) = (cursor.u32()?, cursor.u32()?);
        let sent = Sent { at_ns, uptime_ms: Some(uptime_ms) };
        let header = Header { key: Key { address, version: 9, domain }, sequence, sent };
        self.hear(&header);
        let read = self.sets(&header, cursor.0, Dialect::V9, out);
        // It numbers messages.
        self.expect(header.key, sequence.wrapping_add(1));
        read.map(|_| ())
    }

    /// Reads the messages of a datagram; there should be one.
    fn ipfix(&mut self, address: IpAddr, mut cursor: Cursor<'_>, out: &mut Out<'_>) -> Option<()> {
        self.ipfix_message(address, &mut cursor, out)?;
        while cursor.u16() == Some(10) {
            self.ipfix_message(address, &mut cursor, out)?;
        }
        Some(())
    }

    fn ipfix_message(
        &mut self,
        address: IpAddr,
        cursor: &mut Cursor<'_>,
        out: &mut Out<'_>,
    ) -> Option<()> {
        let length = usize::from(cursor.u16()?);
        let at_ns = u64::from(cursor.u32()?) * SECOND;
        let (sequence, domain) = (cursor.u32()?, cursor.u32()?);
        let sent = Sent { at_ns, uptime_ms: None };
        let header = Header { key: Key { address, version: 10, domain }, sequence, sent };
        let sets = cursor.take(length.checked_sub(16)?)?;
        self.hear(&header);
        let read = self.sets(&header, sets, Dialect::Ipfix, out);
        // It numbers records; where some could not be told apart, the next number is anybody's guess.
        match read.and_then(|records| records.0) {
            Some(records) => self.expect(header.key, sequence.wrapping_add(records)),
            None => {
                if let Some(exporter) = self.known.get_mut(&header.key) {
                    exporter.expected = None;
                }
            }
        }
        read.map(|_| ())
    }

    /// Reads the sets of a message.
    fn sets(
        &mut self,
        header: &Header,
        sets: &[u8],
        dialect: Dialect,
        out: &mut Out<'_>,
    ) -> Option<Records> {
        let mut records = Records(Some(0));
        let mut cursor = Cursor(sets);
        while cursor.0.len() >= 4 {
            let (id, length) = (cursor.u16()?, cursor.u16()?);
            let set = cursor.take(usize::from(length).checked_sub(4)?)?;
            match (dialect, id) {
                (Dialect::V9, 0) | (Dialect::Ipfix, 2) => {
                    self.learn(header.key, |each| templates(set, dialect, each))?;
                }
                (Dialect::V9, 1) | (Dialect::Ipfix, 3) => {
                    self.learn(header.key, |each| options(set, dialect, each))?;
                }
                (_, TEMPLATE_ID_MIN..) => {
                    let read = self.data(header, id, set, dialect, out);
                    records.add(read);
                }
                // Kinds that are reserved.
                _ => {}
            }
        }
        Some(records)
    }

    fn learn(
        &mut self,
        key: Key,
        read: impl FnOnce(&mut dyn FnMut(Change)) -> Option<()>,
    ) -> Option<()> {
        let exporter = self.known.get_mut(&key)?;
        let (columns, standing) = (&mut self.columns, &mut self.standing);
        read(&mut |change| match change {
            Change::Learn(id, template) => {
                let before = exporter.templates.get(&id).map_or(0, |template| template.len());
                let after = *columns - before + template.len();
                let room = before > 0 || exporter.templates.len() < TEMPLATES_MAX;
                if room && after <= COLUMNS_ALL_MAX {
                    *columns = after;
                    exporter.templates.insert(id, Arc::new(template));
                } else {
                    standing.templates_refused += 1;
                }
            }
            Change::Withdraw(id) => {
                *columns -= exporter.templates.remove(&id).map_or(0, |gone| gone.len());
            }
        })
    }

    /// Reads the records of a set, and gives how many there were, where its template is known.
    fn data(
        &mut self,
        header: &Header,
        id: u16,
        set: &[u8],
        dialect: Dialect,
        out: &mut Out<'_>,
    ) -> Option<u32> {
        let exporter = self.known.get_mut(&header.key)?;
        let Some(template) = exporter.templates.get(&id) else {
            exporter.minute.sets_unknown += 1;
            exporter.last_unknown = Some(id);
            self.standing.sets_unknown += 1;
            return None;
        };
        // Telling a record needs the exporter too.
        let template = Arc::clone(template);
        let mut cursor = Cursor(set);
        let mut count = 0_u32;
        loop {
            let mut record = Record::default();
            let mut take = |what, bytes: &[u8]| record.set(what, bytes, header.sent);
            if template.record(&mut cursor, dialect, &mut take).is_none() {
                return Some(count);
            }
            count += 1;
            record.finish(header.sent);
            if template.is_options {
                self.heed(header.key, &record);
            } else {
                self.tell(record, header.key, header.sent, out);
            }
        }
    }

    /// Takes what an exporter tells of itself: how it samples.
    fn heed(&mut self, key: Key, record: &Record) {
        self.standing.records_other += 1;
        let (Some(exporter), Some(rate)) = (self.known.get_mut(&key), record.sampling) else {
            return;
        };
        match record.sampler {
            Some(sampler) => {
                let room = exporter.samplers.len() < SAMPLERS_MAX;
                if room || exporter.samplers.contains_key(&sampler) {
                    exporter.samplers.insert(sampler, rate);
                }
            }
            None => exporter.sampling = (rate > 1).then_some(rate),
        }
    }

    fn tell(&mut self, mut record: Record, key: Key, sent: Sent, out: &mut Out<'_>) {
        if !record.is_flow() {
            self.standing.records_other += 1;
            return;
        }
        self.standing.flows += 1;
        if let Some(exporter) = self.known.get_mut(&key) {
            exporter.minute.flows += 1;
            let by_sampler = record.sampler.and_then(|sampler| exporter.samplers.get(&sampler));
            record.sampling = record.sampling.or(by_sampler.copied()).or(exporter.sampling);
        }
        record.scale();
        let time_ns = if sent.at_ns > 0 { sent.at_ns } else { out.received_ns };
        let from = From {
            exporter: key.address,
            version: key.version,
            domain: key.domain,
            time_ns,
            home: &self.home,
        };
        record.write(&from, out.lines);
        if let Some(share) = record.share(out.received_ns) {
            out.traffic.add(&share, out.lines);
        }
    }

    /// Finds or makes the exporter of a message, and compares the message's number with what should come.
    fn hear(&mut self, header: &Header) -> &mut Exporter {
        if self.known.len() >= EXPORTERS_MAX && !self.known.contains_key(&header.key) {
            self.forget_the_longest_silent();
        }
        self.clock += 1;
        let exporter = self.known.entry(header.key).or_default();
        exporter.heard = self.clock;
        exporter.minute.messages += 1;
        let gap = exporter.expected.map_or(0, |expected| header.sequence.wrapping_sub(expected));
        if gap <= GAP_MAX {
            exporter.minute.lost += u64::from(gap);
            self.standing.lost += u64::from(gap);
        }
        exporter
    }

    /// Remembers which number should come next. A message that was overtaken by others does not turn
    /// it back, or the others would count as lost again.
    fn expect(&mut self, key: Key, next: u32) {
        let Some(exporter) = self.known.get_mut(&key) else { return };
        let back = exporter.expected.map_or(0, |expected| expected.wrapping_sub(next));
        if back == 0 || back > LATE_MAX {
            exporter.expected = Some(next);
        }
    }

    fn forget_the_longest_silent(&mut self) {
        // Who has told what his records hold goes last: forged senders mostly have not.
        let oldest = self
            .known
            .iter()
            .min_by_key(|(key, exporter)| (!exporter.templates.is_empty(), exporter.heard, **key));
        let Some(key) = oldest.map(|(key, _)| *key) else { return };
        if let Some(gone) = self.known.remove(&key) {
            self.columns -= gone.templates.values().map(|template| template.len()).sum::<usize>();
            self.standing.forgotten += 1;
        }
    }

    /// Tells how each exporter stood in the minute that began at `start_ns`; gives a sentence where one
    /// of them sends what cannot be read.
    pub fn close_minute(&mut self, start_ns: u64, lines: &mut Lines) -> Option<String> {
        let mut fault = None;
        for (key, exporter) in &mut self.known {
            let minute = std::mem::take(&mut exporter.minute);
            let unknown = exporter.last_unknown.take();
            if minute.messages == 0 {
                continue;
            }
            if let Some(template) = unknown {
                let (address, sets) = (key.address, minute.sets_unknown);
                fault = Some(format!(
                    "{address} has sent {sets} sets of records whose template (last: {template}) it has \
                     not told yet; exporters repeat templates, see its template refresh or timeout"
                ));
            }
            tell_minute(*key, &minute, unknown, start_ns, lines);
        }
        fault
    }
}
