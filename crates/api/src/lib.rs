//! HTTP: the console, its API, its live stream, and who may use them.
//!
//! The API knows the events, the alerts and the catalog, and of the rest of the process only what
//! [`Runtime`] says. It is the control plane: whatever happens here, the line goes on.

mod accounts;
mod assets;
mod caller;
mod clock;
mod downloads;
mod error;
mod extract;
mod guard;
mod listen;
mod live;
mod overview;
mod password;
mod refusals;
mod routes;
mod runtime;
mod server;
mod state;
#[cfg(test)]
mod tests;
mod token;

pub use accounts::{
    Account, AccountError, TokenWanted, add_token, add_user, issue_setup_link, set_password,
};
pub use live::Live;
pub use password::{PasswordError, hash_password};
pub use runtime::{
    Counters, InputCounters, LogIn, Method, Metric, OverrideEdit, OverrideError, PacketsError,
    PacketsWanted, RuleDetail, RuleFault, RuleItem, RuleOverride, RulesHealth, RulesNews,
    RulesStatus, RulesView, Runtime, Simulation, SimulationAction,
};
pub use server::{router, serve};
pub use state::{App, AppState, Config, Hosts, Parts};

pub(crate) use error::ApiError;
