use model::{EventId, Field, Text, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::keep;

const HOUR: i64 = 3_600;

/// One attempt: second, user, address, whether it worked.
type Attempt<'a> = (i64, &'a str, &'a str, bool);

fn event((second, user, address, worked): Attempt<'_>) -> Event {
    let mut event = Event::new(Text::default(), Timestamp::default());
    event.id = EventId(u64::try_from(second).unwrap());
    event.time = Timestamp::from_nanos(second * keep::SECOND);
    event.set(Field::EventCategory, "authentication");
    event.set(Field::EventOutcome, if worked { "success" } else { "failure" });
    event.set(Field::UserName, user);
    event.set(Field::SourceIp, address.parse::<std::net::IpAddr>().unwrap());
    event
}

fn play<'a>(attempts: impl IntoIterator<Item = Attempt<'a>>) -> Vec<Finding> {
    let (mut guessing, mut found) = (Guessing::default(), Vec::new());
    attempts.into_iter().for_each(|attempt| guessing.observe(&event(attempt), &mut found));
    found
}

fn kinds(found: &[Finding]) -> Vec<&'static str> {
    found.iter().map(|finding| finding.kind).collect()
}

#[test]
fn a_finding_tells_the_baseline_what_was_seen_and_for_how_long() {
    let found = play((0..15).map(|number| (number * HOUR, "ann", "203.0.113.9", false)));
    let [one] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (one.kind, one.observed, one.baseline, one.window_seconds),
        ("slow", 15.0, 0.0, 86_400)
    );
    assert_eq!((one.count, one.fresh, one.first.nanos(), one.events.len()), (15, 15, 0, 15));
    expect_test::expect![[r#"
        "203.0.113.9 and its network failed to log in within 15 of the day's 144 stretches of ten minutes, where 0 are usual; last as ann"
    "#]]
    .assert_debug_eq(&one.text);
}

#[test]
fn a_name_of_an_attackers_own_making_does_not_act_up() {
    let name = "ann\u{1b}[2J\n".to_owned() + &"x".repeat(200);
    let found = play((0..15).map(|number| (number * HOUR, &*name, "203.0.113.9", false)));
    assert!(found[0].text.chars().all(|one| !one.is_control()) && found[0].text.len() < 300);
}

#[test]
fn what_fails_every_day_alike_is_told_once_and_then_is_how_things_are() {
    let months = (0..30 * 24).map(|hour| (hour * HOUR, "backup", "10.0.0.9", false));
    let told: Vec<i64> = play(months).iter().map(|one| one.window_seconds / 86_400).collect();
    assert_eq!(told.len(), 1);
    // And it is told again when it becomes much more.
    let louder = (0..30 * 24)
        .map(|hour| (hour * HOUR, "backup", "10.0.0.9", false))
        .chain((0..144).map(|slot| (30 * 24 * HOUR + slot * 600, "backup", "10.0.0.9", false)));
    assert_eq!(play(louder).len(), 2);
}

#[test]
fn the_users_own_provider_is_no_guesser() {
    let life = (0..200).map(|number| (number * 900, "ann", "198.51.100.7", number == 0));
    assert_eq!(play(life), vec![]);
    // Another address of the same network, and another of the same half.
    let moved = [("198.51.100.200", 0), ("198.51.7.9", 0), ("203.0.113.9", 1)];
    for (address, told) in moved {
        let tries = (1..20).map(|number| (number * 900, "ann", address, false));
        let found = play([(0, "ann", "198.51.100.7", true)].into_iter().chain(tries));
        assert_eq!(found.len(), told, "{address}");
    }
}

#[test]
fn a_botnet_is_told_of_once_and_again_when_it_has_doubled() {
    let addresses: Vec<String> =
        (0..33).map(|number| format!("100.{}.0.9", 128 + number)).collect();
    let tries =
        (0..).zip(&addresses).map(|(number, address)| (100 + number, "ann", &**address, false));
    let found = play([(0, "ann", "192.0.2.7", true)].into_iter().chain(tries));
    let seen: Vec<f64> = found.iter().map(|one| one.observed).collect();
    assert_eq!((kinds(&found), seen), (vec!["distributed"; 3], vec![8.0, 16.0, 32.0]));
}

#[test]
fn who_is_let_in_after_a_siege_is_told_even_from_a_fresh_address() {
    let tries = (0..8).map(|number| {
        (
            number,
            "ann",
            [
                "100.1.0.9",
                "100.2.0.9",
                "100.3.0.9",
                "100.4.0.9",
                "100.5.0.9",
                "100.6.0.9",
                "100.7.0.9",
                "100.8.0.9",
            ][usize::try_from(number).unwrap()],
            false,
        )
    });
    for (address, told) in
        [("203.0.113.9", vec!["distributed", "guessed"]), ("192.0.2.7", vec!["distributed"])]
    {
        let home = [(-900, "ann", "192.0.2.7", true)]
            .map(|(_, user, from, worked)| (0, user, from, worked));
        let found =
            play(home.into_iter().chain(tries.clone()).chain([(5_000, "ann", address, true)]));
        assert_eq!(kinds(&found), told);
    }
}

#[test]
fn whoever_lets_a_spray_in_at_its_first_try_is_told_of() {
    let names: Vec<String> = (0..12).map(|number| format!("user{number}")).collect();
    let spray =
        (0..).zip(&names).map(|(number, name)| (100 + number * 700, &**name, "203.0.113.9", false));
    let caught = [(9_000, "ann", "203.0.113.7", true), (90_000, "ann", "203.0.113.9", true)];
    let home = [(0, "ann", "192.0.2.7", true)];
    let found = play(home.into_iter().chain(spray.clone()).chain(caught));
    // Half a day later the sprayer's network still is not where she comes from.
    assert_eq!(kinds(&found), ["spray", "guessed", "guessed"]);
    let (one, tries) = (&found[1], 12.0);
    assert_eq!((one.user.as_deref(), one.observed, one.count), (Some("ann"), tries, 13));
    assert!(one.events.len() == 13 && one.first.nanos() == 100 * keep::SECOND);
    // A day after the last try it is over, and slowness alone is no spray.
    let late = [(9_000 + 86_400, "ann", "203.0.113.7", true)];
    assert_eq!(kinds(&play(home.into_iter().chain(spray).chain(late))), ["spray"]);
    let slow = (0..15).map(|number| (number * HOUR, "bob", "203.0.113.9", false));
    let found = play(home.into_iter().chain(slow).chain([(15 * HOUR, "ann", "203.0.113.9", true)]));
    assert_eq!(kinds(&found), ["slow"]);
}

#[test]
fn an_account_that_is_hammered_hides_no_spray() {
    let names: Vec<String> = (0..12).map(|number| format!("user{number}")).collect();
    let hammered = (0..200).map(|second| (second, "ann", "203.0.113.9", false));
    let spray =
        (0..).zip(&names).map(|(number, name)| (700 + number * 700, &**name, "203.0.113.9", false));
    assert_eq!(kinds(&play(hammered.chain(spray))), ["spray"]);
}

#[test]
fn a_siege_that_goes_on_for_days_still_makes_a_log_in_doubtful() {
    let addresses: Vec<String> = (0..8).map(|number| format!("100.{}.0.9", 128 + number)).collect();
    let tries = (0..5 * 24).flat_map(|hour| {
        addresses.iter().map(move |address| (60 + hour * HOUR, "ann", &**address, false))
    });
    let home = [(0, "ann", "192.0.2.7", true)];
    let let_in = [(5 * 24 * HOUR, "ann", "203.0.113.9", true)];
    let found = play(home.into_iter().chain(tries).chain(let_in));
    assert_eq!(found.last().map(|one| one.kind), Some("guessed"), "{:?}", kinds(&found));
}

#[test]
fn what_is_played_under_a_name_says_nothing_of_the_user() {
    let (mut guessing, mut found) = (Guessing::default(), Vec::new());
    let mut observe = |attempt, simulated: bool| {
        let mut event = event(attempt);
        if simulated {
            event.set(Field::Simulated, true);
        }
        guessing.observe(&event, &mut found);
    };
    observe((0, "ann", "203.0.113.9", true), true);
    (1..=14).for_each(|number| observe((number * HOUR, "ann", "203.0.113.9", false), false));
    (1..=14).for_each(|number| observe((number * HOUR, "bob", "198.51.100.9", false), true));
    observe((15 * HOUR, "bob", "198.51.100.9", false), false);
    observe((15 * HOUR, "ann", "203.0.113.9", false), false);
    assert_eq!(found.iter().map(|one| one.user.as_deref()).collect::<Vec<_>>(), [Some("ann")]);
}

#[test]
fn names_out_of_thin_air_push_out_nobody() {
    let mut guessing = Guessing::default();
    let mut found = Vec::new();
    guessing.observe(&event((0, "ann", "192.0.2.7", true)), &mut found);
    for number in 0..40_000_i64 {
        let name = format!("name{number}");
        guessing.observe(&event((number, &name, "203.0.113.9", false)), &mut found);
    }
    assert!(guessing.accounts.known(shared_key("ann")).is_some());
    assert!(guessing.strangers.len() <= STRANGERS_MAX && guessing.forgotten() > 0);
    assert!(guessing.bytes() < 64 << 20);
}

fn shared_key(name: &str) -> u64 {
    Login::of(&event((0, name, "203.0.113.9", true))).unwrap().user
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Replay in two halves is replay in one, whatever is played, in whatever order of time.
    #[test]
    fn what_is_remembered_is_taken_up_again(
        attempts in proptest::collection::vec((0..400_000_i64, 0..12_u8, 0..14_u8, 0..10_u8), 0..400),
        cut in 0..400_usize,
    ) {
        let attempts: Vec<Event> = attempts
            .into_iter()
            .map(|(second, user, from, worked)| {
                event((second, &format!("user{user}"), &format!("100.{}.{from}.9", from % 5), worked == 0))
            })
            .collect();
        let (before, after) = attempts.split_at(cut.min(attempts.len()));
        let (mut one, mut found) = (Guessing::default(), Vec::new());
        for attempt in before {
            one.observe(attempt, &mut found);
        }
        let mut writer = Writer::default();
        one.snapshot(&mut writer);
        let bytes = writer.finish();
        let mut other = Guessing::default();
        other.restore(&mut Reader::new(&bytes)).unwrap();
        let (mut of_one, mut of_other) = (Vec::new(), Vec::new());
        for attempt in after {
            one.observe(attempt, &mut of_one);
        }
        for attempt in after {
            other.observe(attempt, &mut of_other);
        }
        prop_assert_eq!(of_one, of_other);
        // What was torn is refused and not obeyed.
        for end in (0..bytes.len()).step_by(131) {
            prop_assert!(Guessing::default().restore(&mut Reader::new(&bytes[..end])).is_err());
        }
    }
}
