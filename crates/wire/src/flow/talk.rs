//! What a flow says, while somebody listens: first to know its protocol, then to read it.

use super::record::{Flow, seen};
use super::rows::Rows;
use super::stream::{Noticed, Placed, Stream};
use crate::dissect::{Dissector, FIRST_BYTES_MAX, First, Progress, Protocol};
use crate::flow::Counters;
use crate::json::Lines;
use crate::tell::{About, Direction, Told};

/// How often one flow may hand over to another protocol.
const HANDED_OVER_MAX: u8 = 4;

/// What the state of a reader takes that counts nothing itself.
const STATE_BYTES: usize = 512;

/// What listening needs besides the conversation itself.
pub(super) struct Listening<'l> {
    pub(super) rows: &'l Rows,
    pub(super) about: &'l About<'l>,
    pub(super) lines: &'l mut Lines,
    pub(super) counters: &'l mut Counters,
}

/// A conversation.
#[derive(Debug)]
pub(super) struct Talk {
    /// Whose it is.
    pub(super) flow: u32,
    /// The rows that have not said no.
    candidates: u64,
    /// The row that is to be opened with the first bytes.
    known: Option<usize>,
    reading: Option<Reading>,
    over: bool,
    handed_over: u8,
    /// The row of the first protocol, counted from one.
    pub(super) protocol: u8,
    client: Stream,
    server: Stream,
    /// What it keeps, as counted last.
    pub(super) bytes: usize,
}

#[derive(Debug)]
struct Reading {
    row: &'static Protocol,
    dissector: Box<dyn Dissector>,
    fed: u64,
    events_left: u32,
    /// It was handed the flow by another, and has not seen what that one left.
    is_new: bool,
}

impl Talk {
    /// Gives the conversation of a flow; `known` is the row that has recognised it already.
    pub(super) fn new(flow: u32, candidates: u64, known: Option<usize>) -> Self {
        Self {
            flow,
            known,
            candidates,
            reading: None,
            over: false,
            handed_over: 0,
            protocol: 0,
            client: Stream::default(),
            server: Stream::default(),
            bytes: 0,
        }
    }

    /// Sets where its streams begin by what the flow has shown.
    pub(super) fn after(mut self, flow: &Flow) -> Self {
        for (stream, side) in [(&mut self.client, flow.client), (&mut self.server, flow.server)] {
            // Only where the beginning was seen: otherwise the first segment is the beginning.
            if side.seen & (seen::SYN | seen::SYN_ACK) != 0 && side.seen & seen::DATA == 0 {
                stream.begin(side.expected);
            }
        }
        self
    }

