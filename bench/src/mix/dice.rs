//! Random numbers that are the same in each run, and choices as uneven as the world's.

/// A generator of numbers (splitmix64).
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Gives a number from zero on and below the bound, which is not zero.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.word()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// Tells yes so many times of a thousand.
    pub(super) fn chance(&mut self, of_thousand: u64) -> bool {
        self.below(1000) < of_thousand
    }

    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let place = usize::try_from(self.below(all.len() as u64)).unwrap_or_default();
        all.get(place).unwrap_or_else(|| unreachable!("below the length"))
    }
}

/// Things of which the first are far more popular than the last: the n-th is drawn as often as
/// `1 / n^skew` says (Zipf), by the alias method.
#[derive(Debug)]
pub(super) struct Crowd<T> {
    all: Vec<T>,
    /// For each place, how likely it stands for itself, and whom it stands for otherwise.
    shares: Vec<(f64, usize)>,
}

impl<T> Crowd<T> {
    pub(super) fn new(all: Vec<T>, skew: f64) -> Self {
        let weights: Vec<f64> = (1..=all.len()).map(|n| (n as f64).powf(-skew)).collect();
        let mean = weights.iter().sum::<f64>() / all.len() as f64;
        let mut left: Vec<f64> = weights.iter().map(|weight| weight / mean).collect();
        let mut shares: Vec<(f64, usize)> = (0..all.len()).map(|place| (1.0, place)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..all.len()).partition(|place| left.get(*place).is_some_and(|share| *share < 1.0));
        while let (Some(poor), Some(rich)) = (small.pop(), large.last().copied()) {
            let share = left.get(poor).copied().unwrap_or(1.0);
            if let Some(entry) = shares.get_mut(poor) {
                *entry = (share, rich);
            }
            let Some(rest) = left.get_mut(rich) else { break };
            *rest -= 1.0 - share;
            if *rest < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        Self { all, shares }
    }

    pub(super) fn draw(&self, dice: &mut Dice) -> &T {
        let place = usize::try_from(dice.below(self.all.len() as u64)).unwrap_or_default();
        let coin = (dice.word() >> 11) as f64 / (1_u64 << 53) as f64;
        let chosen = match self.shares.get(place) {
            Some((share, other)) if coin >= *share => *other,
            _ => place,
        };
        self.all.get(chosen).unwrap_or_else(|| unreachable!("one of them"))
    }
}
