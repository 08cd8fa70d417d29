//! What a client fills in: credentials wherever they stand, and files.

use super::super::shared::http1::Request;

/// Bounds the fields that are read of one form.
const FIELDS_MAX: usize = 64;
/// Bounds one field's value.
const VALUE_BYTES_MAX: usize = 4 * 1024;
/// Bounds the log-ins that are read of one call over XML.
const CALLS_MAX: usize = 100;
/// Bounds the files that are taken from one form.
const FILES_MAX: usize = 16;

/// The names under which forms ask who somebody is, in small letters.
const USER_NAMES: &[&str] = &[
    "user",
    "username",
    "log",
    "login",
    "user_login",
    "j_username",
    "pma_username",
    "email",
    "uname",
    "os_username",
    "usr",
    "userid",
    "user_name",
    "loginname",
    "luci_username",
    "account",
    "name",
];
/// The names under which they ask for the password.
const PASSWORD_NAMES: &[&str] = &[
    "password",
    "pwd",
    "pass",
    "passwd",
    "psd",
    "j_password",
    "pma_password",
    "os_password",
    "passwort",
    "user_password",
    "loginpassword",
    "luci_password",
    "userpass",
];

/// A user name and a password that were tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

/// A file within a form, or a body that is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

/// What was filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) fields: Vec<(String, String)>,
    pub(super) files: Vec<File>,
    /// Credentials within calls over XML, which try many at once.
    calls: Vec<Credentials>,
}

impl Form {
    /// Reads the query and the body of a request.
    pub(super) fn read(request: &Request) -> Self {
        let mut form = Self::default();
        form.pairs(request.query());
        let body = request.body.kept();
        let kind = request.header("content-type").unwrap_or_default();
        let lower = kind.to_ascii_lowercase();
        if lower.starts_with("multipart/") {
            if let Some(boundary) = boundary(kind) {
                form.parts(body, boundary);
            }
        } else if lower.contains("json") {
            form.json(body);
        } else if lower.contains("urlencoded") || (lower.is_empty() && body.contains(&b'=')) {
            form.pairs(&String::from_utf8_lossy(body));
        } else if request.path().ends_with("/xmlrpc.php") {
            form.calls(&String::from_utf8_lossy(body));
        }
        form
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    /// Every user name and password that was filled in.
    pub(super) fn credentials(&self) -> Vec<Credentials> {
        let of = |names: &[&str]| {
            let named =
                |(name, _): &&(String, String)| names.contains(&name.to_ascii_lowercase().as_str());
            self.fields.iter().find(named).map(|(_, value)| value.clone())
        };
        let typed = of(PASSWORD_NAMES)
            .map(|password| Credentials { user: of(USER_NAMES).unwrap_or_default(), password });
        typed.into_iter().chain(self.calls.iter().cloned()).collect()
    }

    /// Whether a log-in was filled in, and as whom.
    pub(super) fn login(&self) -> Option<Credentials> {
        self.credentials().into_iter().next()
    }

    fn add(&mut self, name: String, mut value: String) {
        if self.fields.len() >= FIELDS_MAX || name.len() > VALUE_BYTES_MAX {
            return;
        }
        let end =
            (0..=VALUE_BYTES_MAX.min(value.len())).rev().find(|at| value.is_char_boundary(*at));
        value.truncate(end.unwrap_or(0));
        self.fields.push((name, value));
    }

    fn pairs(&mut self, text: &str) {
        for pair in text.split('&').filter(|pair| !pair.is_empty()).take(FIELDS_MAX) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.add(decoded(name), decoded(value));
        }
    }

    fn json(&mut self, body: &[u8]) {
        let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(body) else { return };
        for (name, value) in object {
            match value {
                serde_json::Value::String(text) => self.add(name, text),
                value => self.add(name, value.to_string()),
            }
        }
    }

