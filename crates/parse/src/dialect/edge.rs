//! Requests as those tell them who stand before other people's servers: Cloudflare, load balancers of Google
//! and Azure, the AWS firewall, Kong.

use model::{Event, Field, Value};

use super::{Dialect, fill, moment_of, said, status, target, version, web_access};
use crate::epoch;
use crate::web::{self, Escapes};

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        dataset: "cloudflare.http",
        needs: &["ClientRequestMethod", "ClientRequestURI", "EdgeResponseStatus"],
        fields: &[
            (Field::SourceIp, &["ClientIP"]),
            (Field::SourcePort, &["ClientSrcPort"]),
            (Field::RequestMethod, &["ClientRequestMethod"]),
            (Field::RequestBytes, &["ClientRequestBytes"]),
            (Field::ResponseBytes, &["EdgeResponseBytes"]),
            (Field::ResponseBodyBytes, &["EdgeResponseBodyBytes"]),
            (Field::UserAgentOriginal, &["ClientRequestUserAgent"]),
            (Field::RequestReferrer, &["ClientRequestReferer"]),
            (Field::RequestId, &["RayID"]),
            (Field::UrlScheme, &["ClientRequestScheme"]),
        ],
        finish: cloudflare,
    },
    Dialect {
        dataset: "gcp.loadbalancing",
        needs: &["httpRequest.requestMethod", "httpRequest.requestUrl"],
        fields: &[
            (Field::SourceIp, &["httpRequest.remoteIp"]),
            (Field::RequestMethod, &["httpRequest.requestMethod"]),
            (Field::RequestBytes, &["httpRequest.requestSize"]),
            (Field::ResponseBytes, &["httpRequest.responseSize"]),
            (Field::UserAgentOriginal, &["httpRequest.userAgent"]),
            (Field::RequestReferrer, &["httpRequest.referer"]),
        ],
        finish: google,
    },
    Dialect {
        dataset: "aws.waf",
        needs: &["httpRequest.httpMethod", "httpRequest.uri", "webaclId"],
        fields: &[
            (Field::SourceIp, &["httpRequest.clientIp"]),
            (Field::RequestMethod, &["httpRequest.httpMethod"]),
            (Field::RequestId, &["httpRequest.requestId"]),
            (Field::EventAction, &["action"]),
        ],
        finish: amazon,
    },
    Dialect {
        dataset: "azure.applicationgateway",
        needs: &["properties.httpMethod", "properties.requestUri"],
        fields: &[
            (Field::SourceIp, &["properties.clientIP", "properties.clientIp"]),
            (Field::SourcePort, &["properties.clientPort"]),
            (Field::RequestMethod, &["properties.httpMethod"]),
            (Field::RequestBytes, &["properties.receivedBytes", "properties.requestBytes"]),
            (Field::ResponseBytes, &["properties.sentBytes", "properties.responseBytes"]),
            (Field::UserAgentOriginal, &["properties.userAgent"]),
            (Field::RequestReferrer, &["properties.referer"]),
            (Field::RequestId, &["properties.trackingReference", "properties.transactionId"]),
        ],
        finish: azure,
    },
    Dialect {
        dataset: "kong.access",
        needs: &["request.method", "request.uri", "response.status"],
        fields: &[
            (Field::SourceIp, &["client_ip"]),
            (Field::RequestMethod, &["request.method"]),
            (Field::RequestBytes, &["request.size"]),
            (Field::ResponseBytes, &["response.size"]),
            (Field::UserAgentOriginal, &["request.headers.user-agent"]),
            (Field::RequestReferrer, &["request.headers.referer"]),
            (Field::RequestId, &["request.id"]),
        ],
        finish: kong,
    },
];

fn cloudflare(event: &mut Event) {
    target(event, &["ClientRequestURI"], "ClientRequestHost");
    version(event, "ClientRequestProtocol");
    status(event, "EdgeResponseStatus");
    begun(event, "EdgeStartTimestamp");
    web_access(event);
}

fn google(event: &mut Event) {
    whole(event, "httpRequest.requestUrl");
    version(event, "httpRequest.protocol");
    status(event, "httpRequest.status");
    // A span of theirs is `0.123s`.
    if let Some(latency) = said(event, "httpRequest.latency")
        && let Some(nanos) = latency.strip_suffix('s').and_then(web::seconds)
    {
        event.set(Field::EventDuration, nanos);
    }
    web_access(event);
}

fn amazon(event: &mut Event) {
    asked(event, "httpRequest.uri", "httpRequest.args");
    version(event, "httpRequest.httpVersion");
    status(event, "responseCodeSent");
    match event.text(Field::EventAction) {
        Some("ALLOW" | "COUNT") => fill(event, Field::EventOutcome, "success"),
        Some(_) => fill(event, Field::EventOutcome, "failure"),
        None => {}
    }
    web_access(event);
}

fn azure(event: &mut Event) {
    let url = said(event, "properties.requestUri").unwrap_or_default();
    if url.starts_with('/') {
        asked(event, "properties.requestUri", "properties.requestQuery");
    } else {
        whole(event, "properties.requestUri");
    }
    for name in ["properties.host", "properties.hostName"] {
        if event.get(Field::UrlDomain).is_none()
            && let Some(host) = said(event, name)
        {
            web::host(event, &host);
        }
    }
    version(event, "properties.httpVersion");
    for name in ["properties.httpStatus", "properties.httpStatusCode"] {
        status(event, name);
    }
    begun(event, "timeStamp");
    web_access(event);
}

fn kong(event: &mut Event) {
    target(event, &["request.uri"], "request.headers.host");
    status(event, "response.status");
    begun(event, "started_at");
    web_access(event);
}

/// Writes a target whose path and query stand under two names.
fn asked(event: &mut Event, path: &str, query: &str) {
    let Some(path) = said(event, path) else { return };
    let asked = match said(event, query) {
        Some(query) => [path.as_str(), "?", query.trim_start_matches('?')].concat(),
        None => path,
    };
    web::target(event, &asked, Escapes::Unknown);
}

/// Writes a target that stands with its scheme and host: what the client asked for is the path and the query.
fn whole(event: &mut Event, url: &str) {
    if let Some(url) = said(event, url) {
        web::proxied_target(event, &url, Escapes::Unknown);
    }
}

/// Sets the event's time to what stands under a name, unless it is known already.
fn begun(event: &mut Event, name: &str) {
    if event.time != event.ingested {
        return;
    }
    let time = match event.get_extra(name) {
        Some(Value::Text(text)) => moment_of(event, text),
        Some(Value::Integer(count)) => epoch::count(count),
        _ => None,
    };
    if let Some(time) = time {
        event.time = time;
    }
}
