//! The API over HTTP: requests and answers as text, without knowing who answers.

mod alerts;
mod console;
mod events;
mod guard;
mod live;
mod login;
mod rules;
mod tokens;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, header};
use catalog::{Catalog, Role};
use detect::{RuleHealth, Trial, TrialError, Verdict, Wanted};
use expect_test::Expect;
use http_body_util::BodyExt;
use model::{
    Detection, Entity, EntityKind, Event, EventId, Field, Level, RuleHeader, Text, Timestamp,
};
use sigma::RuleFile;
use store::Store;
use tower::ServiceExt;
use triage::Triage;

use crate::listen::Peer;
use crate::{
    Account, AppState, Config, Counters, InputCounters, Live, LogIn, OverrideEdit, OverrideError,
    PacketsError, PacketsWanted, Parts, RuleDetail, RuleFault, RuleItem, RuleOverride, RulesHealth,
    RulesStatus, RulesView, Runtime, Simulation, SimulationAction, add_user, issue_setup_link,
    router,
};

/// A product without its line: the store, the alerts, the catalog and the API before them.
struct House {
    state: AppState,
    outside: Arc<Outside>,
    router: Router,
    /// The path of the one-time set-up link.
    setup_link: String,
    cookie: Option<String>,
    csrf: Option<String>,
    folder: tempfile::TempDir,
}

#[derive(Default)]
struct Outside {
    simulation: Mutex<Simulation>,
    own: Mutex<Option<RuleOverride>>,
    log_ins: Mutex<Vec<LogIn>>,
}

impl Runtime for Outside {
    fn counters(&self) -> Counters {
        Counters {
            events_total: 7,
            events_per_second: 2.5,
            parse_unknown: 1,
            inputs: vec![InputCounters {
                name: "syslog \"udp\"".to_owned(),
                address: "0.0.0.0:5514".to_owned(),
                received: 7,
                dropped: 2,
                last_event: Some(at(5)),
            }],
            started_at: at(0),
            metrics: Vec::new(),
        }
    }

    fn rules(&self) -> Arc<RulesView> {
        let rule = RuleItem {
            id: "sweep".to_owned(),
            title: "Port sweep".to_owned(),
            level: Level::Critical,
            ..RuleItem::default()
        };
        let fault = RuleFault {
            path: "rules/x.yml".to_owned(),
            line: 3,
            column: 5,
            message: "unknown modifier".to_owned(),
            kept: true,
        };
        let status = RulesStatus { loads: 1, loaded_at: at(7), ..RulesStatus::default() };
        Arc::new(RulesView { items: vec![rule], faults: vec![fault], status })
    }

    fn reload_rules(&self) -> Result<Arc<RulesView>, String> {
        Ok(self.rules())
    }

    fn rule_detail(&self, id: &str) -> Option<RuleDetail> {
        let own = self.own.lock().unwrap().clone();
        let version = own.as_ref().map_or(0, |_| 9);
        let examples = vec![(vec!["a line".to_owned()], true)];
        let text = Arc::from("title: Port sweep");
        (id == "sweep").then_some(RuleDetail { text, examples, own, version })
    }

    fn rules_health(&self) -> Arc<RulesHealth> {
        let able = RuleHealth {
            verdict: Verdict::Able,
            source_last: Some(at(4)),
            source_per_hour: 7,
            missing: vec!["user.name".to_owned()],
            could: Some(at(3)),
            fired: None,
            hits: 0,
            evaluations: 5,
            share: 0.5,
        };
        let items = vec![("sweep".to_owned(), able)];
        Arc::new(RulesHealth { since: Some(at(1)), at: at(5), items })
    }

    fn override_rule(&self, _id: &str, edit: &OverrideEdit) -> Result<(), OverrideError> {
        let mut own = self.own.lock().unwrap();
        let version = own.as_ref().map_or(0, |_| 9);
        if edit.expected.is_some_and(|expected| expected != version) {
            return Err(OverrideError::Changed(version));
        }
        own.clone_from(&edit.entry);
        Ok(())
    }

