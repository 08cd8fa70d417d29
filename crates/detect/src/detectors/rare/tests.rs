//! What is news, and what is only new.

use model::Text;

use super::*;

const HOUR: i64 = 3_600;

/// Gives a letter of the alphabet: figures make no new names.
fn letter(number: i64) -> char {
    char::from(b'a' + u8::try_from(number).unwrap())
}

/// A house of machines, hour by hour.
#[derive(Default)]
struct House {
    rare: Rare,
    found: Vec<Finding>,
}

impl House {
    fn start(&mut self, second: i64, host: &str, path: &str, parent: &str) {
        let mut event = Event::new(Text::default(), Timestamp::from_seconds(second));
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        event.set(Field::HostName, host);
        event.set(Field::ProcessExecutable, path);
        event.set(Field::ProcessName, &*name(path));
        event.set(Field::ParentExecutable, parent);
        event.set(Field::ParentName, &*name(parent));
        self.rare.observe(&event, &mut self.found);
    }

    /// Plays so many hours of ten machines, each of which starts the same five programs.
    fn life(&mut self, hours: std::ops::Range<i64>) {
        for hour in hours {
            for machine in 0..10 {
                let path = format!("/usr/bin/usual{}", letter(hour % 5));
                self.start(hour * HOUR, &format!("web-{machine}"), &path, "/usr/sbin/cron");
            }
        }
    }

    fn told(&self) -> Vec<(&str, &str)> {
        let told = self.found.iter().filter(|one| one.kind != "usual_kind");
        told.map(|one| (one.kind, one.also.first().map_or("", |(_, name)| name))).collect()
    }
}

#[test]
fn what_never_comes_is_news_and_what_often_comes_is_none() {
    let mut house = House::default();
    for day in 0..21 {
        house.life(day * 24..day * 24 + 24);
        // Somebody tries something every day.
        let tool = format!("/usr/local/bin/tool{}", letter(day));
        house.start(day * 24 * HOUR + 24 * HOUR - 1, "web-3", &tool, "/bin/bash");
    }
    house.life(504..506);
    assert_eq!(house.told(), []);
    house.start(506 * HOUR, "web-4", "/var/tmp/.x/worm", "/usr/sbin/cron");
    house.start(506 * HOUR, "web-4", "/usr/local/bin/tooly", "/bin/bash");
    house.life(507..510);
    assert_eq!(house.told(), [("process", "worm")]);
}

#[test]
fn what_comes_to_many_is_rolled_out() {
    let mut house = House::default();
    house.life(0..200);
    for machine in 0..3 {
        house.start(200 * HOUR + machine, &format!("web-{machine}"), "/opt/new", "/usr/sbin/cron");
    }
    house.start(200 * HOUR + 9, "web-1", "/opt/lone", "/usr/sbin/cron");
    house.life(201..203);
    assert_eq!(house.told(), [("process", "lone")]);
}

#[test]
fn what_an_installer_puts_in_place_is_expected_and_what_lies_elsewhere_is_not() {
    let mut house = House::default();
    house.life(0..200);
    house.start(200 * HOUR, "web-1", "/usr/bin/dpkg", "/usr/sbin/cron");
    for machine in ["web-1", "web-2"] {
        house.start(201 * HOUR, machine, &format!("/srv/{machine}/two"), "/usr/sbin/cron");
        house.start(201 * HOUR, machine, &format!("/opt/{machine}/one"), "/usr/sbin/cron");
    }
    // No installer gives such a name.
    house.start(201 * HOUR, "web-1", "/opt/qzxvkwjpl", "/usr/sbin/cron");
    house.life(202..204);
    let told = [("process", "dpkg"), ("process", "two"), ("process", "qzxvkwjpl")];
    assert_eq!(house.told(), told);
}

