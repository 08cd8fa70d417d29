//! The mix as one Parquet file that other engines can read.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::{
    ArrayRef, Int64Builder, RecordBatch, StringBuilder, TimestampNanosecondBuilder,
};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, TimeUnit};
use bench::mix::Mix;
use model::{Event, Field, FieldKind, Value, write_json_string};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

const BATCH_ROWS: usize = 8192;

/// The fields that occur, each with a column.
pub(crate) const COLUMNS: [Field; 42] = [
    Field::Timestamp,
    Field::EventId,
    Field::EventIngested,
    Field::EventOriginal,
    Field::Input,
    Field::DestinationBytes,
    Field::DestinationIp,
    Field::DestinationPort,
    Field::DnsQuestionName,
    Field::DnsQuestionType,
    Field::DnsResponseCode,
    Field::EventAction,
    Field::EventCategory,
    Field::EventCode,
    Field::EventDataset,
    Field::EventKind,
    Field::EventModule,
    Field::EventOutcome,
    Field::EventType,
    Field::HostName,
    Field::RequestMethod,
    Field::RequestReferrer,
    Field::ResponseBodyBytes,
    Field::ResponseStatus,
    Field::SyslogPriority,
    Field::NetworkTransport,
    Field::ObserverName,
    Field::ProcessCommandLine,
    Field::ProcessExecutable,
    Field::ProcessName,
    Field::ParentExecutable,
    Field::ParentPid,
    Field::ProcessPid,
    Field::RuleId,
    Field::SourceBytes,
    Field::SourceIp,
    Field::SourcePort,
    Field::SshMethod,
    Field::UrlOriginal,
    Field::UserAgentOriginal,
    Field::UserDomain,
    Field::UserName,
];

enum Builder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Time(TimestampNanosecondBuilder),
}

impl Builder {
    fn of(field: Field) -> Self {
        match field.kind() {
            FieldKind::Long => Self::Integer(Int64Builder::new()),
            FieldKind::Date => Self::Time(TimestampNanosecondBuilder::new()),
            _ if field == Field::EventId => Self::Integer(Int64Builder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    fn add(&mut self, value: Option<Value<'_>>, text: &mut String) {
        match (self, value) {
            (Self::Text(texts), Some(value)) => {
                text.clear();
                // Writing to a String cannot fail.
                let _ = write!(text, "{value}");
                texts.append_value(&*text);
            }
            (Self::Text(texts), None) => texts.append_null(),
            (Self::Integer(numbers), Some(Value::Integer(number))) => numbers.append_value(number),
            (Self::Integer(numbers), _) => numbers.append_null(),
            (Self::Time(times), Some(Value::Time(time))) => times.append_value(time.nanos()),
            (Self::Time(times), _) => times.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(texts) => Arc::new(texts.finish()),
            Self::Integer(numbers) => Arc::new(numbers.finish()),
            Self::Time(times) => Arc::new(times.finish()),
        }
    }
}

fn fields() -> impl Iterator<Item = Field> {
    COLUMNS.into_iter()
}

fn schema() -> Schema {
    let column = |field: Field| {
        let data_type = match field.kind() {
            FieldKind::Long => DataType::Int64,
            FieldKind::Date => DataType::Timestamp(TimeUnit::Nanosecond, None),
            _ if field == Field::EventId => DataType::Int64,
            _ => DataType::Utf8,
        };
        // Other engines want no dots and no `@` in names.
        ArrowField::new(field.name().replace('.', "_").replace('@', ""), data_type, true)
    };
    let extra = ArrowField::new("extra", DataType::Utf8, true);
    Schema::new(fields().map(column).chain([extra]).collect::<Vec<_>>())
}

/// Writes the file.
pub(crate) fn write(path: &Path, events: u64) -> Result<()> {
    let schema = Arc::new(schema());
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .build();
    let mut writer =
        ArrowWriter::try_new(File::create(path)?, Arc::clone(&schema), Some(properties))?;
    let mut builders: Vec<Builder> = fields().map(Builder::of).collect();
    let mut extra = StringBuilder::new();
    let (mut text, mut waiting, mut bytes) = (String::new(), 0, 0);
    let mut mix = Mix::new(events);
    loop {
        let event = mix.next();
        if waiting == BATCH_ROWS || (event.is_none() && waiting > 0) {
            let mut arrays: Vec<ArrayRef> = builders.iter_mut().map(Builder::finish).collect();
            arrays.push(Arc::new(extra.finish()));
            writer.write(&RecordBatch::try_new(Arc::clone(&schema), arrays)?)?;
            waiting = 0;
        }
        let Some(event) = event else { break };
        for (builder, field) in builders.iter_mut().zip(fields()) {
            builder.add(event.get(field), &mut text);
        }
        text.clear();
        put_extras(&event, &mut text);
        extra.append_value(&text);
        text.clear();
        event.write_json(&mut text);
        bytes += text.len();
        waiting += 1;
    }
    writer.close()?;
    println!("{{\"events\":{events},\"json_bytes\":{:.1}}}", bytes as f64 / events.max(1) as f64);
    Ok(())
}

/// Writes the unknown fields as one flat JSON object.
fn put_extras(event: &Event, out: &mut String) {
    use std::fmt::Write;
    out.push('{');
    for (place, extra) in event.extras().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write_json_string(extra.name, out);
        out.push(':');
        match extra.value {
            Value::Text(text) => write_json_string(text, out),
            // Writing to a String cannot fail.
            other => drop(write!(out, "{other}")),
        }
    }
    out.push('}');
}
