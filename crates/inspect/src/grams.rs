//! Longer literals, looked for all at once by their rare grams.
//!
//! Of every literal, three bytes in a row that are rare in everyday text are known by a table of bits
//! that fits into the nearest cache, and so are the three that begin a byte later. One of both stands
//! at an even place wherever the literal does, so every second place of a text is looked up. What is
//! found is a candidate: whoever asks compares.

/// The shortest literal that can be looked for.
pub(crate) const LITERAL_BYTES_MIN: usize = 4;
/// The bytes of a gram.
const GRAM_BYTES: usize = 3;
/// Bits of the table for each gram in it: so seldom does another one look like it.
const BITS_PER_GRAM: usize = 64;

/// What nobody means any harm by, to learn which grams are rare.
const EVERYDAY: &[u8] = b"mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, \
    like gecko) chrome/126.0.0.0 safari/537.36 edg/126.0 mozilla/5.0 (x11; ubuntu; linux x86_64; \
    rv:127.0) gecko/20100101 firefox/127.0 mozilla/5.0 (iphone; cpu iphone os 17_5 like mac os x) \
    version/17.5 mobile/15e148 macintosh; intel mac os x 10_15_7 (compatible; googlebot/2.1; \
    +http://www.google.com/bot.html) bingbot/2.0 feedfetcher \
    yandexbot/3.0 baiduspider+ yahoo! slurp; rss reader; msie 10.0; wow64; trident/6.0; .net clr \
    3.5.30729; .net4.0c; slcc2; media center pc 6.0; opera/9.80 presto/2.12.388 android 14; mobile; \
    tablet; samsungbrowser/25.0 ipad; khtml/4.14 konqueror like gecko) compatible; windows chrome \
    safari +http://www.example.org/bot.htm https://www.example.com/ \
    /index.html /images/logo.png /static/js/app.min.js /style.css /favicon.ico /robots.txt /blog/ \
    /article/presentations-and-projects.html /wp-content/themes/ /search?query=shopping&page=2& \
    sort=price&order=asc /api/v1/users/orders?limit=50&offset=100 text/html,application/xhtml+xml \
    application/json; charset=utf-8 gzip, deflate, br keep-alive no-cache en-us,en;q=0.9 multipart/\
    form-data application/x-www-form-urlencoded session lang token email password username first \
    last name address city country phone comment message the quick and for with that this from \
    have are you not was will can all one our out has more about when there what which their would \
    other into some time very just people could them see make than look only come its over think \
    also back after use two how work well way even new want because any these give day most us";

/// The grams of some literals.
pub(crate) struct Grams {
    /// A bit for each gram that occurs.
    bits: Vec<u64>,
    /// How many bits are set before each word.
    ranks: Vec<u16>,
    shift: u32,
    /// Where the candidates of each bit begin.
    starts: Vec<u16>,
    candidates: Vec<Candidate>,
}

/// A literal that a gram may belong to.
#[derive(Clone, Copy)]
struct Candidate {
    literal: u16,
    /// Where the gram stands in it.
    offset: u16,
}

