//! The headers that a log kept of a request: the two that most logs keep, and what some keep beside them.

use model::{Event, Field, Value};

/// How many headers of one request are looked at.
const HEADERS_MAX: usize = 24;

/// Fields that hold headers whose names the log does not tell, or only its configuration.
const UNNAMED: [(&str, &str); 3] = [
    ("haproxy.http.request.captured_headers", "captured"),
    // What nginx writes by default behind the user agent.
    ("access.extra", "x-forwarded-for"),
    ("envoy.forwarded_for", "x-forwarded-for"),
];

/// What begins the names of fields that are headers, by what the log is, and what ends them.
const NAMED: [(Field, &str, &str, &str); 5] = [
    (Field::EventDataset, "caddy.access", "request.headers.", ""),
    (Field::EventDataset, "traefik.access", "request_", ""),
    (Field::EventDataset, "kong.access", "request.headers.", ""),
    (Field::EventModule, "w3c", "w3c.cs(", ")"),
    (Field::EventModule, "cloudfront", "cloudfront.cs(", ")"),
];

/// The headers of one request, the names first.
#[derive(Debug, Default)]
pub(crate) struct Headers<'e> {
    kept: [(&'e str, &'e str); HEADERS_MAX],
    length: usize,
}

impl<'e> Headers<'e> {
    /// Gives what the event holds of them.
    pub(crate) fn of(event: &'e Event) -> Self {
        let mut headers = Self::default();
        let text = |field| event.text(field).unwrap_or_default();
        headers.push("referer", text(Field::RequestReferrer));
        // The host matters only beside the page that led here, and what a body is only beside the body.
        if headers.length > 0 {
            headers.push("host", text(Field::UrlDomain));
        }
        headers.push("user-agent", text(Field::UserAgentOriginal));
        if !matches!(text(Field::RequestBody), "" | "-")
            && let Some(kind) = event.get_path("http.request.mime_type").and_then(Value::as_text)
        {
            headers.push("content-type", kind);
        }
        for (field, name) in UNNAMED {
            if let Some(value) = event.get_extra(field) {
                headers.push_each(name, value);
            }
        }
        for (field, log, prefix, suffix) in NAMED {
            if event.text(field) == Some(log) {
                for extra in event.extras() {
                    let name = extra.name.strip_prefix(prefix);
                    if let Some(name) = name.and_then(|name| name.strip_suffix(suffix)) {
                        headers.push_each(name, extra.value);
                    }
                }
            }
        }
        headers
    }

    /// Gives them as pairs of name and value.
    pub(crate) fn as_slice(&self) -> &[(&'e str, &'e str)] {
        self.kept.get(..self.length).unwrap_or_default()
    }

    fn push_each(&mut self, name: &'e str, value: Value<'e>) {
        for text in value.each().filter_map(Value::as_text) {
            self.push(name, text);
        }
    }

    /// Keeps a header, unless its value is known already: the two may stand among the others.
    fn push(&mut self, name: &'e str, value: &'e str) {
        let known = matches!(value, "" | "-") || self.as_slice().iter().any(|(_, v)| *v == value);
        if !known && let Some(place) = self.kept.get_mut(self.length) {
            *place = (name, value);
            self.length += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_several_logs() {
        let mut event = Event::default();
        event.set(Field::UserAgentOriginal, "curl/8.5.0");
        assert_eq!(told(&event), ["user-agent curl/8.5.0"]);

        let captured = ["h.example", "curl/8.5.0", "-"].map(Value::Text);
        event.set_path_list("haproxy.http.request.captured_headers", captured);
        assert_eq!(told(&event), ["user-agent curl/8.5.0", "captured h.example"]);

        let mut event = Event::default();
        event.set_extra("request.headers.X-Api-Version", "1");
        assert!(told(&event).is_empty());
        event.set(Field::EventDataset, "caddy.access");
        event.set_path_list("request.headers.Cookie", ["a=1", "b=2"].map(Value::Text));
        assert_eq!(told(&event), ["X-Api-Version 1", "Cookie a=1", "Cookie b=2"]);

        let mut event = Event::default();
        event.set(Field::EventModule, "w3c");
        event.set_extra("w3c.cs(Cookie)", "a=1");
        event.set_extra("w3c.other", "x");
        assert_eq!(told(&event), ["Cookie a=1"]);
    }

    #[test]
    fn more_than_the_bound_are_not_looked_at() {
        let mut event = Event::default();
        let values: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        event.set_path_list("access.extra", values.iter().map(|value| Value::Text(value)));
        assert_eq!(told(&event).len(), HEADERS_MAX);
    }

    fn told(event: &Event) -> Vec<String> {
        let headers = Headers::of(event);
        headers.as_slice().iter().map(|(name, value)| format!("{name} {value}")).collect()
    }
}
