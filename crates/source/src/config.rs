//! What the table `[inputs]` of the configuration holds.

use serde::{Deserialize, Serialize};

use crate::sources::file::FileConfig;
use crate::sources::http::HttpConfig;
use crate::sources::relp::RelpConfig;
use crate::sources::stdin::StdinConfig;
use crate::sources::syslog_tcp::SyslogTcpConfig;
use crate::sources::syslog_udp::SyslogUdpConfig;

const LINE_BYTES_MIN: usize = 512;
const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Where a line is cut unless the configuration says otherwise.
pub(crate) const LINE_BYTES_DEFAULT: usize = 64 * 1024;

/// The inputs, each a table of its own: `[inputs.syslog_udp]`, `[[inputs.file]]` and so on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Syslog in datagrams.
    pub syslog_udp: SyslogUdpConfig,
    /// Syslog in streams.
    pub syslog_tcp: SyslogTcpConfig,
    /// Messages that rsyslog hands over reliably.
    pub relp: RelpConfig,
    /// Records posted over HTTP.
    pub http: HttpConfig,
    /// Standard input.
    pub stdin: StdinConfig,
    /// Log files that grow.
    pub file: Vec<FileConfig>,
}

/// What is wrong with the configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key, such as `inputs.syslog_tcp.line_bytes_max`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Config {
    /// Gives every fault at once; `path` is where the table stands, such as `inputs`.
    pub fn validate(&self, path: &str) -> Vec<Fault> {
        let mut faults = Faults::default();
        self.syslog_udp.validate(&format!("{path}.syslog_udp"), &mut faults);
        self.syslog_tcp.validate(&format!("{path}.syslog_tcp"), &mut faults);
        self.relp.validate(&format!("{path}.relp"), &mut faults);
        self.http.validate(&format!("{path}.http"), &mut faults);
        self.stdin.validate(&format!("{path}.stdin"), &mut faults);
        for (index, file) in self.file.iter().enumerate() {
            file.validate(&format!("{path}.file[{index}]"), &mut faults);
        }
        faults.0
    }

    /// Gives the same configuration with every input off.
    #[must_use]
    pub fn silent() -> Self {
        let mut config = Self::default();
        config.syslog_udp.enabled = false;
        config.syslog_tcp.enabled = false;
        config
    }
}

/// Faults, as they are found.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, path: String, message: impl Into<String>) {
        self.0.push(Fault { path, message: message.into() });
    }

    /// Checks that `number` lies within `range`.
    pub(crate) fn within<N>(&mut self, path: String, number: N, range: std::ops::RangeInclusive<N>)
    where
        N: PartialOrd + std::fmt::Display,
    {
        if !range.contains(&number) {
            let (least, most) = range.into_inner();
            self.add(path, format!("must be between {least} and {most}, but is {number}"));
        }
    }

    pub(crate) fn line_bytes(&mut self, path: &str, bytes: usize) {
        self.within(format!("{path}.line_bytes_max"), bytes, LINE_BYTES_MIN..=LINE_BYTES_MAX);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn defaults_are_valid() {
        check("", expect!["no fault"]);
    }

    #[test]
    fn all_faults_at_once() {
        check(
            "[syslog_udp]\nline_bytes_max = 1\n[syslog_tcp]\nconnections_max = 0\n\
             [http]\nenabled = true\nlisten = '0.0.0.0:8441'\n[[file]]\npaths = ['/var/log/[']\n",
            expect![[r"
                inputs.syslog_udp.line_bytes_max: must be between 512 and 1048576, but is 1
                inputs.syslog_tcp.connections_max: must be between 1 and 65536, but is 0
                inputs.http.token: an address that others can reach needs a token or token_file
                inputs.file[0].paths[0]: is no pattern: Pattern syntax error near position 9: invalid range pattern"]],
        );
    }

    #[test]
    fn unknown_keys_are_errors() {
        check(
            "[syslog_udp]\nport = 1\n",
            expect![
                "unknown field `port`, expected one of `enabled`, `listen`, `line_bytes_max`, `receive_buffer_bytes`"
            ],
        );
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let shown = match toml::from_str::<Config>(text) {
            Err(error) => error.message().to_owned(),
            Ok(config) => {
                let faults = config.validate("inputs");
                let lines: Vec<String> = faults
                    .iter()
                    .map(|fault| format!("{}: {}", fault.path, fault.message))
                    .collect();
                if lines.is_empty() { "no fault".to_owned() } else { lines.join("\n") }
            }
        };
        expect.assert_eq(&shown);
    }
}
