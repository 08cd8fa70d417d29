//! What is usual at one site: its paths, and how surprising its requests are as a rule.

use std::sync::Arc;

use model::Timestamp;
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::answers::Answer;
use super::calibration::{Calibration, REQUESTS_MIN};
use super::features::{Row, count, narrow};
use super::keys::ByHash;
use super::model::Model;
use super::profile::{Allowed, PARAMETERS_MAX, Surprise, Template, Why, surprise};
use super::quotas::{Quota, Quotas};
use super::request::{Request, template, template_text};
use super::votes::{Source, Support, Vote};

/// How many path templates one site keeps.
pub(crate) const TEMPLATES_MAX: usize = 512;
/// How long a kept template may be.
const TEMPLATE_BYTES_MAX: usize = 80;
/// How many new templates and parameters one source may bring in an hour.
const NEW_MAX: u16 = 40;
/// How many requests of one source tell in an hour what is usual, and how many of those that hardly
/// any other request surprises as much as.
const TELLING_MAX: u16 = 200;
const SURPRISING_MAX: u16 = 4;
/// What is kept loses half its weight in so many days.
const HALF_LIFE_DAYS: f64 = 14.0;
/// How much the shape of a request weighs where the site's own profile can judge it, and how much
/// what inspection says.
const SHAPE_WEIGHT: f64 = 0.1;
const INSPECTION_WEIGHT: f64 = 3.0;
/// From how many turns, and on how many days, a site is established.
const ESTABLISHED_TURNS: f64 = 50.0;
const ESTABLISHED_DAYS: u16 = 2;
/// An established site that was quiet for so long may lose its place.
const STALE: i64 = 30 * DAY;
/// How many parameters one site keeps.
const PARAMETERS_SITE_MAX: usize = 4_000;

/// How far events may be behind what is kept as the newest hour and day.
const AHEAD_HOURS_MAX: i64 = 48;
const AHEAD_DAYS_MAX: i64 = 2;

const DAY: i64 = 86_400 * 1_000_000_000;
const HOUR: i64 = 3_600 * 1_000_000_000;

/// What is usual at one site.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Site {
    pub(crate) name: Box<str>,
    pub(crate) support: Support,
    pub(crate) templates: ByHash<u32, Arc<Template>>,
    /// How many parameters they have together.
    pub(crate) parameters: usize,
    /// Templates that there was no room for, by turns.
    others: Vote,
    /// How many templates were seen once; counted anew now and then.
    once: f64,
    counted: u8,
    /// How surprising its requests are as a rule: those that were served or failed, and those that were
    /// refused, of which some are asked for by everybody and never there (`/favicon.ico`).
    pub(crate) served: Calibration,
    pub(crate) refused: Calibration,
    quotas: Quotas,
    hour: i64,
    day: i64,
    /// On how many days it was asked for.
    days: u16,
    /// Whether it holds its place against newcomers.
    pub(crate) established: bool,
    /// The last request, for who has to go.
    pub(crate) last: Timestamp,
}

/// How unusual a request is for its site.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Unusual<'r> {
    /// All surprises together.
    pub(crate) raw: f64,
    /// What the profile of the site adds.
    pub(crate) profile: Surprise<'r>,
}

/// What a request is judged by beside the site: its shape, and what inspection says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outside<'m> {
    pub(crate) model: &'m Model,
    pub(crate) row: Row,
    pub(crate) inspected: f64,
}

impl Outside<'_> {
    /// Gives both together, where no profile speaks.
    pub(crate) fn raw(&self) -> f64 {
        together(self.model.surprise(&self.row), self.inspected)
    }
}

/// Gives the surprise of a shape and what inspection says, together.
pub(crate) fn together(shape: f64, inspected: f64) -> f64 {
    shape + INSPECTION_WEIGHT * inspected
}

impl Site {
    pub(crate) fn new(name: &str, now: Timestamp) -> Self {
        let cut = name.get(..name.floor_char_boundary(TEMPLATE_BYTES_MAX)).unwrap_or_default();
        Self {
            name: cut.into(),
            support: Support::default(),
            templates: ByHash::default(),
            parameters: 0,
            others: Vote::default(),
            once: 0.0,
            counted: 0,
            served: Calibration::default(),
            refused: Calibration::default(),
            quotas: Quotas::default(),
            hour: now.nanos().div_euclid(HOUR),
            day: now.nanos().div_euclid(DAY),
            days: 1,
            established: false,
            last: now,
        }
    }