    fn trial(&self, wanted: &Wanted) -> Result<Trial, TrialError> {
        let rule = "{id: sweep, title: Port sweep, logsource: {product: any}, \
            detection: {words: [failed], condition: words}}";
        let file = RuleFile { path: "rules/sweep.yml".to_owned(), text: rule.to_owned() };
        Trial::of(vec![file], "", wanted)
    }

    fn is_alive(&self) -> bool {
        true
    }

    fn simulation(&self) -> Simulation {
        *self.simulation.lock().unwrap()
    }

    fn set_simulation(&self, action: SimulationAction) -> Result<Simulation, String> {
        let mut simulation = self.simulation.lock().unwrap();
        simulation.running = action == SimulationAction::Start;
        Ok(*simulation)
    }

    fn packets(
        &self,
        wanted: &PacketsWanted,
        each: &mut dyn FnMut(Vec<u8>) -> bool,
    ) -> Result<(), PacketsError> {
        match wanted.community_id.as_str() {
            "1:kept" => {
                let _more = each(b"first ".to_vec()) && each(wanted.from.to_string().into_bytes());
                Ok(())
            }
            "1:gone" => Ok(()),
            _ => Err(PacketsError::NoIdentifier),
        }
    }

    fn tell_log_in(&self, log_in: &LogIn) {
        self.log_ins.lock().unwrap().push(log_in.clone());
    }
}

