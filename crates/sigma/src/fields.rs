//! Where our events keep what Sigma's field names mean.
//!
//! A name is looked up under itself first, so flat events that use Sigma's names work as they are;
//! then under the ECS names below. Rules that use ECS names need no row.

use model::Field;
use query::FieldRef;

use crate::Logsource;

/// The names of the categories `webserver` and `proxy`.
const WEB: &[(&str, &[Field])] = &[
    ("c-ip", &[Field::SourceIp]),
    ("c-uri", &[Field::UrlOriginal, Field::UrlFull]),
    ("c-uri-extension", &[Field::UrlExtension]),
    ("c-uri-query", &[Field::UrlQuery]),
    ("c-uri-stem", &[Field::UrlPath]),
    ("c-useragent", &[Field::UserAgentOriginal]),
    ("cs-bytes", &[Field::RequestBytes]),
    ("cs-host", &[Field::UrlDomain]),
    ("cs-method", &[Field::RequestMethod]),
    ("cs-referer", &[Field::RequestReferrer]),
    ("cs-referrer", &[Field::RequestReferrer]),
    ("cs-uri", &[Field::UrlOriginal, Field::UrlFull]),
    ("cs-uri-query", &[Field::UrlQuery]),
    ("cs-uri-stem", &[Field::UrlPath]),
    ("cs-user-agent", &[Field::UserAgentOriginal]),
    ("cs-username", &[Field::UserName]),
    ("cs-version", &[Field::HttpVersion]),
    ("dst_ip", &[Field::DestinationIp]),
    ("r-dns", &[Field::UrlDomain]),
    ("sc-bytes", &[Field::ResponseBytes, Field::ResponseBodyBytes]),
    ("sc-status", &[Field::ResponseStatus]),
    ("src_ip", &[Field::SourceIp]),
];

/// The names of everything else but Windows, whose events come with Sigma's own names.
const UNIX: &[(&str, &[Field])] = &[
    ("CommandLine", &[Field::ProcessCommandLine]),
    ("CurrentDirectory", &[Field::ProcessWorkingDirectory]),
    ("DestinationHostname", &[Field::DestinationDomain]),
    ("DestinationIp", &[Field::DestinationIp]),
    ("DestinationPort", &[Field::DestinationPort]),
    ("Image", &[Field::ProcessExecutable]),
    ("ParentCommandLine", &[Field::ParentCommandLine]),
    ("ParentImage", &[Field::ParentExecutable]),
    ("ParentProcessId", &[Field::ParentPid]),
    ("ProcessId", &[Field::ProcessPid]),
    ("QueryName", &[Field::DnsQuestionName]),
    ("SourceIp", &[Field::SourceIp]),
    ("SourcePort", &[Field::SourcePort]),
    ("TargetFilename", &[Field::FilePath]),
    ("User", &[Field::UserName]),
    ("USER", &[Field::UserName]),
    ("dst_ip", &[Field::DestinationIp]),
    ("dst_port", &[Field::DestinationPort]),
    ("query", &[Field::DnsQuestionName]),
    ("src_ip", &[Field::SourceIp]),
    ("src_port", &[Field::SourcePort]),
];

/// Gives where to look for a Sigma field, the likeliest place first.
pub(crate) fn places(name: &str, logsource: &Logsource) -> Vec<FieldRef> {
    let table = match (logsource.category.as_deref(), logsource.product.as_deref()) {
        (Some("webserver" | "proxy"), _) | (_, Some("apache" | "nginx")) => WEB,
        (_, Some("windows")) => &[],
        _ => UNIX,
    };
    let mapped = table.iter().find(|(sigma, _)| *sigma == name).map_or(&[][..], |(_, ecs)| ecs);
    std::iter::once(FieldRef::by_name(name))
        .chain(mapped.iter().map(|field| FieldRef::Known(*field)))
        .collect()
}
