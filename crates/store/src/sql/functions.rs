//! Our own SQL functions.

use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringViewArray, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use query::Network;

use crate::segment::{field_of, list_items};

/// Gives all of them.
pub(super) fn all() -> Vec<ScalarUDF> {
    let make = |name, kind| ScalarUDF::from(Function::new(name, kind));
    vec![make("field", Kind::Field), make("cidr_match", Kind::CidrMatch), make("has", Kind::Has)]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Field,
    CidrMatch,
    Has,
}

/// A function of two texts.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    name: &'static str,
    kind: Kind,
    signature: Signature,
}

impl Function {
    fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            Kind::Field => DataType::Utf8View,
            Kind::CidrMatch | Kind::Has => DataType::Boolean,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [values, wanted] = args.args.as_slice() else {
            return exec_err!("{} takes two arguments", self.name);
        };
        let values = texts(values, args.number_rows)?;
        let wanted = texts(wanted, args.number_rows)?;
        let array: ArrayRef = match self.kind {
            Kind::Field => {
                let mut found = StringViewBuilder::with_capacity(values.len());
                for (object, name) in values.iter().zip(&wanted) {
                    let value = object.zip(name).and_then(|(object, name)| field_of(object, name));
                    found.append_option(value);
                }
                Arc::new(found.finish())
            }
            Kind::CidrMatch => Arc::new(cidr_match(&values, &wanted)?),
            Kind::Has => {
                let pairs = values.iter().zip(&wanted);
                Arc::new(
                    pairs.map(|(value, one)| Some(has(value?, one?))).collect::<BooleanArray>(),
                )
            }
        };
        Ok(ColumnarValue::Array(array))
    }
}

fn texts(value: &ColumnarValue, rows: usize) -> Result<StringViewArray> {
    let array = cast(&value.to_array(rows)?, &DataType::Utf8View)?;
    Ok(array.as_string_view().clone())
}

fn cidr_match(values: &StringViewArray, networks: &StringViewArray) -> Result<BooleanArray> {
    let mut last: Option<(&str, Network)> = None;
    let mut found = Vec::with_capacity(values.len());
    for (value, text) in values.iter().zip(networks) {
        let (Some(value), Some(text)) = (value, text) else {
            found.push(None);
            continue;
        };
        let network = match &last {
            Some((known, network)) if *known == text => *network,
            _ => match Network::parse(text) {
                Some(network) => network,
                None => return exec_err!("`{text}` is not a network such as 10.0.0.0/8"),
            },
        };
        found.push(Some(each(value, |one| {
            one.parse::<IpAddr>().is_ok_and(|address| network.contains(address))
        })));
        last = Some((text, network));
    }
    Ok(found.into_iter().collect())
}

fn has(value: &str, wanted: &str) -> bool {
    value == wanted || each(value, |one| one == wanted)
}

/// Tells whether a value, or one of the several of a JSON array, passes.
fn each(value: &str, passes: impl Fn(&str) -> bool) -> bool {
    if value.starts_with('[') {
        list_items(value).iter().any(|one| passes(one))
    } else {
        passes(value)
    }
}
