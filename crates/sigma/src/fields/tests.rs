//! Each field of the public rules: where we look for it, or why it is called as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};

use super::*;
use crate::reading::yaml::{self, Kind, Yaml};

/// Names that no table has, since the program that writes the log uses them itself, by product:
/// its JSON comes in with them.
const NATIVE: &[(&str, &str)] = &[
    ("aws", "CloudTrail's own JSON"),
    ("azure", "the JSON that Azure exports"),
    ("bitbucket", "Bitbucket's audit log, JSON"),
    ("cisco", "Duo's own JSON"),
    ("gcp", "the JSON of Google's logs"),
    ("github", "GitHub's audit log, JSON"),
    ("kubernetes", "the API server's audit log, JSON"),
    ("linux", "the audit log's own names"),
    ("m365", "Microsoft 365's audit log, JSON"),
    ("okta", "Okta's own JSON"),
    ("onelogin", "OneLogin's own JSON"),
    ("opencanary", "OpenCanary's own JSON"),
    ("qualys", "ECS names"),
    ("rpc_firewall", "names of RPC Firewall's events, in EventData"),
    ("zeek", "Zeek's own JSON"),
];

/// Names of log sources without a product.
const NATIVE_ANYWHERE: &[(&str, &str)] =
    &[("blocked", "what firewalls say that tell no action; no schema has it")];

#[test]
fn the_likeliest_place_stands_first() {
    check(
        "windows/process_creation/",
        "Image",
        expect!["Image, winlog.event_data.Image, process.executable, NewProcessName"],
    );
    check(
        "windows//security",
        "SubjectUserName",
        expect![[
            "SubjectUserName, winlog.event_data.SubjectUserName, winlog.user_data.SubjectUserName"
        ]],
    );
    check("windows//security", "EventID", expect!["EventID, event.code"]);
    check(
        "windows/ps_script/",
        "ScriptBlockText",
        expect![
            "ScriptBlockText, winlog.event_data.ScriptBlockText, powershell.file.script_block_text"
        ],
    );
    check(
        "windows//windefend",
        "ThreatName",
        expect![
            "ThreatName, winlog.event_data.ThreatName, winlog.user_data.ThreatName, winlog.event_data.Threat Name"
        ],
    );
    check("linux/process_creation/", "Image", expect!["Image, process.executable"]);
    check("/webserver/", "cs-uri-query", expect!["cs-uri-query, url.query"]);
    check("/proxy/", "c-useragent", expect!["c-useragent, user_agent.original"]);
    check("/firewall/", "dst_port", expect!["dst_port, destination.port"]);
    check("/dns/", "query", expect!["query, dns.question.name"]);
    check("aws//cloudtrail", "eventName", expect!["eventName, event.action"]);
    check("linux//sshd", "user.name", expect!["user.name"]);
}

#[test]
fn names_stand_once_and_in_order() {
    for table in TABLES.iter().copied().flatten() {
        assert!(table.names.is_sorted_by(|one, next| one.0 < next.0));
    }
}

