//! A person at the console, as far as HTTP sees one: cookie, token against forged requests, calls.

use std::io::{BufRead, BufReader};
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use crate::product::{PATIENCE, Product};

pub(crate) struct Console {
    agent: ureq::Agent,
    base: String,
    cookie: String,
    token: String,
}

impl Console {
    /// Goes through the set-up link, and stays logged in.
    pub(crate) fn set_up(product: &mut Product) -> Self {
        let base = product.console();
        let link = product.line("set up");
        let secret = link.split("token=").nth(1).unwrap().split_whitespace().next().unwrap();
        let body = serde_json::json!({
            "token": secret, "user": "admin", "password": "a long enough passphrase"
        });
        Self::enter(base, "/api/v1/setup", &body)
    }

    fn enter(base: String, path: &str, body: &Value) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let agent = ureq::Agent::new_with_config(config);
        let response = agent.post(format!("{base}{path}")).send_json(body).unwrap();
        assert_eq!(response.status(), 204, "{path}");
        let cookie = response.headers().get("set-cookie").unwrap().to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let mut console = Self { agent, base, cookie, token: String::new() };
        let session = console.get("/api/v1/session");
        session["csrf"].as_str().unwrap().clone_into(&mut console.token);
        console
    }

    /// Stays logged in at a product that was started again on the same data.
    pub(crate) fn at(&self, product: &mut Product) -> Self {
        let base = product.console();
        let (agent, cookie, token) = (self.agent.clone(), self.cookie.clone(), self.token.clone());
        Self { agent, base, cookie, token }
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let request = self.agent.get(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        let mut response = request.call().unwrap();
        assert_eq!(
            response.status(),
            200,
            "{path}: {}",
            response.body_mut().read_to_string().unwrap()
        );
        response.body_mut().read_json().unwrap()
    }

    /// Gives the headers of somebody who is logged in, for a request written by hand.
    pub(crate) fn headers(&self) -> String {
        format!("cookie: {}\r\nx-bartizan-csrf: {}\r\n", self.cookie, self.token)
    }

    /// Tries to log in, as somebody else would, and gives the status of the answer.
    pub(crate) fn try_log_in(&self, user: &str, password: &str) -> u16 {
        let body = serde_json::json!({ "user": user, "password": password });
        let request = self.agent.post(format!("{}/api/v1/login", self.base));
        request.send_json(&body).unwrap().status().as_u16()
    }

    /// Asks as a program that holds a token, and gives the status of the answer.
    pub(crate) fn as_program(&self, token: &str, path: &str) -> u16 {
        let request = self.agent.get(format!("{}{path}", self.base));
        let request = request.header("authorization", format!("Bearer {token}"));
        request.call().unwrap().status().as_u16()
    }

    /// Gives an answer that is no JSON.
    pub(crate) fn text(&self, path: &str) -> String {
        let request = self.agent.get(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        request.call().unwrap().body_mut().read_to_string().unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let mut response = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("cookie", &self.cookie)
            .header("x-bartizan-csrf", &self.token)
            .send_json(body)
            .unwrap();
        assert_eq!(
            response.status(),
            200,
            "{path}: {}",
            response.body_mut().read_to_string().unwrap()
        );
        response.body_mut().read_json().unwrap()
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Value {
        let mut response = self
            .agent
            .put(format!("{}{path}", self.base))
            .header("cookie", &self.cookie)
            .header("x-bartizan-csrf", &self.token)
            .send_json(body)
            .unwrap();
        assert_eq!(
            response.status(),
            200,
            "{path}: {}",
            response.body_mut().read_to_string().unwrap()
        );
        response.body_mut().read_json().unwrap()
    }

    /// Runs a query and gives its rows.
    pub(crate) fn sql(&self, sql: &str) -> Vec<Vec<Value>> {
        let answer = self.post("/api/v1/sql", &serde_json::json!({ "sql": sql, "limit": 10_000 }));
        assert_eq!(answer["truncated"], false, "{sql}");
        let rows = answer["rows"].as_array().unwrap();
        rows.iter().map(|row| row.as_array().unwrap().clone()).collect()
    }

    /// Listens to the live stream; gives the data of each event with its name.
    pub(crate) fn live(&self) -> Live {
        let request = self.agent.get(format!("{}/api/v1/live", self.base));
        let response = request.header("cookie", &self.cookie).call().unwrap();
        assert_eq!(response.status(), 200);
        let (outlet, events) = channel();
        std::thread::spawn(move || {
            let mut name = String::new();
            let reader = BufReader::new(response.into_body().into_reader());
            for line in reader.lines().map_while(Result::ok) {
                if let Some(event) = line.strip_prefix("event:") {
                    event.trim().clone_into(&mut name);
                } else if let Some(data) = line.strip_prefix("data:")
                    && outlet.send((name.clone(), data.trim().to_owned())).is_err()
                {
                    return;
                }
            }
        });
        let live = Live { events };
        live.next("hello");
        live
    }
}

pub(crate) struct Live {
    events: Receiver<(String, String)>,
}

impl Live {
    /// Waits for the next event of that name.
    pub(crate) fn next(&self, wanted: &str) -> Value {
        loop {
            let (name, data) = self.events.recv_timeout(PATIENCE).expect("the stream went silent");
            if name == wanted {
                return serde_json::from_str(&data).unwrap_or(Value::Null);
            }
        }
    }
}
