//! Our own SQL functions.

mod address;
mod fields;
mod time;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::segment::{TEXT_TYPE, list_items};

/// A function that queries may use beside those of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlFunction {
    /// How it is called.
    pub call: &'static str,
    /// What it gives.
    pub gives: &'static str,
    /// A query that uses it.
    pub example: &'static str,
}

/// All of them, in reading order.
pub const SQL_FUNCTIONS: &[SqlFunction] = &[
    SqlFunction {
        call: "kql('user.name: root and source.ip: 10.0.0.0/8')",
        gives: "whether the event passes, in the language of the search bar",
        example: "SELECT count(*) FROM events WHERE kql('event.outcome: failure') OR source.port < 1024",
    },
    SqlFunction {
        call: "field('fw.rule')",
        gives: "any field as text, also one that is no column",
        example: "SELECT field('fw.rule') AS rule, count(*) FROM events GROUP BY 1",
    },
    SqlFunction {
        call: "field_int('fw.packets')",
        gives: "any field as a whole number; null where it is none",
        example: "SELECT sum(field_int('fw.packets')) FROM events",
    },
    SqlFunction {
        call: "field_float('fw.ratio')",
        gives: "any field as a number; null where it is none",
        example: "SELECT avg(field_float('fw.ratio')) FROM events",
    },
    SqlFunction {
        call: "has(tags, 'vip')",
        gives: "whether a field of one or several values holds a value",
        example: "SELECT count(*) FROM events WHERE has(event.category, 'authentication')",
    },
    SqlFunction {
        call: "items(tags)",
        gives: "the values of a field as a list, for unnest()",
        example: "SELECT category, count(*) FROM (SELECT unnest(items(event.category)) AS category FROM events) GROUP BY 1",
    },
    SqlFunction {
        call: "item_count(tags)",
        gives: "how many values a field has",
        example: "SELECT item_count(event.category) AS values, count(*) FROM events GROUP BY 1",
    },
    SqlFunction {
        call: "cidr_match(source.ip, '10.0.0.0/8')",
        gives: "whether an address, or one of several, is in a network",
        example: "SELECT count(*) FROM events WHERE cidr_match(source.ip, '203.0.113.0/24')",
    },
    SqlFunction {
        call: "is_private(source.ip)",
        gives: "whether an address, or one of several, is none of the public internet (private, loopback, link-local)",
        example: "SELECT source.ip, count(*) FROM events WHERE NOT is_private(source.ip) GROUP BY 1",
    },
    SqlFunction {
        call: "ip_family(source.ip)",
        gives: "4 or 6",
        example: "SELECT ip_family(source.ip), count(*) FROM events GROUP BY 1",
    },
    SqlFunction {
        call: "ip_order(source.ip)",
        gives: "a text that sorts as the address does as a number, IPv4 before IPv6",
        example: "SELECT DISTINCT source.ip, ip_order(source.ip) AS place FROM events ORDER BY place",
    },
    SqlFunction {
        call: "network(source.ip, 24)",
        gives: "the network of that prefix length that an address is in",
        example: "SELECT network(source.ip, 24), count(*) FROM events GROUP BY 1",
    },
    SqlFunction {
        call: "bucket(@timestamp, '5m')",
        gives: "the beginning of the 5 minutes that a moment is in (s, m, h, d, w; weeks begin on Monday, all in UTC)",
        example: "SELECT bucket(@timestamp, '1h') AS hour, count(*) FROM events GROUP BY 1 ORDER BY 1",
    },
    SqlFunction {
        call: "ago('1h')",
        gives: "the moment an hour before now(); both are the same throughout a query",
        example: "SELECT count(*) FROM events WHERE @timestamp > ago('24h')",
    },
];

