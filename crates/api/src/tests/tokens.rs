//! Programs that hold a token in place of a password.

use expect_test::expect;

use super::*;

impl House {
    /// Makes a token and gives what the program holds.
    async fn make_token(&mut self, body: &str) -> String {
        let made = self.read(&format!("POST /api/v1/tokens\n\n{body}")).await;
        made["token"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// Goes on as a program that holds this, and no cookie.
    fn become_program(&mut self) -> (Option<String>, Option<String>) {
        (self.cookie.take(), self.csrf.take())
    }
}

fn with(token: &str, request: &str) -> String {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    format!("{head}\nauthorization: Bearer {token}\n\n{body}")
}

#[tokio::test]
async fn made_used_seen_and_taken_back() {
    let mut house = House::inhabited().await;
    let token = house.make_token(r#"{"name":"backup","role":"analyst","days":30}"#).await;
    assert!(token.starts_with("btz_") && token.len() == 47, "{token}");
    let person = house.become_program();
    let simulate = "POST /api/v1/simulation\n\n{\"action\":\"start\"}";
    assert_eq!(house.ask("GET /api/v1/ledger").await.lines().next(), Some("401 Unauthorized"));
    assert!(house.ask(&with(&token, "GET /api/v1/ledger")).await.starts_with("200 OK"));
    assert!(
        house.ask(&with(&token, simulate)).await.starts_with("200 OK"),
        "no page, no page token"
    );
    (house.cookie, house.csrf) = person;

    let list = house.read("GET /api/v1/tokens").await;
    let item = &list["items"][0];
    assert_eq!((item["name"].as_str(), item["role"].as_str()), (Some("backup"), Some("analyst")));
    assert_eq!(
        (item["last_address"].as_str(), item["good"].as_bool()),
        (Some("192.0.2.7"), Some(true))
    );
    assert!(!list.to_string().contains(&token), "shown once");
    let audited = house.state.catalog.audited(10).unwrap();
    assert_eq!(audited[0].detail, "start; by the token backup");
    assert!(audited.iter().any(|entry| entry.action == "add_token"));

    assert_eq!(house.ask("DELETE /api/v1/tokens/1").await, "204 No Content");
    house
        .check(&[&with(&token, "GET /api/v1/ledger"), "DELETE /api/v1/tokens/1"], expect![[r#"
            401 Unauthorized
            {"type":"about:blank","title":"Unauthorized","status":401,"detail":"the token is wrong, expired or revoked","code":"wrong_token","request_id":…}
            404 Not Found
            {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such token","code":"not_found","request_id":…}"#]])
        .await;
}

#[tokio::test]
async fn no_more_than_its_role_its_user_and_a_program_may() {
    let mut house = House::inhabited().await;
    let viewer = house.make_token(r#"{"name":"reads"}"#).await;
    let all = house.make_token(r#"{"name":"all","role":"administrator"}"#).await;
    house.become_program();
    let requests = [
        with(&viewer, "POST /api/v1/simulation\n\n{\"action\":\"start\"}"),
        with(&viewer, "GET /api/v1/audit"),
        with(&all, "POST /api/v1/tokens\n\n{\"name\":\"another\"}"),
        with(&all, "DELETE /api/v1/tokens/1"),
        with(&all, "GET /api/v1/sessions"),
        with(&all, "POST /api/v1/logout"),
    ];
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    house.check(&requests, expect![[r#"
        403 Forbidden
        {"type":"about:blank","title":"Forbidden","status":403,"detail":"your role does not allow this","code":"forbidden","request_id":…}
        403 Forbidden
        {"type":"about:blank","title":"Forbidden","status":403,"detail":"your role does not allow this","code":"forbidden","request_id":…}
        403 Forbidden
        {"type":"about:blank","title":"Forbidden","status":403,"detail":"this is for people who logged in; a token does not allow it","code":"needs_person","request_id":…}
        403 Forbidden
        {"type":"about:blank","title":"Forbidden","status":403,"detail":"this is for people who logged in; a token does not allow it","code":"needs_person","request_id":…}
        403 Forbidden
        {"type":"about:blank","title":"Forbidden","status":403,"detail":"this is for people who logged in; a token does not allow it","code":"needs_person","request_id":…}
        403 Forbidden
        {"type":"about:blank","title":"Forbidden","status":403,"detail":"this is for people who logged in; a token does not allow it","code":"needs_person","request_id":…}"#]]).await;
    assert!(house.ask(&with(&all, "GET /api/v1/audit")).await.starts_with("200 OK"));
    let ada = house.state.catalog.user_by_name("ada").unwrap().unwrap();
    house.state.catalog.set_role(ada.id, Role::Viewer).unwrap();
    assert!(house.ask(&with(&all, "GET /api/v1/audit")).await.starts_with("403"));
    house.state.catalog.disable_user(ada.id).unwrap();
    assert!(house.ask(&with(&all, "GET /api/v1/ledger")).await.starts_with("401"));
}

#[tokio::test]
async fn a_token_is_made_within_bounds() {
    let mut house = House::inhabited().await;
    house.log_in_as("vic", Role::Viewer).await;
    house.make_token(r#"{"name":"mine"}"#).await;
    house
        .check(
            &[
                "POST /api/v1/tokens\n\n{\"name\":\"mine\"}",
                "POST /api/v1/tokens\n\n{\"name\":\" \"}",
                "POST /api/v1/tokens\n\n{\"name\":\"a\\u202eb\"}",
                "POST /api/v1/tokens\n\n{\"name\":\"\\u200b\\ufeff\"}",
                "POST /api/v1/tokens\n\n{\"name\":\"x\",\"role\":\"analyst\"}",
                "POST /api/v1/tokens\n\n{\"name\":\"x\",\"role\":\"king\"}",
                "POST /api/v1/tokens\n\n{\"name\":\"x\",\"days\":0}",
            ],
            expect![[r#"
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"the token name mine is taken","code":"unfit","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"a token's name has 1 to 64 characters that can be seen","code":"bad_token_name","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"a token's name has 1 to 64 characters that can be seen","code":"bad_token_name","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"a token's name has 1 to 64 characters that can be seen","code":"bad_token_name","request_id":…}
                403 Forbidden
                {"type":"about:blank","title":"Forbidden","status":403,"detail":"your role does not allow this","code":"forbidden","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"\"king\" is no role","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"days is 1 to 3650","code":"bad_request","request_id":…}"#]],
        )
        .await;
}

#[tokio::test]
async fn who_tries_tokens_waits_and_a_right_one_never_does() {
    let mut house = House::inhabited().await;
    let token = house.make_token(r#"{"name":"mine"}"#).await;
    house.become_program();
    let wrong = with("btz_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "GET /api/v1/ledger");
    let mut told = Vec::new();
    for _ in 0..7 {
        let response = house.send(&wrong).await;
        let bearer = response.headers().contains_key("www-authenticate");
        told.push(format!("{} {bearer}", response.status().as_u16()));
    }
    expect!["401 true 401 true 401 true 401 true 401 true 429 false 429 false"]
        .assert_eq(&told.join(" "));
    assert!(house.ask(&with(&token, "GET /api/v1/ledger")).await.starts_with("200 OK"));
    // Nor is anybody kept from logging in.
    let right = "POST /api/v1/login\n\n{\"user\":\"ada\",\"password\":\"correct horse\"}";
    assert_eq!(house.ask(right).await, "204 No Content");
    let refused = house.read("GET /api/v1/audit").await;
    let refused = refused["items"].as_array().unwrap().iter().find(|item| item["refused"] == true);
    let refused = refused.unwrap();
    assert_eq!(
        (refused["action"].as_str(), refused["times"].as_u64()),
        (Some("token_refused"), Some(7))
    );
    assert!(!refused.to_string().contains("AAAA"), "{refused}");
}

#[tokio::test]
async fn what_a_proxy_before_the_console_asked_for_is_no_token() {
    let mut house = House::inhabited().await;
    let basic = "GET /api/v1/ledger\nauthorization: Basic cHJveHk6c2VjcmV0\n\n";
    assert!(house.ask(basic).await.starts_with("200 OK"), "the cookie counts");
    house.become_program();
    assert!(house.ask(basic).await.starts_with("401"));
}

#[tokio::test]
async fn who_gives_up_is_recorded_all_the_same() {
    let every = std::time::Duration::from_millis(1);
    let mut house = House::with(Config { refusals_every: every, ..Config::default() });
    house.set_up().await;
    house.become_program();
    let wrong = with("btz_wrong", "GET /api/v1/ledger");
    for _ in 0..4 {
        house.ask(&wrong).await;
    }
    let times = || {
        let page = house.state.catalog.audit_page(None, 10).unwrap();
        page.rows.iter().find(|row| row.refused).map(|row| row.times)
    };
    assert_eq!(times(), Some(1), "the first is told at once, the others wait");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let state = house.state.clone();
    let serving = tokio::spawn(crate::serve(listener, state, std::future::pending()));
    let written = async {
        while times() != Some(4) {
            tokio::time::sleep(every).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), written).await.unwrap();
    serving.abort();
}
