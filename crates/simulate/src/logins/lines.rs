//! How programs tell of an attempt to log in.

use std::fmt::Write;
use std::net::IpAddr;

use model::Timestamp;

use super::LoginLine;
use super::places::{Network, Site};

/// A program that lets people in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginProgram {
    /// An SSH server, by syslog.
    Ssh,
    /// Windows, as a collector sends its events.
    Windows,
    /// A web application that logs in the Elastic Common Schema, with the place of the address.
    Web,
}

/// An attempt to log in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) time: Timestamp,
    pub(crate) program: LoginProgram,
    pub(crate) user: &'a str,
    pub(crate) address: IpAddr,
    pub(crate) site: &'a Site,
    pub(crate) agent: &'a str,
    pub(crate) worked: bool,
}

impl Attempt<'_> {
    /// Gives the line that tells of it.
    pub(crate) fn line(&self) -> LoginLine {
        let text = match self.program {
            LoginProgram::Ssh => self.ssh(),
            LoginProgram::Windows => self.windows(),
            LoginProgram::Web => self.web(),
        };
        LoginLine { time: self.time, text }
    }

    fn ssh(&self) -> String {
        let Self { time, user, address, .. } = self;
        let word = if self.worked { "Accepted" } else { "Failed" };
        format!(
            "<38>1 {time} bastion.simulated.example sshd 811 - - {word} password for {user} from {address} port 51514 ssh2"
        )
    }

    fn windows(&self) -> String {
        let Self { time, user, address, .. } = self;
        let (code, status) = if self.worked {
            (4624, "")
        } else {
            (4625, r#""Status":"0xc000006d","SubStatus":"0xc000006a","#)
        };
        format!(
            r#"{{"@timestamp":"{time}","Channel":"Security","EventID":{code},"Hostname":"dc1.simulated.example","LogonType":10,{status}"TargetUserName":"{user}","IpAddress":"{address}"}}"#
        )
    }

    fn web(&self) -> String {
        let Self { time, user, address, site, agent, .. } = self;
        let outcome = if self.worked { "success" } else { "failure" };
        let mut line = format!(
            r#"{{"@timestamp":"{time}","event":{{"category":"authentication","outcome":"{outcome}"}},"user":{{"name":"{user}"}},"user_agent":{{"original":"{agent}"}},"source":{{"ip":"{address}""#
        );
        if !matches!(site.network, Network::Own(_)) {
            let Site { country, city, latitude, longitude, owner, owner_name, .. } = site;
            // Writing to a string cannot fail.
            let _ = write!(
                line,
                r#","geo":{{"country_iso_code":"{country}","city_name":"{city}","location":{{"lat":{latitude},"lon":{longitude}}}}},"as":{{"number":{owner},"organization":{{"name":"{owner_name}"}}}}"#
            );
        }
        line.push_str("}}");
        line
    }
}
