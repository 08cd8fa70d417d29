//! Answers in the shape of nginx or Apache: the same headers in the same order, the same pages of error.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::super::shared::clock::date;
use super::super::shared::http1::{Request, Version};

/// The server that is imitated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Brand {
    Nginx,
    Apache,
}

/// What the server says of itself.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) brand: Brand,
    /// What stands in the header `Server`, such as `Apache/2.4.62 (Debian)`.
    pub(super) name: String,
}

/// An answer before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// Empty where there is no body to name the type of.
    pub(super) content_type: Cow<'static, str>,
    /// Such as cookies and where to go, in the order in which they are written.
    pub(super) headers: Vec<(Cow<'static, str>, String)>,
    pub(super) body: Vec<u8>,
    /// When the file was changed, in seconds since 1970, where it is one.
    pub(super) modified: Option<u64>,
    /// Whether the connection ends with it whatever the client wants.
    pub(super) last: bool,
    /// Whether it is one of the server's own pages of error, written when it is known who asks.
    pub(super) error_page: bool,
}

impl Reply {
    pub(super) fn new(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            content_type: Cow::Borrowed(content_type),
            headers: Vec::new(),
            body: body.into(),
            modified: None,
            last: false,
            error_page: false,
        }
    }

    /// A page as programs write it.
    pub(super) fn html(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "text/html; charset=UTF-8", body)
    }

    pub(super) fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "application/json", body)
    }

    /// A file that the server reads from its folder.
    pub(super) fn file(
        content_type: &'static str,
        body: impl Into<Vec<u8>>,
        modified: u64,
    ) -> Self {
        Self { modified: Some(modified), ..Self::new(200, content_type, body) }
    }

    /// The server's own page for a status.
    pub(super) fn error(status: u16) -> Self {
        let last = matches!(status, 400 | 408 | 413 | 414 | 431 | 501 | 505);
        Self { error_page: true, last, ..Self::new(status, "", "") }
    }

    pub(super) fn redirect(status: u16, to: impl Into<String>) -> Self {
        let reply = Self { error_page: true, ..Self::new(status, "", "") };
        reply.with("Location", to)
    }

    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((Cow::Borrowed(name), value.into()));
        self
    }
}

/// Where and when an answer is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    pub(super) server: &'a Server,
    /// How the client named the server, for Apache's pages.
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// Seconds since 1970.
    pub(super) now: u64,
}

/// An answer's bytes, and whether the connection is kept after it.
pub(super) fn write(scene: Scene<'_>, request: &Request, mut reply: Reply) -> (Vec<u8>, bool) {
    if reply.error_page {
        reply.body = error_page(scene, request, &reply).into_bytes();
        reply.content_type = match scene.server.brand {
            Brand::Nginx => Cow::Borrowed("text/html"),
            Brand::Apache => Cow::Borrowed("text/html; charset=iso-8859-1"),
        };
    }
    let keeps = request.keeps() && !reply.last;
    if request.version == Version::Old && !request.line.is_empty() && !reply.last {
        return (reply.body, false);
    }
    let mut out =
        format!("HTTP/1.1 {} {}\r\n", reply.status, reason(scene.server.brand, reply.status));
    match scene.server.brand {
        Brand::Nginx => nginx(&mut out, scene, &reply, keeps),
        Brand::Apache => apache(&mut out, scene, request, &reply, keeps),
    }
    out.push_str("\r\n");
    let mut out = out.into_bytes();
    if request.method != "HEAD" && !matches!(reply.status, 204 | 304) {
        out.extend_from_slice(&reply.body);
    }
    (out, keeps)
}

