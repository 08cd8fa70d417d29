//! `<var name="NAME">text</var>`, and `$NAME` wherever it stands in the same file.

use super::xml::Element;

/// Bounds what variables make of one text.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// Bounds the variables of a file.
const VARIABLES_MAX: usize = 1_000;

/// Puts the variables' texts in. A variable in a variable's text stays as it is, so that none can
/// grow another; what is no variable of the file, too.
pub(crate) fn substitute(roots: &mut [Element]) {
    let mut variables = Vec::new();
    collect(roots, &mut variables);
    if variables.is_empty() {
        return;
    }
    // The longest name first: `$PORTS` is not `$PORT` and an S.
    variables.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for root in roots {
        replace_in(root, &variables);
    }
}

fn collect(elements: &[Element], variables: &mut Vec<(String, String)>) {
    for element in elements {
        let name = element.attribute("name").unwrap_or_default();
        if element.name == "var" && !name.is_empty() && variables.len() < VARIABLES_MAX {
            variables.push((name.to_owned(), element.text.clone()));
        }
        collect(&element.children, variables);
    }
}

fn replace_in(element: &mut Element, variables: &[(String, String)]) {
    if element.name == "var" {
        return;
    }
    element.text = replaced(&element.text, variables);
    for (_, value) in &mut element.attributes {
        *value = replaced(value, variables);
    }
    element.children.iter_mut().for_each(|child| replace_in(child, variables));
}

fn replaced(text: &str, variables: &[(String, String)]) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        done.push_str(before);
        let known = variables.iter().find(|(name, _)| after.starts_with(name.as_str()));
        rest = match known
            .and_then(|(name, value)| Some((after.strip_prefix(name.as_str())?, value)))
        {
            Some((after, value)) if done.len() + value.len() <= TEXT_BYTES_MAX => {
                done.push_str(value);
                after
            }
            _ => {
                done.push('$');
                after
            }
        };
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_signs() {
        let variables =
            [("PORTS".to_owned(), "1|2".to_owned()), ("PORT".to_owned(), "$PORTS".to_owned())];
        assert_eq!(replaced("a$PORTS b$ $PORT$OTHER", &variables), "a1|2 b$ $PORTS$OTHER");
        let long = [("X".to_owned(), "y".repeat(1 << 10))];
        assert!(replaced(&"$X".repeat(1 << 10), &long).len() < 2 * TEXT_BYTES_MAX);
    }
}