impl House {
    /// Gives a house where nobody has been yet.
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).unwrap();
        // Nobody looks at the disk, whose room is not the same everywhere.
        let bounds = store::Config { keep_every: None, ..store::Config::default() };
        let store = Store::open(folder.path(), catalog.clone(), bounds).unwrap();
        let setup_link = issue_setup_link(&catalog, crate::clock::now()).unwrap().unwrap();
        let outside = Arc::new(Outside::default());
        let state = AppState::new(Parts {
            store,
            triage: Triage::open(catalog.clone()),
            catalog,
            runtime: Arc::<Outside>::clone(&outside),
            live: Live::new(),
            config,
        });
        let router = router(state.clone());
        Self { state, outside, router, setup_link, cookie: None, csrf: None, folder }
    }

    /// Gives a house with an administrator, who is logged in.
    async fn inhabited() -> Self {
        let mut house = Self::new();
        house.set_up().await;
        house
    }

    async fn set_up(&mut self) {
        let token = self.setup_link.strip_prefix("/setup?token=").unwrap().to_owned();
        let body = format!(r#"{{"token":"{token}","user":"Ada","password":"correct horse"}}"#);
        let answer = self.ask(&format!("POST /api/v1/setup\n\n{body}")).await;
        assert_eq!(answer, "204 No Content");
        self.learn_csrf().await;
    }

    /// Makes a user and logs in as that one.
    async fn log_in_as(&mut self, name: &str, role: Role) {
        let account = Account { name, password: "battery staple", role };
        add_user(&self.state.catalog, account, at(0)).unwrap();
        (self.cookie, self.csrf) = (None, None);
        let body = format!(r#"{{"user":"{name}","password":"battery staple"}}"#);
        let answer = self.ask(&format!("POST /api/v1/login\n\n{body}")).await;
        assert_eq!(answer, "204 No Content");
        self.learn_csrf().await;
    }

    async fn learn_csrf(&mut self) {
        let answer = self.ask("GET /api/v1/session").await;
        let after = answer.split_once(r#""csrf":""#).unwrap().1;
        self.csrf = Some(after.split_once('"').unwrap().0.to_owned());
    }

    /// Sends a request: a line, headers, and after an empty line the body. What a browser would send
    /// by itself is added, but for what the request says itself.
    async fn send(&mut self, text: &str) -> Response<Body> {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let (method, path) = lines.next().unwrap().split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        let headers = request.headers_mut().unwrap();
        headers.insert(header::HOST, "127.0.0.1:8440".parse().unwrap());
        headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        if let Some(cookie) = &self.cookie {
            headers.insert(header::COOKIE, cookie.parse().unwrap());
        }
        if let Some(csrf) = &self.csrf {
            headers.insert("x-bartizan-csrf", csrf.parse().unwrap());
        }
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
            let name: header::HeaderName = name.parse().unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        let peer: SocketAddr = "192.0.2.7:50000".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(Peer(peer)));
        let response = self.router.clone().oneshot(request).await.unwrap();
        if let Some(cookie) = response.headers().get(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split_once(';').unwrap().0;
            self.cookie = Some(pair.to_owned());
        }
        response
    }

    /// Gives the answer to a request as text: the status, and the body without what differs from run
    /// to run.
    async fn ask(&mut self, text: &str) -> String {
        let response = self.send(text).await;
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let mut body = String::from_utf8(body.to_vec()).unwrap().replace("\r\n", "\n");
        for name in ["request_id", "took_ms"] {
            body = masked(&body, name);
        }
        format!("{status}\n{body}").trim_end().to_owned()
    }

    /// Gives the JSON of an answer.
    async fn read(&mut self, text: &str) -> serde_json::Value {
        let response = self.send(text).await;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap()
    }

    /// Asks several things in turn, and compares all answers.
    async fn check(&mut self, requests: &[&str], expect: Expect) {
        let mut told = Vec::new();
        for request in requests {
            told.push(self.ask(request).await);
        }
        expect.assert_eq(&told.join("\n"));
    }

    /// Keeps an event a second, with the texts as records.
    fn keep_events(&self, texts: &[&str]) {
        let event = |(number, text): (u64, &&str)| {
            let time = at(i64::try_from(number).unwrap());
            let mut event = Event::new(Text::from(*text), time);
            event.id = EventId(number);
            event.set(Field::Message, *text);
            event.set(Field::SourceIp, "203.0.113.9");
            event.set(Field::EventModule, "unknown");
            Arc::new(event)
        };
        let events: Vec<_> = (1_u64..).zip(texts).map(event).collect();
        self.state.store.append(&events, &[]).unwrap();
    }

    /// Makes what is kept a segment, which cannot be read from then on; gives its name.
    fn damage_a_segment(&self) -> String {
        self.state.store.flush().unwrap();
        let listed = self.state.catalog.segments().unwrap();
        let path = self.folder.path().join(&listed[0].file);
        let mut bytes = std::fs::read(&path).unwrap();
        for byte in &mut bytes {
            *byte = !*byte;
        }
        std::fs::write(&path, bytes).unwrap();
        listed[0].file.clone()
    }

    /// Lets a detection at this second become an alert, and tells those who watch.
    fn detect(&self, rule: &str, address: &str, second: i64) {
        let detection = Detection {
            rule: Arc::new(RuleHeader {
                id: rule.to_owned(),
                title: format!("Rule {rule}"),
                level: if rule == "sweep" { Level::Critical } else { Level::Low },
                tags: vec!["attack.t1046".to_owned()],
                ..RuleHeader::default()
            }),
            time: at(second),
            first: at(second),
            entity: Some(Entity { kind: EntityKind::Address, value: address.to_owned() }),
            source_ip: address.parse().ok(),
            count: 1,
            fresh: 1,
            summary: format!("{address} did it"),
            events: vec![EventId(u64::try_from(second).unwrap())],
            simulated: false,
        };
        let changes = self.state.triage.fold(&[detection]).unwrap();
        self.state.live.publish(changes);
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(second)
}

/// Replaces a member's value by `…`.
fn masked(body: &str, name: &str) -> String {
    let key = format!("\"{name}\":");
    let Some((before, after)) = body.split_once(&key) else { return body.to_owned() };
    let end = after.find([',', '}']).unwrap();
    format!("{before}{key}…{}", &after[end..])
}
