//! What a rule itself asks of an event, without the rules that it builds on.

use super::fields::{self, Kind, Origin, Reads};
use super::moments;
use super::pattern::{self, Syntax, Target};
use super::rule::Rule;
use super::xml::{Element, Fault};
use crate::detection::{Node, Value};

/// Bounds the addresses that one rule compares with.
const ADDRESSES_MAX: usize = 200;

/// Gives what records a rule says it is for: `None` where it says nothing of it.
pub(crate) fn origin(rule: &Rule) -> Result<Option<Origin>, Fault> {
    let mut found = None;
    for option in &rule.options {
        let name = option.text.trim();
        let known = match option.name.as_str() {
            "decoded_as" => fields::decoder(name),
            "category" => fields::category(name),
            _ => continue,
        };
        let Some(known) = known else {
            let what = if option.name == "category" { "category" } else { "decoder" };
            return Err(option.fault(format!("what the {what} `{name}` reads is not known here")));
        };
        if let Reads::Only(origin) = known {
            found = Some(origin);
        }
    }
    Ok(found)
}

/// Gives what the rule asks.
pub(crate) fn own(rule: &Rule, kind: Option<Kind>) -> Result<Node, Fault> {
    let mut nodes: Vec<Node> = origin(rule)?.map(Origin::node).into_iter().collect();
    let mut done: Vec<&str> = Vec::new();
    for option in &rule.options {
        let name = option.name.as_str();
        let node = match name {
            "decoded_as" | "category" => continue,
            // Several of one name are one: their texts are joined.
            _ if done.contains(&name) => continue,
            "field" => field(option, kind),
            "srcip" | "dstip" => {
                done.push(name);
                addresses(name, &all(rule, name))
            }
            "time" => moments::hours(option.text.trim()),
            "weekday" => {
                Err("it asks for the day of the week, which Sigma has no word for".to_owned())
            }
            _ => {
                done.push(name);
                joined(name, &all(rule, name), kind)
            }
        };
        nodes.push(node.map_err(|reason| option.fault(reason))?);
    }
    Ok(Node::all(nodes))
}

fn all<'r>(rule: &'r Rule, name: &str) -> Vec<&'r Element> {
    rule.options.iter().filter(|option| option.name == name).collect()
}

/// Reads options whose texts are joined; what the last one says of itself counts for all.
fn joined(name: &str, options: &[&Element], kind: Option<Kind>) -> Result<Node, String> {
    let syntax = match name {
        "match" => Syntax::Match,
        "regex" => Syntax::Regex,
        "pcre2" | "match_pcre2" => Syntax::Pcre2,
        "action" | "extra_data" => Syntax::Text,
        "user" | "srcuser" | "dstuser" | "program_name" | "hostname" | "id" | "url"
        | "location" | "srcport" | "dstport" | "data" | "status" | "system_name" | "protocol" => {
            Syntax::Match
        }
        "program_name_pcre2" | "user_pcre2" | "url_pcre2" | "id_pcre2" | "hostname_pcre2" => {
            Syntax::Pcre2
        }
        _ => return Err(format!("<{name}> has no counterpart")),
    };
    let text: String = options.iter().map(|option| trimmed(&option.text)).collect();
    let target = match name {
        "match" | "regex" | "pcre2" | "match_pcre2" => Target::Record,
        name => Target::Field(fields::fixed(name.trim_end_matches("_pcre2"), kind)?),
    };
    let Some(last) = options.last() else { return Ok(Node::Always) };
    with_marks(last, syntax, &text, target)
}

fn field(option: &Element, kind: Option<Kind>) -> Result<Node, String> {
    let name = option.attribute("name").unwrap_or_default().trim();
    if name.is_empty() {
        return Err("<field> names no field".to_owned());
    }
    let (field, logsource) = fields::dynamic(name, kind);
    let node = with_marks(option, Syntax::Regex, trimmed(&option.text), Target::Field(&field))?;
    Ok(Node::all(
        logsource.map(|logsource| Node::Source(logsource, None)).into_iter().chain([node]),
    ))
}

