//! The live stream.

use std::time::Duration;

use axum::body::BodyDataStream;
use futures::StreamExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::*;
use crate::serve;

/// Reads a stream until an event of that name has come; gives its text, and all before it.
async fn read_until(stream: &mut BodyDataStream, event: &str) -> String {
    let mut text = String::new();
    let read = async {
        while let Some(chunk) = stream.next().await {
            text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
            if text.contains(&format!("event: {event}\n")) && text.ends_with("\n\n") {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.unwrap();
    text
}

async fn watch(house: &mut House, request: &str) -> BodyDataStream {
    let response = house.send(request).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    response.into_body().into_data_stream()
}

/// Gives the last id of a stream's text.
fn last_id(text: &str) -> String {
    text.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_alert_is_told() {
    let mut house = House::inhabited().await;
    let mut stream = watch(&mut house, "GET /api/v1/live").await;
    let hello = read_until(&mut stream, "counters").await;
    assert!(hello.starts_with("event: hello\n"), "{hello}");
    house.detect("sweep", "203.0.113.9", 10);
    house.detect("sweep", "203.0.113.9", 11);
    let told = read_until(&mut stream, "alert").await;
    assert!(told.contains(r#"data: {"change":"created","id":"1","rule_id":"sweep","#), "{told}");
    assert!(told.contains(r#""count":2"#), "both in one: {told}");
    house.ask("PATCH /api/v1/alerts/1\n\n{\"verdict\":\"benign\"}").await;
    let told = read_until(&mut stream, "alert").await;
    assert!(told.contains(r#"data: {"change":"edited","id":"1""#), "{told}");
    assert!(told.contains(r#""status":"closed""#), "{told}");
}

#[tokio::test]
async fn one_that_comes_back_gets_what_it_missed() {
    let mut house = House::inhabited().await;
    let mut stream = watch(&mut house, "GET /api/v1/live").await;
    let place = last_id(&read_until(&mut stream, "hello").await);
    drop(stream);
    house.detect("sweep", "203.0.113.9", 10);
    let request = format!("GET /api/v1/live\nlast-event-id: {place}");
    let mut stream = watch(&mut house, &request).await;
    let told = read_until(&mut stream, "alert").await;
    assert!(told.contains(r#""change":"created""#), "{told}");
    assert_ne!(last_id(&told), place);

    let mut stream = watch(&mut house, "GET /api/v1/live\nlast-event-id: other-5").await;
    read_until(&mut stream, "refetch").await;
}

#[tokio::test]
async fn bulk_edits_of_many_ask_to_fetch_anew() {
    let mut house = House::inhabited().await;
    for host in 0..201 {
        house.detect("sweep", &format!("10.0.0.{host}"), 10);
    }
    let mut stream = watch(&mut house, "GET /api/v1/live").await;
    read_until(&mut stream, "hello").await;
    let bulk = "POST /api/v1/alerts/bulk\n\n{\"filter\":{},\"change\":{\"verdict\":\"benign\"}}";
    assert!(house.ask(bulk).await.contains(r#""changed":201"#));
    let told = read_until(&mut stream, "refetch").await;
    assert!(!told.contains("event: alert\n"), "{told}");
}

#[tokio::test]
async fn nobody_watches_without_a_session() {
    let mut house = House::new();
    let response = house.send("GET /api/v1/live").await;
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn stopping_ends_the_streams() {
    let house = House::inhabited().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, house.state.clone(), async {
        let _ = stopped.await;
    }));
    let cookie = house.cookie.clone().unwrap();
    let request =
        format!("GET /api/v1/live HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\n\r\n");
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut connection, request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains("event: counters") {
        let length = tokio::io::AsyncReadExt::read(&mut connection, &mut buffer).await.unwrap();
        assert_ne!(length, 0, "{text}");
        text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(4), server).await;
    ended.expect("before the drain is over").unwrap().unwrap();
}
