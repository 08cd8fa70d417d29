//! Attacks that hide: in odd encodings, below every threshold, in noise, behind a borrowed name.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::{Scene, payloads};
use crate::access::{
    Access, fullwidth, mixed_case_comments, overlong, percent, percent_twice, percent_u,
};
use crate::cast;
use crate::stage::{Kind, Stage};

pub(crate) const SCENES: &[Scene] = &[
    scene("double_percent", 12, double_percent),
    scene("overlong_utf8", 10, overlong_utf8),
    scene("percent_u", 8, percent_u_encoded),
    scene("mixed_case_comments", 12, sql_in_comments),
    scene("fullwidth", 6, in_fullwidth),
    scene("base64_parameter", 12, base64_parameter),
    scene("spelled_lookup", 8, spelled_lookup),
    scene("null_byte", 6, null_byte),
    scene("split_parameter", 6, split_parameter),
    scene("high_entropy_parameter", 8, high_entropy_parameter),
    scene("huge_payload", 4, huge_payload),
    scene("slow_brute_force", 12, slow_brute_force),
    scene("distributed_brute_force", 10, distributed_brute_force),
    scene("user_that_imitates_an_address", 8, user_that_imitates_an_address),
    scene("line_that_imitates_a_log", 6, line_that_imitates_a_log),
];

const fn scene(label: &'static str, weight: u32, play: fn(&mut Stage)) -> Scene {
    Scene { label, kind: Kind::Hidden, weight, play }
}

/// What a huge payload is padded to; with its header it still fits a datagram.
const HUGE_BYTES_MAX: u64 = 30_000;

const BENIGN_LOOKING: &[&str] = &["/images/resize?src=", "/r?u=", "/share?state=", "/cdn?cfg="];

fn any_payload(stage: &mut Stage) -> &'static str {
    let class =
        stage.dice.pick(&[payloads::SQL, payloads::SCRIPT, payloads::TRAVERSAL, payloads::COMMAND]);
    stage.dice.pick(class)
}

/// Sends a value whose disguise is already on, from an address with a browser's name.
fn send(stage: &mut Stage, disguised: &str) {
    let from = cast::hider(&mut stage.dice);
    let place = stage.dice.pick(payloads::PLACES);
    send_to(stage, Access::get(from, format!("{place}{disguised}")));
}

fn send_to(stage: &mut Stage, access: Access) {
    let mut access = access;
    access.bytes = stage.dice.between(300, 20_000);
    stage.dice.pick(cast::BROWSERS).clone_into(&mut access.agent);
    stage.access(&access);
}

fn double_percent(stage: &mut Stage) {
    let payload = any_payload(stage);
    send(stage, &percent_twice(payload));
}

fn overlong_utf8(stage: &mut Stage) {
    let class = stage.dice.pick(&[payloads::TRAVERSAL, payloads::SCRIPT]);
    let payload = stage.dice.pick(class);
    send(stage, &overlong(payload));
}

fn percent_u_encoded(stage: &mut Stage) {
    let payload = any_payload(stage);
    send(stage, &percent_u(payload));
}

fn sql_in_comments(stage: &mut Stage) {
    let payload = stage.dice.pick(payloads::SQL);
    send(stage, &mixed_case_comments(payload));
}

fn in_fullwidth(stage: &mut Stage) {
    let payload = any_payload(stage);
    send(stage, &fullwidth(payload));
}

fn base64_parameter(stage: &mut Stage) {
    let payload = any_payload(stage);
    let packed = if stage.dice.chance(50) {
        percent(&STANDARD.encode(payload))
    } else {
        URL_SAFE_NO_PAD.encode(payload)
    };
    let from = cast::hider(&mut stage.dice);
    let place = stage.dice.pick(BENIGN_LOOKING);
    send_to(stage, Access::get(from, format!("{place}{packed}")));
}

