//! A trained model: forest, distance and what is usual, as one file that says where it is from.
//!
//! ```text
//! "bartmdl1" │ source │ rows │ seed │ trained │ figures │ usual │ forest │ distance │ tails │ CRC-32
//! ```
//!
//! A file is read with bounds at every place and checked as a whole first: a damaged or hostile one is
//! an error, never more memory than its own size pays for.

use std::sync::{Arc, LazyLock};

use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::distance::Distance;
use super::features::{FEATURES, Row, count, narrow};
use super::forest::Forest;
use super::tail::Tail;

/// How surprises are added up; a change of it makes old ones no measure for new ones, as another model does.
const SCALE: u64 = 2;
const MAGIC: &[u8; 8] = b"bartmdl1";
/// The largest file that is read.
pub const MODEL_BYTES_MAX: usize = 4 << 20;
/// How many figures a model keeps at most, and how long a text in it may be.
const FIGURES_MAX: usize = 32;
const TEXT_BYTES_MAX: usize = 1_000;
/// The most rows that a model is trained from.
pub const ROWS_MAX: usize = 1_000_000;
/// The fewest: below, nothing is usual.
pub const ROWS_MIN: usize = 100;

/// A distance that surprises less than this is that of a usual request: a quarter of those of training
/// lie further out.
const USUAL: f64 = 1.386;

/// Where a model is from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// What it was trained from, in words.
    pub source: String,
    /// From how many requests.
    pub rows: u64,
    /// With which seed.
    pub seed: u64,
    /// When, as a date.
    pub trained: String,
    /// What was measured of it: names and numbers.
    pub figures: Vec<(String, f64)>,
}

/// A trained model.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Where it is from.
    pub about: About,
    /// Of each feature the number that one in twenty lies below, the middle, and the number that one in
    /// twenty lies above.
    pub usual: [[f32; 3]; FEATURES],
    /// The forest.
    pub forest: Forest,
    /// The distance.
    pub distance: Distance,
    of_forest: Tail,
    of_distance: Tail,
    identity: u64,
}

/// Why a file is no model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// It is longer than any model.
    TooLarge,
    /// It is no model, or one of another version.
    Version,
    /// It was cut short or changed.
    Checksum,
    /// It does not hold what its version says.
    Malformed,
    /// There were too few requests to learn from.
    TooFewRows(usize),
}

impl std::fmt::Display for ModelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge => write!(f, "longer than {MODEL_BYTES_MAX} bytes: this is no model"),
            Self::Version => f.write_str("no model of this version; train it again"),
            Self::Checksum => f.write_str("the model was cut short or changed; train it again"),
            Self::Malformed => {
                f.write_str("the model does not hold what its version says; train it again")
            }
            Self::TooFewRows(rows) => {
                write!(f, "{rows} requests to learn from, and at least {ROWS_MIN} are needed")
            }
        }
    }
}

impl std::error::Error for ModelError {}

/// How unusual a request is by its shape alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// The forest's score, 0 to 1.
    pub forest: f64,
    /// The distance from the middle.
    pub distance: f64,
    /// How surprising both are together: the mean of their ranks among the rows of training, as the
    /// negative logarithm of what is above. Where the distance is a usual one, its rank alone.
    pub surprise: f64,
}

/// The model that the program brings along.
static SHIPPED: LazyLock<Arc<Model>> = LazyLock::new(|| {
    // A test reads it; should it be broken all the same, requests are as unusual as each other.
    Arc::new(Model::decode(include_bytes!("shipped.model")).unwrap_or_else(|_| Model::blank()))
});

impl Default for Model {
    fn default() -> Self {
        Self::shipped().as_ref().clone()
    }
}

impl Judged {
    /// Gives the surprise together with how sure inspection is of an attack, 0 to 1.
    pub fn with(&self, inspected: f64) -> f64 {
        super::site::together(self.surprise, inspected)
    }
}

impl Model {
    /// Gives the model that the program brings along.
    pub fn shipped() -> Arc<Self> {
        Arc::clone(&SHIPPED)
    }

    fn blank() -> Self {
        Self {
            about: About::default(),
            usual: [[0.0; 3]; FEATURES],
            forest: Forest::grow(&[], 1, 0),
            distance: Distance::fit(&[]),
            of_forest: Tail::of(Vec::new()),
            of_distance: Tail::of(Vec::new()),
            identity: 0,
        }
    }

    /// Gives what tells this model from others: two of the same identity judge alike.
    pub fn identity(&self) -> u64 {
        self.identity
    }

    /// Works the identity out.
    fn identified(mut self) -> Self {
        let mut writer = Writer::default();
        writer.whole(SCALE);
        self.write_parts(&mut writer);
        self.identity = crate::keep::hash(writer.written());
        self
    }

