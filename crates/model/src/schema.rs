//! The named, typed fields: one table, from which the lists of the manual, of the store's columns and
//! of the console are printed.
//!
//! Names and conventions are those of the Elastic Common Schema, version 9; our own fields stand
//! under `bartizan.`. The rows are in the order of their names, and an event keeps its fields in
//! that order.

/// How many fields the schema knows.
pub(crate) const FIELDS: usize = SCHEMA.len();

/// A place of [`NAMES`] that is free.
const FREE: u16 = u16::MAX;

/// Where each name's row is: open addressing by the name's hash, laid out by the compiler. Large
/// enough that most names that the schema does not know meet a free place at once.
const NAMES_LENGTH: usize = 2048;
static NAMES: [u16; NAMES_LENGTH] = lay_out_names();

macro_rules! schema {
    ($($field:ident $name:literal $kind:ident $summary:literal)*) => {
        /// A field that this product knows by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Field { $(
            #[doc = $summary]
            $field,
        )* }

        /// Every known field, in the order of the names.
        pub const SCHEMA: &[SchemaRow] = &[ $(
            SchemaRow {
                field: Field::$field,
                name: $name,
                kind: FieldKind::$kind,
                summary: $summary,
            },
        )* ];
    };
}

/// What is known of one field.
#[derive(Clone, Copy, Debug)]
pub struct SchemaRow {
    /// The field itself.
    pub field: Field,
    /// Its dotted name.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// What it means, in one sentence.
    pub summary: &'static str,
}

/// What a field holds; a value of another kind is converted or kept as an unknown field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    Keyword,
    /// A whole number.
    Long,
    /// A number with a fraction.
    Float,
    /// True or false.
    Flag,
    /// An address.
    Ip,
    /// A moment.
    Date,
}

impl FieldKind {
    /// Gives the kind's word, as ECS has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::Long => "long",
            Self::Float => "float",
            Self::Flag => "boolean",
            Self::Ip => "ip",
            Self::Date => "date",
        }
    }
}

impl Field {
    /// Gives the field of that dotted name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::by_hash(name_hash(name.as_bytes()), name)
    }

    /// The same, where the name's hash is known.
    #[inline]
    pub(crate) fn by_hash(hash: u32, name: &str) -> Option<Self> {
        let mut place = home(hash);
        // Ends, because the table is never full.
        while let Some(row) = NAMES.get(place).and_then(|index| SCHEMA.get(usize::from(*index))) {
            if row.name == name {
                return Some(row.field);
            }
            place = (place + 1) % NAMES_LENGTH;
        }
        None
    }

    /// Gives the field at a place of [`SCHEMA`].
    pub(crate) fn by_index(index: u16) -> Option<Self> {
        SCHEMA.get(usize::from(index)).map(|row| row.field)
    }

    /// Gives the field's dotted name.
    pub fn name(self) -> &'static str {
        SCHEMA.get(usize::from(self.index())).map_or("", |row| row.name)
    }

    /// Gives what the field holds.
    pub fn kind(self) -> FieldKind {
        SCHEMA.get(usize::from(self.index())).map_or(FieldKind::Keyword, |row| row.kind)
    }

    /// Gives the field's place in [`SCHEMA`]; it may change from version to version.
    #[expect(clippy::as_conversions, reason = "the discriminant of a fieldless u16 enum")]
    pub const fn index(self) -> u16 {
        self as u16
    }
}

