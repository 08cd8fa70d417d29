//! Clouds and services: their own names stand first; these rows are for the events of collectors
//! that translate them, where that is known.

use super::{Table, is_one, is_product};

pub(super) const TABLES: &[Table] = &[
    Table { fits: |source| is_product(source, "aws"), names: AWS },
    Table { fits: |source| is_product(source, "azure"), names: AZURE },
    Table { fits: |source| is_product(source, "gcp"), names: GCP },
    Table { fits: |source| is_product(source, "m365"), names: M365 },
    Table { fits: |source| is_product(source, "okta"), names: OKTA },
    Table {
        fits: |source| {
            is_product(source, "kubernetes") || is_one(source.service.as_deref(), &["kubernetes"])
        },
        names: KUBERNETES,
    },
];

const AWS: &[(&str, &[&str])] = &[
    ("errorCode", &["aws.cloudtrail.error_code"]),
    ("errorMessage", &["aws.cloudtrail.error_message"]),
    ("eventName", &["event.action"]),
    ("eventSource", &["event.provider"]),
    ("eventType", &["aws.cloudtrail.event_type"]),
    ("requestParameters", &["aws.cloudtrail.request_parameters"]),
    ("responseElements", &["aws.cloudtrail.response_elements"]),
    ("sourceIPAddress", &["source.ip", "source.address"]),
    ("status", &["event.outcome"]),
    ("userAgent", &["user_agent.original"]),
    ("userIdentity.arn", &["aws.cloudtrail.user_identity.arn"]),
    (
        "userIdentity.sessionContext.sessionIssuer.type",
        &["aws.cloudtrail.user_identity.session_context.session_issuer.type"],
    ),
    ("userIdentity.type", &["aws.cloudtrail.user_identity.type"]),
];

const AZURE: &[(&str, &[&str])] = &[
    ("Category", &["azure.auditlogs.properties.category"]),
    ("OperationName", &["azure.auditlogs.operation_name", "operationName"]),
    ("OperationNameValue", &["operationName.value", "azure.activitylogs.operation_name"]),
    ("ResultType", &["azure.signinlogs.result_type", "resultType"]),
    ("Status", &["azure.signinlogs.properties.status.error_code", "event.outcome"]),
    ("conditionalAccessStatus", &["azure.signinlogs.properties.conditional_access_status"]),
    ("operationName", &["azure.activitylogs.operation_name", "azure.auditlogs.operation_name"]),
    ("properties.message", &["azure.activitylogs.event_category", "operationName"]),
    ("riskEventType", &["azure.identityprotection.properties.risk_event_type"]),
    ("userAgent", &["user_agent.original"]),
];

const GCP: &[(&str, &[&str])] = &[
    ("eventName", &["event.action"]),
    ("eventService", &["event.provider"]),
    (
        "gcp.audit.method_name",
        &["protoPayload.methodName", "data.protoPayload.methodName", "event.action"],
    ),
];

const M365: &[(&str, &[&str])] = &[
    ("Operation", &["event.action"]),
    ("ResultStatus", &["event.outcome"]),
    ("Workload", &["event.provider"]),
    ("eventName", &["event.action"]),
    ("eventSource", &["event.provider"]),
    ("status", &["event.outcome"]),
];

const OKTA: &[(&str, &[&str])] = &[
    ("actor.alternateId", &["okta.actor.alternate_id"]),
    ("debugContext.debugData.behaviors", &["okta.debug_context.debug_data.behaviors"]),
    ("debugContext.debugData.requestUri", &["okta.debug_context.debug_data.request_uri"]),
    ("displayMessage", &["okta.display_message"]),
    ("eventType", &["okta.event_type", "event.action"]),
    ("eventtype", &["okta.event_type", "event.action"]),
    ("outcome.reason", &["okta.outcome.reason"]),
    ("outcome.result", &["okta.outcome.result"]),
    ("securityContext.isProxy", &["okta.security_context.is_proxy"]),
    ("target.displayName", &["okta.target.display_name"]),
];

const KUBERNETES: &[(&str, &[&str])] = &[
    ("objectRef.namespace", &["kubernetes.audit.objectRef.namespace"]),
    ("objectRef.resource", &["kubernetes.audit.objectRef.resource"]),
    ("objectRef.subresource", &["kubernetes.audit.objectRef.subresource"]),
    ("requestURI", &["kubernetes.audit.requestURI"]),
    ("responseStatus.code", &["kubernetes.audit.responseStatus.code"]),
    ("userAgent", &["user_agent.original"]),
    ("verb", &["kubernetes.audit.verb", "event.action"]),
];