    fn write_parts(&self, writer: &mut Writer) {
        self.forest.write(writer);
        self.distance.write(writer);
        self.of_forest.write(writer);
        self.of_distance.write(writer);
    }

    /// Trains a model; the same rows and seed give the same one. Of more than [`ROWS_MAX`] rows the first
    /// count.
    pub fn train(rows: &[Row], trees: usize, about: About) -> Result<Self, ModelError> {
        if rows.len() < ROWS_MIN {
            return Err(ModelError::TooFewRows(rows.len()));
        }
        let rows = rows.get(..ROWS_MAX).unwrap_or(rows);
        let forest = Forest::grow(rows, trees, about.seed);
        let distance = Distance::fit(rows);
        let of_forest = Tail::of(forest.score_all(rows));
        let of_distance = Tail::of(rows.iter().map(|row| distance.of_row(row)).collect());
        let about = About { rows: u64::try_from(rows.len()).unwrap_or(u64::MAX), ..about };
        let (usual, identity) = (usual(rows), 0);
        let model = Self { about, usual, forest, distance, of_forest, of_distance, identity };
        Ok(model.identified())
    }

    /// Judges the shape of a request.
    pub fn judge(&self, row: &Row) -> Judged {
        let (forest, distance) = (self.forest.score(row), self.distance.of_row(row));
        Judged { forest, distance, surprise: self.fused(distance, || forest) }
    }

    /// Gives the surprise alone: the forest, which costs most, is asked only where the distance leaves
    /// it open whether the request is usual.
    pub(crate) fn surprise(&self, row: &Row) -> f64 {
        self.fused(self.distance.of_row(row), || self.forest.score(row))
    }

    /// Gives the surprise of the distance alone.
    pub(crate) fn distance_surprise(&self, row: &Row) -> f64 {
        self.of_distance.surprise(self.distance.of_row(row))
    }

    fn fused(&self, distance: f64, forest: impl FnOnce() -> f64) -> f64 {
        let of_distance = self.of_distance.surprise(distance);
        if of_distance < USUAL {
            return of_distance;
        }
        let of_forest = self.of_forest.surprise(forest());
        -f64::midpoint((-of_forest).exp(), (-of_distance).exp()).max(1e-12).ln()
    }

    /// Gives the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.raw(MAGIC);
        writer.text(cut(&self.about.source));
        writer.number(self.about.rows);
        writer.whole(self.about.seed);
        writer.text(cut(&self.about.trained));
        writer.length(self.about.figures.len().min(FIGURES_MAX));
        for (name, figure) in self.about.figures.iter().take(FIGURES_MAX) {
            writer.text(cut(name));
            writer.whole(figure.to_bits());
        }
        for number in self.usual.iter().flatten() {
            writer.raw(&number.to_le_bytes());
        }
        self.write_parts(&mut writer);
        let checksum = crc32fast::hash(writer.written());
        writer.raw(&checksum.to_le_bytes());
        writer.finish()
    }

    /// Reads a file.
    pub fn decode(bytes: &[u8]) -> Result<Self, ModelError> {
        if bytes.len() > MODEL_BYTES_MAX {
            return Err(ModelError::TooLarge);
        }
        if !bytes.starts_with(MAGIC) {
            return Err(ModelError::Version);
        }
        let (held, checksum) = bytes.split_last_chunk::<4>().ok_or(ModelError::Checksum)?;
        if crc32fast::hash(held).to_le_bytes() != *checksum {
            return Err(ModelError::Checksum);
        }
        let mut reader = Reader::new(held.get(MAGIC.len()..).unwrap_or_default());
        let read = Self::read(&mut reader).map_err(|_| ModelError::Malformed)?;
        if reader.is_empty() { Ok(read) } else { Err(ModelError::Malformed) }
    }

    fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let mut about = About {
            source: text(reader)?,
            rows: reader.number()?,
            seed: reader.whole()?,
            trained: text(reader)?,
            figures: Vec::new(),
        };
        let figures = reader.length()?;
        if figures > FIGURES_MAX {
            return Err(SnapshotError::TooLarge);
        }
        for _ in 0..figures {
            about.figures.push((text(reader)?, f64::from_bits(reader.whole()?)));
        }
        let mut usual = [[0.0; 3]; FEATURES];
        for number in usual.iter_mut().flatten() {
            *number = super::tail::read_amount(reader)?;
        }
        let model = Self {
            about,
            usual,
            forest: Forest::read(reader)?,
            distance: Distance::read(reader)?,
            of_forest: Tail::read(reader)?,
            of_distance: Tail::read(reader)?,
            identity: 0,
        };
        Ok(model.identified())
    }
}