    /// Judges a request.
    pub(crate) fn judge<'r>(&self, request: &Request<'r>, outside: &Outside<'_>) -> Unusual<'r> {
        let mut profile = Surprise::default();
        if !self.support.suffices() {
            return Unusual { raw: outside.raw(), profile };
        }
        let template = self.template(request);
        let known = template.is_some_and(|template| template.support.suffices());
        match template {
            Some(template) if known => template.judge(request, &mut profile),
            // Of few turns, but of two sources: a page that is seldom asked for.
            Some(template) if template.support.count() > 1.5 => {}
            _ => profile.add(
                surprise(self.once + self.others.count(), self.support.count()),
                0.0,
                Why::Path,
            ),
        }
        // Where the profile speaks, the shape adds little, and the forest, which costs most, is not asked.
        let shape = if known {
            SHAPE_WEIGHT * outside.model.distance_surprise(&outside.row)
        } else {
            outside.model.surprise(&outside.row)
        };
        Unusual { raw: profile.sum + together(shape, outside.inspected), profile }
    }

    /// Gives the template of a request, if it is known.
    pub(crate) fn template(&self, request: &Request<'_>) -> Option<&Template> {
        self.templates.get(&template(request.path())).map(AsRef::as_ref)
    }

    /// Tells whether enough requests were seen, on the scale of this model, for the site's own quantiles
    /// to count.
    pub(crate) fn is_settled(&self, scale: u64, kind: Kind) -> bool {
        self.support.suffices() && self.calibration(kind).is_settled(scale)
    }

    /// Gives how surprising requests are as a rule that were answered so.
    pub(crate) fn calibration(&self, kind: Kind) -> &Calibration {
        if kind == Kind::Refused { &self.refused } else { &self.served }
    }

    /// Goes over to the scale of a model.
    pub(crate) fn follow(&mut self, scale: u64) {
        self.served.follow(scale);
        self.refused.follow(scale);
    }

    /// Tells whether the site has earned its place: many asked for it, and on more than one day.
    pub(crate) fn has_earned(&self) -> bool {
        self.days >= ESTABLISHED_DAYS
            && self.support.suffices()
            && self.support.count() >= ESTABLISHED_TURNS
    }

    /// Tells whether nobody asked for it for a month.
    pub(crate) fn is_stale(&self, now: Timestamp) -> bool {
        now.nanos().saturating_sub(self.last.nanos()) > STALE
    }

    /// Learns from a request that no class of attack claims. Which paths and parameters there are is
    /// learned only from what the application knew ([`Kind::Found`]).
    pub(crate) fn learn(&mut self, request: &Request<'_>, learned: &Learned, room: Room) {
        self.turn(learned.time);
        let mut quota = self.quotas.of(learned.source);
        let refused = learned.kind == Kind::Refused;
        let calibration = if refused { &mut self.refused } else { &mut self.served };
        let rare = calibration.is_rare(learned.raw);
        let telling = quota.telling < TELLING_MAX && !(rare && quota.surprising >= SURPRISING_MAX);
        if telling {
            if rare {
                calibration.surprised(learned.raw, learned.source);
            } else {
                calibration.add(learned.raw);
            }
            quota.telling += 1;
            quota.surprising += u16::from(rare);
        }
        if learned.kind == Kind::Found
            && (quota.telling < TELLING_MAX || self.support.count() < REQUESTS_MIN)
        {
            self.support.add(learned.source);
            self.learn_path(request, learned, &mut quota, room);
        }
        self.quotas.keep(quota);
    }

    fn learn_path(
        &mut self,
        request: &Request<'_>,
        learned: &Learned,
        quota: &mut Quota,
        room: Room,
    ) {
        let path = request.path();
        let key = template(path);
        let is_new = !self.templates.contains_key(&key);
        let templates = room.templates.min(TEMPLATES_MAX.saturating_sub(self.templates.len()));
        if is_new && (templates == 0 || quota.new >= NEW_MAX) {
            self.others.add(learned.source);
            return;
        }
        let begin = || Arc::new(Template::new(template_text(path, TEMPLATE_BYTES_MAX)));
        let kept = self.templates.entry(key).or_insert_with(begin);
        let parameters = PARAMETERS_SITE_MAX.saturating_sub(self.parameters).min(room.parameters);
        let left = usize::from(NEW_MAX.saturating_sub(quota.new)).min(parameters);
        let allowed = Allowed {
            source: learned.source,
            parameters: left.min(PARAMETERS_MAX),
            answer: learned.answer,
        };
        let new = Arc::make_mut(kept).learn(request, allowed);
        self.parameters += new;
        let more = u16::try_from(new).unwrap_or(u16::MAX).saturating_add(u16::from(is_new));
        quota.new = quota.new.saturating_add(more);
        // Every request would be too often, and it changes slowly.
        self.counted = self.counted.wrapping_add(1);
        if is_new || self.counted.is_multiple_of(64) {
            self.count_once();
        }
    }

