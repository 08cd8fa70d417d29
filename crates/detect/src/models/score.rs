//! The score of a request: how unusual it is for its site, 0 to 1, and why.

use std::fmt::Write as _;

use model::{Event, Field};

use super::answers::Beside;
use super::features::{FEATURES, NAMES, UNITS, features};
use super::model::Model;
use super::profile::{Parameter, Why};
use super::request::{CLASSES, Request, template, template_text, value};
use super::site::{Kind, Outside, Site, Unusual};
use super::usual::{Usual, answer, inspected, request, site_key, site_name};

/// From which score on a request carries the reason.
pub const HIGH: f64 = 0.99;
/// Below these an answer's size or time says nothing, whatever the page usually answers.
const SIZE_BYTES_MIN: u64 = 2_048;
const SLOW_MS_MIN: u64 = 3_000;
/// How many features a reason names.
const LEADING: usize = 3;

/// How unusual a request is, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// 0 to 1: the share of requests that are less unusual.
    pub score: f64,
    /// The sum of surprises that it stands for.
    pub raw: f64,
    /// Whether the site's own requests are the measure; else it is the shipped model's.
    pub of_site: bool,
    /// Why, in words, where the score is high or was asked for.
    pub reason: String,
    /// The features that lead, by name.
    pub leading: Vec<&'static str>,
}

/// Gives what a request is judged by beside its site.
pub(crate) fn outside<'m>(event: &Event, request: &Request<'_>, model: &'m Model) -> Outside<'m> {
    let row = features(request.target.as_bytes(), request.body.as_bytes());
    Outside { model, row, inspected: inspected(event) }
}

/// Adds the score to an event that is a request.
pub(crate) fn mark(event: &mut Event, model: &Model, usual: &Usual) {
    let Some(request) = request(event) else { return };
    let outside = outside(event, &request, model);
    let known = usual.site(site_key(site_name(event)));
    let site = known.map(|known| known.site);
    let (unusual, score, of_site) =
        judge(&request, &outside, site, Kind::of(event.integer(Field::ResponseStatus)));
    if score < HIGH {
        event.set(Field::AnomalyScore, score);
        return;
    }
    let confirmed = event.get(Field::InspectionClasses).is_some();
    let (mut reason, leading) = explain(&request, &outside, site, &unusual);
    if !confirmed {
        reason.insert_str(0, "no class of attack claims it; ");
        if let Some((name, told)) = odd_answer(event, usual) {
            // Writing to a String cannot fail.
            let _ = write!(reason, "; answered with {told}");
            event.set_extra("bartizan.anomaly.answer", name);
        }
    }
    event.set(Field::AnomalyScore, score);
    event.set_extra("bartizan.anomaly.reason", &*reason);
    let is_own = known.is_some_and(|known| known.is_own);
    let basis = if !of_site {
        "shipped"
    } else if is_own {
        "site"
    } else {
        "others"
    };
    event.set_extra("bartizan.anomaly.basis", basis);
    event.set_extra("bartizan.anomaly.confirmed", confirmed);
    event.set_path_list("bartizan.anomaly.features", leading.into_iter().map(model::Value::Text));
}

/// Gives what is unusual about how a page served a request, by name and in words.
fn odd_answer(event: &Event, usual: &Usual) -> Option<(&'static str, String)> {
    if event.integer(Field::ResponseStatus) != Some(200) {
        return None;
    }
    let [bytes, milliseconds] = usual.beside(event, answer(event));
    let odd = |beside: Option<Beside>| beside.filter(|beside| beside.is_unusual);
    let size = odd(bytes).filter(|size| size.observed.abs_diff(size.usual) >= SIZE_BYTES_MIN);
    let slow = odd(milliseconds).filter(|slow| slow.is_above() && slow.observed >= SLOW_MS_MIN);
    let size = size.map(|size| ("unusual_size", size.told("bytes")));
    size.or_else(|| slow.map(|slow| ("slow", slow.told("ms"))))
}

fn judge<'r>(
    request: &Request<'r>,
    outside: &Outside<'_>,
    site: Option<&Site>,
    kind: Kind,
) -> (Unusual<'r>, f64, bool) {
    let Some(site) = site.filter(|site| site.is_settled(outside.model.identity(), kind)) else {
        let raw = outside.raw();
        return (Unusual { raw, ..Unusual::default() }, alone(raw), false);
    };
    let unusual = site.judge(request, outside);
    (unusual, site.calibration(kind).share_below(unusual.raw).clamp(0.0, 1.0), true)
}

/// Gives the score where only the shipped model speaks.
fn alone(raw: f64) -> f64 {
    (1.0 - (-raw).exp()).clamp(0.0, 1.0)
}

