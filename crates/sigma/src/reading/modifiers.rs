//! `field|modifier|…: values` as a test.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use query::{
    Case, Comparison, FieldRef, Glyph, Matcher, Network, Node, Number, Placement, Regex,
    RegexFlags, Test, TextMatcher, TimePart,
};

use crate::Logsource;
use crate::fault::Fault;
use crate::fields::places;
use crate::options::Placeholders;
use crate::reading::budget::Budget;
use crate::reading::value::{glyphs, plain};
use crate::reading::yaml::{Kind, Yaml};

/// Bounds what one value is written out to by `windash` and `expand`.
const VARIANTS_MAX: usize = 1_000;
/// The dashes that Windows programs take for one another.
const DASHES: [char; 5] = ['-', '/', '–', '—', '―'];
/// Modifiers that change the text of a value, in the order in which they stand.
const TRANSFORMS: [&str; 8] =
    ["base64", "base64offset", "utf16", "utf16le", "utf16be", "wide", "windash", "expand"];

/// What the modifiers of one item ask for.
#[derive(Clone, Debug)]
struct Item {
    operator: Operator,
    placement: Placement,
    case: Case,
    flags: RegexFlags,
    transforms: Vec<String>,
    all: bool,
    negated: bool,
    /// Wherever the field may be.
    places: Vec<FieldRef>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Text,
    Regex,
    Network,
    Exists,
    OtherField,
    Compare(Comparison),
    Part(TimePart),
}

/// What compiling an item needs to know besides the item.
pub(crate) struct Scope<'s> {
    pub(crate) logsource: &'s Logsource,
    pub(crate) placeholders: &'s Placeholders,
    pub(crate) budget: Budget,
}

impl<'s> Scope<'s> {
    /// Gives the scope of one rule.
    pub(crate) fn new(logsource: &'s Logsource, placeholders: &'s Placeholders) -> Self {
        Self { logsource, placeholders, budget: Budget::default() }
    }
}

/// Gives the test of one item; without a field's name the values are keywords.
pub(crate) fn compile(key: &Yaml, values: &Yaml, scope: &Scope<'_>) -> Result<Node, Fault> {
    let written = key.scalar().unwrap_or_default();
    let mut parts = written.split('|');
    let name = parts.next().unwrap_or_default();
    let item = Item { places: places(name, scope.logsource), ..Item::parse(key, parts)? };
    let nodes: Vec<Node> = values
        .each()
        .iter()
        .map(|value| item.test(name, value, scope))
        .collect::<Result<_, _>>()?;
    if nodes.is_empty() {
        return Err(Fault::at(key, "an item needs a value"));
    }
    let joined = if item.all { Node::And(nodes) } else { one_or(nodes) };
    Ok(if item.negated { Node::Not(Box::new(joined)) } else { joined })
}

/// Gives the node that holds where one of them does.
pub(crate) fn one_or(mut nodes: Vec<Node>) -> Node {
    match (nodes.len(), nodes.pop()) {
        (1, Some(only)) => only,
        (_, last) => Node::Or(nodes.into_iter().chain(last).collect()),
    }
}

