//! How surprising the requests of one site are as a rule: its quantiles, so that 0.999 means one in a
//! thousand there.
//!
//! Surprises are measured by a model, and another model measures otherwise. So what was counted carries
//! the identity of its model ([`Model::identity`](super::Model::identity)), and a change of the model begins
//! another count.

use sigma::codec::{Read, Reader, Writer};

use super::tail::Sketch;
use super::votes::Source;

/// From how many requests a site's own quantiles count.
pub(crate) const REQUESTS_MIN: f64 = 500.0;
/// As how many requests the shipped model counts beside those of the site.
const PRIOR: f64 = 20.0;
/// After a change of the model: from how many requests on the quantiles of the model before help out.
const CARRIED_MIN: f64 = 60.0;
/// Where the quantiles of two models are laid on each other.
const CARRIED_AT: f64 = 0.9;

/// The surprises of one site's requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Calibration {
    sketch: Sketch,
    /// The identity of the model that measured them.
    scale: u64,
    /// The same by the model before, until enough is known by this one.
    earlier: Option<(u64, Sketch)>,
    /// The last surprising request: it counts when somebody else sends one too. Lost at a restart.
    pending: Option<(Source, f64)>,
}

impl Calibration {
    /// Goes over to the scale of a model. What was counted on another stays beside, for as long as too
    /// little is known on this one.
    pub(crate) fn follow(&mut self, scale: u64) {
        if self.scale == scale {
            return;
        }
        let left = (self.scale, std::mem::take(&mut self.sketch));
        let before = self.earlier.take();
        self.scale = scale;
        self.pending = None;
        self.earlier = match before {
            // Back to where it was.
            Some((known, sketch)) if known == scale => {
                self.sketch = sketch;
                None
            }
            before if left.1.total() < REQUESTS_MIN => before,
            _ => Some(left),
        };
    }

    /// Gives which share of the site's requests is less surprising; beside them the shipped model
    /// counts for a few. After a change of the model its predecessor's quantiles stand for the requests
    /// that are not known yet, laid on the new ones where one in ten lies above.
    pub(crate) fn share_below(&self, raw: f64) -> f64 {
        let (mut at_least, mut total) = (self.sketch.at_least(raw), self.sketch.total());
        if let Some((_, earlier)) = self.earlier.as_ref().filter(|_| total < REQUESTS_MIN) {
            let shift = self.sketch.quantile(CARRIED_AT) - earlier.quantile(CARRIED_AT);
            let missing = REQUESTS_MIN - total;
            at_least += missing * earlier.at_least(raw - shift) / earlier.total().max(1.0);
            total = REQUESTS_MIN;
        }
        1.0 - (at_least + PRIOR * (-raw).exp()) / (total + PRIOR)
    }

    /// Tells whether enough requests were seen on the scale of this model.
    pub(crate) fn is_settled(&self, scale: u64) -> bool {
        let enough = if self.earlier.is_some() { CARRIED_MIN } else { REQUESTS_MIN };
        self.scale == scale && self.total() >= enough
    }

    /// Gives how many requests were counted and are not forgotten.
    pub(crate) fn total(&self) -> f64 {
        self.sketch.total()
    }

    /// Tells whether hardly any request surprises as much.
    pub(crate) fn is_rare(&self, raw: f64) -> bool {
        self.total() >= REQUESTS_MIN && raw > self.sketch.quantile(0.99)
    }

    /// Counts a request.
    pub(crate) fn add(&mut self, raw: f64) {
        self.sketch.add(raw);
        if self.total() >= REQUESTS_MIN {
            self.earlier = None;
        }
    }

    /// Takes note of a request that hardly any other surprises as much as: what one source alone sends
    /// does not become usual.
    pub(crate) fn surprised(&mut self, raw: f64, source: Source) {
        match self.pending {
            Some((before, _)) if before == source => {}
            before => {
                if let Some((_, raw)) = before {
                    self.sketch.add(raw);
                }
                self.pending = Some((source, raw));
            }
        }
    }

    pub(crate) fn fade(&mut self, factor: f32) {
        self.sketch.fade(factor);
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.whole(self.scale);
        self.sketch.write(writer);
        writer.flag(self.earlier.is_some());
        if let Some((scale, earlier)) = &self.earlier {
            writer.whole(*scale);
            earlier.write(writer);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let (scale, sketch) = (reader.whole()?, Sketch::read(reader)?);
        let has_earlier = reader.flag()?;
        let earlier =
            if has_earlier { Some((reader.whole()?, Sketch::read(reader)?)) } else { None };
        Ok(Self { sketch, scale, earlier, pending: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Surprises from 0 to 10 times `scale`, the large ones seldom.
    fn fill(calibration: &mut Calibration, requests: u32, scale: f64) {
        for number in 0..requests {
            calibration.add(f64::from(number * 37 % 100 + 1).ln().mul_add(-1.0, 4.7) * scale);
        }
    }

    #[test]
    fn quantiles_of_two_scales_are_not_mixed() {
        let mut known = Calibration::default();
        known.follow(1);
        fill(&mut known, 2_000, 1.0);
        let old = known.share_below(4.0);
        // The new model's surprises are twice as large.
        known.follow(2);
        assert!(!known.is_settled(1) && !known.is_settled(2));
        fill(&mut known, 100, 2.0);
        assert!(known.is_settled(2), "the one before helps out");
        assert!((known.share_below(8.0) - old).abs() < 0.03, "{} {old}", known.share_below(8.0));
        fill(&mut known, 900, 2.0);
        assert!(known.earlier.is_none());
        assert!((known.share_below(8.0) - old).abs() < 0.01, "{} {old}", known.share_below(8.0));
        // Two changes in a row lose nothing.
        known.follow(3);
        known.follow(4);
        assert_eq!(known.earlier.as_ref().map(|(scale, _)| *scale), Some(2));
        known.follow(2);
        assert!(known.is_settled(2) && (known.share_below(8.0) - old).abs() < 0.01);
    }

    #[test]
    fn kept_and_read_again() {
        let mut known = Calibration::default();
        fill(&mut known, 600, 1.0);
        known.follow(7);
        fill(&mut known, 10, 1.0);
        let mut writer = Writer::default();
        known.write(&mut writer);
        let bytes = writer.finish();
        assert_eq!(Calibration::read(&mut Reader::new(&bytes)).unwrap(), known);
    }
}