#[test]
fn what_sets_something_up_is_usual_and_what_is_only_run_is_news() {
    let mut house = House::default();
    let download = |house: &mut House, second: i64, name: &str, sets_up: bool| {
        let file = format!("/users/eve/downloads/{name}");
        house.start(second, "web-3", &file, "/usr/bin/desktop");
        if sets_up {
            house.start(second + 2, "web-3", &format!("/tmp/{name}-part"), &file);
        }
    };
    for day in 0..21 {
        house.life(day * 24..day * 24 + 24);
        download(&mut house, day * 24 * HOUR + 23 * HOUR, &format!("setter{}", letter(day)), true);
    }
    house.life(504..506);
    assert_eq!(house.told(), []);
    download(&mut house, 505 * HOUR + 60, "settery", true);
    download(&mut house, 505 * HOUR + 61, "game", false);
    house.life(506..508);
    assert_eq!(house.told(), [("process", "game")]);
}

#[test]
fn a_hidden_folder_is_news_beside_the_scripts_of_the_clock() {
    let mut house = House::default();
    for day in 0..21 {
        house.life(day * 24..day * 24 + 24);
        let script = format!("/tmp/job{}", letter(day));
        house.start(day * 24 * HOUR + 23 * HOUR, "web-3", &script, "/usr/sbin/cron");
    }
    house.life(504..506);
    assert_eq!(house.told(), []);
    house.start(505 * HOUR + 60, "web-3", "/var/tmp/.x/worm", "/usr/sbin/cron");
    house.start(505 * HOUR + 61, "web-3", "/tmp/joby", "/usr/sbin/cron");
    house.life(506..508);
    assert_eq!(house.told(), [("process", "worm")]);
}

#[test]
fn a_record_dated_ahead_holds_up_nothing() {
    let mut house = House::default();
    house.life(0..200);
    // Whoever writes a record writes its time; when it came, the receiver says.
    let mut event = Event::new(Text::default(), Timestamp::from_seconds(200 * HOUR));
    event.time = Timestamp::from_seconds(50 * 365 * 24 * HOUR);
    event.set(Field::HostName, "web-1");
    event.set(Field::ProcessName, "odd");
    house.rare.observe(&event, &mut house.found);
    house.start(200 * HOUR + 1, "web-2", "/var/tmp/.x/worm", "/usr/sbin/cron");
    house.life(201..203);
    assert_eq!(house.told(), [("process", "odd"), ("process", "worm")]);
}

#[test]
fn versions_and_chance_make_no_news() {
    let mut house = House::default();
    house.life(0..200);
    for hour in 200..400 {
        house.life(hour..hour + 1);
        let name = format!("/tmp/build-{hour}.{:08x}e1a2/run", hour * 7_919);
        house.start(hour * HOUR, "web-2", &name, "/usr/sbin/cron");
    }
    assert_eq!(house.told(), [("process", "run")]);
}

#[test]
fn a_day_has_so_many_words_at_most() {
    let mut house = House::default();
    house.life(0..200);
    for number in 0..60_i64 {
        // Each by a parent of its own, so that each is of a kind of its own.
        let name =
            |word: &str| format!("/usr/bin/{word}{}{}", letter(number / 26), letter(number % 26));
        house.start(150 * HOUR, "web-1", &name("by"), "/usr/sbin/cron");
        house.start(151 * HOUR, "web-2", &name("by"), "/usr/sbin/cron");
        house.start(201 * HOUR + number, "web-1", &name("one"), &name("by"));
    }
    house.life(202..204);
    let kinds = |kind| house.found.iter().filter(|one| one.kind == kind).count();
    assert_eq!((kinds("process"), kinds("many"), house.found.len()), (20, 1, 21));
}

#[test]
fn a_name_that_is_too_long_is_looked_at_all_the_same() {
    let mut house = House::default();
    let long = "\u{e9}".repeat(200);
    for number in 0..700 {
        house.start(number * 1_000, &long, "/bin/sh", "/usr/sbin/cron");
    }
    house.start(700_000, &long, &format!("/tmp/{long}"), "/usr/sbin/cron");
    house.start(702_000, &long, "/bin/sh", "/usr/sbin/cron");
    let [one] = &house.found[..] else { panic!("{:?}", house.found) };
    assert_eq!(one.host.as_deref(), Some("\u{e9}".repeat(127).as_str()));
}
