use std::collections::BTreeSet;

use super::*;

fn life() -> LoginLife {
    let start = Timestamp::parse("2026-09-07T00:00:00Z").unwrap();
    LoginLife { seed: 7, users: 80, days: 9, start }
}

#[test]
fn the_same_seed_gives_the_same_days_in_order() {
    let lines = life().lines();
    assert_eq!(lines, life().lines());
    assert!(lines.is_sorted_by_key(|line| line.time));
    assert_ne!(lines, LoginLife { seed: 8, ..life() }.lines());
    // Everybody logs in, all three programs tell of it, and some mistype.
    let users: BTreeSet<usize> = (0..80)
        .filter(|user| lines.iter().any(|line| line.text.contains(&life().user(*user))))
        .collect();
    assert_eq!(users.len(), 80);
    for part in [
        "sshd 811",
        "\"EventID\":4624",
        "\"EventID\":4625",
        "\"outcome\":\"failure\"",
        "Example Mobil",
    ] {
        assert!(lines.iter().any(|line| line.text.contains(part)), "{part}");
    }
}

#[test]
fn an_attack_has_its_knobs() {
    let attack = LoginAttack {
        seed: 3,
        kind: LoginAttackKind::Guess,
        second: 86_400,
        user: 5,
        users: 4,
        networks: 3,
        tries: 12,
        every: 600,
        jitter: 10,
        succeeds: true,
        program: LoginProgram::Ssh,
    };
    let lines = attack.lines(&life());
    assert_eq!(lines.len(), 12);
    assert!(lines.is_sorted_by_key(|line| line.time));
    let of = |text: &str| lines.iter().filter(|line| line.text.contains(text)).count();
    assert_eq!((of("Failed"), of("Accepted"), of("user00006")), (11, 1, 3));
    assert!(lines.last().unwrap().text.contains("Accepted password for user00005"));
    let networks: BTreeSet<&str> =
        lines.iter().filter_map(|line| line.text.split("from ").nth(1)?.get(..13)).collect();
    assert_eq!(networks.len(), 3);
}

#[test]
fn a_stolen_password_is_used_while_the_user_is_here() {
    let attack = LoginAttack {
        seed: 3,
        kind: LoginAttackKind::StolenAbroad,
        second: 86_400,
        user: 5,
        users: 1,
        networks: 1,
        tries: 1,
        every: 1_800,
        jitter: 0,
        succeeds: true,
        program: LoginProgram::Web,
    };
    let [line] = attack.lines(&life()).try_into().unwrap();
    let before = life().web_logins(5).into_iter().rfind(|time| *time < line.time).unwrap();
    assert!(line.time.since(before).as_secs() <= 3_000);
}
