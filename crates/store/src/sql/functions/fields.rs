//! Fields that are no columns, and those of several values.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListBuilder, StringViewArray,
    StringViewBuilder,
};

use super::each;
use crate::segment::{field_of, list_items};

pub(super) fn field(objects: &StringViewArray, names: &StringViewArray) -> ArrayRef {
    let mut found = StringViewBuilder::with_capacity(objects.len());
    for (object, name) in objects.iter().zip(names) {
        let value = object.zip(name).and_then(|(object, name)| field_of(object, name));
        found.append_option(value);
    }
    Arc::new(found.finish())
}

pub(super) fn field_int(objects: &StringViewArray, names: &StringViewArray) -> ArrayRef {
    let pairs = objects.iter().zip(names);
    let number = |(object, name): (Option<&str>, Option<&str>)| {
        field_of(object?, name?)?.trim().parse::<i64>().ok()
    };
    Arc::new(pairs.map(number).collect::<Int64Array>())
}

pub(super) fn field_float(objects: &StringViewArray, names: &StringViewArray) -> ArrayRef {
    let pairs = objects.iter().zip(names);
    let number = |(object, name): (Option<&str>, Option<&str>)| {
        let number = field_of(object?, name?)?.trim().parse::<f64>().ok()?;
        number.is_finite().then_some(number)
    };
    Arc::new(pairs.map(number).collect::<Float64Array>())
}

pub(super) fn has(values: &StringViewArray, wanted: &StringViewArray) -> ArrayRef {
    let holds = |value: &str, wanted: &str| value == wanted || each(value, |one| one == wanted);
    let pairs = values.iter().zip(wanted);
    Arc::new(pairs.map(|(value, one)| Some(holds(value?, one?))).collect::<BooleanArray>())
}

pub(super) fn items(values: &StringViewArray) -> ArrayRef {
    let mut lists = ListBuilder::new(StringViewBuilder::new());
    for value in values {
        if let Some(value) = value {
            let several = if value.starts_with('[') { list_items(value) } else { Vec::new() };
            if several.is_empty() {
                lists.values().append_value(value);
            }
            for one in several {
                lists.values().append_value(one);
            }
        }
        lists.append(value.is_some());
    }
    Arc::new(lists.finish())
}

pub(super) fn item_count(values: &StringViewArray) -> ArrayRef {
    let count = |value: Option<&str>| {
        let several = value
            .map(|value| if value.starts_with('[') { list_items(value).len().max(1) } else { 1 });
        i64::try_from(several.unwrap_or(0)).unwrap_or(i64::MAX)
    };
    Arc::new(values.iter().map(|value| Some(count(value))).collect::<Int64Array>())
}