    fn count_once(&mut self) {
        let once = self.templates.values().filter(|template| template.support.count() < 1.5);
        self.once = count(once.count());
    }

    /// Goes on with the time: what one source may bring begins anew each hour, and what was learned
    /// fades from day to day.
    fn turn(&mut self, time: Timestamp) {
        self.last = self.last.max(time);
        let (hour, day) = (time.nanos().div_euclid(HOUR), time.nanos().div_euclid(DAY));
        // A kept time far ahead is of a clock that was wrong; it must not stop the turn for ever.
        if hour > self.hour || self.hour.saturating_sub(hour) > AHEAD_HOURS_MAX {
            self.hour = hour;
            self.quotas.clear();
        }
        if self.day.saturating_sub(day) > AHEAD_DAYS_MAX {
            self.day = day;
        }
        if day > self.day {
            let days = count(usize::try_from(day.saturating_sub(self.day)).unwrap_or(usize::MAX));
            self.day = day;
            self.days = self.days.saturating_add(1);
            self.fade(narrow((-days / HALF_LIFE_DAYS).exp2()));
        }
    }

    fn fade(&mut self, factor: f32) {
        self.support.seen.fade(factor);
        self.others.fade(factor);
        self.served.fade(factor);
        self.refused.fade(factor);
        self.templates.retain(|_, template| Arc::make_mut(template).fade(factor));
        self.recount();
    }

    fn recount(&mut self) {
        self.count_once();
        self.parameters = self.templates.values().map(|known| known.parameters.len()).sum();
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.text(&self.name);
        self.support.write(writer);
        self.others.write(writer);
        self.served.write(writer);
        self.refused.write(writer);
        writer.number(u64::from(self.days));
        writer.flag(self.established);
        for time in [self.hour, self.day, self.last.nanos()] {
            writer.signed(time);
        }
        let mut templates: Vec<(&u32, &Arc<Template>)> = self.templates.iter().collect();
        templates.sort_unstable_by_key(|(key, _)| **key);
        writer.length(templates.len());
        for (key, template) in templates {
            writer.number(u64::from(*key));
            template.write(writer);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let name = reader.text()?.to_owned();
        let mut site = Self::new(&name, Timestamp::default());
        site.support = Support::read(reader)?;
        site.others = Vote::read(reader)?;
        site.served = Calibration::read(reader)?;
        site.refused = Calibration::read(reader)?;
        site.days = u16::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?;
        site.established = reader.flag()?;
        site.hour = reader.signed()?;
        site.day = reader.signed()?;
        site.last = Timestamp::from_nanos(reader.signed()?);
        let length = reader.length()?;
        if length > TEMPLATES_MAX {
            return Err(SnapshotError::TooLarge);
        }
        for _ in 0..length {
            let key = u32::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?;
            site.templates.insert(key, Arc::new(Template::read(reader)?));
        }
        site.recount();
        Ok(site)
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The application knew what was asked for, as far as the answer tells.
    Found,
    /// It would not, or had nothing there.
    Refused,
    /// It failed, or the status is none.
    Failed,
}

impl Kind {
    pub(crate) fn of(status: Option<i64>) -> Self {
        match status {
            None | Some(100..400) => Self::Found,
            Some(400..500) => Self::Refused,
            Some(_) => Self::Failed,
        }
    }
}

/// What is known of a request that a site learns from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Learned {
    pub(crate) source: Source,
    pub(crate) time: Timestamp,
    pub(crate) raw: f64,
    pub(crate) kind: Kind,
    /// How it was answered, where that tells what is usual.
    pub(crate) answer: Answer,
}

/// How many new templates and parameters there is room for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) templates: usize,
    pub(crate) parameters: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_ahead_does_not_stop_the_turn() {
        let at = |day: i64| Timestamp::from_nanos(day * DAY);
        let mut site = Site::new("shop.example", at(20_000));
        site.turn(at(30_000));
        assert_eq!((site.hour, site.day), (30_000 * 24, 30_000));
        site.turn(at(29_999));
        assert_eq!((site.hour, site.day), (30_000 * 24, 30_000), "late, not behind");
        site.turn(at(20_001));
        assert_eq!((site.hour, site.day), (20_001 * 24, 20_001));
        (site.hour, site.day) = (i64::MIN, i64::MAX);
        site.turn(at(20_002));
        assert_eq!((site.hour, site.day), (20_002 * 24, 20_002));
    }
}
