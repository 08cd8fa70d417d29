//! Isolation Forest (Liu, Ting, Zhou 2008): what few random cuts set apart from the rest is unusual.
//!
//! A tree is laid out as a full binary tree of depth [`DEPTH`], so that a step is a comparison and a
//! shift, without a branch: the place of a node is its path, one bit a step. Where a tree ends early its
//! nodes let everything go left. Eight trees are walked side by side, since a walk waits for memory
//! most of the time.
//!
//! A node is one word: its threshold as a number that sorts as the threshold does, and behind it in the
//! low four bits which feature it asks for. The features of a row are made such words once, with zeros there; so
//! a step loads a node and a feature, and one comparison of words decides as that of the numbers does.
//!
//! Thresholds have 32 bits. A threshold of 64 bits, as scikit-learn keeps, is rounded down to the next
//! number of 32: for rows of 32 bits both say the same of every row.

use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::dice::Dice;
use super::features::{FEATURES, ROW, Row, count, narrow};

/// The deepest tree: enough for samples of 256 rows, as in the paper.
pub(crate) const DEPTH: u32 = 8;
/// The most rows that one tree is grown from.
pub const SAMPLES_MAX: usize = 256;
/// The most trees of a forest.
pub const TREES_MAX: usize = 1_000;
/// How many trees, or rows, are walked side by side.
const ABREAST: usize = 8;
const PLACES: usize = 256;
/// What stands for the feature of a leaf.
const LEAF: u8 = 255;

/// One tree: its nodes by their paths (the root is 1), and the path lengths of its leaves.
#[derive(Clone, Debug, PartialEq)]
struct Tree {
    nodes: [u64; PLACES],
    lengths: [f32; PLACES],
}

/// What no feature exceeds.
const OPEN: u64 = u64::MAX;
/// How many low bits of a word name a feature.
const FEATURE_BITS: u32 = 4;
const FEATURE_MASK: u64 = (1 << FEATURE_BITS) - 1;

/// Gives a number as a word that sorts as the numbers do; what is no number counts as the least.
fn sorting(number: f32) -> u64 {
    // Both zeros are one number.
    let bits = (number.max(f32::MIN) + 0.0).to_bits();
    let sign = 1_u32 << 31;
    let sorted = if bits & sign == 0 { bits | sign } else { !bits };
    u64::from(sorted) << FEATURE_BITS
}

/// Gives the number that [`sorting`] made a word of.
fn sorted(word: u64) -> f32 {
    let sorted = u32::try_from(word >> FEATURE_BITS).unwrap_or(u32::MAX);
    let sign = 1_u32 << 31;
    f32::from_bits(if sorted & sign == 0 { !sorted } else { sorted & !sign })
}

/// Gives the words of a row.
#[inline]
fn words(row: &Row) -> [u64; ROW] {
    row.map(sorting)
}

/// A forest, laid out to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    trees: Vec<Tree>,
    samples: u16,
}

/// A node of a tree as it is grown and kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Rows whose feature is greater go right.
    Cut { feature: u8, threshold: f32, left: Box<Node>, right: Box<Node> },
    /// The end of a path, and its length: the cuts on it, and those that the rows here would still take.
    Leaf(f32),
}

/// Gives the mean number of cuts that set a row apart from `rows` others: the length of a search in
/// vain in a binary search tree.
pub(crate) fn mean_length(rows: usize) -> f64 {
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let last = count(rows) - 1.0;
            2.0 * (last.ln() + 0.577_215_664_901_532_9) - 2.0 * last / count(rows)
        }
    }
}

impl Forest {
    /// Grows a forest of so many trees, each from up to [`SAMPLES_MAX`] rows drawn without putting back.
    /// The same rows and seed give the same forest.
    pub fn grow(rows: &[Row], trees: usize, seed: u64) -> Self {
        let samples = rows.len().min(SAMPLES_MAX);
        let mut dice = Dice::new(seed);
        let mut places: Vec<usize> = (0..rows.len()).collect();
        let grown = (0..trees.clamp(1, TREES_MAX)).map(|_| {
            for at in 0..samples {
                let other = at + dice.below(places.len().saturating_sub(at));
                places.swap(at, other);
            }
            let mut sample: Vec<Row> =
                places.iter().take(samples).filter_map(|place| rows.get(*place).copied()).collect();
            let depth_max = depth_of(samples);
            Tree::lay_out(&grow(&mut sample, 0, depth_max, &mut dice))
        });
        Self { trees: grown.collect(), samples: u16::try_from(samples).unwrap_or_default() }
    }

