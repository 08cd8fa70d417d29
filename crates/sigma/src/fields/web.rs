//! Web servers and proxies: the names of the W3C extended log format.

use super::{Table, is_category, is_one};

pub(super) const TABLES: &[Table] = &[Table {
    fits: |source| {
        is_category(source, &["proxy", "webserver"])
            || is_one(source.product.as_deref(), &["apache", "nginx"])
    },
    names: WEB,
}];

const WEB: &[(&str, &[&str])] = &[
    ("c-ip", &["source.ip"]),
    ("c-uri", &["url.original", "url.full"]),
    ("c-uri-extension", &["url.extension"]),
    ("c-uri-query", &["url.query"]),
    ("c-uri-stem", &["url.path"]),
    ("c-useragent", &["user_agent.original"]),
    ("cs-bytes", &["http.request.bytes"]),
    ("cs-content-type", &["http.request.mime_type"]),
    ("cs-cookie", &["http.request.headers.cookie"]),
    ("cs-host", &["url.domain"]),
    ("cs-method", &["http.request.method"]),
    ("cs-referer", &["http.request.referrer"]),
    ("cs-referrer", &["http.request.referrer"]),
    ("cs-uri", &["url.original", "url.full"]),
    ("cs-uri-query", &["url.query"]),
    ("cs-uri-stem", &["url.path"]),
    ("cs-user-agent", &["user_agent.original"]),
    ("cs-username", &["user.name"]),
    ("cs-version", &["http.version"]),
    ("dst_ip", &["destination.ip"]),
    ("r-dns", &["url.domain"]),
    ("sc-bytes", &["http.response.bytes", "http.response.body.bytes"]),
    ("sc-status", &["http.response.status_code"]),
    ("src_ip", &["source.ip"]),
];
