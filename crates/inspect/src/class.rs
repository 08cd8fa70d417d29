//! The classes of attack, by the names that events and rules use.

use std::fmt;

/// A class of attack on a web application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// SQL in a value that breaks out of, or extends, a statement.
    SqlInjection,
    /// Markup or script that a browser would run.
    CrossSiteScripting,
    /// A path that climbs out of its root, or names a file no page serves.
    PathTraversal,
    /// Shell syntax followed by a command.
    CommandInjection,
    /// A Java logging lookup that loads code (CVE-2021-44228 and kin).
    Log4shell,
    /// A template expression that computes or reaches into the server.
    TemplateInjection,
    /// Operators of document databases where a value belongs.
    NosqlInjection,
    /// Line breaks that add headers, mail commands or log lines.
    HeaderInjection,
    /// An address that makes the server fetch from inside.
    ServerSideRequestForgery,
    /// XML that declares external entities.
    XmlExternalEntity,
    /// LDAP filter syntax that changes a filter.
    LdapInjection,
    /// Code of the server's own language: PHP, Java, JavaScript, Perl.
    CodeInjection,
    /// A serialised object that runs code when read.
    Deserialization,
    /// A server-side include directive.
    ServerSideInclude,
    /// A client that names itself as an attack tool, or asks for what only such a tool asks for.
    Scanner,
    /// XPath that changes the expression it stands in.
    XpathInjection,
    /// An address from outside where the name of a file to include belongs.
    RemoteFileInclusion,
    /// Keys that reach the prototype of all objects (JavaScript).
    PrototypePollution,
    /// A session chosen by somebody else.
    SessionFixation,
    /// A file that runs, or makes others run, where it is put.
    MaliciousUpload,
    /// A request that changes something, sent by a page of another site.
    CrossSiteRequestForgery,
    /// A message whose end two readers see in different places.
    RequestSmuggling,
}

impl Class {
    /// Gives the name used in events, rules and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SqlInjection => "sql_injection",
            Self::CrossSiteScripting => "cross_site_scripting",
            Self::PathTraversal => "path_traversal",
            Self::CommandInjection => "command_injection",
            Self::Log4shell => "log4shell",
            Self::TemplateInjection => "template_injection",
            Self::NosqlInjection => "nosql_injection",
            Self::HeaderInjection => "header_injection",
            Self::ServerSideRequestForgery => "server_side_request_forgery",
            Self::XmlExternalEntity => "xml_external_entity",
            Self::LdapInjection => "ldap_injection",
            Self::CodeInjection => "code_injection",
            Self::Deserialization => "deserialization",
            Self::ServerSideInclude => "server_side_include",
            Self::Scanner => "scanner",
            Self::XpathInjection => "xpath_injection",
            Self::RemoteFileInclusion => "remote_file_inclusion",
            Self::PrototypePollution => "prototype_pollution",
            Self::SessionFixation => "session_fixation",
            Self::MaliciousUpload => "malicious_upload",
            Self::CrossSiteRequestForgery => "cross_site_request_forgery",
            Self::RequestSmuggling => "request_smuggling",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
