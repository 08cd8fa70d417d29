//! The product watches itself: whoever logs in to the console, or is not let in, is an event like any other,
//! on which rules and detectors decide.

use std::sync::{Mutex, PoisonError};

use api::LogIn;
use serde_json::{Value, json};
use source::{Running, Sensor};

/// The console's place beside the inputs.
pub(crate) struct LogIns(Mutex<Option<Sensor>>);

impl LogIns {
    pub(crate) fn start(running: &mut Running) -> Self {
        let sensor = running.sensor("console", "log-ins to the console".to_owned());
        Self(Mutex::new(Some(sensor)))
    }

    /// Hands an attempt to the line where there is room; otherwise it is dropped and counted.
    pub(crate) fn tell(&self, log_in: &LogIn) {
        let sensor = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sensor) = &*sensor {
            // The line has ended, and nobody is left to be told.
            let _ = sensor.offer(vec![event(log_in).to_string()]);
        }
    }

    /// Lets go of the line, which ends when nobody can hand it anything more.
    pub(crate) fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Writes an attempt in the Elastic Common Schema.
fn event(log_in: &LogIn) -> Value {
    let who = match log_in.user.as_str() {
        "" => "somebody",
        name => name,
    };
    let (outcome, message) = match log_in.refused {
        None => ("success", format!("{who} logged in to the console from {}", log_in.from)),
        Some(why) => {
            ("failure", format!("{who} was not let in to the console from {}: {why}", log_in.from))
        }
    };
    let mut told = json!({
        "module": "console",
        "dataset": "console.login",
        "kind": "event",
        "category": ["authentication"],
        "type": ["start"],
        "action": "http_login",
        "outcome": outcome,
    });
    put(&mut told, "reason", log_in.refused.map(Value::from));
    let mut own = json!({ "login": { "method": log_in.method.as_str() } });
    put(&mut own, "repeat", (log_in.times > 1).then(|| log_in.times.into()));
    let mut event = json!({
        "@timestamp": log_in.at.to_string(),
        "message": message,
        "event": told,
        "service": { "name": "bartizan" },
        "bartizan": own,
    });
    let text = |text: &String| (!text.is_empty()).then(|| Value::from(text.as_str()));
    put(&mut event, "user", text(&log_in.user).map(|name| json!({ "name": name })));
    let address = log_in.address.map(|address| address.to_string());
    put(&mut event, "source", address.map(|ip| json!({ "ip": ip })));
    put(&mut event, "user_agent", text(&log_in.agent).map(|agent| json!({ "original": agent })));
    event
}

/// Adds a member where there is a value for it.
fn put(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(members), Some(value)) = (object.as_object_mut(), value) {
        members.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use api::Method;
    use expect_test::{Expect, expect};
    use model::Timestamp;

    use super::*;

    #[test]
    fn a_wrong_password() {
        check(
            &LogIn {
                user: "r\"oot".to_owned(),
                refused: Some("wrong password"),
                times: 3,
                ..ada()
            },
            expect![[
                r#"{"@timestamp":"1970-01-01T00:00:07.000Z","message":"r\"oot was not let in to the console from 203.0.113.9: wrong password","event":{"module":"console","dataset":"console.login","kind":"event","category":["authentication"],"type":["start"],"action":"http_login","outcome":"failure","reason":"wrong password"},"service":{"name":"bartizan"},"bartizan":{"login":{"method":"password"},"repeat":3},"user":{"name":"r\"oot"},"source":{"ip":"203.0.113.9"},"user_agent":{"original":"curl/8"}}"#
            ]],
        );
    }

    #[test]
    fn somebody_without_a_name_or_an_address() {
        let agent = String::new();
        check(
            &LogIn {
                user: String::new(),
                address: None,
                agent,
                from: "unknown".to_owned(),
                ..ada()
            },
            expect![[
                r#"{"@timestamp":"1970-01-01T00:00:07.000Z","message":"somebody logged in to the console from unknown","event":{"module":"console","dataset":"console.login","kind":"event","category":["authentication"],"type":["start"],"action":"http_login","outcome":"success"},"service":{"name":"bartizan"},"bartizan":{"login":{"method":"password"}}}"#
            ]],
        );
    }

    fn ada() -> LogIn {
        LogIn {
            at: Timestamp::from_seconds(7),
            user: "ada".to_owned(),
            address: Some([203, 0, 113, 9].into()),
            from: "203.0.113.9".to_owned(),
            agent: "curl/8".to_owned(),
            refused: None,
            method: Method::Password,
            times: 1,
        }
    }

    #[track_caller]
    fn check(log_in: &LogIn, expect: Expect) {
        expect.assert_eq(&event(log_in).to_string());
    }
}
