//! The whole way from a record to an event.

use std::time::Duration;

use model::{Clock, Event, Field, Origin, Record, Text, Timestamp};

use crate::frame::{self, Frame};
use crate::{Context, FORMATS, Format, formats, glean};

/// Gives `event.module` where no format recognised the record.
const UNKNOWN: &str = "unknown";

/// How far before its receipt a live record may have happened, by its own word.
const LATE_MAX: Duration = Duration::from_hours(24);
/// How far after its receipt a live record may have happened, by its own word.
const EARLY_MAX: Duration = Duration::from_mins(1);

/// What a parser cannot know from the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParserConfig {
    /// How far the local time of senders that name no zone is ahead of UTC, in seconds.
    pub utc_offset_seconds: i32,
}

/// Turns records into events; holds no state, so one serves all threads.
#[derive(Clone, Debug)]
pub struct Parser {
    config: ParserConfig,
    forced: Option<Format>,
    /// Which formats read which program's messages, in the order of the names.
    programs: Vec<(&'static str, Format)>,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new(ParserConfig::default())
    }
}

impl Parser {
    /// Gives a parser that recognises each record's format.
    pub fn new(config: ParserConfig) -> Self {
        let mut programs: Vec<(&'static str, Format)> = FORMATS
            .iter()
            .flat_map(|format| format.programs.iter().map(|program| (*program, *format)))
            .collect();
        programs.sort_by_key(|(program, _)| *program);
        Self { config, forced: None, programs }
    }

    /// Gives a parser that reads every record with the format of that id, or `None` where there is
    /// no such format. A record that is not of the format is `unknown`.
    pub fn with_format(id: &str) -> Option<Self> {
        Some(Self { forced: Some(by_id(id)?), ..Self::default() })
    }

    /// Gives the same parser with other settings.
    #[must_use]
    pub fn configured(self, config: ParserConfig) -> Self {
        Self { config, ..self }
    }

    /// Gives the event of a record. It cannot fail: what no format recognises is an event too.
    pub fn parse(&self, record: Record) -> Event {
        self.read(record, Event::new)
    }

    /// Gives the event of a record in the room of one that nobody needs any more, so that reading
    /// many records one by one allocates nothing for most.
    pub fn parse_again(&self, record: Record, spent: Event) -> Event {
        self.read(record, |text, received_at| spent.renewed(text, received_at))
    }

    fn read(&self, record: Record, begin: impl FnOnce(Text, Timestamp) -> Event) -> Event {
        let Record { text, received_at, origin, truncated_bytes, escaped_bytes } = record;
        // Fields that are pieces of this very text are not copied; the clone only counts a user more.
        let mut event = begin(text.clone(), received_at);
        let module = match origin.undecoded {
            // Whoever wrote it has not the key: it must not pass for a log line of any format.
            Some(fault) => {
                event.set(Field::DecodeFault, fault);
                event.set(Field::Message, &*text);
                UNKNOWN
            }
            None => self.read_text(&text, &origin, &mut event),
        };
        // A sensor names itself; nobody else can.
        if event.get(Field::EventModule).is_none() {
            event.set(Field::EventModule, module);
        }

        write_origin(&origin, &mut event);
        if truncated_bytes > 0 {
            let count = i64::try_from(truncated_bytes).unwrap_or(i64::MAX);
            event.set(Field::TruncatedBytes, count);
        }
        if escaped_bytes > 0 {
            event.set(Field::EscapedBytes, escaped_bytes);
        }
        if origin.clock == Clock::Live {
            hold_time(&mut event);
        }
        event
    }

    /// Reads the frame and the message, and gives the id of the format that took it.
    fn read_text(&self, text: &Text, origin: &Origin, event: &mut Event) -> &'static str {
        let context = Context {
            received_at: event.ingested,
            clock: origin.clock,
            utc_offset_seconds: self.config.utc_offset_seconds,
            tag: "",
            columns: origin.columns.as_deref().unwrap_or_default(),
        };
        let forced = self.forced.or_else(|| by_id(origin.format.as_deref()?));
        if let Some(format) = formats::unframed(text, &context)
            && forced.is_none_or(|forced| forced.id == format.id)
            && (format.parse)(text, event, &context).is_ok()
        {
            return format.id;
        }
        let frame = frame::read(text, &context, event);
        let context = Context { tag: frame.tag, ..context };
        match forced {
            Some(format) => forced_read(format, text, frame, (event, &context)),
            None => self.recognise(frame, event, &context),
        }
    }

