//! How well a score parts attacks from the rest, on labelled rows.

use super::features::{count, whole};

/// What is told of a score.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// The area under the curve: how often an attack scores higher than another request.
    pub area: f64,
    /// The share of attacks above what one in a hundred of the others reaches.
    pub at_percent: f64,
    /// The share of attacks above what one in a thousand of the others reaches.
    pub at_permille: f64,
}

/// Measures a score; each row is its score and whether it is an attack.
pub fn quality(rows: &[(f64, bool)]) -> Quality {
    let mut sorted = rows.to_vec();
    sorted.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let attacks = count(sorted.iter().filter(|row| row.1).count());
    let others = count(sorted.len()) - attacks;
    // Rows of one score share the mean of their ranks.
    let (mut ranks, mut at) = (0.0, 0.0);
    for group in sorted.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
        let mean = at + f64::midpoint(count(group.len()), 1.0);
        ranks += mean * count(group.iter().filter(|row| row.1).count());
        at += count(group.len());
    }
    let area = (ranks - attacks * (attacks + 1.0) / 2.0) / (attacks * others).max(1.0);
    let benign: Vec<f64> = sorted.iter().filter(|row| !row.1).map(|row| row.0).collect();
    let reached = |share: f64| {
        let allowed = whole(others * share);
        let limit = benign.len().checked_sub(allowed + 1).and_then(|at| benign.get(at));
        let limit = limit.copied().unwrap_or(f64::NEG_INFINITY);
        count(sorted.iter().filter(|row| row.1 && row.0 > limit).count()) / attacks.max(1.0)
    };
    Quality { area, at_percent: reached(0.01), at_permille: reached(0.001) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_area_is_the_share_of_pairs_in_order(
            rows in prop::collection::vec((0_u8..20, any::<bool>()), 2..80),
        ) {
            let rows: Vec<(f64, bool)> = rows.iter().map(|row| (f64::from(row.0), row.1)).collect();
            let (mut pairs, mut ordered) = (0.0, 0.0);
            for attack in rows.iter().filter(|row| row.1) {
                for other in rows.iter().filter(|row| !row.1) {
                    pairs += 1.0;
                    ordered += if attack.0 > other.0 { 1.0 } else if attack.0 < other.0 { 0.0 } else { 0.5 };
                }
            }
            prop_assume!(pairs > 0.0);
            prop_assert!((quality(&rows).area - ordered / pairs).abs() < 1e-9);
        }
    }

    #[test]
    fn at_a_share_of_false_alarms() {
        let benign = (0..1_000).map(|number| (f64::from(number), false));
        let attacks = [(500.0, true), (995.0, true), (2_000.0, true), (3_000.0, true)];
        let rows: Vec<(f64, bool)> = benign.chain(attacks).collect();
        let told = quality(&rows);
        assert!((told.at_percent - 0.75).abs() < 1e-9 && (told.at_permille - 0.5).abs() < 1e-9);
    }
}