    /// Gives how many trees it has.
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// Gives from how many rows each tree was grown.
    pub fn samples(&self) -> usize {
        usize::from(self.samples)
    }

    /// Gives how unusual a row is, 0 to 1: near 1 where few cuts set it apart, below a half where it
    /// takes as many as usual.
    pub fn score(&self, row: &Row) -> f64 {
        let row = words(row);
        let mut groups = self.trees.chunks_exact(ABREAST);
        let mut total = 0.0;
        for group in &mut groups {
            if let Some(group) = group.first_chunk::<ABREAST>() {
                total += Tree::walk(group, &row);
            }
        }
        let rest = groups.remainder().iter();
        total += rest.map(|tree| Tree::walk(std::array::from_ref(tree), &row)).sum::<f64>();
        self.scaled(total)
    }

    /// Gives the scores of many rows, each the very one that [`Forest::score`] gives: some rows walk a tree
    /// side by side, so that it is fetched once for them.
    pub fn score_all(&self, rows: &[Row]) -> Vec<f64> {
        let mut scores = Vec::with_capacity(rows.len());
        for rows in rows.chunks(ABREAST) {
            let mut piece = [[0; ROW]; ABREAST];
            piece.iter_mut().zip(rows).for_each(|(to, row)| *to = words(row));
            let mut totals = [0.0; ABREAST];
            for group in self.trees.chunks(ABREAST) {
                let mut sums = [0.0; ABREAST];
                for tree in group {
                    tree.walk_rows(&piece, &mut sums);
                }
                totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
            }
            scores.extend(totals.iter().take(rows.len()).map(|total| self.scaled(*total)));
        }
        scores
    }

    /// Gives the score of path lengths that come to so much.
    fn scaled(&self, total: f64) -> f64 {
        let usual = count(self.trees.len().max(1)) * mean_length(self.samples());
        if usual > 0.0 { (-total / usual).exp2() } else { 0.5 }
    }

    /// Reads a forest by itself, as other programs may write it: the number of rows that each tree was
    /// grown from, the number of trees, and each tree's nodes.
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut reader = Reader::new(bytes);
        let forest = Self::read(&mut reader)?;
        if reader.is_empty() { Ok(forest) } else { Err(SnapshotError::Malformed) }
    }

    /// Appends the forest, each tree as its nodes from the root on, the left before the right.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.number(u64::from(self.samples));
        writer.length(self.trees.len());
        for tree in &self.trees {
            tree.write(writer, 1);
        }
    }

    /// Reads what [`Forest::write`] wrote; bytes that say otherwise are an error.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let samples = usize::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?;
        if !(1..=SAMPLES_MAX).contains(&samples) {
            return Err(SnapshotError::Malformed);
        }
        let trees = reader.length()?;
        if trees == 0 || trees > TREES_MAX {
            return Err(SnapshotError::TooLarge);
        }
        let trees = (0..trees).map(|_| Ok(Tree::lay_out(&Node::read(reader, 0)?)));
        let trees = trees.collect::<Read<Vec<Tree>>>()?;
        Ok(Self { trees, samples: u16::try_from(samples).unwrap_or_default() })
    }
}

/// Gives how deep a tree of so many rows may become: as deep as one that halves them each time.
fn depth_of(samples: usize) -> u32 {
    samples.max(2).next_power_of_two().trailing_zeros().min(DEPTH)
}

/// Grows a tree; sorts the rows in their place.
fn grow(rows: &mut [Row], depth: u32, depth_max: u32, dice: &mut Dice) -> Node {
    let leaf = || Node::Leaf(narrow(f64::from(depth) + mean_length(rows.len())));
    if depth >= depth_max || rows.len() <= 1 {
        return leaf();
    }
    // A feature that all rows have the same value of cuts nothing.
    let ends = |feature: usize| {
        let values = rows.iter().filter_map(|row| row.get(feature).copied());
        values.fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), value| {
            (least.min(value), most.max(value))
        })
    };
    let open: Vec<(usize, f32, f32)> = (0..FEATURES)
        .map(|feature| (feature, ends(feature)))
        .filter(|(_, (least, most))| least < most)
        .map(|(feature, (least, most))| (feature, least, most))
        .collect();
    let Some((feature, least, most)) = open.get(dice.below(open.len())).copied() else {
        return leaf();
    };
    let mut threshold =
        narrow(f64::from(least) + (f64::from(most) - f64::from(least)) * dice.share());
    if threshold >= most {
        threshold = least;
    }
    let value = |row: &Row| row.get(feature).copied().unwrap_or_default();
    rows.sort_unstable_by(|one, other| value(one).total_cmp(&value(other)));
    let cut = rows.partition_point(|row| value(row) <= threshold);
    let Some((left, right)) = rows.split_at_mut_checked(cut) else { return Node::Leaf(0.0) };
    Node::Cut {
        feature: u8::try_from(feature).unwrap_or_default(),
        threshold,
        left: Box::new(grow(left, depth + 1, depth_max, dice)),
        right: Box::new(grow(right, depth + 1, depth_max, dice)),
    }
}

