//! What the clouds tell of who did what: AWS CloudTrail, Microsoft Entra sign-ins and Microsoft 365,
//! Okta, Google Cloud.

use model::{Event, Field};

use super::{Dialect, alias, fill, said};

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        dataset: "aws.cloudtrail",
        needs: &["eventSource", "eventName", "awsRegion"],
        fields: &[
            (Field::SourceIp, &["sourceIPAddress"]),
            (
                Field::UserName,
                &[
                    "userIdentity.userName",
                    "userIdentity.sessionContext.sessionIssuer.userName",
                    "userIdentity.arn",
                    "userIdentity.type",
                ],
            ),
            (Field::UserId, &["userIdentity.arn", "userIdentity.principalId"]),
            (Field::EventAction, &["eventName"]),
            (Field::EventProvider, &["eventSource"]),
            (Field::EventReason, &["errorCode", "errorMessage"]),
            (Field::UserAgentOriginal, &["userAgent"]),
        ],
        finish: aws,
    },
    Dialect {
        dataset: "azure.signinlogs",
        needs: &["properties.userPrincipalName", "properties.ipAddress"],
        fields: &[
            (Field::SourceIp, &["properties.ipAddress", "callerIpAddress"]),
            (Field::UserName, &["properties.userPrincipalName"]),
            (Field::EventReason, &["properties.status.failureReason", "resultDescription"]),
            (Field::EventCode, &["properties.status.errorCode", "resultType"]),
            (Field::UserAgentOriginal, &["properties.userAgent"]),
        ],
        finish: |event| azure(event, "properties."),
    },
    Dialect {
        dataset: "azure.signinlogs",
        needs: &["userPrincipalName", "ipAddress"],
        fields: &[
            (Field::SourceIp, &["ipAddress"]),
            (Field::UserName, &["userPrincipalName"]),
            (Field::EventReason, &["status.failureReason"]),
            (Field::EventCode, &["status.errorCode"]),
            (Field::UserAgentOriginal, &["userAgent"]),
        ],
        finish: |event| azure(event, ""),
    },
    Dialect {
        dataset: "okta.system",
        needs: &["eventType", "actor.alternateId"],
        fields: &[
            (Field::SourceIp, &["client.ipAddress"]),
            (Field::UserName, &["actor.alternateId"]),
            (Field::EventAction, &["eventType"]),
            (Field::EventReason, &["outcome.reason"]),
            (Field::UserAgentOriginal, &["client.userAgent.rawUserAgent"]),
        ],
        finish: okta,
    },
    Dialect {
        dataset: "o365.audit",
        needs: &["Operation", "Workload", "UserId"],
        fields: &[
            (Field::SourceIp, &["ClientIP", "ClientIPAddress", "ActorIpAddress"]),
            (Field::UserName, &["UserId"]),
            (Field::EventAction, &["Operation"]),
            (Field::EventProvider, &["Workload"]),
        ],
        finish: microsoft,
    },
    Dialect {
        dataset: "gcp.audit",
        needs: &["protoPayload.methodName", "protoPayload.serviceName"],
        fields: &[
            (Field::SourceIp, &["protoPayload.requestMetadata.callerIp"]),
            (Field::UserName, &["protoPayload.authenticationInfo.principalEmail"]),
            (Field::EventAction, &["protoPayload.methodName"]),
            (Field::EventProvider, &["protoPayload.serviceName"]),
            (Field::EventReason, &["protoPayload.status.message"]),
            (Field::UserAgentOriginal, &["protoPayload.requestMetadata.callerSuppliedUserAgent"]),
        ],
        finish: google,
    },
];

fn aws(event: &mut Event) {
    let answered = said(event, "responseElements.ConsoleLogin");
    let failed = said(event, "errorCode").is_some() || answered.as_deref() == Some("Failure");
    outcome(event, !failed);
}

fn azure(event: &mut Event, prefix: &str) {
    let code = said(event, &format!("{prefix}status.errorCode"));
    let code = code.or_else(|| said(event, "resultType"));
    outcome(event, code.is_none_or(|code| code == "0"));
    fill(event, Field::EventAction, "sign_in");
    fill(event, Field::EventCategory, "authentication");
    let country = format!("{prefix}location.countryOrRegion");
    alias(event, "source.geo.country_iso_code", &country);
}

fn okta(event: &mut Event) {
    match said(event, "outcome.result").as_deref() {
        Some("SUCCESS" | "ALLOW") => outcome(event, true),
        Some("FAILURE" | "DENY") => outcome(event, false),
        _ => {}
    }
    alias(event, "source.geo.country_name", "client.geographicalContext.country");
}

fn microsoft(event: &mut Event) {
    match said(event, "ResultStatus").as_deref() {
        Some("Failed" | "Failure" | "False") => outcome(event, false),
        Some(_) => outcome(event, true),
        None => {}
    }
    if event.text(Field::EventAction) == Some("UserLoginFailed") {
        event.set(Field::EventOutcome, "failure");
    }
}

fn google(event: &mut Event) {
    let code = said(event, "protoPayload.status.code");
    outcome(event, code.is_none_or(|code| code == "0"));
}

fn outcome(event: &mut Event, worked: bool) {
    fill(event, Field::EventOutcome, if worked { "success" } else { "failure" });
}
