//! Realistic traffic, benign and hostile, the same for the same seed.
//!
//! A [`Generator`] gives labelled samples without end, a [`Scenario`] those of one attack that only memory finds; [`send`] plays them through a real front door at a
//! steady rate; [`corpus`] gives plain lines fast, for benchmarks. All hosts and addresses are from the
//! ranges kept for documentation (RFC 5737, RFC 3849, RFC 2606), so nobody is ever accused.

mod access;
mod cast;
mod corpus;
mod dice;
mod generator;
mod hosts;
mod logins;
mod names;
mod scenarios;
mod scenes;
mod sender;
mod stage;
mod syslog;
mod target;

pub use corpus::corpus;
pub use generator::{Config, Generator, Mix};
pub use hosts::{
    FlowAttack, FlowLife, HostLine, LookupAttack, LookupLife, StartAttack, StartLife, WebAttack,
    WebLife, merged,
};
pub use logins::{LoginAttack, LoginAttackKind, LoginLife, LoginLine, LoginProgram};
pub use names::{FAMILIES, Family, Namer};
pub use scenarios::{SCENARIOS, Scenario};
pub use scenes::{SCENES, Scene};
pub use sender::{Control, Plan, Reach, Sent, send};
pub use stage::{Channel, Kind, Sample};
pub use target::{Framing, SimulateError, Target};