/// Gives them for the engine.
pub(super) fn all() -> Vec<ScalarUDF> {
    let all = [
        ("field", Kind::Field, 2),
        ("field_int", Kind::FieldInt, 2),
        ("field_float", Kind::FieldFloat, 2),
        ("has", Kind::Has, 2),
        ("items", Kind::Items, 1),
        ("item_count", Kind::ItemCount, 1),
        ("cidr_match", Kind::CidrMatch, 2),
        ("is_private", Kind::IsPrivate, 1),
        ("ip_family", Kind::IpFamily, 1),
        ("ip_order", Kind::IpOrder, 1),
        ("network", Kind::Network, 2),
        ("bucket", Kind::Bucket, 2),
        ("ago", Kind::Ago, 1),
    ];
    all.into_iter().map(|(name, kind, count)| Function::new(name, kind, count).into()).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Field,
    FieldInt,
    FieldFloat,
    Has,
    Items,
    ItemCount,
    CidrMatch,
    IsPrivate,
    IpFamily,
    IpOrder,
    Network,
    Bucket,
    Ago,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    name: &'static str,
    kind: Kind,
    signature: Signature,
}

impl Function {
    fn new(name: &'static str, kind: Kind, arguments: usize) -> Self {
        let volatility = if kind == Kind::Ago { Volatility::Stable } else { Volatility::Immutable };
        Self { name, kind, signature: Signature::any(arguments, volatility) }
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            Kind::Field | Kind::IpOrder | Kind::Network => TEXT_TYPE,
            Kind::FieldInt | Kind::ItemCount | Kind::IpFamily => DataType::Int64,
            Kind::FieldFloat => DataType::Float64,
            Kind::Has | Kind::CidrMatch | Kind::IsPrivate => DataType::Boolean,
            Kind::Items => DataType::List(Arc::new(Field::new("item", TEXT_TYPE, true))),
            Kind::Bucket => time::type_of(given.first()),
            Kind::Ago => time::moment_type(),
        })
    }

    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if self.kind != Kind::Ago {
            return Ok(ExprSimplifyResult::Original(args));
        }
        let now = context.query_execution_start_time().and_then(|now| now.timestamp_nanos_opt());
        if let (Some(now), [Expr::Literal(span, _)]) = (now, args.as_slice()) {
            Ok(ExprSimplifyResult::Simplified(Expr::Literal(time::ago(now, span)?, None)))
        } else {
            exec_err!("ago takes one text, such as ago('1h')")
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let text = |place: usize| {
            if let Some(value) = args.args.get(place) {
                texts(value, rows)
            } else {
                exec_err!("{} takes more arguments", self.name)
            }
        };
        let array: ArrayRef = match self.kind {
            Kind::Field => fields::field(&text(0)?, &text(1)?),
            Kind::FieldInt => fields::field_int(&text(0)?, &text(1)?),
            Kind::FieldFloat => fields::field_float(&text(0)?, &text(1)?),
            Kind::Has => fields::has(&text(0)?, &text(1)?),
            Kind::Items => fields::items(&text(0)?),
            Kind::ItemCount => fields::item_count(&text(0)?),
            Kind::CidrMatch => address::cidr_match(&text(0)?, &text(1)?)?,
            Kind::IsPrivate => address::is_private(&text(0)?),
            Kind::IpFamily => address::family(&text(0)?),
            Kind::IpOrder => address::order(&text(0)?),
            Kind::Network => address::network(&text(0)?, &text(1)?)?,
            Kind::Bucket => {
                let (Some(moments), Some(span)) = (args.args.first(), args.args.get(1)) else {
                    return exec_err!("bucket takes a moment and a span, such as '5m'");
                };
                time::bucket(&moments.to_array(rows)?, span)?
            }
            Kind::Ago => return exec_err!("ago takes one text, such as ago('1h')"),
        };
        Ok(ColumnarValue::Array(array))
    }
}

fn texts(value: &ColumnarValue, rows: usize) -> Result<StringViewArray> {
    let array = cast(&value.to_array(rows)?, &TEXT_TYPE)?;
    Ok(array.as_string_view().clone())
}

/// Tells whether a value, or one of the several of a JSON array, passes.
fn each(value: &str, passes: impl Fn(&str) -> bool) -> bool {
    if value.starts_with('[') {
        list_items(value).iter().any(|one| passes(one))
    } else {
        passes(value)
    }
}

/// Gives the value, or the first of the several of a JSON array, to what reads it.
fn with_first<T>(value: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    if value.starts_with('[') { read(list_items(value).first()?) } else { read(value) }
}
