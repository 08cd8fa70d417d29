//! Arrow builders for thirty columns, as the store fills them.

use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeBinaryBuilder, Int64Builder, StringBuilder, TimestampNanosecondBuilder,
};
use model::Field;

/// The text columns.
pub(crate) const TEXTS: [Field; 24] = [
    Field::DestinationDomain,
    Field::EventAction,
    Field::EventCategory,
    Field::EventCode,
    Field::EventDataset,
    Field::EventModule,
    Field::EventOutcome,
    Field::EventProvider,
    Field::FileName,
    Field::FilePath,
    Field::HostName,
    Field::RequestMethod,
    Field::LogLevel,
    Field::Message,
    Field::ParentCommandLine,
    Field::ParentExecutable,
    Field::ProcessCommandLine,
    Field::ProcessExecutable,
    Field::ProcessName,
    Field::ProcessWorkingDirectory,
    Field::Tags,
    Field::UrlOriginal,
    Field::UserDomain,
    Field::UserName,
];

/// The number columns.
pub(crate) const NUMBERS: [Field; 4] =
    [Field::ProcessPid, Field::SourcePort, Field::DestinationPort, Field::ResponseStatus];

/// The builders.
pub(crate) struct Columns {
    time: TimestampNanosecondBuilder,
    address: FixedSizeBinaryBuilder,
    texts: Vec<StringBuilder>,
    numbers: Vec<Int64Builder>,
}

impl Columns {
    pub(crate) fn new() -> Self {
        Self {
            time: TimestampNanosecondBuilder::new(),
            address: FixedSizeBinaryBuilder::new(16),
            texts: TEXTS.iter().map(|_| StringBuilder::new()).collect(),
            numbers: NUMBERS.iter().map(|_| Int64Builder::new()).collect(),
        }
    }

    pub(crate) fn time(&mut self, nanos: i64) {
        self.time.append_value(nanos);
    }

    pub(crate) fn address(&mut self, address: Option<IpAddr>) {
        let octets = address.map(|address| match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        });
        match octets {
            // It fails on another width only.
            Some(octets) => drop(self.address.append_value(octets)),
            None => self.address.append_null(),
        }
    }

    pub(crate) fn texts<'v>(&mut self, mut value: impl FnMut(Field) -> Option<&'v str>) {
        for (field, builder) in TEXTS.iter().zip(&mut self.texts) {
            builder.append_option(value(*field));
        }
    }

    pub(crate) fn numbers(&mut self, mut value: impl FnMut(Field) -> Option<i64>) {
        for (field, builder) in NUMBERS.iter().zip(&mut self.numbers) {
            builder.append_option(value(*field));
        }
    }

    pub(crate) fn finish(mut self) -> Vec<ArrayRef> {
        let mut arrays: Vec<ArrayRef> =
            vec![Arc::new(self.time.finish()), Arc::new(self.address.finish())];
        arrays.extend(self.texts.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        arrays.extend(self.numbers.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        arrays
    }
}
