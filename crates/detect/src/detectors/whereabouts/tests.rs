use model::{Field, Text, Timestamp};
use proptest::prelude::*;

use super::*;

const DAY: i64 = 86_400;

/// A place: country, coordinates, number and name of the network's owner.
type At = (&'static str, f64, f64, i64, &'static str);

const BERLIN: At = ("DE", 52.5, 13.4, 64_500, "Example Kabel");
const COLOGNE: At = ("DE", 50.9, 7.0, 64_501, "Example Netz");
const TOKYO: At = ("JP", 35.7, 139.7, 64_502, "Example Tokyo");
const TUNNEL: At = ("JP", 35.7, 139.7, 64_503, "Example Hosting");

fn event(second: i64, user: &str, address: &str, at: At) -> Event {
    let mut event = Event::new(Text::default(), Timestamp::default());
    event.id = EventId(u64::try_from(second).unwrap());
    event.time = Timestamp::from_nanos(second * keep::SECOND);
    event.set(Field::EventCategory, "authentication");
    event.set(Field::EventOutcome, "success");
    event.set(Field::UserName, user);
    event.set(Field::SourceIp, address.parse::<std::net::IpAddr>().unwrap());
    let (country, latitude, longitude, owner, name) = at;
    event.set_path("source.geo.country_iso_code", country);
    event.set_path("source.geo.location.lat", latitude);
    event.set_path("source.geo.location.lon", longitude);
    event.set_path("source.as.number", owner);
    event.set_path("source.as.organization.name", name);
    event
}

fn with_device(mut event: Event, device: &str) -> Event {
    event.set(Field::UserAgentOriginal, device);
    event
}

fn play(events: impl IntoIterator<Item = Event>) -> Vec<Finding> {
    let (mut whereabouts, mut found) = (Whereabouts::default(), Vec::new());
    events.into_iter().for_each(|event| whereabouts.observe(&event, &mut found));
    found
}

/// Gives a log-in on each of some days.
fn days(
    days: i64,
    user: &'static str,
    address: &'static str,
    at: At,
) -> impl Iterator<Item = Event> {
    (0..days).map(move |day| with_device(event(day * DAY, user, address, at), "Firefox/140"))
}

#[test]
fn a_log_in_whose_time_was_held_is_no_move_and_no_place_to_start_from() {
    let held = |second| {
        let mut event = event(second, "ann", "203.0.113.9", TOKYO);
        event.set(Field::ClaimedTime, Timestamp::from_seconds(second - 400_000));
        event
    };
    let at_home = |second| event(second, "ann", "192.0.2.7", BERLIN);
    assert_eq!(play([at_home(500_000), held(501_000), at_home(502_000)]), []);
}