fn text(reader: &mut Reader<'_>) -> Read<String> {
    let text = reader.text()?;
    if text.len() > TEXT_BYTES_MAX { Err(SnapshotError::TooLarge) } else { Ok(text.to_owned()) }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(text)
}

/// Gives what is usual of each feature.
fn usual(rows: &[Row]) -> [[f32; 3]; FEATURES] {
    let mut usual = [[0.0; 3]; FEATURES];
    for (feature, ends) in usual.iter_mut().enumerate() {
        let mut numbers: Vec<f32> =
            rows.iter().filter_map(|row| row.get(feature).copied()).collect();
        numbers.sort_unstable_by(f32::total_cmp);
        let at = |share: f64| {
            let place = super::features::whole(count(numbers.len().saturating_sub(1)) * share);
            numbers.get(place).copied().unwrap_or_default()
        };
        *ends = [at(0.05), at(0.5), at(0.95)].map(|number| narrow(f64::from(number)));
    }
    usual
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::features::features;
    use super::*;

    fn model() -> Model {
        let row = |number: u32| {
            features(format!("/shop/item?id={number}&page={}", number % 7).as_bytes(), b"")
        };
        let rows: Vec<Row> = (0..500).map(|number| row(number * 37)).collect();
        let about = About {
            source: "a test".to_owned(),
            trained: "2026-11-21".to_owned(),
            figures: vec![("auc".to_owned(), 0.5)],
            seed: 9,
            rows: 0,
        };
        Model::train(&rows, 30, about).unwrap()
    }

    #[test]
    fn kept_and_read_again() {
        let model = model();
        assert_eq!(model.about.rows, 500);
        assert_eq!(Model::decode(&model.encode()).unwrap(), model);
        let usual = model.judge(&features(b"/shop/item?id=3717&page=3", b""));
        let odd = model.judge(&features(b"/shop/item?id=71'%20union%20select%20*--&page=3", b""));
        assert!(usual.surprise < 3.0 && odd.surprise > usual.surprise + 2.0, "{usual:?} {odd:?}");
    }

    #[test]
    fn the_shipped_model_reads_and_says_where_it_is_from() {
        let bytes = include_bytes!("shipped.model");
        let shipped = Model::decode(bytes).unwrap();
        assert!(bytes.len() < 300_000 && shipped.about.rows > 1_000);
        assert!(!shipped.about.source.is_empty() && !shipped.about.figures.is_empty());
        assert_eq!(Model::shipped().as_ref(), &shipped);
        let figure = |name: &str| {
            let figures = &shipped.about.figures;
            figures.iter().find(|(known, _)| known == name).map(|(_, figure)| *figure).unwrap()
        };
        assert!(figure("forest: AUC") >= 0.975 && figure("with inspection: AUC") >= 0.99);
    }

    #[test]
    fn the_identity_is_that_of_the_judgement() {
        let mut named = model();
        named.about.figures.push(("measured later".to_owned(), 1.0));
        assert_eq!(named.identity(), model().identity());
        assert_eq!(Model::decode(&named.encode()).unwrap().identity(), named.identity());
        assert_ne!(named.identity(), Model::shipped().identity());
    }

    #[test]
    fn too_little_to_learn_from() {
        assert_eq!(
            Model::train(&[[0.0; 16]; 9], 10, About::default()),
            Err(ModelError::TooFewRows(9))
        );
    }

    #[test]
    fn files_of_others() {
        let bytes = model().encode();
        assert_eq!(Model::decode(b"hello"), Err(ModelError::Version));
        assert_eq!(Model::decode(&bytes[..bytes.len() - 9]), Err(ModelError::Checksum));
        assert_eq!(Model::decode(&vec![0; MODEL_BYTES_MAX + 1]), Err(ModelError::TooLarge));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_changed_file_with_a_right_checksum_never_makes_it_fail(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
            end in any::<prop::sample::Index>(),
        ) {
            let mut bytes = model().encode();
            bytes.truncate(bytes.len() - 4);
            for (place, byte) in changes {
                let place = 8 + place.index(bytes.len() - 8);
                bytes[place] = byte;
            }
            if end.index(3) == 0 {
                bytes.truncate(8 + end.index(bytes.len() - 8));
            }
            let checksum = crc32fast::hash(&bytes);
            bytes.extend(checksum.to_le_bytes());
            if let Ok(read) = Model::decode(&bytes) {
                let judged = read.judge(&features(b"/x?y=z", b""));
                prop_assert!(judged.surprise.is_finite() && (0.0..=1.0).contains(&judged.forest));
            }
        }
    }
}
