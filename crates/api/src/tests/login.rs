//! Getting in, staying in, getting out, and who may do what.

use expect_test::expect;

use super::*;

const WRONG: &str = "POST /api/v1/login\n\n{\"user\":\"ada\",\"password\":\"wrong\"}";

#[tokio::test]
async fn from_the_link_to_the_console_and_out() {
    let mut house = House::new();
    house
        .check(
            &["GET /api/v1/session"],
            expect![[r#"
        200 OK
        {"state":"setup","user":null,"csrf":null,"version":"0.1.0","demo":false}"#]],
        )
        .await;
    house.set_up().await;
    let again = format!(
        "POST /api/v1/setup\n\n{{\"token\":\"{}\",\"user\":\"eve\",\"password\":\"correct horse\"}}",
        house.setup_link.strip_prefix("/setup?token=").unwrap()
    );
    let shown = masked(&house.ask("GET /api/v1/session").await, "csrf");
    expect![[r#"
        200 OK
        {"state":"in","user":{"name":"ada","role":"administrator"},"csrf":…,"version":"0.1.0","demo":false}"#]].assert_eq(&shown);
    house
        .check(
            &[&again, "POST /api/v1/logout", "GET /api/v1/alerts", "GET /api/v1/session"],
            expect![[r#"
                403 Forbidden
                {"type":"about:blank","title":"Forbidden","status":403,"detail":"the set-up link is wrong, used or too old; a restart prints a new one","code":"setup_expired","request_id":…}
                204 No Content
                401 Unauthorized
                {"type":"about:blank","title":"Unauthorized","status":401,"detail":"log in first","code":"not_signed_in","request_id":…}
                200 OK
                {"state":"login","user":null,"csrf":null,"version":"0.1.0","demo":false}"#]],
        )
        .await;
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let mut house = House::inhabited().await;
    let body = "POST /api/v1/login\n\n{\"user\":\"ADA \",\"password\":\"correct horse\"}";
    let response = house.send(body).await;
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    let (token, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(token.len(), "bartizan_session=".len() + 43);
    assert_eq!(attributes, "HttpOnly; SameSite=Strict; Path=/; Max-Age=604800");
}

#[tokio::test]
async fn wrong_password_and_unknown_user_look_alike() {
    let mut house = House::inhabited().await;
    let unknown = "POST /api/v1/login\n\n{\"user\":\"eve\",\"password\":\"correct horse\"}";
    let impossible = "POST /api/v1/login\n\n{\"user\":\"<ü>\",\"password\":\"correct horse\"}";
    house.check(&[WRONG, unknown, impossible], expect![[r#"
        401 Unauthorized
        {"type":"about:blank","title":"Unauthorized","status":401,"detail":"user or password is wrong","code":"wrong_credentials","request_id":…}
        401 Unauthorized
        {"type":"about:blank","title":"Unauthorized","status":401,"detail":"user or password is wrong","code":"wrong_credentials","request_id":…}
        401 Unauthorized
        {"type":"about:blank","title":"Unauthorized","status":401,"detail":"user or password is wrong","code":"wrong_credentials","request_id":…}"#]]).await;
}

#[tokio::test]
async fn the_sixth_attempt_waits_even_with_the_right_password() {
    let mut house = House::inhabited().await;
    for _ in 0..5 {
        house.ask(WRONG).await;
    }
    let right = "POST /api/v1/login\n\n{\"user\":\"ada\",\"password\":\"correct horse\"}";
    let response = house.send(right).await;
    let wait = response.headers()[header::RETRY_AFTER].to_str().unwrap().to_owned();
    assert_eq!(wait, "5");
    house.check(&[right], expect![[r#"
        429 Too Many Requests
        {"type":"about:blank","title":"Too Many Requests","status":429,"detail":"too many attempts; try again in 5 s","code":"too_many_attempts","retry_after_seconds":5,"request_id":…}"#]]).await;
}

#[tokio::test]
async fn a_weak_password_and_a_bad_name_do_not_use_the_link_up() {
    let mut house = House::new();
    let token = house.setup_link.strip_prefix("/setup?token=").unwrap().to_owned();
    let with = |user: &str, password: &str| {
        format!(
            "POST /api/v1/setup\n\n{{\"token\":\"{token}\",\"user\":\"{user}\",\"password\":\"{password}\"}}"
        )
    };
    let (weak, bad) = (with("ada", "short"), with("a da", "correct horse"));
    let wrong =
        "POST /api/v1/setup\n\n{\"token\":\"x\",\"user\":\"ada\",\"password\":\"correct horse\"}";
    house.check(&[&weak, &bad, wrong], expect![[r#"
        400 Bad Request
        {"type":"about:blank","title":"Bad Request","status":400,"detail":"a password has 10 to 256 characters","code":"weak_password","request_id":…}
        400 Bad Request
        {"type":"about:blank","title":"Bad Request","status":400,"detail":"a user name has 1 to 64 of the characters a-z 0-9 . _ @ -","code":"bad_user_name","request_id":…}
        403 Forbidden
        {"type":"about:blank","title":"Forbidden","status":403,"detail":"the set-up link is wrong, used or too old; a restart prints a new one","code":"setup_expired","request_id":…}"#]]).await;
    house.set_up().await;
}

#[tokio::test]
async fn a_change_without_the_page_token() {
    let mut house = House::inhabited().await;
    let csrf = house.csrf.take();
    let change = "POST /api/v1/simulation\n\n{\"action\":\"start\"}";
    let wrong = "POST /api/v1/simulation\nx-bartizan-csrf: AAAA\n\n{\"action\":\"start\"}";
    house.check(&[change, wrong], expect![[r#"
        403 Forbidden
        {"type":"about:blank","title":"Forbidden","status":403,"detail":"the x-bartizan-csrf header is missing or wrong; load the page anew","code":"csrf","request_id":…}
        403 Forbidden
        {"type":"about:blank","title":"Forbidden","status":403,"detail":"the x-bartizan-csrf header is missing or wrong; load the page anew","code":"csrf","request_id":…}"#]]).await;
    house.csrf = csrf;
    house
        .check(
            &[change, "GET /api/v1/simulation"],
            expect![[r#"
        200 OK
        {"running":true,"sent":0,"until":null}
        200 OK
        {"running":true,"sent":0,"until":null}"#]],
        )
        .await;
}

#[tokio::test]
async fn a_viewer_changes_nothing() {
    let mut house = House::inhabited().await;
    house.detect("sweep", "203.0.113.9", 10);
    house.log_in_as("vic", Role::Viewer).await;
    house
        .check(
            &[
                "PATCH /api/v1/alerts/1\n\n{\"status\":\"acknowledged\"}",
                "POST /api/v1/alerts/bulk\n\n{\"ids\":[\"1\"],\"change\":{\"note\":\"x\"}}",
                "POST /api/v1/alerts/undo\n\n{\"undo\":\"1\"}",
                "POST /api/v1/simulation\n\n{\"action\":\"start\"}",
                "GET /api/v1/simulation",
            ],
            expect![[r#"
                403 Forbidden
                {"type":"about:blank","title":"Forbidden","status":403,"detail":"your role does not allow this","code":"forbidden","request_id":…}
                403 Forbidden
                {"type":"about:blank","title":"Forbidden","status":403,"detail":"your role does not allow this","code":"forbidden","request_id":…}
                403 Forbidden
                {"type":"about:blank","title":"Forbidden","status":403,"detail":"your role does not allow this","code":"forbidden","request_id":…}
                403 Forbidden
                {"type":"about:blank","title":"Forbidden","status":403,"detail":"your role does not allow this","code":"forbidden","request_id":…}
                200 OK
                {"running":false,"sent":0,"until":null}"#]],
        )
        .await;
}

#[tokio::test]
async fn own_sessions_are_listed_and_ended() {
    let mut house = House::inhabited().await;
    let first = house.cookie.clone();
    let body = "POST /api/v1/login\nuser-agent: second\n\n{\"user\":\"ada\",\"password\":\"correct horse\"}";
    house.ask(body).await;
    house.learn_csrf().await;
    let list = house.ask("GET /api/v1/sessions").await;
    let list = masked(&list, "created").replacen("last_seen", "seen", 1);
    assert!(
        list.contains(r#""address":"192.0.2.7","user_agent":"second","current":true"#),
        "{list}"
    );
    assert!(list.contains(r#""user_agent":"","current":false"#), "{list}");
    house.check(&["DELETE /api/v1/sessions/1", "DELETE /api/v1/sessions/1"], expect![[r#"
        204 No Content
        404 Not Found
        {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such session","code":"not_found","request_id":…}"#]]).await;
    house.cookie = first;
    house.check(&["GET /api/v1/sessions"], expect![[r#"
        401 Unauthorized
        {"type":"about:blank","title":"Unauthorized","status":401,"detail":"log in first","code":"not_signed_in","request_id":…}"#]]).await;
}

#[tokio::test]
async fn who_is_not_let_in_is_recorded_and_told() {
    let mut house = House::inhabited().await;
    add_user(
        &house.state.catalog,
        Account { name: "gone", password: "battery staple", role: Role::Viewer },
        at(0),
    )
    .unwrap();
    let gone = house.state.catalog.user_by_name("gone").unwrap().unwrap();
    house.state.catalog.disable_user(gone.id).unwrap();
    let hostile = "POST /api/v1/login\nuser-agent: x\n\n{\"user\":\"a\\u001b[2J\\u202e\\n\",\"password\":\"secret one\"}";
    let gone = "POST /api/v1/login\n\n{\"user\":\"gone\",\"password\":\"battery staple\"}";
    for request in [WRONG, WRONG, hostile, gone, WRONG] {
        house.ask(request).await;
    }
    // From now on nobody is heard for a while.
    for _ in 0..20 {
        house.ask(WRONG).await;
    }
    let audit = house.read("GET /api/v1/audit").await;
    let told: Vec<String> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let text = |name: &str| item[name].as_str().unwrap().to_owned();
            let (refused, times) = (&item["refused"], &item["times"]);
            format!("{} {:?} {:?} {refused} {times}", text("action"), text("by"), text("detail"))
        })
        .collect();
    expect![[r#"
        log_in_held_off "" "too many attempts" true 20
        log_in_refused "gone" "disabled user" true 1
        log_in_refused "a�[2J�" "invalid user; x" true 1
        log_in_refused "ada" "wrong password" true 3
        set_up "ada" "" false 1"#]]
    .assert_eq(&told.join("\n"));
    assert!(!audit.to_string().contains("secret"), "{audit}");

    let log_ins = std::mem::take(&mut *house.outside.log_ins.lock().unwrap());
    let told: Vec<String> = log_ins
        .iter()
        .map(|log_in| format!("{:?} {:?} {}", log_in.user, log_in.refused, log_in.times))
        .collect();
    expect![[r#"
        "ada" Some("wrong password") 1
        "ada" Some("wrong password") 1
        "a�[2J�" Some("invalid user") 1
        "gone" Some("disabled user") 1
        "ada" Some("wrong password") 1
        "" Some("too many attempts") 1
        "" Some("too many attempts") 19"#]]
    .assert_eq(&told.join("\n"));
}

#[tokio::test]
async fn the_audit_is_for_administrators_and_comes_in_pages() {
    let mut house = House::inhabited().await;
    let first = house.read("GET /api/v1/audit?limit=1").await;
    assert_eq!(
        (first["next"].clone(), first["forgotten"].as_u64()),
        (serde_json::Value::Null, Some(0))
    );
    house.ask("POST /api/v1/simulation\n\n{\"action\":\"start\"}").await;
    let first = house.read("GET /api/v1/audit?limit=1").await;
    assert_eq!(first["items"][0]["action"], "simulate");
    let next = first["next"].as_str().unwrap();
    let second = house.read(&format!("GET /api/v1/audit?limit=1&cursor={next}")).await;
    assert_eq!(second["items"][0]["action"], "set_up");
    house.log_in_as("vic", Role::Analyst).await;
    house.check(&["GET /api/v1/audit", "GET /api/v1/audit?cursor=x"], expect![[r#"
        403 Forbidden
        {"type":"about:blank","title":"Forbidden","status":403,"detail":"your role does not allow this","code":"forbidden","request_id":…}
        403 Forbidden
        {"type":"about:blank","title":"Forbidden","status":403,"detail":"your role does not allow this","code":"forbidden","request_id":…}"#]]).await;
}
