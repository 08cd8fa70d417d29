//! The same for the same seed, in the order of time, and as much as was asked for.

use super::*;
use crate::names::Family;

fn start() -> Timestamp {
    Timestamp::parse("2026-11-02T00:00:00Z").unwrap()
}

fn lives(seed: u64) -> Vec<Vec<HostLine>> {
    let start = start();
    vec![
        LookupLife { seed, start, days: 1, clients: 3, an_hour: 20, scanned_an_hour: 5 }.lines(),
        FlowLife { seed, start, days: 1, clients: 3, an_hour: 20 }.lines(),
        StartLife {
            seed,
            start,
            days: 7,
            groups: 2,
            machines: 3,
            an_hour: 10,
            rollouts_a_week: 2,
            tools_a_week: 1,
            setups_a_month: 2,
        }
        .lines(),
        WebLife { seed, start, days: 1, sites: 2, a_minute: 5, releases_a_day: 1, peaks_a_week: 7 }
            .lines(),
    ]
}

#[test]
fn the_same_seed_gives_the_same_lines_in_the_order_of_time() {
    assert_eq!(lives(1), lives(1));
    for (one, other) in lives(1).iter().zip(lives(2)) {
        assert!(one.len() > 100 && *one != other);
        assert!(one.is_sorted_by_key(|line| line.time));
        assert!(one.iter().all(|line| line.attack.is_none() && !line.text.contains('\n')));
    }
}

#[test]
fn attacks_are_told_from_life_by_their_number() {
    let begin = after(start(), 3_600.0);
    let tunnel = LookupAttack::Tunnel { letters: 100, base: 32, kind: "TXT", every: 2.0 };
    let names = LookupAttack::Generated { family: Family::Letters, every: 3.0 };
    let attacks = vec![tunnel.lines(1, 1, begin, 600.0), names.lines(2, 2, begin, 600.0)];
    let all = merged(lives(3).remove(0), attacks);
    assert!(all.is_sorted_by_key(|line| line.time));
    for attack in [0, 1] {
        let of = all.iter().filter(|line| line.attack == Some(attack)).count();
        assert!((100..700).contains(&of), "{of}");
    }
}

#[test]
fn a_beacon_keeps_its_time() {
    for jitter in [0.0, 0.5] {
        let lines = FlowAttack::Beacon { every: 60.0, jitter }.lines(1, 1, start(), 36_000.0);
        let gaps = lines.windows(2).map(|pair| pair[1].time.since(pair[0].time).as_secs_f64());
        assert!(gaps.clone().all(|gap| (gap - 60.0).abs() <= 60.0 * jitter + 0.01));
        assert!((550..650).contains(&lines.len()));
    }
}