schema! {
    Timestamp "@timestamp" Date "When it happened, by the sender's clock (held within bounds for live inputs)."
    AnomalyScore "bartizan.anomaly.score" Float "How unusual a request is for its site, 0 to 1."
    DecodeFault "bartizan.decode_fault" Keyword "Why the input's codec could not decode the record, which stands as it came, such as `not authentic`."
    EscapedBytes "bartizan.escaped_bytes" Long "How many bytes of the record were not UTF-8 and stand as `\\xHH` in `event.original`."
    FieldsDropped "bartizan.fields_dropped" Long "How many fields were past the bound and stand in `event.original` only."
    Input "bartizan.input" Keyword "The name of the input that received the record."
    InspectionAdjustedScore "bartizan.inspection.adjusted_score" Float "The score raised or lowered by how the request was answered; what is an attack stays one."
    InspectionClasses "bartizan.inspection.classes" Keyword "The attack classes that inspection confirmed in the request."
    InspectionEvidence "bartizan.inspection.evidence" Keyword "The decoded piece of the request that confirmed the attack."
    InspectionGrade "bartizan.inspection.grade" Keyword "How the evidence stands in its text: `whole`, `breaks_out`, `embedded`, or `request` where it is the make of the request."
    InspectionLayers "bartizan.inspection.layers" Keyword "The encodings that were peeled off to see the evidence, outermost first."
    InspectionNotObservable "bartizan.inspection.not_observable" Keyword "The attack classes that cannot be judged, since headers or body were not seen."
    InspectionOutcome "bartizan.inspection.outcome" Keyword "How the attack was answered: `refused`, `served`, `failed`, `unusual_size`, `delayed`, or `unknown`."
    InspectionPlace "bartizan.inspection.place" Keyword "Where in the request the evidence stood."
    InspectionScore "bartizan.inspection.score" Float "How sure inspection is that the request is an attack, 0 to 1."
    Repeat "bartizan.repeat" Long "For how many happenings this record stands (`message repeated N times`)."
    RequestHeaders "bartizan.request.headers" Keyword "All headers of a request as a sensor saw them, each `name: value`; of those that carry secrets the value is left out."
    Simulated "bartizan.simulated" Flag "Whether the record is marked sample traffic."
    ClaimedTime "bartizan.time_claimed" Date "The sender's time where it was out of bounds and `@timestamp` was held."
    TruncatedBytes "bartizan.truncated_bytes" Long "How many bytes of the record were cut off."
    DestinationAddress "destination.address" Keyword "The destination as it was written: a name or an address."
    DestinationBytes "destination.bytes" Long "Bytes sent by the destination."
    DestinationDomain "destination.domain" Keyword "The destination's domain name."
    DestinationIp "destination.ip" Ip "The destination's address."
    DestinationMac "destination.mac" Keyword "The destination's hardware address."
    DestinationPackets "destination.packets" Long "Packets sent by the destination."
    DestinationPort "destination.port" Long "The destination's port."
    DestinationUserName "destination.user.name" Keyword "The user on the destination."
    DnsQuestionName "dns.question.name" Keyword "The name asked for."
    DnsQuestionType "dns.question.type" Keyword "The record type asked for."
    DnsResponseCode "dns.response_code" Keyword "The answer's code."
    ErrorMessage "error.message" Keyword "An error's message."
    EventAction "event.action" Keyword "What was done, such as `ssh_login`."
    EventCategory "event.category" Keyword "ECS categories, such as `authentication`."
    EventCode "event.code" Keyword "The sender's own code for this kind of event."
    EventDataset "event.dataset" Keyword "The data set, such as `nginx.access`."
    EventDuration "event.duration" Long "How long it took, in nanoseconds."
    EventEnd "event.end" Date "When it ended."
    EventId "event.id" Keyword "The event's identity in this installation."
    EventIngested "event.ingested" Date "When the record was received."
    EventKind "event.kind" Keyword "ECS kind: `event`, `alert`, `metric`, `state`."
    EventModule "event.module" Keyword "The id of the format that recognised the record; `unknown` where none did."
    EventOriginal "event.original" Keyword "The record as it was received."
    EventOutcome "event.outcome" Keyword "`success`, `failure` or `unknown`."
    EventProvider "event.provider" Keyword "The program or log that wrote the event."
    EventReason "event.reason" Keyword "Why it happened, as the sender says."
    EventSequence "event.sequence" Long "The sender's sequence number."
    EventSeverity "event.severity" Long "The sender's severity."
    EventStart "event.start" Date "When it began."
    EventType "event.type" Keyword "ECS types, such as `start`."
    FileHashMd5 "file.hash.md5" Keyword "MD5 of the file."
    FileHashSha1 "file.hash.sha1" Keyword "SHA-1 of the file."
    FileHashSha256 "file.hash.sha256" Keyword "SHA-256 of the file."
    FileName "file.name" Keyword "The file's name."
    FilePath "file.path" Keyword "The file's full path."
    FileSize "file.size" Long "The file's size in bytes."
    GroupId "group.id" Keyword "The group's id."
    GroupName "group.name" Keyword "The group's name."
    HostHostname "host.hostname" Keyword "The host's own name for itself."
    HostIp "host.ip" Ip "The host's addresses."
    HostName "host.name" Keyword "The host that the event is about."
    HostOsType "host.os.type" Keyword "`linux`, `windows`, `macos`, `unix`."
    RequestBodyBytes "http.request.body.bytes" Long "Size of the request's body."
    RequestBody "http.request.body.content" Keyword "The request's body."
    RequestBytes "http.request.bytes" Long "Size of the whole request."
    RequestId "http.request.id" Keyword "The request's id."
    RequestMethod "http.request.method" Keyword "The method, as sent."
    RequestReferrer "http.request.referrer" Keyword "The page that led here."
    ResponseBodyBytes "http.response.body.bytes" Long "Size of the answer's body."
    ResponseBytes "http.response.bytes" Long "Size of the whole answer."
    ResponseStatus "http.response.status_code" Long "The answer's status."
    HttpVersion "http.version" Keyword "The protocol's version, such as `1.1`."
    LogFilePath "log.file.path" Keyword "The file the record was read from."
    LogLevel "log.level" Keyword "The level as the sender names it."
    LogLogger "log.logger" Keyword "The part of the program that logged."
    SyslogAppname "log.syslog.appname" Keyword "The program's name in the syslog header."
    SyslogFacilityCode "log.syslog.facility.code" Long "The syslog facility, 0 to 23."
    SyslogFacilityName "log.syslog.facility.name" Keyword "The syslog facility's name."
    SyslogHostname "log.syslog.hostname" Keyword "The host in the syslog header."
    SyslogMsgid "log.syslog.msgid" Keyword "The kind of message in an RFC 5424 header."
    SyslogPriority "log.syslog.priority" Long "Facility times eight plus severity."
    SyslogProcid "log.syslog.procid" Keyword "The process in the syslog header."
    SyslogSeverityCode "log.syslog.severity.code" Long "The syslog severity, 0 (emergency) to 7 (debug)."
    SyslogSeverityName "log.syslog.severity.name" Keyword "The syslog severity's name."
    SyslogVersion "log.syslog.version" Keyword "The version in an RFC 5424 header."
    Message "message" Keyword "What the record says, its header removed."
    NetworkApplication "network.application" Keyword "The application, such as `ssh`."
    NetworkBytes "network.bytes" Long "Bytes in both directions."
    NetworkCommunityId "network.community_id" Keyword "The flow's Community ID."
    NetworkDirection "network.direction" Keyword "`inbound`, `outbound`, `internal`, …"
    NetworkPackets "network.packets" Long "Packets in both directions."
    NetworkProtocol "network.protocol" Keyword "The application protocol."
    NetworkTransport "network.transport" Keyword "`tcp`, `udp`, `icmp`."
    NetworkType "network.type" Keyword "`ipv4`, `ipv6`."
    ObserverEgressInterface "observer.egress.interface.name" Keyword "The interface it left by."
    ObserverIngressInterface "observer.ingress.interface.name" Keyword "The interface it came in by."
    ObserverIp "observer.ip" Ip "The address of the device that relayed or saw the event."
    ObserverName "observer.name" Keyword "The device that saw the event."
    ObserverProduct "observer.product" Keyword "The device's product."
    ObserverType "observer.type" Keyword "The device's kind, such as `firewall`."
    ObserverVendor "observer.vendor" Keyword "The device's maker."
    ObserverVersion "observer.version" Keyword "The device's version."
    ProcessArgs "process.args" Keyword "The process's arguments."
    ProcessCommandLine "process.command_line" Keyword "The whole command line."
    ProcessExecutable "process.executable" Keyword "The full path of the executable."
    ProcessExitCode "process.exit_code" Long "The exit code."
    ProcessName "process.name" Keyword "The process's name."
    ParentCommandLine "process.parent.command_line" Keyword "The parent's command line."
    ParentExecutable "process.parent.executable" Keyword "The parent's executable."
    ParentName "process.parent.name" Keyword "The parent's name."
    ParentPid "process.parent.pid" Long "The parent's process id."
    ProcessPid "process.pid" Long "The process id."
    ProcessThreadId "process.thread.id" Long "The thread id."
    ProcessTty "process.tty" Keyword "The terminal."
    ProcessWorkingDirectory "process.working_directory" Keyword "The working directory."
    RelatedIp "related.ip" Ip "Addresses that stand in a record of no known format."
    RuleCategory "rule.category" Keyword "The category of the sender's own rule."
    RuleId "rule.id" Keyword "The id of the sender's own rule."
    RuleName "rule.name" Keyword "The name of the sender's own rule."
    ServiceName "service.name" Keyword "The service."
    ServiceType "service.type" Keyword "The kind of service."
    SessionId "session.id" Keyword "The log-in session."
    SourceAddress "source.address" Keyword "The source as it was written: a name or an address."
    SourceBytes "source.bytes" Long "Bytes sent by the source."
    SourceDomain "source.domain" Keyword "The source's domain name."
    SourceIp "source.ip" Ip "The source's address."
    SourceMac "source.mac" Keyword "The source's hardware address."
    SourcePackets "source.packets" Long "Packets sent by the source."
    SourcePort "source.port" Long "The source's port."
    SourceUserName "source.user.name" Keyword "The user on the source."
    SshMethod "ssh.method" Keyword "How the log-in was tried: `password`, `publickey`, …"
    SshSignature "ssh.signature" Keyword "The fingerprint of the key."
    Tags "tags" Keyword "Free labels."
    TlsCipher "tls.cipher" Keyword "The cipher agreed on."
    TlsVersion "tls.version" Keyword "The protocol version agreed on."
    UrlDomain "url.domain" Keyword "The host part of the URL."
    UrlExtension "url.extension" Keyword "The path's extension."
    UrlFull "url.full" Keyword "The whole URL."
    UrlOriginal "url.original" Keyword "The URL as it was sent."
    UrlPath "url.path" Keyword "The path, as it was sent."
    UrlPort "url.port" Long "The URL's port."
    UrlQuery "url.query" Keyword "The query, as it was sent, without the `?`."
    UrlScheme "url.scheme" Keyword "The scheme."
    UserDomain "user.domain" Keyword "The user's domain."
    UserEffectiveId "user.effective.id" Keyword "The id of the user acted as."
    UserEffectiveName "user.effective.name" Keyword "The user acted as (`sudo`, `su`)."
    UserEmail "user.email" Keyword "The user's mail address."
    UserGroupName "user.group.name" Keyword "The user's group."
    UserHome "user.home" Keyword "The user's home folder."
    UserId "user.id" Keyword "The user's id."
    UserName "user.name" Keyword "The user who acted, or who tried to."
    UserShell "user.shell" Keyword "The user's shell."
    UserTargetName "user.target.name" Keyword "The user who was acted upon."
    UserAgentOriginal "user_agent.original" Keyword "The user agent, as it was sent."
}