impl Node {
    fn read(reader: &mut Reader<'_>, depth: u32) -> Read<Self> {
        let [feature] = *reader.raw(1)? else { return Err(SnapshotError::Malformed) };
        let bits = reader.raw(4)?.try_into().map_err(|_| SnapshotError::Malformed)?;
        let number = f32::from_le_bytes(bits);
        if !number.is_finite() {
            return Err(SnapshotError::Malformed);
        }
        if feature == LEAF {
            return if (0.0..=1e3).contains(&number) {
                Ok(Self::Leaf(number))
            } else {
                Err(SnapshotError::Malformed)
            };
        }
        if usize::from(feature) >= FEATURES || depth >= DEPTH {
            return Err(SnapshotError::Malformed);
        }
        let left = Box::new(Self::read(reader, depth + 1)?);
        let right = Box::new(Self::read(reader, depth + 1)?);
        Ok(Self::Cut { feature, threshold: number, left, right })
    }
}

impl Tree {
    /// Gives where a row goes on from a place. The last step pushes the root's bit out: what is left is
    /// the leaf's path.
    #[inline]
    fn step(&self, place: u8, row: &[u64; ROW]) -> u8 {
        let node = self.nodes.get(usize::from(place)).copied().unwrap_or(OPEN);
        let feature = usize::try_from(node & FEATURE_MASK).unwrap_or_default();
        let value = row.get(feature).copied().unwrap_or_default();
        (place << 1) | u8::from(value > node)
    }

    #[inline]
    fn length(&self, place: u8) -> f64 {
        f64::from(self.lengths.get(usize::from(place)).copied().unwrap_or_default())
    }

    /// Walks some trees side by side; gives the sum of the path lengths.
    #[inline]
    fn walk<const N: usize>(trees: &[Self; N], row: &[u64; ROW]) -> f64 {
        let mut places = [1_u8; N];
        for _ in 0..DEPTH {
            for (place, tree) in places.iter_mut().zip(trees) {
                *place = tree.step(*place, row);
            }
        }
        places.iter().zip(trees).map(|(place, tree)| tree.length(*place)).sum()
    }

    /// Adds the path lengths of some rows that walk side by side.
    #[inline]
    fn walk_rows(&self, rows: &[[u64; ROW]; ABREAST], sums: &mut [f64; ABREAST]) {
        let mut places = [1_u8; ABREAST];
        for _ in 0..DEPTH {
            for (place, row) in places.iter_mut().zip(rows) {
                *place = self.step(*place, row);
            }
        }
        for (sum, place) in sums.iter_mut().zip(places) {
            *sum += self.length(place);
        }
    }

    fn lay_out(root: &Node) -> Self {
        let mut tree = Self { nodes: [OPEN; PLACES], lengths: [0.0; PLACES] };
        tree.place(root, 1, 0);
        tree
    }

    /// Puts a node in its place, and what lies below it.
    fn place(&mut self, node: &Node, at: usize, depth: u32) {
        match node {
            Node::Leaf(length) => {
                let first = (at << (DEPTH - depth)) & (PLACES - 1);
                if let Some(place) = self.lengths.get_mut(first) {
                    *place = *length;
                }
            }
            Node::Cut { feature, threshold, left, right } => {
                if let Some(place) = self.nodes.get_mut(at) {
                    *place = sorting(*threshold) | u64::from(*feature) & FEATURE_MASK;
                }
                self.place(left, at << 1, depth + 1);
                self.place(right, (at << 1) | 1, depth + 1);
            }
        }
    }