    /// Tells that nothing more is to be read of it.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn stream(&mut self, direction: Direction) -> &mut Stream {
        match direction {
            Direction::Client => &mut self.client,
            Direction::Server => &mut self.server,
        }
    }

    /// Tells whether a segment waits for its turn.
    pub(super) fn is_waiting(&self) -> bool {
        self.client.is_waiting() || self.server.is_waiting()
    }

    /// Counts the bytes it keeps.
    pub(super) fn held(&self) -> usize {
        let state = self.reading.as_ref().map_or(0, |reading| reading.dissector.held());
        size_of::<Self>() + STATE_BYTES + state + self.client.bytes() + self.server.bytes()
    }

    /// Starts to read it as the protocol of a row.
    pub(super) fn open(&mut self, place: usize, listening: &Listening<'_>) {
        let Some(row) = listening.rows.rows.get(place) else { return };
        let dissector = (row.open)(listening.about);
        let events_left = row.events_max;
        self.reading = Some(Reading { row, dissector, fed: 0, events_left, is_new: false });
        if self.protocol == 0 {
            self.protocol = u8::try_from(place + 1).unwrap_or(0);
        }
    }

    /// Takes one message of what has no streams.
    pub(super) fn message(
        &mut self,
        listening: &mut Listening<'_>,
        direction: Direction,
        bytes: &[u8],
    ) {
        if let Some(place) = self.known.take() {
            self.open(place, listening);
        }
        if self.ask(listening, direction, bytes).is_none() {
            self.end(listening);
        }
    }

    /// Takes a segment of a stream.
    pub(super) fn segment(
        &mut self,
        listening: &mut Listening<'_>,
        direction: Direction,
        (sequence, length): (u32, u32),
        bytes: &[u8],
    ) {
        let mut noticed = Noticed::default();
        match self.stream(direction).place(sequence, bytes, length, &mut noticed) {
            Placed::Next(bytes, cut) => self.next(listening, direction, bytes, cut),
            Placed::Later => {}
            Placed::Full => self.give_up(listening, direction),
        }
        self.turn(listening, direction, &mut noticed);
        listening.counters.overlaps += noticed.overlaps;
        listening.counters.segments_dropped += noticed.dropped;
    }

    /// Hears that the other side has confirmed up to a number: what is missing before it never comes.
    pub(super) fn confirmed(
        &mut self,
        listening: &mut Listening<'_>,
        direction: Direction,
        acknowledged: u32,
    ) {
        if self.stream(direction).is_waiting() && self.stream(direction).is_missed(acknowledged) {
            self.give_up(listening, direction);
            self.turn(listening, direction, &mut Noticed::default());
        }
    }

    /// Hands on what waited and whose turn has come.
    fn turn(&mut self, listening: &mut Listening<'_>, direction: Direction, noticed: &mut Noticed) {
        while !self.over && self.stream(direction).is_waiting() {
            let Some((bytes, cut)) = self.stream(direction).turn(noticed) else { return };
            self.next(listening, direction, &bytes, cut);
        }
    }

    fn give_up(&mut self, listening: &mut Listening<'_>, direction: Direction) {
        if let Some(missing) = self.stream(direction).jump() {
            self.gap(listening, direction, missing);
        }
    }

    fn next(
        &mut self,
        listening: &mut Listening<'_>,
        direction: Direction,
        bytes: &[u8],
        cut: u32,
    ) {
        if !self.over && !bytes.is_empty() {
            self.deliver(listening, direction, bytes);
        }
        if !self.over && cut > 0 {
            self.gap(listening, direction, cut);
        }
    }

    fn gap(&mut self, listening: &mut Listening<'_>, direction: Direction, missing: u32) {
        let stream = self.stream(direction);
        let skipped = stream.skip.min(missing.into());
        stream.skip -= skipped;
        if skipped == u64::from(missing) {
            return;
        }
        listening.counters.gaps += 1;
        self.stream(direction).held.clear();
        let Some(reading) = &mut self.reading else {
            self.over = true;
            return;
        };
        match reading.told(listening, |dissector, told| dissector.gap(direction, told)) {
            Progress::Taken(skip) => self.stream(direction).skip = skip,
            Progress::Done | Progress::Become(..) => self.over = true,
        }
    }

    fn deliver(&mut self, listening: &mut Listening<'_>, direction: Direction, bytes: &[u8]) {
        if let Some(place) = self.known.take() {
            self.open(place, listening);
        }
        if self.reading.is_some() {
            return self.read(listening, direction, bytes);
        }
        let about = listening.about;
        self.stream(direction).held.extend_from_slice(bytes);
        let part = |held: &[u8]| held.len().min(FIRST_BYTES_MAX);
        let (client, server) = (&self.client.held, &self.server.held);
        let first = First {
            client: client.get(..part(client)).unwrap_or_default(),
            server: server.get(..part(server)).unwrap_or_default(),
            port: about.destination_port,
            client_port: about.source_port,
            transport: about.transport,
        };
        let full = client.len() >= FIRST_BYTES_MAX || server.len() >= FIRST_BYTES_MAX;
        match listening.rows.recognise(&mut self.candidates, &first) {
            Some(place) => {
                self.open(place, listening);
                self.read_held(listening);
            }
            None => self.over = self.candidates == 0 || full,
        }
    }

    /// Reads what is held of both directions, as if it had just come.
    fn read_held(&mut self, listening: &mut Listening<'_>) {
        for direction in [Direction::Client, Direction::Server] {
            let held = std::mem::take(&mut self.stream(direction).held);
            if !held.is_empty() && !self.over {
                self.read(listening, direction, &held);
            }
        }
    }

    fn read(&mut self, listening: &mut Listening<'_>, direction: Direction, bytes: &[u8]) {
        let stream = self.stream(direction);
        let there = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let skipped = stream.skip.min(there);
        stream.skip -= skipped;
        let bytes = usize::try_from(skipped).ok().and_then(|skipped| bytes.get(skipped..));
        let bytes = bytes.unwrap_or_default();
        if bytes.is_empty() {
            return;
        }
        if stream.held.is_empty() {
            let Some(taken) = self.ask(listening, direction, bytes) else {
                return self.end(listening);
            };
            self.keep(listening, direction, bytes, taken);
        } else {
            let mut held = std::mem::take(&mut stream.held);
            held.extend_from_slice(bytes);
            let Some(taken) = self.ask(listening, direction, &held) else {
                return self.end(listening);
            };
            match usize::try_from(taken).ok().filter(|taken| *taken < held.len()) {
                Some(taken) => {
                    held.drain(..taken);
                    self.keep_vec(listening, direction, held);
                }
                None => self.keep(listening, direction, &held, taken),
            }
        }
        if self.reading.as_ref().is_some_and(|reading| reading.is_new) && !self.over {
            // Another protocol has taken over: what the one before left is its beginning.
            if let Some(reading) = &mut self.reading {
                reading.is_new = false;
            }
            self.read_held(listening);
        }
    }

    /// Keeps what was not taken, or notes what was taken in advance.
    fn keep(
        &mut self,
        listening: &mut Listening<'_>,
        direction: Direction,
        bytes: &[u8],
        taken: u64,
    ) {
        let there = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if taken >= there {
            self.stream(direction).skip = taken - there;
            return;
        }
        let rest = usize::try_from(taken).ok().and_then(|taken| bytes.get(taken..));
        self.keep_vec(listening, direction, rest.unwrap_or_default().to_vec());
    }

    fn keep_vec(&mut self, listening: &mut Listening<'_>, direction: Direction, held: Vec<u8>) {
        let held_max =
            self.reading.as_ref().map_or(FIRST_BYTES_MAX, |reading| reading.row.held_max);
        if held.len() > held_max {
            listening.counters.messages_long += 1;
            self.end(listening);
        } else {
            self.stream(direction).held = held;
        }
    }

    /// Shows bytes to the dissector; tells how many it took, or nothing where it is done.
    fn ask(
        &mut self,
        listening: &mut Listening<'_>,
        direction: Direction,
        bytes: &[u8],
    ) -> Option<u64> {
        let reading = self.reading.as_mut()?;
        let there = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match reading.told(listening, |dissector, told| dissector.feed(direction, bytes, told)) {
            Progress::Taken(taken) => {
                reading.fed = reading.fed.saturating_add(taken.min(there));
                (reading.fed <= reading.row.bytes_max).then_some(taken)
            }
            Progress::Done => {
                self.over = true;
                None
            }
            Progress::Become(taken, name) => {
                self.handed_over += 1;
                let place = listening.rows.rows.iter().position(|row| row.name == name);
                let Some(place) = place.filter(|_| self.handed_over <= HANDED_OVER_MAX) else {
                    self.over = true;
                    return None;
                };
                self.open(place, listening);
                if let Some(reading) = &mut self.reading {
                    reading.is_new = true;
                }
                Some(taken)
            }
        }
    }

    /// Ends it: the dissector tells what it knows.
    pub(super) fn end(&mut self, listening: &mut Listening<'_>) {
        if !self.over
            && let Some(reading) = &mut self.reading
        {
            reading.told(listening, |dissector, told| dissector.end(told));
        }
        self.over = true;
        self.client.clear();
        self.server.clear();
    }
}

impl Reading {
    /// Lets the dissector speak, and counts what it says.
    fn told<T>(
        &mut self,
        listening: &mut Listening<'_>,
        speak: impl FnOnce(&mut dyn Dissector, &mut Told<'_>) -> T,
    ) -> T {
        let mut told = Told::new(listening.lines, listening.about, self.row.name, self.events_left);
        let result = speak(self.dissector.as_mut(), &mut told);
        listening.counters.messages_malformed += told.malformed;
        listening.counters.untold += told.untold;
        listening.counters.events += u64::from(self.events_left - told.events_left);
        self.events_left = told.events_left;
        result
    }
}
