//! What an event of a decoy says, by dotted names, and its nested JSON.

use serde_json::{Map, Value};

use crate::text::shown;

/// Bounds one text of an event.
const TEXT_BYTES_MAX: usize = 8 * 1024;
/// Bounds how many fields an event has.
const FIELDS_MAX: usize = 128;

/// The fields of an event by their dotted ECS names.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    /// Gives none yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives them with one more; long texts are cut, and what comes past the bound is left out.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// Gives them with one more text out of bytes; what is not UTF-8 is shown as `\xNN`.
    #[must_use]
    pub fn with_bytes(self, name: &'static str, bytes: &[u8]) -> Self {
        self.with(name, shown(bytes, TEXT_BYTES_MAX))
    }

    /// Adds one more.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if self.0.len() < FIELDS_MAX {
            self.0.push((name, cut(value.into())));
        }
    }

    /// Gives them laid over a nested object, as the line reads it.
    pub(crate) fn over(self, base: Value) -> Value {
        merged(base, self.nested())
    }

    /// Gives them as a nested object.
    fn nested(self) -> Value {
        let mut root = Map::new();
        for (name, value) in self.0 {
            place(&mut root, name, value);
        }
        Value::Object(root)
    }
}

/// Lays the second over the first, object by object.
fn merged(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (name, value) in over {
                let before = base.remove(&name).unwrap_or(Value::Null);
                base.insert(name, merged(before, value));
            }
            Value::Object(base)
        }
        (_, over) => over,
    }
}

fn cut(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > TEXT_BYTES_MAX => {
            Value::String(shown(text.as_bytes(), TEXT_BYTES_MAX))
        }
        Value::Array(items) => Value::Array(items.into_iter().take(FIELDS_MAX).map(cut).collect()),
        value => value,
    }
}

/// Puts a value where its dotted name says; a name below another one's text is left out.
fn place(object: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            object.insert(name.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = object.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                place(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn dotted_names_nest_and_the_last_word_counts() {
        let fields = Fields::new()
            .with("user.name", "root")
            .with("user.id", 0)
            .with_bytes("bartizan.decoy.password", b"a\xff")
            .with("user.name", "toor")
            .with("user.name.x", 1);
        expect![[r#"{"user":{"name":"toor","id":0},"bartizan":{"decoy":{"password":"a\\xff"}}}"#]]
            .assert_eq(&fields.nested().to_string());
    }

    #[test]
    fn long_texts_are_cut() {
        let nested = Fields::new().with("a", "x".repeat(100_000)).nested();
        assert!(nested.to_string().len() < 9000);
    }
}
