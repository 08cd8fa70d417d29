//! Log-ins in other people's names, from all over the world.

use std::net::IpAddr;

use super::Scene;
use crate::cast;
use crate::logins::{self, Attempt, LoginProgram, Site};
use crate::stage::{Kind, Stage};

pub(crate) const SCENES: &[Scene] = &[
    scene("impossible_travel", Kind::Named, 4, impossible_travel),
    scene("account_guessed_from_everywhere", Kind::Named, 4, account_guessed_from_everywhere),
    scene("scattered_spray", Kind::Hidden, 6, scattered_spray),
    scene("tunnel", Kind::Benign, 2, tunnel),
];

const fn scene(label: &'static str, kind: Kind, weight: u32, play: fn(&mut Stage)) -> Scene {
    Scene { label, kind, weight, play }
}

const PORTAL: &str = "portal.simulated.example";

/// Adds what the portal logs of an attempt.
fn portal(stage: &mut Stage, user: &str, site: &Site, agent: &str) {
    let address = site.network.address(&mut stage.dice);
    let program = LoginProgram::Web;
    let time = stage.now();
    let attempt = Attempt { time, program, user, address, site, agent, worked: true };
    stage.log(PORTAL, "portal", &attempt.line().text);
}

fn failed(stage: &mut Stage, user: &str, from: IpAddr) {
    stage.connect();
    let port = cast::port(&mut stage.dice);
    let text = format!("Failed password for {user} from {from} port {port} ssh2");
    stage.log("bastion.simulated.example", "sshd", &text);
}

/// The user is in the office, and seconds later far away.
fn impossible_travel(stage: &mut Stage) {
    let user = stage.dice.pick(cast::PEOPLE);
    let agent = stage.dice.favour(cast::BROWSERS);
    let far = stage.dice.below(0x4000);
    portal(stage, user, &logins::office(), agent);
    portal(stage, user, &logins::attacker(far), "python-requests/2.32.4");
}

/// Somebody who goes from the office into the company's tunnel, which ends in another city.
fn tunnel(stage: &mut Stage) {
    let user = stage.dice.pick(cast::PEOPLE);
    let agent = stage.dice.favour(cast::BROWSERS);
    portal(stage, user, &logins::office(), agent);
    portal(stage, user, &logins::tunnel(), agent);
}

/// Each of many networks tries once, as a user who was here before.
fn account_guessed_from_everywhere(stage: &mut Stage) {
    let user = stage.dice.pick(cast::PEOPLE);
    portal(stage, user, &logins::office(), "curl/8.14.1");
    let first = stage.dice.below(0x4000);
    for number in 0..stage.dice.between(10, 14) {
        let from = logins::attacker(first + number).network.address(&mut stage.dice);
        failed(stage, user, from);
    }
}

/// The addresses of one network share out a list of names.
fn scattered_spray(stage: &mut Stage) {
    let index = stage.dice.below(0x4000);
    let network = logins::attacker(index).network;
    for number in 0..12 {
        let from = network.address(&mut stage.dice);
        failed(stage, &format!("m.mustermann{number}"), from);
    }
}
