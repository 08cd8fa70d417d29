//! What happens: each scene is a happening of one or several lines.

mod benign;
mod hidden;
mod logins;
mod named;
mod payloads;

use crate::stage::{Kind, Stage};

/// One happening.
pub struct Scene {
    /// Its name, such as `ssh_brute_force`.
    pub label: &'static str,
    /// What it is.
    pub kind: Kind,
    /// How often it is picked among those of its kind.
    pub weight: u32,
    pub(crate) play: fn(&mut Stage),
}

/// All scenes.
pub const SCENES: &[&[Scene]] = &[benign::SCENES, named::SCENES, hidden::SCENES, logins::SCENES];

/// What plays when nothing else does.
pub(crate) const QUIET: Scene =
    Scene { label: "systemd", kind: Kind::Benign, weight: 1, play: benign::systemd };