impl Grams {
    /// Builds the table for `literals`; those shorter than [`LITERAL_BYTES_MIN`] are never found.
    pub(crate) fn of(literals: &[&[u8]]) -> Self {
        let words = (2 * literals.len() * BITS_PER_GRAM / 64).max(1).next_power_of_two();
        let mut grams = Self {
            bits: vec![0; words],
            ranks: Vec::with_capacity(words),
            shift: u32::BITS - (words * 64).ilog2(),
            starts: Vec::new(),
            candidates: Vec::new(),
        };
        let everyday = grams.everyday();
        let commonness = |pair: &[u8]| -> u32 {
            let places = pair.windows(GRAM_BYTES).map(|gram| grams.place(fold(gram)));
            places.filter_map(|place| everyday.get(place)).sum()
        };
        let mut known: Vec<(usize, Candidate)> = Vec::new();
        for (literal, number) in literals.iter().zip(0_u16..) {
            let pairs = literal.windows(GRAM_BYTES + 1).zip(0_u16..);
            let Some((pair, offset)) = pairs.min_by_key(|(pair, _)| commonness(pair)) else {
                continue;
            };
            for (gram, offset) in pair.windows(GRAM_BYTES).zip(offset..) {
                known.push((grams.place(fold(gram)), Candidate { literal: number, offset }));
            }
        }
        known.sort_by_key(|(place, _)| *place);
        let mut last = None;
        for ((place, candidate), at) in known.into_iter().zip(0_u16..) {
            if last != Some(place) {
                grams.starts.push(at);
                if let Some(word) = grams.bits.get_mut(place / 64) {
                    *word |= 1 << (place % 64);
                }
            }
            last = Some(place);
            grams.candidates.push(candidate);
        }
        grams.starts.push(u16::try_from(grams.candidates.len()).unwrap_or(u16::MAX));
        let mut before = 0;
        for word in &grams.bits {
            grams.ranks.push(before);
            before += u16::try_from(word.count_ones()).unwrap_or(0);
        }
        grams
    }

    /// Counts how often everyday text comes by each bit of the table.
    fn everyday(&self) -> Vec<u32> {
        let mut counts = vec![0; self.bits.len() * 64];
        for gram in EVERYDAY.windows(GRAM_BYTES) {
            if let Some(count) = counts.get_mut(self.place(fold(gram))) {
                *count += 1;
            }
        }
        counts
    }

    /// Shows the number of every literal that may stand in `text`, whatever its case, and where it
    /// would begin.
    #[inline]
    pub(crate) fn each(&self, text: &[u8], mut show: impl FnMut(usize, usize)) {
        let mut at = 0;
        for four in text.windows(4).step_by(2) {
            let Some(four) = four.first_chunk::<4>() else { break };
            let place = self.place(folded(*four));
            if self.is_known(place) {
                self.show(place, at, &mut show);
            }
            at += 2;
        }
        // The last gram, where no fourth byte stands behind it.
        if text.len() % 2 == 1
            && let Some(gram) = text.last_chunk::<GRAM_BYTES>()
        {
            let place = self.place(fold(gram));
            if self.is_known(place) {
                self.show(place, text.len() - GRAM_BYTES, &mut show);
            }
        }
    }

    #[inline]
    fn is_known(&self, place: usize) -> bool {
        self.bits.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 != 0)
    }

    /// Shows the candidates of one place in the table, whose gram stands at `at`.
    #[cold]
    fn show(&self, place: usize, at: usize, show: &mut impl FnMut(usize, usize)) {
        let word = self.bits.get(place / 64).copied().unwrap_or(0);
        let rank = self.ranks.get(place / 64).copied().unwrap_or(0);
        let below = (word & ((1 << (place % 64)) - 1)).count_ones();
        let rank = usize::from(rank) + usize::try_from(below).unwrap_or(0);
        let (Some(start), Some(end)) = (self.starts.get(rank), self.starts.get(rank + 1)) else {
            return;
        };
        let range = usize::from(*start)..usize::from(*end);
        for candidate in self.candidates.get(range).unwrap_or_default() {
            if let Some(begin) = at.checked_sub(usize::from(candidate.offset)) {
                show(usize::from(candidate.literal), begin);
            }
        }
    }

    /// Gives the bit of a gram in the table.
    #[inline]
    fn place(&self, gram: u32) -> usize {
        usize::try_from(gram.wrapping_mul(0x9E37_79B1) >> self.shift).unwrap_or(0)
    }
}

/// Folds the case of letters and drops the fourth byte. Other bytes fall together, too, which the
/// comparison tells apart.
#[inline]
fn folded(four: [u8; 4]) -> u32 {
    (u32::from_le_bytes(four) | 0x0020_2020) & 0x00FF_FFFF
}

fn fold(gram: &[u8]) -> u32 {
    gram.first_chunk::<GRAM_BYTES>().map_or(0, |[a, b, c]| folded([*a, *b, *c, 0]))
}
