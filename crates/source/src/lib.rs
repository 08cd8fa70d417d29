//! The plain inputs: syslog over UDP and TCP, RELP, growing files, HTTP, standard input, and old files.
//!
//! A source cuts what it receives into records, and hands them to the line in batches through a bounded
//! channel. It knows nothing of formats, save that a log may name its own columns. [`start`] starts all that the configuration names; [`Import`]
//! reads old files as a plain iterator.

mod chunk;
mod codec;
mod config;
mod frames;
mod heading;
mod import;
mod input;
mod lines;
mod outlet;
mod running;
mod sensor;
mod sources;

pub use codec::{Codec, CodecKind, CodecSettings};
pub use config::{Config, Fault};
pub use import::{
    Import, ImportConfig, ImportFault, Opened, Piece, Progress, Reader, ReaderKind, find_files,
    open_unpacked, read_event_file,
};
pub use input::{InputState, InputStatus, Inputs};
pub use running::{Running, SourceError, Start, start};
pub use sensor::{Closed, Sensor};
pub use sources::file::{FileConfig, From as FileFrom};
pub use sources::http::HttpConfig;
pub use sources::relp::RelpConfig;
pub use sources::stdin::StdinConfig;
pub use sources::syslog_tcp::SyslogTcpConfig;
pub use sources::syslog_udp::SyslogUdpConfig;
pub use sources::{SOURCES, Source};