/// Reads a pattern with what its `type` and `negate` say. Where a field is compared it has to be
/// there, even if it must not match.
fn with_marks(
    option: &Element,
    syntax: Syntax,
    text: &str,
    target: Target<'_>,
) -> Result<Node, String> {
    let syntax = option.attribute("type").map_or(Ok(syntax), Syntax::parse)?;
    let mut node = pattern::node(syntax, text, target)?;
    if option.attribute("negate").is_some_and(|word| word == "yes") {
        node = Node::not(node);
    }
    Ok(match (&node, target) {
        (Node::Not(_), Target::Field(name)) => Node::all([exists(name), node]),
        _ => node,
    })
}

fn exists(field: &str) -> Node {
    Node::test(format!("{field}|exists"), vec![Value::True])
}

/// Spaces are part of a pattern; the line ends of a text that is set in lines of its own are not.
fn trimmed(text: &str) -> &str {
    if text.contains('\n') { text.trim() } else { text }
}

/// Reads addresses and networks: one of them, or with `!` none of them.
fn addresses(name: &str, options: &[&Element]) -> Result<Node, String> {
    let field = fields::fixed(name, None)?;
    let (mut one_of, mut none_of) = (Vec::new(), Vec::new());
    for option in options {
        let negate = option.attribute("negate").is_some_and(|word| word == "yes");
        let words = option.text.split(['|', ',', ' ', '\n', '\t', '\r']);
        for word in words.filter(|word| !word.is_empty()) {
            let (marked, address) = match word.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, word),
            };
            let network = network(address).ok_or_else(|| format!("`{address}` is no address"))?;
            if marked == negate { one_of.push(network) } else { none_of.push(network) }
        }
    }
    if one_of.len() + none_of.len() > ADDRESSES_MAX {
        return Err(format!("over {ADDRESSES_MAX} addresses"));
    }
    let test = |networks| Node::test(format!("{field}|cidr"), networks);
    match (one_of.is_empty(), none_of.is_empty()) {
        (false, true) => Ok(test(one_of)),
        (true, false) => Ok(Node::all([exists(field), Node::not(test(none_of))])),
        (true, true) => Err(format!("<{name}> is empty")),
        (false, false) => {
            Err("some of its addresses are excluded and some are not: their order decides"
                .to_owned())
        }
    }
}

/// Writes an address as a network: `10.1.`, `10.0.0.0/255.0.0.0` and plain addresses too.
fn network(text: &str) -> Option<Value> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    let known = |network: String| Some(Value::Text(network));
    if let Ok(whole) = address.parse::<std::net::IpAddr>() {
        let most: u32 = if whole.is_ipv4() { 32 } else { 128 };
        let bits = match mask {
            None => most,
            Some(mask) => match mask.parse::<std::net::Ipv4Addr>() {
                Ok(mask) if whole.is_ipv4() => {
                    let bits = mask.to_bits().leading_ones();
                    (bits + mask.to_bits().trailing_zeros() >= 32).then_some(bits)?
                }
                _ => mask.parse().ok().filter(|bits| *bits <= most)?,
            },
        };
        return known(format!("{whole}/{bits}"));
    }
    // The beginning of an address, its last dot there or not.
    let parts: Vec<&str> = address.trim_end_matches('.').split('.').collect();
    let numbers = parts.iter().all(|part| part.parse::<u8>().is_ok());
    if mask.is_some() || !numbers || parts.len() > 3 {
        return None;
    }
    let zeros = [".0", ".0.0", ".0.0.0"].get(3 - parts.len())?;
    known(format!("{}{zeros}/{}", parts.join("."), parts.len() * 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (text, written) in [
            ("10.0.0.5", Some("10.0.0.5/32")),
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("10.0.0.0/255.255.0.0", Some("10.0.0.0/16")),
            ("192.168.", Some("192.168.0.0/16")),
            ("10", Some("10.0.0.0/8")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            ("10.0.0.0/33", None),
            ("10.0.0.0/255.0.255.0", None),
            ("any", None),
        ] {
            let known = network(text);
            let shown = known.map(|value| match value {
                Value::Text(text) => text,
                other => format!("{other:?}"),
            });
            assert_eq!(shown.as_deref(), written, "{text}");
        }
    }
}