    /// Reads the message with the first format that takes it, and gives that format's id.
    fn recognise(
        &self,
        frame: Frame<'_>,
        event: &mut Event,
        context: &Context<'_>,
    ) -> &'static str {
        let message = frame.message;
        // A module of PAM speaks through many programs, and not in the program's own name.
        if formats::written_by_pam(frame.tag, message)
            && (formats::PAM.parse)(message, event, context).is_ok()
        {
            return formats::PAM.id;
        }
        for format in self.of_program(frame::program(frame.tag)) {
            if (format.parse)(message, event, context).is_ok() {
                return format.id;
            }
        }
        let open = |format: &Format| format.programs.is_empty() || !frame.headed;
        if let Some(format) = formats::anchored(message).filter(open)
            && (format.parse)(message, event, context).is_ok()
        {
            return format.id;
        }
        for format in FORMATS.iter().filter(|format| open(format)) {
            if (format.recognises)(message) && (format.parse)(message, event, context).is_ok() {
                return format.id;
            }
        }
        glean::addresses_and_login(message, event);
        if frame.headed {
            return formats::SYSLOG.id;
        }
        glean::time_and_level(message, event, context);
        event.set(Field::Message, message);
        UNKNOWN
    }

    /// Gives the formats that read a program's messages.
    fn of_program(&self, program: &str) -> impl Iterator<Item = &Format> {
        // `postfix/smtpd` is read by what reads `postfix`.
        let family = program.split('/').next().unwrap_or_default();
        // Most records name none, and then the search would be for nothing.
        let start = match family {
            "" => self.programs.len(),
            _ => self.programs.partition_point(|(name, _)| *name < family),
        };
        let rows = self.programs.get(start..).unwrap_or_default();
        rows.iter().take_while(move |(name, _)| *name == family).map(|(_, format)| format)
    }
}

fn by_id(id: &str) -> Option<Format> {
    FORMATS.iter().chain([&formats::SENSOR]).find(|format| format.id == id).copied()
}

/// Reads the message, or else the whole text, with one format.
fn forced_read(
    format: Format,
    text: &str,
    frame: Frame<'_>,
    (event, context): (&mut Event, &Context<'_>),
) -> &'static str {
    let read = (format.parse)(frame.message, event, context).is_ok()
        || (frame.headed && (format.parse)(text, event, context).is_ok());
    if read {
        return format.id;
    }
    event.set(Field::Message, frame.message);
    UNKNOWN
}

/// Writes where the record came from.
fn write_origin(origin: &Origin, event: &mut Event) {
    if !origin.input.is_empty() {
        event.set(Field::Input, &origin.input);
    }
    if let Some(path) = &origin.path {
        event.set(Field::LogFilePath, path);
    }
    if let Some(peer) = origin.peer {
        event.set(Field::ObserverIp, peer);
    }
    if origin.simulated {
        event.set(Field::Simulated, true);
    }
}

/// Holds the time of a live event near its receipt, so that a sender cannot hide an event in the
/// past or the future, and keeps the claimed one beside it.
fn hold_time(event: &mut Event) {
    let claimed = event.time;
    let earliest = event.ingested.minus(LATE_MAX);
    let latest = event.ingested.plus(EARLY_MAX);
    let held = claimed.clamp(earliest, latest);
    if held != claimed {
        event.time = held;
        event.set(Field::ClaimedTime, claimed);
    }
}
