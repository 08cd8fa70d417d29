//! What one source may bring within an hour: so that nobody alone fills what is bounded, or teaches alone.

use super::votes::Source;

/// How many sources are watched at a time.
const QUOTAS: usize = 64;

/// What one source brought within the hour.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Quota {
    pub(crate) source: Source,
    /// New things.
    pub(crate) new: u16,
    /// Requests that told what is usual, and the surprising ones among them.
    pub(crate) telling: u16,
    pub(crate) surprising: u16,
}

/// What each source brought within the hour. Who shares a place shares what may be brought: a flood of
/// sources is held back too.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quotas(Vec<Quota>);

impl Default for Quotas {
    fn default() -> Self {
        Self(vec![Quota::default(); QUOTAS])
    }
}

impl Quotas {
    pub(crate) fn of(&self, source: Source) -> Quota {
        let kept = self.0.get(usize::from(source) % QUOTAS).copied().unwrap_or_default();
        Quota { source, ..kept }
    }

    pub(crate) fn keep(&mut self, quota: Quota) {
        if let Some(place) = self.0.get_mut(usize::from(quota.source) % QUOTAS) {
            *place = quota;
        }
    }

    /// Begins the next hour.
    pub(crate) fn clear(&mut self) {
        self.0.fill(Quota::default());
    }
}
