//! The request as far as an access log tells of it.

use crate::{Request, Verdict, inspect};

/// The parts of a request that the common access-log formats keep.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccessLog<'a> {
    /// The method, as logged.
    pub method: &'a str,
    /// Path and query, as logged.
    pub target: &'a str,
    /// The `Referer` header; a lone `-` means absent.
    pub referrer: Option<&'a str>,
    /// The `User-Agent` header; a lone `-` means absent.
    pub user_agent: Option<&'a str>,
}

impl<'a> AccessLog<'a> {
    /// Gives the two headers that a log keeps, empty where the log had none.
    pub fn headers(&self) -> [(&'a str, &'a str); 2] {
        [("referer", logged(self.referrer)), ("user-agent", logged(self.user_agent))]
    }

    /// Gives the request that these parts make; `headers` comes from [`AccessLog::headers`].
    pub fn request(&self, headers: &'a [(&'a str, &'a str)]) -> Request<'a> {
        Request {
            method: self.method,
            target: self.target,
            version: "",
            headers,
            body: b"",
            whole: false,
        }
    }
}

/// Inspects what an access log tells of a request.
pub fn inspect_access_log(log: &AccessLog<'_>) -> Verdict {
    inspect(&log.request(&log.headers()))
}

fn logged(value: Option<&str>) -> &str {
    value.filter(|value| *value != "-").unwrap_or("")
}
