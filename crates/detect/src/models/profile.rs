//! What is usual at one address of an application: its parameters and their values (the idea of Kruegel
//! and Vigna). A surprise is the negative logarithm of how often a thing is to be expected.

use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::answers::{Answer, Answers};
use super::request::{CLASSES, Request, Value, value};
use super::votes::{Source, Steps, Support, Things, Vote, place_of};
use crate::keep::hash;

/// How many parameters one template keeps.
pub(crate) const PARAMETERS_MAX: usize = 32;
/// How many methods, courses and values are told apart.
const METHODS_MAX: usize = 6;
const SHAPES_MAX: usize = 12;
const VALUES_MAX: usize = 64;
const STEPS_MAX: usize = 64;
const EXACT_MAX: usize = 8;
/// How long a kept name may be.
const NAME_BYTES_MAX: usize = 40;
/// The lengths at which a bin begins.
const LENGTHS: [usize; 16] = [0, 1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 129, 513];
/// What surprises less than this is no surprise: one value in seven does.
const EXPECTED: f64 = 2.0;

/// What is usual of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) name: Box<str>,
    pub(crate) support: Support,
    lengths: [Vote; LENGTHS.len()],
    /// The lengths themselves, where they are few.
    exact: Things,
    classes: [Vote; CLASSES.len()],
    steps: Steps,
    shapes: Things,
    values: Things,
}

/// What is usual of one path template.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Template {
    /// The template, to be read by people.
    pub(crate) text: Box<str>,
    pub(crate) support: Support,
    methods: Things,
    pub(crate) parameters: Vec<Parameter>,
    /// The hashes of their names.
    names: Vec<u32>,
    /// Parameters that there was no room for, by turns.
    others: Vote,
    /// How it is answered.
    pub(crate) answers: Answers,
}

/// What surprised most of a request, and by how much in all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Surprise<'r> {
    pub(crate) sum: f64,
    most: f64,
    pub(crate) why: Why<'r>,
}