impl Item {
    fn parse<'k>(key: &Yaml, words: impl Iterator<Item = &'k str>) -> Result<Self, Fault> {
        let mut item = Self {
            operator: Operator::Text,
            placement: Placement::Whole,
            case: Case::Folded,
            flags: RegexFlags::default(),
            transforms: Vec::new(),
            all: false,
            negated: false,
            places: Vec::new(),
        };
        for word in words {
            match word {
                "contains" => item.placement = Placement::Anywhere,
                "startswith" => item.placement = Placement::Start,
                "endswith" => item.placement = Placement::End,
                "exact" => item.placement = Placement::Whole,
                "cased" => item.case = Case::Exact,
                "all" => item.all = true,
                "neq" => item.negated = true,
                "i" | "ignorecase" if item.operator == Operator::Regex => {
                    item.flags.fold_case = true;
                }
                "m" | "multiline" if item.operator == Operator::Regex => item.flags.lines = true,
                "s" | "dotall" if item.operator == Operator::Regex => item.flags.dot_all = true,
                transform if TRANSFORMS.contains(&transform) => {
                    item.transforms.push(transform.to_owned());
                }
                other => {
                    let Some(operator) = operator(other) else {
                        return Err(Fault::at(key, format!("unknown modifier `{other}`")));
                    };
                    if item.operator != Operator::Text {
                        return Err(Fault::at(
                            key,
                            format!("`{other}` does not go with what stands before it"),
                        ));
                    }
                    item.operator = operator;
                }
            }
        }
        let placed = matches!(item.operator, Operator::Text | Operator::OtherField);
        if !placed && item.placement != Placement::Whole {
            return Err(Fault::at(key, "`contains`, `startswith` and `endswith` are for texts"));
        }
        Ok(item)
    }

    fn test(&self, name: &str, value: &Yaml, scope: &Scope<'_>) -> Result<Node, Fault> {
        if let Operator::OtherField = self.operator {
            return self.other_field(value, scope);
        }
        if let Operator::Exists = self.operator {
            return match value.kind {
                Kind::Flag(true) => Ok(self.in_field(&Matcher::Exists)),
                Kind::Flag(false) => Ok(Node::Not(Box::new(self.in_field(&Matcher::Exists)))),
                _ => Err(Fault::at(value, "`exists` takes true or false")),
            };
        }
        if value.kind == Kind::Null && !name.is_empty() {
            return Ok(Node::Not(Box::new(self.in_field(&Matcher::Exists))));
        }
        let matchers = self.matchers(value, scope)?;
        let tests = matchers.len().saturating_mul(self.places.len().max(1));
        scope.budget.take_tests(tests).map_err(|message| Fault::at(value, message))?;
        let test = |matcher: &Matcher| match (name, matcher) {
            ("", Matcher::Text(text)) => Node::Test(Test::Anywhere(text.clone())),
            _ => self.in_field(matcher),
        };
        Ok(one_or(matchers.iter().map(test).collect()))
    }

    fn matchers(&self, value: &Yaml, scope: &Scope<'_>) -> Result<Vec<Matcher>, Fault> {
        let fault = |message: &str| Err(Fault::at(value, message));
        let number = match value.kind {
            Kind::Integer(number) => Some(Number::Integer(number)),
            Kind::Float(number) => Some(Number::Float(number)),
            _ => value.text().and_then(Number::parse),
        };
        let Some(text) = value.scalar() else { return fault("expected a value") };
        match self.operator {
            Operator::Compare(comparison) => match number {
                Some(number) => Ok(vec![Matcher::Number(comparison, number)]),
                None => match model::Timestamp::parse(&text) {
                    Some(time) => Ok(vec![Matcher::Time(comparison, time)]),
                    None => fault("expected a number"),
                },
            },
            Operator::Part(part) => match number {
                Some(Number::Integer(number)) => Ok(vec![Matcher::Part(part, number)]),
                _ => fault("expected a whole number"),
            },
            Operator::Network => match Network::parse(&text) {
                Some(network) => Ok(vec![Matcher::Network(network)]),
                None => fault("expected a network such as 10.0.0.0/8"),
            },
            Operator::Regex => {
                scope.budget.take_regex().map_err(|message| Fault::at(value, message))?;
                match Regex::new(&text, self.flags) {
                    Ok(regex) => Ok(vec![Matcher::Text(TextMatcher::Regex(regex))]),
                    Err(error) => fault(&error.to_string()),
                }
            }
            Operator::Text => {
                let plain_number = self.placement == Placement::Whole && self.transforms.is_empty();
                match (&value.kind, number) {
                    (Kind::Integer(_) | Kind::Float(_), Some(number)) if plain_number => {
                        Ok(vec![Matcher::Number(Comparison::Equal, number)])
                    }
                    _ => self.texts(value, &text, scope),
                }
            }
            Operator::Exists | Operator::OtherField => fault("expected a value"),
        }
    }

    fn texts(&self, value: &Yaml, text: &str, scope: &Scope<'_>) -> Result<Vec<Matcher>, Fault> {
        let mut variants = vec![glyphs(text)];
        for transform in &self.transforms {
            variants = match transform.as_str() {
                "expand" => expand(value, &variants, scope.placeholders)?,
                "windash" => variants.iter().flat_map(|variant| windash(variant)).collect(),
                encoding => encode(value, &variants, encoding)?,
            };
            if variants.len() > VARIANTS_MAX {
                return Err(Fault::at(value, format!("stands for more than {VARIANTS_MAX} texts")));
            }
        }
        Ok(variants
            .iter()
            .map(|variant| Matcher::Text(placed(self.placement, self.case, variant)))
            .collect())
    }

    /// Gives the test of one matcher wherever the field may be.
    fn in_field(&self, matcher: &Matcher) -> Node {
        let places = self.places.iter();
        one_or(places.map(|place| Node::field(place.clone(), matcher.clone())).collect())
    }

    fn other_field(&self, value: &Yaml, scope: &Scope<'_>) -> Result<Node, Fault> {
        let Some(other) = value.text() else {
            return Err(Fault::at(value, "`fieldref` takes the name of a field"));
        };
        let mut nodes = Vec::new();
        for field in &self.places {
            for other in places(other, scope.logsource) {
                let (placement, case) = (self.placement, self.case);
                nodes.push(Node::Test(Test::Fields {
                    field: field.clone(),
                    placement,
                    case,
                    other,
                }));
            }
        }
        Ok(one_or(nodes))
    }
}

