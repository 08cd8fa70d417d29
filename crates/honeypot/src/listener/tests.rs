use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::config::Allowed;
use crate::testing::House;

async fn connect_from(last: u8, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 2, last), 0))).unwrap();
    socket.connect(to).await.unwrap()
}

/// Tells whether the decoy keeps a connection: it greets, or it closes.
async fn is_served(stream: &mut TcpStream) -> bool {
    let mut first = [0; 5];
    stream.read_exact(&mut first).await.is_ok()
}

#[tokio::test]
async fn a_flood_from_one_source_is_refused_and_starves_no_other() {
    let house = House::of("tcp", |config| {
        config.services[0].banner = Some("hello".to_owned());
        config.bounds.connections_max = 40;
        config.bounds.source_connections_max = 10;
    })
    .await;
    let mut flood = Vec::new();
    for _ in 0..60 {
        flood.push(connect_from(1, house.address).await);
    }
    let mut served = 0;
    for stream in &mut flood {
        served += usize::from(is_served(stream).await);
    }
    // A quarter of the places that are free, less with each that is taken.
    assert_eq!(served, 8);
    let mut other = connect_from(2, house.address).await;
    assert!(is_served(&mut other).await);
    let refused = house.event("refused").await;
    assert_eq!(refused["source"]["ip"], "127.0.2.1");
    drop(flood);
    // The places come back: the same source is let in again.
    loop {
        let end = house.event("disconnect").await;
        if end["source"]["ip"] == "127.0.2.1" {
            break;
        }
    }
    let mut again = connect_from(1, house.address).await;
    assert!(is_served(&mut again).await);
}

#[tokio::test]
async fn who_is_allowed_is_served_and_not_told() {
    let house = House::of("tcp", |config| {
        config.services[0].banner = Some("hello".to_owned());
        let ip = Some("127.0.2.9".to_owned());
        config.allow = vec![Allowed { ip, port: None, service: Some("tcp".to_owned()) }];
    })
    .await;
    let mut own = connect_from(9, house.address).await;
    assert!(is_served(&mut own).await);
    own.write_all(b"scan\n").await.unwrap();
    drop(own);
    let mut other = connect_from(3, house.address).await;
    assert!(is_served(&mut other).await);
    house.event("connection").await;
    drop(other);
    house.event("disconnect").await;
    let vault = std::sync::Arc::clone(house.vault());
    for event in house.stop().await {
        assert_ne!(event["source"]["ip"], "127.0.2.9", "{event}");
    }
    assert_eq!(vault.sessions(), []);
}

#[tokio::test]
async fn what_is_sent_in_one_session_is_bounded() {
    let house = House::of("telnet", |config| config.bounds.session_mb_max = 1).await;
    let mut stream = house.connect().await;
    let piece = vec![b'x'; 64 * 1024];
    // It is read slowly at best; the end comes as a reset.
    while stream.write_all(&piece).await.is_ok() {}
    let end = house.event("disconnect").await;
    assert_eq!(end["event"]["reason"], "bytes");
    let bytes = end["bartizan"]["decoy"]["bytes_in"].as_u64().unwrap();
    assert!((1 << 20..(1 << 20) + 70_000).contains(&bytes), "{bytes}");
}

#[tokio::test]
async fn a_session_ends_when_the_product_stops_and_is_told() {
    let house = House::with_banner("tcp", "hello").await;
    let mut stream = house.connect().await;
    assert!(is_served(&mut stream).await);
    house.event("connection").await;
    let told = house.stop().await;
    let end = told.iter().find(|event| event["event"]["action"] == "decoy_disconnect").unwrap();
    assert_eq!(end["event"]["reason"], "shutdown");
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 2, "the line's end, then the end");
}