#[test]
fn every_field_of_the_public_rules_is_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/sigma");
    let mut fields: BTreeMap<(String, Logsource), PathBuf> = BTreeMap::new();
    each_rule(&root, &mut |path, rule| {
        let logsource = logsource_of(rule);
        let selections = rule.get("detection").map(Yaml::entries).unwrap_or_default();
        for (_, selection) in selections {
            each_field(selection, &mut |field| {
                fields.entry((field.to_owned(), logsource.clone())).or_insert(path.to_owned());
            });
        }
    });
    if fields.is_empty() {
        return;
    }
    let mut unmapped = BTreeSet::new();
    let mut mapped_count = 0;
    let mut native: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for ((field, logsource), path) in &fields {
        let product = logsource.product.as_deref().unwrap_or_default();
        let mapped = places(field, logsource).len() > 1
            || matches!(FieldRef::by_name(field), FieldRef::Known(_));
        let anywhere = || NATIVE_ANYWHERE.iter().any(|row| row.0 == field && !row.1.is_empty());
        if mapped || (product.is_empty() && anywhere()) {
            mapped_count += 1;
        } else if let Some((product, _)) = NATIVE.iter().find(|row| row.0 == product) {
            native.entry(product).or_default().insert(field);
        } else {
            unmapped.insert(format!("{field} of {logsource:?} in {}", path.display()));
        }
    }
    assert!(unmapped.is_empty(), "{unmapped:#?}");
    assert!(mapped_count > 390, "{mapped_count}");
    let told: Vec<String> = native
        .iter()
        .map(|(product, names)| {
            format!("{product}: {}\n", names.iter().copied().collect::<Vec<_>>().join(", "))
        })
        .collect();
    expect![[r"
        aws: additionalEventData.MFAUsed, requestParameters.attribute, requestParameters.containerDefinitions.command, requestParameters.enable, requestParameters.layers, responseElements.ConsoleLogin, responseElements.pendingModifiedValues.masterUserPassword, responseElements.publiclyAccessible
        azure: ActivityDetails, ActivityDisplayName, ActivityType, AuthenticationRequirement, CategoryValue, ClientApp, ConsentContext.IsAdminConsent, DeviceDetail.deviceId, DeviceDetail.isCompliant, DeviceDetail.trusttype, Initiatedby, LoggedByService, NetworkLocationDetails, ResourceDisplayName, ResourceId, ResourceProviderValue, ResultDescription, Resultdescription, RiskState, Target, TargetResources, TargetResources.ModifiedProperties.DisplayName, TargetResources.ModifiedProperties.NewValue, TargetResources.modifiedProperties, TargetResources.modifiedProperties.newValue, Username, activityType, additionalDetails.additionalInfo, category, failure_status_reason, properties.result, properties.targetResources, targetResources.type
        bitbucket: auditType.action, auditType.category
        cisco: event_type, reason
        gcp: data.protoPayload.authorizationInfo.granted, data.protoPayload.authorizationInfo.permission, data.protoPayload.logName, data.protoPayload.methodName, data.protoPayload.resource.type, data.protoPayload.serviceName, new_value, protoPayload.Servicename, protoPayload.metadata.event.eventName, protoPayload.serviceName, setting_name
        github: action
        kubernetes: apiGroup, capabilities, hostPath, objectRef.apiGroup
        linux: a0, a1, a2, a3, a4, a5, a6, a7, euid, key, nametype, unit
        m365: ApplicationId, DeliveryAction, Directionality, ObjectId, OperationProperties, Parameters, Payload, RequestType
        okta: debugContext.debugData.logOnlySecurityData, legacyEventType
        onelogin: event_type_id
        opencanary: logtype
        qualys: host.scan.vuln, host.scan.vuln_name
        rpc_firewall: EventID, EventLog, InterfaceUuid, OpNum
        zeek: Z, rejected
    "]].assert_eq(&told.concat());
    assert!(
        NATIVE.iter().all(|(product, reason)| native.contains_key(product) && !reason.is_empty())
    );
}

#[track_caller]
fn check(logsource: &str, field: &str, expect: Expect) {
    let mut parts = logsource.split('/').map(|part| (!part.is_empty()).then(|| part.to_owned()));
    let mut next = || parts.next().flatten();
    let logsource = Logsource { product: next(), category: next(), service: next() };
    let names: Vec<String> = places(field, &logsource).iter().map(ToString::to_string).collect();
    expect.assert_eq(&names.join(", "));
}

fn each_rule(folder: &Path, each: &mut impl FnMut(&Path, &Yaml)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            each_rule(&path, each);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            let text = fs::read_to_string(&path).unwrap();
            for document in &yaml::parse(&text).0 {
                each(&path, document);
            }
        }
    }
}

fn logsource_of(rule: &Yaml) -> Logsource {
    let part = |name| Some(rule.get("logsource")?.get(name)?.text()?.to_owned());
    Logsource { product: part("product"), category: part("category"), service: part("service") }
}

fn each_field(selection: &Yaml, each: &mut impl FnMut(&str)) {
    match &selection.kind {
        Kind::Map(entries) => {
            for (key, _) in entries {
                let key = key.scalar().unwrap_or_default();
                let name = key.split('|').next().unwrap_or_default();
                if !name.is_empty() {
                    each(name);
                }
            }
        }
        Kind::List(items) => items.iter().for_each(|item| each_field(item, each)),
        _ => {}
    }
}