/// Hashes a field's name, eight bytes at a time. No secret goes in: whoever makes names that collide
/// gains as much as [`EXTRA_FIELDS_MAX`](crate::fields::EXTRA_FIELDS_MAX) names compared for each.
#[expect(clippy::as_conversions, reason = "`From` cannot be called at compile time")]
pub(crate) const fn name_hash(name: &[u8]) -> u32 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut state = name.len() as u64;
    let mut rest = name;
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        state = (state.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(MULTIPLIER);
        rest = tail;
    }
    let mut last = 0;
    if let Some((word, tail)) = rest.split_first_chunk::<4>() {
        last = u32::from_le_bytes(*word) as u64;
        rest = tail;
    }
    while let Some((byte, tail)) = rest.split_first() {
        last = last << 8 | *byte as u64;
        rest = tail;
    }
    state = (state.rotate_left(23) ^ last).wrapping_mul(MULTIPLIER);
    ((state ^ state >> 29).wrapping_mul(MULTIPLIER) >> 32) as u32
}

#[expect(clippy::as_conversions, reason = "`From` cannot be called at compile time")]
const fn home(hash: u32) -> usize {
    hash as usize % NAMES_LENGTH
}

#[expect(clippy::indexing_slicing, reason = "at compile time, where a panic is an error message")]
const fn lay_out_names() -> [u16; NAMES_LENGTH] {
    let mut names = [FREE; NAMES_LENGTH];
    let mut index = 0;
    while index < SCHEMA.len() {
        let mut place = home(name_hash(SCHEMA[index].name.as_bytes()));
        while names[place] != FREE {
            place = (place + 1) % names.len();
        }
        names[place] = SCHEMA[index].field.index();
        index += 1;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_their_names() {
        assert!(SCHEMA.is_sorted_by(|one, next| one.name < next.name));
    }

    #[test]
    fn each_field_is_found_by_its_name() {
        for row in SCHEMA {
            assert_eq!(Field::by_name(row.name), Some(row.field));
            assert_eq!(row.field.name(), row.name);
        }
        assert_eq!(Field::by_name("no.such.field"), None);
    }
}