/// Scores a request by the shipped model alone, with the reason.
pub fn score(request: &Request<'_>, inspected: f64, model: &Model) -> Score {
    let row = features(request.target.as_bytes(), request.body.as_bytes());
    let outside = Outside { model, row, inspected };
    let (unusual, score, of_site) = judge(request, &outside, None, Kind::Found);
    let (reason, leading) = explain(request, &outside, None, &unusual);
    Score { score, raw: unusual.raw, of_site, reason, leading }
}

/// Says what is unusual about a request: what the site's profile has against it, then the features that
/// lead.
fn explain(
    request: &Request<'_>,
    outside: &Outside<'_>,
    site: Option<&Site>,
    unusual: &Unusual<'_>,
) -> (String, Vec<&'static str>) {
    let Outside { model, row, .. } = outside;
    let mut text = String::new();
    if let Some(site) = site {
        say_why(&mut text, request, site, unusual.profile.why);
    }
    let parts = model.distance.contributions(row);
    let mut order: Vec<usize> = (0..FEATURES).collect();
    let part = |at: &usize| parts.get(*at).copied().unwrap_or_default();
    order.sort_by(|one, other| part(other).total_cmp(&part(one)));
    let mut leading = Vec::new();
    for at in order.into_iter().take(LEADING) {
        let (Some(name), Some(unit)) = (NAMES.get(at), UNITS.get(at)) else { continue };
        let (Some(value), Some([least, middle, most])) = (row.get(at), model.usual.get(at)) else {
            continue;
        };
        // What lies among the usual explains nothing.
        if part(&at) < 1.0 || (least..=most).contains(&value) {
            continue;
        }
        leading.push(*name);
        if !text.is_empty() {
            text.push_str("; ");
        }
        let shown = |number: f32| Shown { number, unit };
        // Writing to a String cannot fail, here and below.
        let _ = write!(text, "{name} {}", shown(*value));
        let _ =
            write!(text, " (usually {}, {} to {})", shown(*middle), shown(*least), shown(*most));
    }
    if text.is_empty() {
        text.push_str("unusual as a whole, by no single number");
    }
    (text, leading)
}

/// A number of a feature in its unit.
struct Shown<'u> {
    number: f32,
    unit: &'u str,
}

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.unit {
            "share" => write!(f, "{:.0} %", self.number * 100.0),
            "bits" => write!(f, "{:.1} bits", self.number),
            "" => write!(f, "{:.0}", self.number),
            unit => write!(f, "{:.0} {unit}", self.number),
        }
    }
}

/// How much of a name or value from outside is shown.
const SHOWN_BYTES_MAX: usize = 60;

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(SHOWN_BYTES_MAX)).unwrap_or_default()
}

fn say_why(text: &mut String, request: &Request<'_>, site: &Site, why: Why<'_>) {
    let path = request.path();
    let template = site.templates.get(&template(path));
    let turns = template.map_or(site.support.count(), |template| template.support.count());
    let shown = template_text(path, SHOWN_BYTES_MAX);
    let parameter = |name: &str| template.and_then(|template| template.parameter(name));
    let _ = match why {
        Why::Nothing => return,
        Why::Path => write!(
            text,
            "the path {shown} is new to {} ({} are known, from {turns:.0} turns)",
            site.name,
            site.templates.len()
        ),
        Why::Method(method) => {
            write!(text, "{} is new for {shown} (from {turns:.0} turns)", cut(method))
        }
        Why::NewParameter(name) => {
            let known = template.map_or(0, |template| template.parameters.len());
            write!(
                text,
                "the parameter {} is new for {shown} ({known} are known, from {turns:.0} turns)",
                cut(name)
            )
        }
        Why::NoParameter(place) => {
            let missed = template.and_then(|template| template.parameters.get(place));
            let name = missed.map_or("", |parameter| &parameter.name);
            write!(text, "the parameter {name} is missing from {shown} (from {turns:.0} turns)")
        }
        Why::Length(name, length) => {
            let (least, most) = parameter(name).map_or((0, 0), Parameter::usual_lengths);
            write!(text, "{} is {length} bytes long (usually {least} to {most})", cut(name))
        }
        Why::Holds(name, class) | Why::Lacks(name, class) => {
            let verb = if matches!(why, Why::Holds(..)) { "holds" } else { "lacks" };
            let class = CLASSES.get(class).copied().unwrap_or_default();
            let usual = parameter(name).map(|known| known.usual_classes().join(", "));
            let usual = usual.unwrap_or_default();
            write!(text, "{} {verb} {class} (usually {usual})", cut(name))
        }
        Why::Course(name) => write!(text, "the value of {} has a form never seen", cut(name)),
        Why::Value(name) => {
            let mut found = "";
            request.parameters(|known, value| {
                if known == name {
                    found = value;
                }
            });
            write!(
                text,
                "{} is none of the usual values ({} bytes)",
                cut(name),
                value(found).length
            )
        }
    };
}
