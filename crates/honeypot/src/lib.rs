//! Decoy services: each plays one, records what is done to it, and does nothing that it is told.
//!
//! ```text
//! listener ─▶ admission (bounds per source) ─▶ Session ─▶ DECOYS row's `serve`
//!                                                │ Visit: events to the line, transcript and files to the vault
//! ```
//!
//! A decoy never connects out and never runs anything. All of them share one [`Persona`], so that what
//! one service says agrees with what the others say. A new decoy is a file in `decoys/` and a row in
//! [`DECOYS`]; what it is given is described at [`Session`].

mod admission;
mod config;
mod decoys;
mod der;
mod drive;
mod held;
mod house;
mod listener;
mod ntlm;
mod octets;
mod pace;
mod persona;
mod scram;
mod session;
mod shell;
mod spnego;
mod sql;
mod talk;
mod text;
mod vault;
mod visitor;

#[cfg(any(test, fuzzing))]
pub mod fuzzing;
#[cfg(test)]
mod testing;

pub use config::{Account, Admit, Allowed, Bounds, Config, Fault, PersonaConfig, ServiceConfig};
pub use decoys::{DECOYS, Decoy, Serve};
pub use house::{Decoys, Start, StartError, start};
pub use persona::{Keys, Os, Persona, PersonaError, User};
pub use session::{End, Fields, Outcome, Session, Upload, Visit};
pub use vault::{
    Kept, QuarantinedFile, Transcript, TranscriptHead, TranscriptPart, Vault, VaultError, Way,
};