fn operator(word: &str) -> Option<Operator> {
    Some(match word {
        "re" => Operator::Regex,
        "cidr" => Operator::Network,
        "exists" => Operator::Exists,
        "fieldref" => Operator::OtherField,
        "gt" => Operator::Compare(Comparison::Greater),
        "gte" => Operator::Compare(Comparison::GreaterOrEqual),
        "lt" => Operator::Compare(Comparison::Less),
        "lte" => Operator::Compare(Comparison::LessOrEqual),
        "minute" => Operator::Part(TimePart::Minute),
        "hour" => Operator::Part(TimePart::Hour),
        "day" => Operator::Part(TimePart::Day),
        "week" => Operator::Part(TimePart::Week),
        "month" => Operator::Part(TimePart::Month),
        "year" => Operator::Part(TimePart::Year),
        _ => return None,
    })
}

fn placed(placement: Placement, case: Case, variant: &[Glyph]) -> TextMatcher {
    let before = matches!(placement, Placement::Anywhere | Placement::End).then_some(Glyph::Any);
    let after = matches!(placement, Placement::Anywhere | Placement::Start).then_some(Glyph::Any);
    let whole: Vec<Glyph> =
        before.into_iter().chain(variant.iter().copied()).chain(after).collect();
    TextMatcher::from_glyphs(case, &whole)
}

/// Gives a value with each dash or slash that begins an option as every kind of dash.
fn windash(variant: &[Glyph]) -> Vec<Vec<Glyph>> {
    let word = |glyph: Option<&Glyph>| matches!(glyph, Some(Glyph::Char(character)) if character.is_alphanumeric() || *character == '_');
    let places: Vec<usize> = (0..variant.len())
        .filter(|at| {
            matches!(variant.get(*at), Some(Glyph::Char('-' | '/')))
                && word(variant.get(at + 1))
                && !word(at.checked_sub(1).and_then(|before| variant.get(before)))
        })
        .collect();
    // Past three options each is dashed alike: nobody mixes more than that, and 5 to the fifth is much.
    if places.len() > 3 {
        return DASHES.map(|dash| with_dash(variant, &places, dash)).into();
    }
    places.iter().fold(vec![variant.to_vec()], |variants, place| {
        variants
            .iter()
            .flat_map(|variant| {
                DASHES.map(|dash| with_dash(variant, std::slice::from_ref(place), dash))
            })
            .collect()
    })
}