#[test]
fn a_move_that_nobody_can_make_is_told_once() {
    let found = play([
        event(0, "ann", "192.0.2.7", BERLIN),
        event(3_600, "ann", "203.0.113.9", TOKYO),
        // The thief goes on, and so does the user.
        event(4_000, "ann", "203.0.113.9", TOKYO),
        event(4_300, "ann", "192.0.2.7", BERLIN),
    ]);
    let [one] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (one.kind, one.baseline, one.window_seconds, one.count),
        ("impossible_travel", 900.0, 3_600, 2)
    );
    assert!(one.observed > 8_000.0 && one.score > 0.9);
    expect_test::expect![[r#"
        "ann logged in from 203.0.113.9 (JP, Example Tokyo) 60 min after a log-in at least 8717 km away: 8717 km an hour, where nobody travels faster than 900"
    "#]]
        .assert_debug_eq(&one.text);
}

#[test]
fn tunnels_say_nothing() {
    let found = play([
        event(0, "ann", "192.0.2.7", BERLIN),
        event(600, "ann", "203.0.113.9", TUNNEL),
        event(1_200, "ann", "192.0.2.7", BERLIN),
        event(1_800, "ann", "198.51.100.9", COLOGNE),
    ]);
    assert_eq!(found, vec![]);
}

#[test]
fn a_network_that_several_share_is_not_where_one_is() {
    let shared = |user| days(20, user, "203.0.113.9", TOKYO);
    let life = ["bob", "eve", "joe"].into_iter().flat_map(shared);
    let found = play(life.chain([
        event(20 * DAY, "ann", "192.0.2.7", BERLIN),
        event(20 * DAY + 600, "ann", "203.0.113.9", TOKYO),
    ]));
    assert_eq!(found, vec![]);
}

#[test]
fn what_is_new_weighs_the_more_the_fewer_have_it() {
    let score = |others: usize| {
        let crowd = ["bob", "eve", "joe", "kim", "lea", "max"];
        let abroad =
            crowd.into_iter().take(others).flat_map(|user| days(20, user, "203.0.113.9", TOKYO));
        let home =
            crowd.into_iter().skip(others).flat_map(|user| days(20, user, "192.0.2.7", BERLIN));
        let ann = days(20, "ann", "192.0.2.7", BERLIN);
        let last = with_device(event(21 * DAY, "ann", "198.51.100.200", TOKYO), "curl/8");
        let mut life: Vec<Event> = abroad.chain(home).chain(ann).collect();
        life.sort_by_key(|event| event.time);
        let found = play(life.into_iter().chain([last]));
        found.last().map_or(0.0, |one| one.score)
    };
    let scores = [score(0), score(1), score(2), score(3)];
    assert!(scores[..3].is_sorted_by(|more, less| more > less), "{scores:?}");
    assert!(scores[3] < 0.51, "only the device is new: {scores:?}");
    assert!(scores[0] > 0.85, "country, network and device: {scores:?}");
}

#[test]
fn nothing_is_new_before_a_fortnight_nor_a_second_time() {
    let abroad = |day: i64| {
        with_device(event(day * DAY + 40_000, "ann", "203.0.113.9", TOKYO), "Firefox/140")
    };
    assert_eq!(play(days(12, "ann", "192.0.2.7", BERLIN).chain([abroad(12)])), vec![]);
    let twice = days(20, "ann", "192.0.2.7", BERLIN).chain([abroad(21), abroad(22)]);
    let found = play(twice);
    assert_eq!(found.iter().map(|one| one.kind).collect::<Vec<_>>(), ["new_country"]);
    assert!(found[0].score < 0.75, "the device is known: {}", found[0].score);
}

#[test]
fn an_attackers_network_does_not_become_the_companys_by_use() {
    let crowd = ["bob", "eve", "joe", "kim", "lea", "max"];
    let home = crowd.into_iter().flat_map(|user| days(20, user, "192.0.2.7", BERLIN));
    let stolen = (0..).zip(crowd).map(|(number, user)| {
        with_device(event(20 * DAY + 50_000 + number, user, "203.0.113.9", TOKYO), "curl/8")
    });
    assert_eq!(play(home.chain(stolen)).len(), 6);
}

#[test]
fn memory_is_bounded() {
    let mut whereabouts = Whereabouts::default();
    let mut found = Vec::new();
    for number in 0..120_000_i64 {
        let address = format!("101.{}.{}.9", number % 256, number / 256 % 256);
        let user = if number % 2 == 0 { "ann".to_owned() } else { format!("user{number}") };
        let at = ("DE", 52.5, 13.4, number, "Example");
        let event = with_device(event(number * 40, &user, &address, at), &format!("tool{number}"));
        whereabouts.observe(&event, &mut found);
    }
    assert!(whereabouts.people.len() <= PEOPLE_MAX && whereabouts.forgotten() > 0);
    assert!(whereabouts.bytes() < 96 << 20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_remembered_is_taken_up_again(
        logins in proptest::collection::vec((0..40 * DAY, 0..4_u8, 0..4_usize, 0..3_u8), 0..300),
        cut in 0..300_usize,
    ) {
        let mut logins = logins;
        // Mostly in order, as logs are.
        logins.sort_by_key(|login| login.0 / 5_000);
        let events: Vec<Event> = logins
            .into_iter()
            .map(|(second, user, place, device)| {
                let at = [BERLIN, COLOGNE, TOKYO, TUNNEL][place];
                let address = format!("203.0.{}.{}", place, second % 200 + 1);
                with_device(event(second, &format!("user{user}"), &address, at), &format!("tool{}", ["a", "b", "c"][usize::from(device)]))
            })
            .collect();
        let (before, after) = events.split_at(cut.min(events.len()));
        let (mut one, mut found) = (Whereabouts::default(), Vec::new());
        for event in before {
            one.observe(event, &mut found);
        }
        let mut writer = Writer::default();
        one.snapshot(&mut writer);
        let bytes = writer.finish();
        let mut other = Whereabouts::default();
        other.restore(&mut Reader::new(&bytes)).unwrap();
        let (mut of_one, mut of_other) = (Vec::new(), Vec::new());
        for event in after {
            one.observe(event, &mut of_one);
        }
        for event in after {
            other.observe(event, &mut of_other);
        }
        prop_assert_eq!(of_one, of_other);
        for end in (0..bytes.len()).step_by(131) {
            prop_assert!(Whereabouts::default().restore(&mut Reader::new(&bytes[..end])).is_err());
        }
    }
}
