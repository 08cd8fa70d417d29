//! Picks scene after scene, so that the kinds keep their shares.

use std::time::Duration;

use model::Timestamp;

use crate::scenes::{SCENES, Scene};
use crate::stage::{Kind, Sample, Stage};

/// How much there is of each kind, as shares of their sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Everyday traffic.
    pub benign: u32,
    /// Attacks that rules name.
    pub named: u32,
    /// Attacks that hide.
    pub hidden: u32,
}

impl Default for Mix {
    /// One third of each.
    fn default() -> Self {
        Self { benign: 1, named: 1, hidden: 1 }
    }
}

impl Mix {
    /// Reads `benign=8,named=1,hidden=1`; what is not mentioned has no share. Gives `None` where it
    /// says nothing of that kind, or where all shares are zero.
    pub fn parse(text: &str) -> Option<Self> {
        let mut mix = Self { benign: 0, named: 0, hidden: 0 };
        for part in text.split(',') {
            let (name, share) = part.split_once('=')?;
            let share = share.trim().parse().ok()?;
            match name.trim() {
                "benign" => mix.benign = share,
                "named" => mix.named = share,
                "hidden" => mix.hidden = share,
                _ => return None,
            }
        }
        (mix.sum() > 0).then_some(mix)
    }

    fn share(self, kind: Kind) -> u64 {
        u64::from(match kind {
            Kind::Benign => self.benign,
            Kind::Named => self.named,
            Kind::Hidden => self.hidden,
        })
    }

    fn sum(self) -> u64 {
        KINDS.iter().map(|kind| self.share(*kind)).sum()
    }
}

const KINDS: [Kind; 3] = [Kind::Benign, Kind::Named, Kind::Hidden];

/// What a generator makes.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The same seed gives the same samples.
    pub seed: u64,
    /// How much of each kind.
    pub mix: Mix,
    /// The time of the first sample.
    pub start: Timestamp,
    /// How far apart the samples are: the inverse of the rate.
    pub step: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            mix: Mix::default(),
            start: Timestamp::default(),
            step: Duration::from_millis(100),
        }
    }
}

/// Makes samples without end.
#[derive(Clone, Debug)]
pub struct Generator {
    config: Config,
    stage: Stage,
    /// How many samples of each kind there have been.
    made: [u64; 3],
    due: Timestamp,
}

impl Generator {
    /// Gives the generator of a seed.
    pub fn new(config: Config) -> Self {
        let stage = Stage::new(config.seed, config.step);
        Self { config, stage, made: [0; 3], due: config.start }
    }

    /// Gives the kind that is furthest behind its share.
    fn next_kind(&self) -> Kind {
        let lag = |(kind, made): (&Kind, &u64)| {
            let share = self.config.mix.share(*kind);
            // Made per share, compared as fractions; a kind without a share is never behind.
            made.saturating_mul(1 << 20).checked_div(share).unwrap_or(u64::MAX)
        };
        let least = KINDS.iter().zip(&self.made).min_by_key(|pair| lag(*pair));
        least.map_or(Kind::Benign, |(kind, _)| *kind)
    }

    fn next_scene(&mut self) -> &'static Scene {
        let kind = self.next_kind();
        let of_kind = || SCENES.iter().copied().flatten().filter(|scene| scene.kind == kind);
        let sum = of_kind().map(|scene| u64::from(scene.weight)).sum();
        let mut left = self.stage.dice.below(sum);
        for scene in of_kind() {
            match left.checked_sub(u64::from(scene.weight)) {
                Some(less) => left = less,
                None => return scene,
            }
        }
        // Not reached: the weights add up to the sum.
        &crate::scenes::QUIET
    }
}

impl Iterator for Generator {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        loop {
            if let Some(sample) = self.stage.take() {
                for (kind, made) in KINDS.iter().zip(&mut self.made) {
                    *made += u64::from(*kind == sample.kind);
                }
                self.due = self.due.plus(self.config.step);
                return Some(sample);
            }
            let scene = self.next_scene();
            self.stage.begin(scene.kind, scene.label, self.due);
            (scene.play)(&mut self.stage);
        }
    }
}

#[cfg(test)]
mod tests;