/// Why a request is unusual for its site.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Why<'r> {
    #[default]
    Nothing,
    Path,
    Method(&'r str),
    NewParameter(&'r str),
    NoParameter(usize),
    Length(&'r str, usize),
    Holds(&'r str, usize),
    Lacks(&'r str, usize),
    Course(&'r str),
    Value(&'r str),
}

impl<'r> Surprise<'r> {
    /// Adds a surprise, less what such a thing is expected to surprise.
    pub(crate) fn add(&mut self, amount: f64, expected: f64, why: Why<'r>) {
        self.sum += (amount - expected).max(0.0);
        if amount > self.most {
            (self.most, self.why) = (amount, why);
        }
    }
}

/// Gives the surprise of what was seen so often among so many.
pub(crate) fn surprise(seen: f64, of: f64) -> f64 {
    -((seen + 1.0) / (of + 2.0)).min(1.0).ln()
}

fn exact(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn length_bin(length: usize) -> usize {
    LENGTHS.partition_point(|from| *from <= length).saturating_sub(1)
}

fn name_hash(name: &str) -> u32 {
    u32::try_from(hash(name.as_bytes()) >> 32).unwrap_or_default()
}

impl Parameter {
    fn new(name: &str) -> Self {
        let cut = name.get(..name.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default();
        Self {
            name: cut.into(),
            support: Support::default(),
            lengths: [Vote::default(); LENGTHS.len()],
            exact: Things::default(),
            classes: [Vote::default(); CLASSES.len()],
            steps: Steps::default(),
            shapes: Things::default(),
            values: Things::default(),
        }
    }

    fn learn(&mut self, value: Value, source: Source) {
        self.support.add(source);
        if let Some(bin) = self.lengths.get_mut(length_bin(value.length)) {
            bin.add(source);
        }
        self.exact.add(exact(value.length), source, EXACT_MAX);
        for (vote, bit) in self.classes.iter_mut().zip(0..) {
            if value.classes >> bit & 1 == 1 {
                vote.add(source);
            }
        }
        value.steps().for_each(|step| self.steps.add(step, source, STEPS_MAX));
        self.shapes.add(value.shape, source, SHAPES_MAX);
        self.values.add(value.hash, source, VALUES_MAX);
    }

    /// Adds how surprising a value is.
    fn judge<'r>(&self, name: &'r str, value: Value, expected: f64, sum: &mut Surprise<'r>) {
        let of = self.support.count();
        // What was seen by two sources at least is one of the usual values.
        if self.values.count(value.hash) > 1.5 {
            return;
        }
        let mut worst = (surprise(self.values.once(), of), Why::Value(name));
        let mut rest = 0.0;
        let mut weigh = |amount: f64, why: Why<'r>| {
            rest += (amount.min(worst.0) - expected).max(0.0);
            if amount > worst.0 {
                worst = (amount, why);
            }
        };
        let bin = length_bin(value.length);
        let held = |bins: &[Vote]| bins.iter().map(|bin| bin.count()).sum::<f64>();
        let shorter = held(self.lengths.get(..=bin).unwrap_or_default());
        let longer = held(self.lengths.get(bin..).unwrap_or_default());
        weigh(surprise(shorter.min(longer), of), Why::Length(name, value.length));
        if self.exact.others() < 0.5 && self.exact.count(exact(value.length)) < 0.5 {
            weigh(surprise(self.exact.once(), of), Why::Length(name, value.length));
        }
        for ((vote, class), bit) in self.classes.iter().zip(0..).zip(0..) {
            let seen = vote.count();
            if value.classes >> bit & 1 == 1 {
                weigh(surprise(seen, of), Why::Holds(name, class));
            } else if value.length > 0 {
                weigh(surprise((of - seen).max(0.0), of), Why::Lacks(name, class));
            }
        }
        let rarest = self.steps.rarest(value.steps, of);
        weigh(surprise(rarest, of), Why::Course(name));
        if self.shapes.count(value.shape) < 0.5 {
            weigh(surprise(self.shapes.once(), of), Why::Course(name));
        }
        sum.add(worst.0 + rest * 0.25, expected, worst.1);
    }

    /// Gives between which lengths nearly all values lie.
    pub(crate) fn usual_lengths(&self) -> (usize, usize) {
        // Where they are few, they are known.
        if self.exact.others() < 0.5 {
            let lengths = self.exact.iter().filter(|(_, seen)| *seen > 1.5);
            let ends = lengths.fold(None, |ends, (length, _)| {
                let (least, most) = ends.unwrap_or((length, length));
                Some((least.min(length), most.max(length)))
            });
            if let Some((least, most)) = ends {
                let whole = |length| usize::try_from(length).unwrap_or(usize::MAX);
                return (whole(least), whole(most));
            }
        }
        let all: f64 = self.lengths.iter().map(|bin| bin.count()).sum();
        let (mut least, mut most, mut below) = (0, 0, 0.0);
        for (bin, place) in self.lengths.iter().zip(0..) {
            let from = LENGTHS.get(place).copied().unwrap_or_default();
            if below <= all * 0.01 {
                least = from;
            }
            below += bin.count();
            if bin.count() > 0.5 && below <= all * 0.995 + bin.count() {
                most = LENGTHS.get(place + 1).map_or(from, |next| next - 1);
            }
        }
        (least, most)
    }

    /// Gives the kinds of characters that at least one value in fifty holds.
    pub(crate) fn usual_classes(&self) -> Vec<&'static str> {
        let of = self.support.count();
        let held = CLASSES.iter().zip(&self.classes);
        held.filter(|(_, vote)| vote.count() > of * 0.02).map(|(class, _)| *class).collect()
    }

    fn fade(&mut self, factor: f32) {
        self.support.seen.fade(factor);
        self.lengths.iter_mut().chain(&mut self.classes).for_each(|vote| vote.fade(factor));
        self.exact.fade(factor);
        self.steps.fade(factor);
        self.shapes.fade(factor);
        self.values.fade(factor);
    }

    fn write(&self, writer: &mut Writer) {
        writer.text(&self.name);
        self.support.write(writer);
        self.lengths.iter().chain(&self.classes).for_each(|vote| vote.write(writer));
        self.exact.write(writer);
        self.steps.write(writer);
        self.shapes.write(writer);
        self.values.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let name = reader.text()?;
        if name.len() > NAME_BYTES_MAX {
            return Err(SnapshotError::TooLarge);
        }
        let mut read = Self::new(name);
        read.support = Support::read(reader)?;
        for vote in read.lengths.iter_mut().chain(&mut read.classes) {
            *vote = Vote::read(reader)?;
        }
        read.exact = Things::read(reader, EXACT_MAX)?;
        read.steps = Steps::read(reader, STEPS_MAX)?;
        read.shapes = Things::read(reader, SHAPES_MAX)?;
        read.values = Things::read(reader, VALUES_MAX)?;
        Ok(read)
    }
}

/// What one request may add to what is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    pub(crate) source: Source,
    /// How many new parameters.
    pub(crate) parameters: usize,
    /// How it was answered.
    pub(crate) answer: Answer,
}

impl Template {
    pub(crate) fn new(text: String) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Learns from a request; gives how many parameters are new.
    pub(crate) fn learn(&mut self, request: &Request<'_>, allowed: Allowed) -> usize {
        let source = allowed.source;
        self.support.add(source);
        self.methods.add(name_hash(request.method), source, METHODS_MAX);
        self.answers.learn(allowed.answer, source);
        let mut new = 0;
        request.parameters(|name, text| {
            let hash = name_hash(name);
            let known = place_of(&self.names, hash);
            let place = known.unwrap_or(self.parameters.len());
            if known.is_none() {
                if new >= allowed.parameters || place >= PARAMETERS_MAX {
                    self.others.add(source);
                    return;
                }
                new += 1;
                self.parameters.push(Parameter::new(name));
                self.names.push(hash);
            }
            if let Some(parameter) = self.parameters.get_mut(place) {
                parameter.learn(value(text), source);
            }
        });
        new
    }

    /// Adds how surprising a request is.
    pub(crate) fn judge<'r>(&self, request: &Request<'r>, sum: &mut Surprise<'r>) {
        let of = self.support.count();
        if self.methods.count(name_hash(request.method)) < 0.5 {
            sum.add(surprise(self.methods.once(), of), 0.0, Why::Method(request.method));
        }
        let once = self.parameters.iter().filter(|known| known.support.count() < 1.5).count();
        let new = surprise(super::features::count(once) + self.others.count(), of);
        // The most surprising of many values surprises more than that of one.
        let many = super::features::count(self.parameters.len().max(1));
        let expected = (many.ln() + 1.0).max(EXPECTED);
        let mut seen = 0_u32;
        request.parameters(|name, text| {
            let hash = name_hash(name);
            let place = place_of(&self.names, hash);
            match place.and_then(|place| Some((self.parameters.get(place)?, place))) {
                // Known to one source alone is as good as new.
                Some((known, _)) if known.support.count() < 1.5 => {
                    sum.add(new, 0.0, Why::NewParameter(name));
                }
                Some((known, place)) => {
                    let place = u32::try_from(place).unwrap_or(u32::MAX);
                    seen |= 1_u32.checked_shl(place).unwrap_or_default();
                    if known.support.suffices() {
                        known.judge(name, value(text), expected, sum);
                    }
                }
                None => sum.add(new, 0.0, Why::NewParameter(name)),
            }
        });
        for (parameter, place) in self.parameters.iter().zip(0_u32..) {
            let count = parameter.support.count();
            let is_missing = seen & 1_u32.checked_shl(place).unwrap_or_default() == 0;
            // Only what hardly any request lacks is missed.
            if is_missing && count > of * 0.9 {
                let place = usize::try_from(place).unwrap_or_default();
                sum.add(surprise((of - count).max(0.0), of), EXPECTED, Why::NoParameter(place));
            }
        }
    }

    /// Gives the parameter of a name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.get(place_of(&self.names, name_hash(name))?)
    }

    /// Forgets a part; tells whether anything is left.
    pub(crate) fn fade(&mut self, factor: f32) -> bool {
        self.support.seen.fade(factor);
        self.methods.fade(factor);
        self.others.fade(factor);
        self.answers.fade(factor);
        self.parameters.iter_mut().for_each(|parameter| parameter.fade(factor));
        let mut kept = self.parameters.iter().map(|parameter| parameter.support.is_left());
        self.names.retain(|_| kept.next().unwrap_or_default());
        self.parameters.retain(|parameter| parameter.support.is_left());
        self.support.is_left()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.text(&self.text);
        self.support.write(writer);
        self.methods.write(writer);
        self.others.write(writer);
        self.answers.write(writer);
        writer.length(self.parameters.len());
        for (parameter, name) in self.parameters.iter().zip(&self.names) {
            writer.number(u64::from(*name));
            parameter.write(writer);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let text = reader.text()?.into();
        let (support, methods) = (Support::read(reader)?, Things::read(reader, METHODS_MAX)?);
        let (others, answers) = (Vote::read(reader)?, Answers::read(reader)?);
        let length = reader.length()?;
        if length > PARAMETERS_MAX {
            return Err(SnapshotError::TooLarge);
        }
        let pair = |reader: &mut Reader<'_>| {
            let name = u32::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?;
            Ok((name, Parameter::read(reader)?))
        };
        let pairs = (0..length).map(|_| pair(reader)).collect::<Read<Vec<_>>>()?;
        let (names, parameters) = pairs.into_iter().unzip();
        Ok(Self { text, support, methods, parameters, names, others, answers })
    }
}
