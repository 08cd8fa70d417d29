//! Moments: buckets of time, and how long ago.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, TimestampNanosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampNanosecondType};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ColumnarValue;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
/// The first Monday of the epoch.
const MONDAY: i64 = 4 * DAY;

/// Gives the type of a moment in UTC.
pub(super) fn moment_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

/// Gives the type of the buckets of moments of a type.
pub(super) fn type_of(moments: Option<&DataType>) -> DataType {
    match moments {
        Some(DataType::Timestamp(_, zone)) => {
            DataType::Timestamp(TimeUnit::Nanosecond, zone.clone())
        }
        _ => moment_type(),
    }
}

/// Gives the beginning of the bucket that each moment is in.
pub(super) fn bucket(moments: &ArrayRef, span: &ColumnarValue) -> Result<ArrayRef> {
    let ColumnarValue::Scalar(span) = span else {
        return exec_err!("bucket takes one span for all rows, such as '5m'");
    };
    let (span, begin) = read_span(span)?;
    let kind = type_of(Some(moments.data_type()));
    let moments = cast(moments, &kind)?;
    let moments = moments.as_primitive::<TimestampNanosecondType>();
    let start = |moment: i64| {
        let past = moment.checked_sub(begin).unwrap_or(moment).rem_euclid(span);
        moment.saturating_sub(past)
    };
    let starts: TimestampNanosecondArray = moments.unary(start);
    Ok(Arc::new(cast(&starts, &kind)?))
}

/// Gives the moment a span before now.
pub(super) fn ago(now: i64, span: &ScalarValue) -> Result<ScalarValue> {
    let (span, _) = read_span(span)?;
    Ok(ScalarValue::TimestampNanosecond(Some(now.saturating_sub(span)), Some("UTC".into())))
}

/// Reads `5m`: how long it is in nanoseconds, and when the first bucket begins.
fn read_span(span: &ScalarValue) -> Result<(i64, i64)> {
    let text = span.try_as_str().flatten().unwrap_or_default();
    let fault = || exec_datafusion_err!("`{text}` is no span of time; write 30s, 5m, 1h, 1d or 1w");
    let at = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(fault)?;
    let (number, unit) = text.split_at(at);
    let (unit, begin) = match unit {
        "ms" => (SECOND / 1000, 0),
        "s" => (SECOND, 0),
        "m" => (60 * SECOND, 0),
        "h" => (3600 * SECOND, 0),
        "d" => (DAY, 0),
        "w" => (7 * DAY, MONDAY),
        _ => return Err(fault()),
    };
    let number: i64 = number.parse().map_err(|_| fault())?;
    let span = number.checked_mul(unit).filter(|span| *span > 0).ok_or_else(fault)?;
    Ok((span, begin))
}
