//! How each exporter stands.

use std::net::IpAddr;

use crate::json::Lines;

/// Whose templates and numbers belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) address: IpAddr,
    pub(super) version: u16,
    pub(super) domain: u32,
}

/// What was read of all exporters, since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Messages.
    pub messages: u64,
    /// Flows.
    pub flows: u64,
    /// Messages (version 9) or records (the others) that were missing when later ones came, by the
    /// numbers of the messages; one that was only overtaken counts too.
    pub lost: u64,
    /// Sets of records whose template is not known.
    pub sets_unknown: u64,
    /// Records that tell no flow, or tell of the exporter.
    pub records_other: u64,
    /// Messages that break the rules.
    pub malformed: u64,
    /// Exporters forgotten for want of room.
    pub forgotten: u64,
    /// Templates that found no room.
    pub templates_refused: u64,
}

/// Tells the minute of one exporter.
pub(super) fn tell_minute(
    key: Key,
    minute: &Standing,
    unknown: Option<u16>,
    start_ns: u64,
    lines: &mut Lines,
) {
    lines.line(|line, clock| {
        line.time_by("@timestamp", start_ns, clock);
        line.object("event", |event| {
            event.word("module", "netflow");
            event.word("dataset", "netflow.exporter");
            event.word("kind", "metric");
            event.words("category", &["network"]);
            event.words("type", &["info"]);
        });
        line.object("observer", |observer| observer.address("ip", key.address));
        line.object("bartizan", |own| {
            own.object("netflow", |netflow| {
                netflow.number("version", key.version);
                netflow.number("domain", key.domain);
                netflow.number("messages", minute.messages);
                netflow.number("flows", minute.flows);
                netflow.number("lost", minute.lost);
                netflow.number("sets_unknown", minute.sets_unknown);
                if let Some(template) = unknown {
                    netflow.number("template_unknown", template);
                }
            });
        });
    });
}