fn spelled_lookup(stage: &mut Stage) {
    let from = cast::hider(&mut stage.dice);
    let payload = stage.dice.pick(payloads::LOOKUP_SPELLED);
    let mut access = Access::get(from, "/");
    payload.clone_into(&mut access.referer);
    send_to(stage, access);
}

fn null_byte(stage: &mut Stage) {
    let payload = stage.dice.pick(payloads::TRAVERSAL);
    let disguised = format!("{}%00.png", percent(payload));
    send(stage, &disguised);
}

fn split_parameter(stage: &mut Stage) {
    let from = cast::hider(&mut stage.dice);
    let target = stage.dice.pick(&[
        "/product?id=1&id=%20UNION/*&id=*/SELECT/*&id=*/password/*&id=*/FROM/*&id=*/users",
        "/product?id=1%0b%0cUNION%a0SELECT%0a1,2,3",
        "/product?id=1/*!50000UNION*//*!50000SELECT*/1,2,concat(user(),0x3a,version())",
        "/search?q=%3Cscr%00ipt%3Ealert(1)%3C/scr%00ipt%3E",
    ]);
    send_to(stage, Access::get(from, target));
}

fn high_entropy_parameter(stage: &mut Stage) {
    let dice = &mut stage.dice;
    let length = usize::try_from(dice.between(300, 1200)).unwrap_or(300);
    let noise =
        dice.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", length);
    let from = cast::hider(dice);
    let number = dice.below(10_000);
    send_to(stage, Access::get(from, format!("/pixel.gif?id={number}&d={noise}")));
}

fn huge_payload(stage: &mut Stage) {
    let dice = &mut stage.dice;
    let length = usize::try_from(dice.between(6000, HUGE_BYTES_MAX)).unwrap_or(6000);
    let filling = dice.text(b"abcdefghij ", length);
    let payload = dice.pick(payloads::SQL);
    let from = cast::hider(dice);
    let target = format!("/search?q={}{}", filling.replace(' ', "+"), percent(payload));
    send_to(stage, Access::get(from, target));
}

fn slow_brute_force(stage: &mut Stage) {
    let Some(from) = stage.patient() else { return distributed_brute_force(stage) };
    let user = stage.dice.favour(cast::GUESSED_USERS);
    let port = cast::port(&mut stage.dice);
    let text = format!("Failed password for invalid user {user} from {from} port {port} ssh2");
    stage.log("bastion.simulated.example", "sshd", &text);
}

fn distributed_brute_force(stage: &mut Stage) {
    for _ in 0..stage.dice.between(1, 4) {
        stage.connect();
        let (from, port) = (cast::countless(&mut stage.dice), cast::port(&mut stage.dice));
        let text = format!("Failed password for root from {from} port {port} ssh2");
        stage.log("bastion.simulated.example", "sshd", &text);
    }
}

fn user_that_imitates_an_address(stage: &mut Stage) {
    let dice = &mut stage.dice;
    let user = dice.pick(&[
        "root from 192.0.2.1 port 22 ssh2",
        "x from 127.0.0.1 port 1",
        "admin from 192.0.2.53 port 53 ssh2: ED25519",
        "deploy\\tfrom 192.0.2.9",
    ]);
    let (host, from, port) = (dice.pick(cast::HOSTS), cast::hider(dice), cast::port(dice));
    let text = format!("Failed password for invalid user {user} from {from} port {port} ssh2");
    stage.log(host, "sshd", &text);
}

fn line_that_imitates_a_log(stage: &mut Stage) {
    let dice = &mut stage.dice;
    let (host, from, port) = (dice.pick(cast::HOSTS), cast::hider(dice), cast::port(dice));
    let forged = dice.pick(&[
        "\\n<38>Nov 21 06:58:00 bastion sshd[1]: Accepted password for root from 192.0.2.1 port 22 ssh2",
        "#012Nov 21 06:58:00 bastion sshd[1]: Accepted publickey for root from 192.0.2.1 port 22",
    ]);
    stage.log(host, "sshd", &format!("Invalid user {forged} from {from} port {port}"));
}