    /// The parameters of a call over XML: WordPress takes the user name and the password as two strings
    /// one after the other.
    fn calls(&mut self, text: &str) {
        let within = |text: &str, name: &str| -> Option<String> {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            rest.split_once(&format!("</{name}>")).map(|(value, _)| value.to_owned())
        };
        if let Some(method) = within(text, "methodName") {
            self.add("methodName".to_owned(), method.trim().to_owned());
        }
        // A call of many calls names each of them in a string too.
        let is_name = |value: &&str| !value.starts_with("wp.") && !value.starts_with("metaWeblog.");
        let strings = text
            .split("<string>")
            .skip(1)
            .filter_map(|rest| rest.split_once("</string>").map(|(value, _)| value));
        let values: Vec<&str> = strings.filter(is_name).take(2 * CALLS_MAX).collect();
        let pairs = if self.get("methodName") == Some("system.multicall") {
            values.as_slice()
        } else {
            values.get(values.len().saturating_sub(2)..).unwrap_or_default()
        };
        self.calls = pairs
            .chunks_exact(2)
            .filter_map(|pair| Some((pair.first()?, pair.get(1)?)))
            .map(|(user, password)| Credentials {
                user: user.chars().take(256).collect(),
                password: password.chars().take(256).collect(),
            })
            .collect();
    }

    fn parts(&mut self, body: &[u8], boundary: &str) {
        let mark = format!("--{boundary}");
        for part in split(body, mark.as_bytes()).skip(1).take(FIELDS_MAX) {
            let Some(at) = find(part, b"\r\n\r\n") else { continue };
            let (head, content) = part.split_at_checked(at).unwrap_or_default();
            let content = content.get(4..).unwrap_or_default();
            let content = content.strip_suffix(b"\r\n").unwrap_or(content);
            let head = String::from_utf8_lossy(head);
            let name = parameter(&head, "name").unwrap_or_default();
            match parameter(&head, "filename") {
                Some(file) if self.files.len() < FILES_MAX => {
                    self.files.push(File { name: file, content: content.to_vec() });
                }
                Some(_) => {}
                None => self.add(name, String::from_utf8_lossy(content).into_owned()),
            }
        }
    }
}

/// Undoes `%41` and `+`.
pub(super) fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let pair = (byte == b'%').then(|| (ahead.next(), ahead.next()));
        match (byte, pair) {
            (b'+', _) => out.push(b' '),
            (_, Some((Some(high), Some(low)))) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    out.push(high * 16 + low);
                    bytes = ahead;
                }
                _ => out.push(byte),
            },
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn boundary(kind: &str) -> Option<&str> {
    let at = kind.to_ascii_lowercase().find("boundary=")?;
    let rest = kind.get(at + 9..)?;
    let value = match rest.strip_prefix('"') {
        Some(rest) => rest.split('"').next()?,
        None => rest.split([';', ' ']).next()?,
    };
    (1..=128).contains(&value.len()).then_some(value)
}

/// `name="value"` in a part's head.
fn parameter(head: &str, name: &str) -> Option<String> {
    let mark = format!("{name}=\"");
    let at = head.match_indices(&mark).find(|(at, _)| {
        at.checked_sub(1).and_then(|before| head.as_bytes().get(before)) != Some(&b'e')
    });
    let rest = head.get(at?.0 + mark.len()..)?;
    rest.split_once('"').map(|(value, _)| value.chars().take(255).collect())
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, what)
}

