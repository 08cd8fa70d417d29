//! Web servers and proxies: Caddy, Traefik, and the names that people give nginx's variables.

use model::{Event, Field};

use super::{Dialect, copy, status, target, web_access};

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        dataset: "caddy.access",
        needs: &["request.uri", "request.method", "status"],
        fields: &[
            (Field::SourceIp, &["request.client_ip", "request.remote_ip"]),
            (Field::SourcePort, &["request.remote_port"]),
            (Field::RequestMethod, &["request.method"]),
            (Field::ResponseBodyBytes, &["size"]),
            (Field::RequestBodyBytes, &["bytes_read"]),
            (Field::UserName, &["user_id"]),
            (Field::UserAgentOriginal, &["request.headers.User-Agent"]),
            (Field::RequestReferrer, &["request.headers.Referer"]),
        ],
        finish: caddy,
    },
    Dialect {
        dataset: "traefik.access",
        needs: &["RequestPath", "RequestMethod", "DownstreamStatus"],
        fields: &[
            (Field::SourceIp, &["ClientHost", "ClientAddr"]),
            (Field::SourcePort, &["ClientPort"]),
            (Field::RequestMethod, &["RequestMethod"]),
            (Field::ResponseBodyBytes, &["DownstreamContentSize"]),
            (Field::RequestBodyBytes, &["RequestContentSize"]),
            (Field::UserName, &["ClientUsername"]),
            (Field::UserAgentOriginal, &["request_User-Agent"]),
            (Field::RequestReferrer, &["request_Referer"]),
            (Field::EventDuration, &["Duration"]),
            (Field::UrlScheme, &["RequestScheme"]),
        ],
        finish: traefik,
    },
    Dialect {
        dataset: "nginx.access",
        needs: &["request_uri", "request_method", "status"],
        fields: &[
            (Field::SourceIp, &["remote_addr", "http_x_real_ip"]),
            (Field::RequestMethod, &["request_method"]),
            (Field::ResponseBodyBytes, &["body_bytes_sent", "bytes_sent"]),
            (Field::UserName, &["remote_user"]),
            (Field::UserAgentOriginal, &["http_user_agent", "user_agent"]),
            (Field::RequestReferrer, &["http_referrer", "http_referer"]),
        ],
        finish: nginx,
    },
];

fn caddy(event: &mut Event) {
    target(event, &["request.uri"], "request.host");
    status(event, "status");
    web_access(event);
}

fn traefik(event: &mut Event) {
    target(event, &["RequestPath"], "RequestHost");
    status(event, "DownstreamStatus");
    web_access(event);
}

fn nginx(event: &mut Event) {
    target(event, &["request_uri"], "host");
    if event.get(Field::UrlDomain).is_none() {
        copy(event, Field::UrlDomain, &["server_name", "http_host"]);
    }
    status(event, "status");
    web_access(event);
}