fn with_dash(variant: &[Glyph], places: &[usize], dash: char) -> Vec<Glyph> {
    let glyph = |(at, glyph): (usize, &Glyph)| {
        if places.contains(&at) { Glyph::Char(dash) } else { *glyph }
    };
    variant.iter().enumerate().map(glyph).collect()
}

/// Replaces each `%name%` by what the name stands for.
fn expand(
    value: &Yaml,
    variants: &[Vec<Glyph>],
    placeholders: &Placeholders,
) -> Result<Vec<Vec<Glyph>>, Fault> {
    let mut done: Vec<Vec<Glyph>> = Vec::new();
    let mut open: Vec<Vec<Glyph>> = variants.to_vec();
    while let Some(variant) = open.pop() {
        let mut signs = (0..variant.len()).filter(|at| variant.get(*at) == Some(&Glyph::Char('%')));
        let (Some(start), Some(end)) = (signs.next(), signs.next()) else {
            done.push(variant);
            continue;
        };
        let name = variant.get(start + 1..end).and_then(plain).unwrap_or_default();
        let Some(texts) = placeholders.get(&name) else {
            return Err(Fault::at(value, format!("nothing is known of the placeholder %{name}%")));
        };
        for text in texts {
            let mut replaced = variant.get(..start).unwrap_or_default().to_vec();
            // A percent sign in the replacement begins no placeholder: it ends the expansion here.
            replaced.extend(glyphs(text));
            replaced.extend_from_slice(variant.get(end + 1..).unwrap_or_default());
            let again = if text.contains('%') { &mut done } else { &mut open };
            again.push(replaced);
        }
        if open.len() + done.len() > VARIANTS_MAX {
            return Err(Fault::at(value, format!("stands for more than {VARIANTS_MAX} texts")));
        }
    }
    Ok(done)
}

/// Encodes values; a text of bytes is kept as one character a byte until it is base64.
fn encode(value: &Yaml, variants: &[Vec<Glyph>], encoding: &str) -> Result<Vec<Vec<Glyph>>, Fault> {
    let mut encoded = Vec::new();
    for variant in variants {
        let Some(text) = plain(variant) else {
            return Err(Fault::at(value, format!("`{encoding}` cannot hold wildcards")));
        };
        let texts: Vec<String> = match encoding {
            "utf16le" | "wide" => vec![wide(&text, u16::to_le_bytes)],
            "utf16be" => vec![wide(&text, u16::to_be_bytes)],
            "utf16" => vec![format!("{}{}", "\u{ff}\u{fe}", wide(&text, u16::to_le_bytes))],
            "base64" => vec![STANDARD.encode(bytes(&text))],
            _ => base64_offsets(&bytes(&text)),
        };
        encoded.extend(texts.iter().map(|text| text.chars().map(Glyph::Char).collect()));
    }
    Ok(encoded)
}

fn wide(text: &str, order: fn(u16) -> [u8; 2]) -> String {
    text.encode_utf16().flat_map(order).map(char::from).collect()
}

/// Gives the bytes of a text: one each where it was encoded before, UTF-8 otherwise.
fn bytes(text: &str) -> Vec<u8> {
    let narrow: Option<Vec<u8>> = if text.contains('\0') {
        text.chars().map(|c| u8::try_from(c).ok()).collect()
    } else {
        None
    };
    narrow.unwrap_or_else(|| text.as_bytes().to_vec())
}

/// Gives what base64 makes of bytes that begin at each of the three places within a group, without
/// the characters that depend on what stands around them.
fn base64_offsets(bytes: &[u8]) -> Vec<String> {
    [(0, 0), (1, 2), (2, 3)]
        .iter()
        .map(|(offset, skip)| {
            let mut shifted = vec![b' '; *offset];
            shifted.extend_from_slice(bytes);
            let text = STANDARD.encode(&shifted);
            let cut = match shifted.len() % 3 {
                0 => 0,
                1 => 3,
                _ => 2,
            };
            text.get(*skip..text.len().saturating_sub(cut)).unwrap_or_default().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests;