fn split<'a>(text: &'a [u8], mark: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let here = rest?;
        match find(here, mark) {
            Some(at) => {
                rest = here.get(at + mark.len()..);
                here.get(..at)
            }
            None => rest.take(),
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::shared::http1::{Limits, Reader, Step};
    use super::*;

    fn request(head: &str, body: &[u8]) -> Box<Request> {
        let mut bytes =
            format!("{head} HTTP/1.0\r\nContent-Length: {}\r\n", body.len()).into_bytes();
        bytes = [bytes.as_slice(), b"\r\n", body].concat();
        if let Some((first, rest)) = head.split_once('\n') {
            bytes = format!("{first} HTTP/1.0\r\n{rest}\r\nContent-Length: {}\r\n\r\n", body.len())
                .into_bytes();
            bytes.extend_from_slice(body);
        }
        let mut reader = Reader::new(Limits { body_max: 1 << 20, kept_max: 1 << 20 });
        match reader.next(&mut bytes.as_slice()) {
            Step::Request(request) => request,
            other => panic!("{other:?}"),
        }
    }

    fn tried(request: &Request) -> Option<(String, String)> {
        Form::read(request).login().map(|tried| (tried.user, tried.password))
    }

    fn pair(user: &str, password: &str) -> (String, String) {
        (user.to_owned(), password.to_owned())
    }

    fn body_of_many(words: &[&str]) -> String {
        let calls = words.chunks(2).fold(String::new(), |text, pair| {
            let name = "<string>wp.getUsersBlogs</string>";
            text + name + "<string>" + pair[0] + "</string><string>" + pair[1] + "</string>"
        });
        format!("<methodCall><methodName>system.multicall</methodName>{calls}</methodCall>")
    }

    #[test]
    fn credentials_wherever_they_stand() {
        let form = "POST /wp-login.php\nContent-Type: application/x-www-form-urlencoded";
        assert_eq!(tried(&request(form, b"log=admin&pwd=a%26b+c&x")), Some(pair("admin", "a&b c")));
        assert_eq!(
            tried(&request("GET /boaform/formLogin?username=ad&psd=x%2", b"")),
            Some(pair("ad", "x%2"))
        );
        let json = "POST /api/login\nContent-Type: application/json";
        assert_eq!(
            tried(&request(json, br#"{"email":"a@b","password":1}"#)),
            Some(pair("a@b", "1"))
        );
        let call = "POST /xmlrpc.php\nContent-Type: text/xml";
        let body = b"<methodCall><methodName>wp.getUsersBlogs</methodName><params><param><value><string>u</string></value></param><param><value><string>p</string></value></param></params></methodCall>";
        assert_eq!(tried(&request(call, body)), Some(pair("u", "p")));
        let many = body_of_many(&["a", "1", "b", "2"]);
        let many = Form::read(&request(call, many.as_bytes())).credentials();
        assert_eq!(many.len(), 2);
        assert_eq!((many[1].user.as_str(), many[1].password.as_str()), ("b", "2"));
        assert_eq!(tried(&request(form, b"q=1")), None);
        let header = request("GET /\nAuthorization: basic YTpiOmM=", b"");
        assert_eq!(header.basic(), Some(pair("a", "b:c")));
    }

    #[test]
    fn files_of_a_form() {
        let head = "POST /upload\nContent-Type: multipart/form-data; boundary=\"b\"";
        let body = b"--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nann\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.php\"\r\n\r\n<?php\r\n1\r\n--b--\r\n";
        let form = Form::read(&request(head, body));
        assert_eq!(form.get("user"), Some("ann"));
        assert_eq!(
            form.files,
            [File { name: "x.php".to_owned(), content: b"<?php\r\n1".to_vec() }]
        );
    }

    proptest! {
        #[test]
        fn any_body(body in prop::collection::vec(prop::sample::select(&b"--b\r\n name=\"file%2&{}:<string></string>\xff"[..]), 0..300), which in 0..4usize) {
            let kind = ["multipart/form-data; boundary=b", "application/json", "application/x-www-form-urlencoded", "text/xml"][which];
            let request = request(&format!("POST /xmlrpc.php\nContent-Type: {kind}"), &body);
            let form = Form::read(&request);
            prop_assert!(form.fields.len() <= FIELDS_MAX && form.files.len() <= FILES_MAX);
        }

        #[test]
        fn decoding_undoes_encoding(text in ".{0,40}") {
            let encoded: String = text.bytes().flat_map(|byte| format!("%{byte:02X}").into_bytes()).map(char::from).collect();
            prop_assert_eq!(decoded(&encoded), text);
        }
    }
}