fn nginx(out: &mut String, scene: Scene<'_>, reply: &Reply, keeps: bool) {
    let _ = write!(out, "Server: {}\r\nDate: {}\r\n", scene.server.name, date(scene.now));
    if !reply.content_type.is_empty() {
        let _ = write!(out, "Content-Type: {}\r\n", reply.content_type);
    }
    if reply.status != 204 {
        let _ = write!(out, "Content-Length: {}\r\n", reply.body.len());
    }
    if let Some(modified) = reply.modified {
        let _ = write!(out, "Last-Modified: {}\r\n", date(modified));
    }
    let is_location = |(name, _): &&(Cow<'_, str>, String)| name == "Location";
    if let Some((_, to)) = reply.headers.iter().find(is_location) {
        let _ = write!(out, "Location: {}\r\n", plain(to));
    }
    out.push_str(if keeps { "Connection: keep-alive\r\n" } else { "Connection: close\r\n" });
    if let Some(modified) = reply.modified {
        let _ = write!(out, "ETag: \"{modified:x}-{:x}\"\r\n", reply.body.len());
    }
    for (name, value) in reply.headers.iter().filter(|(name, _)| name != "Location") {
        let _ = write!(out, "{name}: {}\r\n", plain(value));
    }
    if reply.modified.is_some() {
        out.push_str("Accept-Ranges: bytes\r\n");
    }
}

fn apache(out: &mut String, scene: Scene<'_>, request: &Request, reply: &Reply, keeps: bool) {
    let _ = write!(out, "Date: {}\r\nServer: {}\r\n", date(scene.now), scene.server.name);
    for (name, value) in &reply.headers {
        let _ = write!(out, "{name}: {}\r\n", plain(value));
    }
    if let Some(modified) = reply.modified {
        // The microseconds of a file's change, as Apache writes them; a file of the site was unpacked
        // on a whole second.
        let _ = write!(
            out,
            "Last-Modified: {}\r\nETag: \"{:x}-{:x}\"\r\nAccept-Ranges: bytes\r\n",
            date(modified),
            reply.body.len(),
            u128::from(modified) * 1_000_000
        );
    }
    if reply.status != 204 {
        let _ = write!(out, "Content-Length: {}\r\n", reply.body.len());
    }
    let asked = request.header("connection").unwrap_or_default().to_ascii_lowercase();
    if !keeps {
        out.push_str("Connection: close\r\n");
    } else if asked.contains("keep-alive") {
        out.push_str("Keep-Alive: timeout=5, max=100\r\nConnection: Keep-Alive\r\n");
    }
    if !reply.content_type.is_empty() {
        let _ = write!(out, "Content-Type: {}\r\n", reply.content_type);
    }
}

/// A value without what would end its line: some of it is the client's own text.
fn plain(value: &str) -> String {
    value.chars().filter(|letter| !letter.is_control()).collect()
}

fn reason(brand: Brand, status: u16) -> &'static str {
    match (status, brand) {
        (200, _) => "OK",
        (201, _) => "Created",
        (204, _) => "No Content",
        (301, _) => "Moved Permanently",
        (302, Brand::Nginx) => "Moved Temporarily",
        (302, Brand::Apache) => "Found",
        (304, _) => "Not Modified",
        (400, _) => "Bad Request",
        (401, _) => "Unauthorized",
        (403, _) => "Forbidden",
        (404, _) => "Not Found",
        (405, Brand::Nginx) => "Not Allowed",
        (405, Brand::Apache) => "Method Not Allowed",
        (408, _) => "Request Timeout",
        (413, _) => "Request Entity Too Large",
        (414, Brand::Nginx) => "Request-URI Too Large",
        (414, Brand::Apache) => "Request-URI Too Long",
        (501, _) => "Not Implemented",
        (505, _) => "HTTP Version Not Supported",
        _ => "Internal Server Error",
    }
}

fn error_page(scene: Scene<'_>, request: &Request, reply: &Reply) -> String {
    match scene.server.brand {
        Brand::Nginx => nginx_page(scene, request, reply.status),
        Brand::Apache => apache_page(scene, reply),
    }
}

fn nginx_page(scene: Scene<'_>, request: &Request, status: u16) -> String {
    let title = match status {
        301 => "301 Moved Permanently",
        302 => "302 Found",
        400 => "400 Bad Request",
        401 => "401 Authorization Required",
        403 => "403 Forbidden",
        404 => "404 Not Found",
        405 => "405 Not Allowed",
        408 => "408 Request Time-out",
        413 => "413 Request Entity Too Large",
        414 => "414 Request-URI Too Large",
        501 => "501 Not Implemented",
        505 => "505 HTTP Version Not Supported",
        _ => "500 Internal Server Error",
    };
    let mut page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>{}</center>\r\n</body>\r\n</html>\r\n",
        scene.server.name
    );
    // nginx fills up its pages for browsers that would hide a short one.
    let agent = request.header("user-agent").unwrap_or_default();
    if status >= 400 && (agent.contains("Chrome/") || agent.contains("MSIE ")) {
        let line = "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n";
        page.push_str(&line.repeat(6));
    }
    page
}

fn apache_page(scene: Scene<'_>, reply: &Reply) -> String {
    let (title, text) = match reply.status {
        301 | 302 => {
            let to = reply.headers.iter().find(|(name, _)| name == "Location");
            let to = to.map_or("/", |(_, to)| to.as_str());
            let title = if reply.status == 301 { "Moved Permanently" } else { "Found" };
            (title, format!("<p>The document has moved <a href=\"{}\">here</a>.</p>\n", escape(to)))
        }
        status => apache_text(status),
    };
    let status = match reply.status {
        401 => "401 Unauthorized".to_owned(),
        status => format!("{status} {}", reason(Brand::Apache, status)),
    };
    format!(
        "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>{status}</title>\n\
         </head><body>\n<h1>{title}</h1>\n{text}<hr>\n<address>{} Server at {} Port {}</address>\n\
         </body></html>\n",
        scene.server.name,
        escape(scene.host),
        scene.port
    )
}

