//! The `detection` part of a rule: named selections and the condition that joins them.

use query::{Literal, Node, Placement, Test, TextMatcher};

use crate::fault::Fault;
use crate::reading::condition::{self, Selection};
use crate::reading::modifiers::{self, Scope, one_or};
use crate::reading::yaml::{Kind, Yaml};

/// Gives the tree of a rule's detection.
pub(crate) fn compile(detection: &Yaml, scope: &Scope<'_>) -> Result<Node, Fault> {
    let mut selections: Vec<Selection> = Vec::new();
    for (name, value) in detection.entries() {
        let name = name.scalar().unwrap_or_default();
        if !matches!(name.as_str(), "condition" | "timeframe") {
            selections.push((name, selection(value, scope)?));
        }
    }
    let Some(conditions) = detection.get("condition") else {
        return Err(Fault::at(detection, "`detection` needs a `condition`"));
    };
    let nodes: Vec<Node> = conditions
        .each()
        .iter()
        .map(|place| {
            let Some(text) = place.text() else {
                return Err(Fault::at(place, "a condition is a text"));
            };
            condition::compile(text, &selections, &scope.budget).map_err(|(at, message)| {
                let mut fault = Fault::at(place, message);
                fault.column += at;
                fault
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(one_or(nodes))
}

/// Gives the tree of a selection: a map (all of its items), a list of maps (one of them), or
/// keywords (one of them).
fn selection(value: &Yaml, scope: &Scope<'_>) -> Result<Node, Fault> {
    match &value.kind {
        Kind::Map(entries) if !entries.is_empty() => {
            let nodes: Vec<Node> = entries
                .iter()
                .map(|(key, values)| item(key, values, scope))
                .collect::<Result<_, _>>()?;
            Ok(Node::And(nodes))
        }
        Kind::List(items) if !items.is_empty() => {
            let nodes =
                items.iter().map(|item| selection(item, scope)).collect::<Result<_, _>>()?;
            Ok(one_or(nodes))
        }
        Kind::Map(_) | Kind::List(_) | Kind::Null => {
            Err(Fault::at(value, "this selection is empty"))
        }
        _ => {
            let key = Yaml { kind: Kind::Text(String::new()), ..*value };
            item(&key, value, scope)
        }
    }
}

fn item(key: &Yaml, values: &Yaml, scope: &Scope<'_>) -> Result<Node, Fault> {
    let keywords = key.text().is_some_and(|key| key.is_empty() || key.starts_with('|'));
    if !keywords {
        return modifiers::compile(key, values, scope);
    }
    // A keyword stands anywhere in the record, whatever else its item says.
    let written = key.text().unwrap_or_default();
    let free =
        if written.contains("|re") { written.to_owned() } else { format!("{written}|contains") };
    let key = Yaml { kind: Kind::Text(free), ..*key };
    Ok(with_json_escapes(modifiers::compile(&key, values, scope)?))
}

/// Within a record of JSON, a backslash or a quote stands escaped: such a keyword is also looked for
/// in that form.
fn with_json_escapes(node: Node) -> Node {
    let every = |nodes: Vec<Node>| nodes.into_iter().map(with_json_escapes).collect();
    match node {
        Node::And(nodes) => Node::And(every(nodes)),
        Node::Or(nodes) => Node::Or(every(nodes)),
        Node::Test(Test::Anywhere(TextMatcher::Literal(literal)))
            if literal.text().contains(['\\', '"']) =>
        {
            let escaped = literal.text().replace('\\', r"\\").replace('"', "\\\"");
            let anywhere = |literal| Node::Test(Test::Anywhere(TextMatcher::Literal(literal)));
            let escaped = Literal::new(Placement::Anywhere, literal.case(), &escaped);
            Node::Or(vec![anywhere(literal), anywhere(escaped)])
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::{Logsource, options::Placeholders, reading::yaml};

    #[test]
    fn maps_lists_and_keywords() {
        check("s: {a: 1, b|contains: x}\ncondition: s", expect!["a: 1 and b: *x*"]);
        check("s: [{a: 1, b: 2}, {c: 3}]\ncondition: s", expect!["(a: 1 and b: 2) or (c: 3)"]);
        check("s: [one, 'two*three', 4]\ncondition: s", expect![[r#""one" or two*three or "4""#]]);
        check("s: {'|all': [one, two]}\ncondition: s", expect![[r#"("one" and "two")"#]]);
        check("s: {'|re': 'o.e'}\ncondition: s", expect!["/o.e/"]);
        check("s: word\ncondition: s", expect![[r#""word""#]]);
        check("s: ['C:\\Temp']\ncondition: s", expect![[r#""c:\\temp" or "c:\\\\temp""#]]);
        check("s: {a: 1}\nt: {b: 2}\ncondition: [s, t]", expect!["(a: 1) or (b: 2)"]);
        check("s: {a: 1}\n_x: {b: 2}\ncondition: 1 of them", expect!["a: 1"]);
    }

    #[test]
    fn faults_have_their_place() {
        check("s: {a: 1}", expect!["1:1 `detection` needs a `condition`"]);
        check("s: {}\ncondition: s", expect!["1:4 this selection is empty"]);
        check("s: {a|what: 1}\ncondition: s", expect!["1:5 unknown modifier `what`"]);
        check("s: {a: 1}\ncondition: s and t", expect!["2:18 there is no selection `t`"]);
        check("s: {a: 1}\ncondition: [s, 5]", expect!["2:16 a condition is a text"]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let (documents, _) = yaml::parse(text);
        let placeholders = Placeholders::new();
        let logsource = Logsource::default();
        let scope = Scope::new(&logsource, &placeholders);
        let said = match compile(&documents[0], &scope) {
            Ok(node) => node.to_string(),
            Err(fault) => format!("{}:{} {}", fault.line, fault.column, fault.message),
        };
        expect.assert_eq(&said);
    }
}
