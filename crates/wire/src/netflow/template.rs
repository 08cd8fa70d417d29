//! Templates: which columns the records of a set have.

use super::cursor::Cursor;
use super::fields::{What, what};

/// Columns of one template.
pub(super) const COLUMNS_MAX: usize = 256;
/// IPFIX writes the length into the record where the template has this one.
const LENGTH_VARIES: u16 = 0xFFFF;
/// IPFIX marks columns of an enterprise with it.
const ENTERPRISE: u16 = 0x8000;

/// The columns of the records of one set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    columns: Box<[Column]>,
    /// Whether the records tell of the exporter, not of flows.
    pub(super) is_options: bool,
    /// The length of the shortest record.
    bytes_min: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Column {
    what: What,
    length: u16,
}

/// What a set of templates does.
#[derive(Debug)]
pub(super) enum Change {
    Learn(u16, Template),
    /// The exporter takes it back.
    Withdraw(u16),
}

/// How templates are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    V9,
    Ipfix,
}

/// Reads a set of templates. What cannot be read ends it, and gives nothing for the broken one.
pub(super) fn templates(set: &[u8], dialect: Dialect, each: &mut dyn FnMut(Change)) -> Option<()> {
    let mut cursor = Cursor(set);
    // What is shorter is padding.
    while cursor.0.len() >= 4 {
        let (id, count) = (cursor.u16()?, cursor.u16()?);
        if count == 0 {
            withdraw(id, each);
            continue;
        }
        let template = columns(&mut cursor, usize::from(count), dialect, false)?;
        learn(id, template, each)?;
    }
    Some(())
}

/// Reads a set of templates of records that tell of the exporter.
pub(super) fn options(set: &[u8], dialect: Dialect, each: &mut dyn FnMut(Change)) -> Option<()> {
    let mut cursor = Cursor(set);
    while cursor.0.len() >= 6 {
        let (id, first) = (cursor.u16()?, cursor.u16()?);
        if dialect == Dialect::Ipfix && first == 0 {
            withdraw(id, each);
            continue;
        }
        let second = cursor.u16()?;
        let count = match dialect {
            // Lengths in bytes, of the scope and of the rest.
            Dialect::V9 => (usize::from(first) + usize::from(second)) / 4,
            // All columns, and how many of them are the scope.
            Dialect::Ipfix => usize::from(first),
        };
        if count == 0 {
            return None;
        }
        let scope = match dialect {
            Dialect::V9 => usize::from(first) / 4,
            Dialect::Ipfix => 0,
        };
        let mut template = columns(&mut cursor, count, dialect, true)?;
        // The scopes of version 9 have numbers of their own.
        for column in template.columns.iter_mut().take(scope) {
            column.what = What::Skip;
        }
        learn(id, template, each)?;
    }
    Some(())
}

/// Numbers below this one name kinds of sets, not templates.
pub(super) const TEMPLATE_ID_MIN: u16 = 256;

fn learn(id: u16, template: Template, each: &mut dyn FnMut(Change)) -> Option<()> {
    if id < TEMPLATE_ID_MIN {
        return None;
    }
    each(Change::Learn(id, template));
    Some(())
}

fn withdraw(id: u16, each: &mut dyn FnMut(Change)) {
    if id >= TEMPLATE_ID_MIN {
        each(Change::Withdraw(id));
    }
}

fn columns(
    cursor: &mut Cursor<'_>,
    count: usize,
    dialect: Dialect,
    is_options: bool,
) -> Option<Template> {
    if count > COLUMNS_MAX {
        return None;
    }
    let mut columns = Vec::with_capacity(count);
    let mut bytes_min = 0;
    for _ in 0..count {
        let (number, length) = (cursor.u16()?, cursor.u16()?);
        let (number, enterprise) = match dialect {
            Dialect::Ipfix if number & ENTERPRISE != 0 => (number & !ENTERPRISE, cursor.u32()?),
            _ => (number, 0),
        };
        let varies = dialect == Dialect::Ipfix && length == LENGTH_VARIES;
        bytes_min += if varies { 1 } else { usize::from(length) };
        columns.push(Column { what: what(enterprise, number), length });
    }
    // A record of no length would never end.
    (bytes_min > 0).then(|| Template { columns: columns.into(), is_options, bytes_min })
}

impl Template {
    /// Gives how many columns it has.
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// Reads one record from the front and gives its columns; `None` where only padding is left.
    pub(super) fn record<'b>(
        &self,
        cursor: &mut Cursor<'b>,
        dialect: Dialect,
        each: &mut impl FnMut(What, &'b [u8]),
    ) -> Option<()> {
        if cursor.0.len() < self.bytes_min {
            return None;
        }
        for column in &self.columns {
            let length = match column.length {
                LENGTH_VARIES if dialect == Dialect::Ipfix => match cursor.u8()? {
                    255 => cursor.u16()?,
                    short => u16::from(short),
                },
                fixed => fixed,
            };
            let value = cursor.take(usize::from(length))?;
            if column.what != What::Skip {
                each(column.what, value);
            }
        }
        Some(())
    }
}
