//! Web servers and proxies: Caddy, Traefik, Envoy, CloudFront, and nginx's variables by their own names
//! or those that people give them.

use model::{Event, Field};

use super::{
    Dialect, copy, duration, joined, moment_of, said, seconds, set_said, status, target, version,
    web_access,
};
use crate::web::{self, Escapes};

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        dataset: "caddy.access",
        needs: &["request.uri", "request.method", "status"],
        fields: &[
            (Field::SourceIp, &["request.client_ip", "request.remote_ip", "request.remote_addr"]),
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
    Dialect {
        dataset: "nginx.access",
        needs: &["request", "remote_addr", "status"],
        fields: &[
            (Field::SourceIp, &["remote_addr", "http_x_real_ip"]),
            (Field::ResponseBodyBytes, &["body_bytes_sent", "bytes_sent"]),
            (Field::UserName, &["remote_user"]),
            (Field::UserAgentOriginal, &["http_user_agent", "user_agent"]),
            (Field::RequestReferrer, &["http_referrer", "http_referer"]),
        ],
        finish: nginx,
    },
    Dialect {
        dataset: "envoy.access",
        needs: &["method", "path", "response_code", "response_flags"],
        fields: &[
            (Field::SourceIp, &["downstream_remote_address", "x_forwarded_for"]),
            (Field::RequestMethod, &["method"]),
            (Field::RequestBodyBytes, &["bytes_received"]),
            (Field::ResponseBodyBytes, &["bytes_sent"]),
            (Field::UserAgentOriginal, &["user_agent"]),
            (Field::RequestReferrer, &["referer"]),
            (Field::RequestId, &["request_id"]),
            (Field::DestinationIp, &["upstream_host"]),
        ],
        finish: envoy,
    },
    Dialect {
        dataset: "aws.cloudfront",
        needs: &["cs-method", "cs-uri-stem", "sc-status"],
        fields: &[
            (Field::SourceIp, &["c-ip"]),
            (Field::SourcePort, &["c-port"]),
            (Field::RequestMethod, &["cs-method"]),
            (Field::RequestBytes, &["cs-bytes"]),
            (Field::ResponseBytes, &["sc-bytes"]),
            (Field::ResponseBodyBytes, &["sc-content-len"]),
            (Field::RequestId, &["x-edge-request-id"]),
            (Field::UrlScheme, &["cs-protocol"]),
            (Field::TlsVersion, &["ssl-protocol"]),
            (Field::TlsCipher, &["ssl-cipher"]),
        ],
        finish: cloudfront,
    },
];

fn caddy(event: &mut Event) {
    target(event, &["request.uri"], "request.host");
    // A header that came twice has two values, and either may be the attack.
    joined(event, Field::UserAgentOriginal, "request.headers.User-Agent");
    joined(event, Field::RequestReferrer, "request.headers.Referer");
    version(event, "request.proto");
    seconds(event, "duration");
    status(event, "status");
    web_access(event);
}

fn traefik(event: &mut Event) {
    target(event, &["RequestPath"], "RequestHost");
    version(event, "RequestProtocol");
    status(event, "DownstreamStatus");
    web_access(event);
}

fn nginx(event: &mut Event) {
    target(event, &["request_uri"], "host");
    if event.get(Field::RequestMethod).is_none()
        && let Some(line) = said(event, "request")
    {
        web::request(event, &line, Escapes::Unknown);
    }
    if event.get(Field::UrlDomain).is_none() {
        copy(event, Field::UrlDomain, &["server_name", "http_host"]);
    }
    version(event, "server_protocol");
    seconds(event, "request_time");
    status(event, "status");
    web_access(event);
}

fn envoy(event: &mut Event) {
    target(event, &["path"], "authority");
    version(event, "protocol");
    duration(event, "duration");
    status(event, "response_code");
    web_access(event);
}

fn cloudfront(event: &mut Event) {
    if let (Some(date), Some(time)) = (said(event, "date"), said(event, "time"))
        && let Some(moment) = moment_of(event, &[date.as_str(), " ", &time].concat())
    {
        event.time = moment;
    }
    let path = said(event, "cs-uri-stem").unwrap_or_default();
    let asked = match said(event, "cs-uri-query") {
        Some(query) => [path.as_str(), "?", &query].concat(),
        None => path,
    };
    web::target(event, &asked, Escapes::Unknown);
    for name in ["x-host-header", "cs(Host)"] {
        if event.get(Field::UrlDomain).is_none()
            && let Some(host) = said(event, name)
        {
            web::host(event, &host);
        }
    }
    set_said(event, Field::UserAgentOriginal, "cs(User-Agent)", Escapes::Marked('%'));
    set_said(event, Field::RequestReferrer, "cs(Referer)", Escapes::Marked('%'));
    version(event, "cs-protocol-version");
    seconds(event, "time-taken");
    status(event, "sc-status");
    web_access(event);
}