    fn write(&self, writer: &mut Writer, at: usize) {
        let depth = at.max(1).ilog2();
        let node = self.nodes.get(at).copied().unwrap_or(OPEN);
        if depth >= DEPTH || node == OPEN {
            let first = (at << (DEPTH - depth.min(DEPTH))) & (PLACES - 1);
            writer.raw(&[LEAF]);
            writer.raw(&self.lengths.get(first).copied().unwrap_or_default().to_le_bytes());
            return;
        }
        writer.raw(&[u8::try_from(node & FEATURE_MASK).unwrap_or_default()]);
        writer.raw(&sorted(node).to_le_bytes());
        self.write(writer, at << 1);
        self.write(writer, (at << 1) | 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The path length by recursion on a tree of boxes.
    fn naive(node: &Node, row: &Row) -> f32 {
        match node {
            Node::Leaf(length) => *length,
            Node::Cut { feature, threshold, left, right } => {
                naive(if row[usize::from(*feature)] <= *threshold { left } else { right }, row)
            }
        }
    }

    fn node() -> impl Strategy<Value = Node> {
        let leaf = (0.0_f32..20.0).prop_map(Node::Leaf);
        leaf.prop_recursive(7, 200, 2, |inner| {
            (0_u8..13, -1.0_f32..1.0, inner.clone(), inner).prop_map(
                |(feature, threshold, left, right)| Node::Cut {
                    feature,
                    threshold,
                    left: Box::new(left),
                    right: Box::new(right),
                },
            )
        })
    }

    proptest! {
        #[test]
        fn a_walk_is_the_recursion(
            nodes in prop::collection::vec(node(), 1..20),
            rows in prop::collection::vec(prop::array::uniform16(-1.0_f32..1.0), 1..70),
        ) {
            let trees: Vec<Tree> = nodes.iter().map(Tree::lay_out).collect();
            let forest = Forest { trees, samples: 256 };
            for (row, batch) in rows.iter().zip(forest.score_all(&rows)) {
                prop_assert_eq!(forest.score(row).to_bits(), batch.to_bits());
            }
            for row in rows {
                let total: f64 = nodes.iter().map(|node| f64::from(naive(node, &row))).sum();
                let usual = count(nodes.len()) * mean_length(256);
                let wanted = (-total / usual).exp2();
                prop_assert!((forest.score(&row) - wanted).abs() < 1e-9);
            }
            let mut writer = Writer::default();
            forest.write(&mut writer);
            let bytes = writer.finish();
            prop_assert_eq!(Forest::read(&mut Reader::new(&bytes)).unwrap(), forest);
        }

        #[test]
        fn bytes_of_others_never_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = Forest::read(&mut Reader::new(&bytes));
        }
    }

    /// The forest, rows and scores were written by `bench/models/compare.py --fixture`.
    #[test]
    fn scores_are_those_of_scikit_learn_on_the_same_trees() {
        let forest = Forest::decode(include_bytes!("testdata/sklearn.forest")).unwrap();
        assert_eq!((forest.trees(), forest.samples()), (12, 256));
        let rows = include_bytes!("testdata/sklearn.rows").chunks_exact(FEATURES * 4 + 8);
        let mut seen = 0;
        for kept in rows {
            let (numbers, score) = kept.split_at(FEATURES * 4);
            let mut row: Row = [0.0; ROW];
            for (to, bytes) in row.iter_mut().zip(numbers.chunks_exact(4)) {
                *to = f32::from_le_bytes(bytes.try_into().unwrap());
            }
            let theirs = f64::from_le_bytes(score.try_into().unwrap());
            assert!((forest.score(&row) - theirs).abs() < 1e-6);
            seen += 1;
        }
        assert_eq!(seen, 81);
        let rows: Vec<Row> = (0..21_u8).map(|number| [f32::from(number); ROW]).collect();
        for (all, row) in forest.score_all(&rows).iter().zip(&rows) {
            assert!((all - forest.score(row)).abs() < 1e-12);
        }
    }

    #[test]
    fn the_same_seed_grows_the_same_forest() {
        let mut dice = Dice::new(5);
        let rows: Vec<Row> = (0..1_000)
            .map(|_| std::array::from_fn(|at| if at == 3 { 0.5 } else { narrow(dice.share()) }))
            .collect();
        let forest = Forest::grow(&rows, 20, 7);
        assert_eq!(forest, Forest::grow(&rows, 20, 7));
        assert_ne!(forest, Forest::grow(&rows, 20, 8));
        let far: Row = [9.0; ROW];
        assert!(rows.iter().all(|row| forest.score(row) < forest.score(&far)));
        assert!((0.4..0.6).contains(&forest.score(&rows[0])));
    }

    #[test]
    fn rows_that_are_all_the_same_and_none_at_all() {
        let forest = Forest::grow(&[[1.0; ROW]; 10], 3, 1);
        assert!((forest.score(&[1.0; ROW]) - 0.5).abs() < 1e-6);
        let empty = Forest::grow(&[], 3, 1);
        assert!((empty.score(&[1.0; ROW]) - 0.5).abs() < 1e-9);
    }
}
