//! Cross-site scripting: markup or script that a browser would run.
//!
//! Tags are read as browsers read them, since lists of bad words are endless and ways for a browser
//! to run script are few: a tag that loads code, an attribute that is an event handler, an address
//! with a script scheme. Outside of tags it takes a break out of an attribute or of a script.

mod html;
mod script;

use super::shared::from;
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::bytes::ANGLE;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::CrossSiteScripting,
    summary: "markup or script that a browser would run",
    literals: &[
        "script:",
        "alert",
        "prompt",
        "confirm",
        "document.",
        "document[",
        "window.",
        "eval",
        "fromcharcode",
        "onerror",
        "onload",
        "onclick",
        "onfocus",
        "onmouse",
        "srcdoc",
        " on",
        "\"on",
        "'on",
        "/on",
        "\ton",
        "\non",
        "\ron",
        "\x0con",
        "window[",
        "self[",
        "top[",
        "this[",
        "frames[",
        "parent[",
        "globalthis",
        "constructor",
        "innerhtml",
        "text/html",
        "location",
        "expression",
        "<script",
        "onwheel",
        "onblur",
        "ontoggle",
        "onpointer",
        "vbscript",
        "settimeout",
        "setinterval",
        "msgbox",
        "onaux",
        "onkey",
        "onanimation",
        "behavior",
        "-moz-binding",
        "import(",
    ],
    kinds: ANGLE,
    path_kinds: ANGLE,
    header_kinds: ANGLE,
    deaf: &[],
    confirm,
};

/// What appears only once tags are taken out must convince by itself: generics look like tags.
const JOINED_SCORE_MIN: f64 = 0.7;

fn confirm(view: &View<'_>) -> Option<Evidence> {
    if view.kind == Kind::Document && view.lower.trim_ascii_start().starts_with(b"<?xml") {
        return None;
    }
    let markup = html::search(view.lower);
    let script = script::search(view.lower);
    // `autof<x>ocus`: a filter takes the tags out, and what is left is script.
    let joined = html::without_tags(view.lower);
    let joined = joined
        .and_then(|text| script::search(&text))
        .filter(|found| found.0 >= JOINED_SCORE_MIN)
        .map(|(score, _)| (score, 0));
    let (score, at) =
        [markup, script, joined].into_iter().flatten().max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(from(view, at, score))
}
