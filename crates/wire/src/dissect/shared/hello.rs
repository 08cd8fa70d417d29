//! The two hellos of TLS, which QUIC carries too, as events tell of them.

pub(crate) use fingerprint::{
    CLIENT_HELLO, Carrier, ClientHello, SERVER_HELLO, ServerHello, version_name,
};

use crate::json::Object;

/// Gives a cipher suite's name in IANA's registry, or its number.
pub(crate) fn cipher_name(cipher: u16) -> String {
    let known = tls_parser::TlsCipherSuite::from_id(cipher);
    known.map_or_else(|| format!("0x{cipher:04x}"), |suite| suite.name.to_owned())
}

/// Writes what a client says of itself under `tls.client`.
pub(crate) fn write_client(client: &mut Object<'_>, hello: &ClientHello, carrier: Carrier) {
    client.text_some("server_name", hello.server_name.as_ref());
    client.text("ja3", hello.ja3());
    client.text("ja4", hello.ja4(carrier));
    if !hello.protocols.is_empty() {
        client.texts("next_protocols", &hello.protocols);
    }
    client.text("version_highest", version_name(hello.version_highest()));
}
