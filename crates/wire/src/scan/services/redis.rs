//! Redis and Valkey: `INFO server`, or that a password is asked for.

use super::shared::{between, first_line, named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "redis", tcp: &[6379, 6380], udp: &[], ask: Ask::Say(say), read };

fn say() -> Vec<u8> {
    b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n".to_vec()
}

fn read(answer: &[u8]) -> Option<Service> {
    let line = first_line(answer);
    if line.starts_with("-NOAUTH") || line.starts_with("-DENIED Redis") {
        return Some(Service { product: some("Redis"), info: some(&line), ..named("redis") });
    }
    let text = String::from_utf8_lossy(answer);
    let version = between(&text, "redis_version:", "\r\n")?;
    let valkey = between(&text, "valkey_version:", "\r\n");
    let product = if valkey.is_some() { "Valkey" } else { "Redis" };
    let info = between(&text, "os:", "\r\n")
        .map(|os| format!("{os}; no password"))
        .or_else(|| some("no password"));
    Some(Service {
        product: some(product),
        version: some(valkey.unwrap_or(version)),
        info,
        ..named("redis")
    })
}