fn apache_text(status: u16) -> (&'static str, String) {
    let (title, text) = match status {
        400 => (
            "Bad Request",
            "<p>Your browser sent a request that this server could not understand.<br />\n</p>\n",
        ),
        401 => (
            "Unauthorized",
            "<p>This server could not verify that you\nare authorized to access the document\n\
             requested.  Either you supplied the wrong\ncredentials (e.g., bad password), or your\n\
             browser doesn't understand how to supply\nthe credentials required.</p>\n",
        ),
        403 => ("Forbidden", "<p>You don't have permission to access this resource.</p>\n"),
        404 => ("Not Found", "<p>The requested URL was not found on this server.</p>\n"),
        405 => ("Method Not Allowed", "<p>The requested method is not allowed for this URL.</p>\n"),
        408 => (
            "Request Timeout",
            "<p>Server timeout waiting for the HTTP request from the client.</p>\n",
        ),
        413 => (
            "Request Entity Too Large",
            "The requested resource does not allow request data with the requested method, or the \
             amount of data provided in\nthe request exceeds the capacity limit.\n",
        ),
        414 => (
            "Request-URI Too Long",
            "<p>The requested URL's length exceeds the capacity\nlimit for this server.<br />\n</p>\n",
        ),
        501 => ("Not Implemented", "<p>The method is not supported for current URL.<br />\n</p>\n"),
        505 => ("HTTP Version Not Supported", "<p>The version is not supported.</p>\n"),
        _ => (
            "Internal Server Error",
            "<p>The server encountered an internal error or\nmisconfiguration and was unable to \
             complete\nyour request.</p>\n",
        ),
    };
    (title, text.to_owned())
}

/// Text of a client within a page.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#039;"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn written(brand: Brand, method: &str, headers: &[(&str, &str)], reply: Reply) -> String {
        let name = match brand {
            Brand::Nginx => "nginx/1.2.3".to_owned(),
            Brand::Apache => "Apache/1.2.3 (Debian)".to_owned(),
        };
        let server = Server { brand, name };
        let scene = Scene { server: &server, host: "web<1>", port: 80, now: 1_795_244_280 };
        let request = Request {
            line: "x".to_owned(),
            method: method.to_owned(),
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            ..Request::default()
        };
        let (bytes, keeps) = write(scene, &request, reply);
        format!("{}kept: {keeps}\n", String::from_utf8(bytes).unwrap().replace('\r', ""))
    }

    #[track_caller]
    fn check(brand: Brand, method: &str, reply: Reply, expected: Expect) {
        expected.assert_eq(&written(brand, method, &[("Connection", "keep-alive")], reply));
    }

    #[test]
    fn a_file_of_nginx() {
        check(
            Brand::Nginx,
            "GET",
            Reply::file("text/plain", "hello\n", 1_700_000_000),
            expect![[r#"
                HTTP/1.1 200 OK
                Server: nginx/1.2.3
                Date: Sat, 21 Nov 2026 06:58:00 GMT
                Content-Type: text/plain
                Content-Length: 6
                Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT
                Connection: keep-alive
                ETag: "6553f100-6"
                Accept-Ranges: bytes

                hello
                kept: true
            "#]],
        );
    }

    #[test]
    fn a_page_that_is_not_there() {
        check(
            Brand::Apache,
            "GET",
            Reply::error(404),
            expect![[r#"
                HTTP/1.1 404 Not Found
                Date: Sat, 21 Nov 2026 06:58:00 GMT
                Server: Apache/1.2.3 (Debian)
                Content-Length: 273
                Keep-Alive: timeout=5, max=100
                Connection: Keep-Alive
                Content-Type: text/html; charset=iso-8859-1

                <!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">
                <html><head>
                <title>404 Not Found</title>
                </head><body>
                <h1>Not Found</h1>
                <p>The requested URL was not found on this server.</p>
                <hr>
                <address>Apache/1.2.3 (Debian) Server at web&lt;1&gt; Port 80</address>
                </body></html>
                kept: true
            "#]],
        );
    }

    #[test]
    fn a_head_has_no_body_and_a_bad_request_ends_the_connection() {
        check(
            Brand::Nginx,
            "HEAD",
            Reply::redirect(302, "/login").with("Set-Cookie", "a=b"),
            expect![[r"
                HTTP/1.1 302 Moved Temporarily
                Server: nginx/1.2.3
                Date: Sat, 21 Nov 2026 06:58:00 GMT
                Content-Type: text/html
                Content-Length: 144
                Location: /login
                Connection: keep-alive
                Set-Cookie: a=b

                kept: true
            "]],
        );
        let bad = written(Brand::Nginx, "GET", &[], Reply::error(400));
        assert!(bad.contains("Connection: close") && bad.ends_with("kept: false\n"), "{bad}");
    }
}
