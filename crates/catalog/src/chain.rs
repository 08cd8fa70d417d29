//! The chain of segments: one link for each segment that comes into the list or goes out of it.
//!
//! ```text
//! mac of a link = HMAC-SHA256(key, mac of the link before ‖ sequence, moment, reason, step, file,
//!                             events, digest of the file, digest of its index, digest of its entry)
//! ```
//!
//! So nobody without the key can change, remove, reorder or add a link unseen, nor the digest of a
//! file, nor the entry of a segment in the list. What a chain alone cannot show is that it was cut at
//! its end together with all that the last links spoke of: for that its head is anchored outside.
//!
//! Links of segments that are long gone are folded away: what stays is the link that brought each
//! segment in that was still listed, and a seal over those and the place where the chain goes on.

use std::fmt;

use model::Timestamp;
use ring::hmac;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use sha2::{Digest as _, Sha256};

use crate::chain_fold::{Fold, KeptLinks, LINKS_KEPT, fold, fold_of, keep_fold};
use crate::sql::{signed, unsigned};
use crate::{Catalog, CatalogError, SegmentRow, records};

/// Set with the first link, so that an empty chain is told from none.
const BEGUN: &str = "chain_begun";
/// What stands before the first link.
pub(crate) const GENESIS: [u8; 32] = [0; 32];

/// Makes the macs of the chain.
#[derive(Clone, Debug)]
pub struct ChainKey(hmac::Key);

impl ChainKey {
    /// Gives the key of these bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    pub(crate) fn mac(&self, bytes: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, bytes).as_ref().to_vec()
    }

    pub(crate) fn is_mac(&self, bytes: &[u8], mac: &[u8]) -> bool {
        hmac::verify(&self.0, bytes, mac).is_ok()
    }
}

/// Why a segment comes into the list or goes out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Events from memory were written.
    Flush,
    /// Several segments became one.
    Compact,
    /// It is older than is to be kept, or there is no room for it.
    Retire,
    /// Some of its events were deleted for good.
    Purge,
    /// It came from a backup.
    Restore,
    /// It was listed before there was a chain.
    Adopt,
    /// What was damaged was saved.
    Repair,
}

impl Reason {
    /// Gives the word under which it is kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flush => "flush",
            Self::Compact => "compact",
            Self::Retire => "retire",
            Self::Purge => "purge",
            Self::Restore => "restore",
            Self::Adopt => "adopt",
            Self::Repair => "repair",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What writes links: the key, the moment and the reason.
#[derive(Clone, Copy, Debug)]
pub struct Linking<'a> {
    /// The key of the chain.
    pub key: &'a ChainKey,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// One link, as it was read; somebody may have changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its place in the chain, from 1.
    pub sequence: u64,
    /// When the segment came or went.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// Whether it came, rather than went.
    pub is_in: bool,
    /// The file's name within the store's folder.
    pub file: String,
    /// How many events it holds.
    pub events: u64,
    /// SHA-256 of the file.
    pub digest: Vec<u8>,
    /// SHA-256 of its index; zeros where it has none.
    pub index_digest: Vec<u8>,
    pub(crate) row_digest: Vec<u8>,
    pub(crate) previous: Vec<u8>,
    pub(crate) mac: Vec<u8>,
}

/// The end of the chain, which is worth keeping somewhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// The place of the last link.
    pub sequence: u64,
    /// Its mac, which stands for all links before it.
    pub mac: [u8; 32],
    /// When it was made.
    pub at: Timestamp,
    /// How many segments are listed.
    pub segments: u64,
    /// How many events they hold.
    pub events: u64,
}

impl Link {
    fn of(sequence: u64, linking: &Linking<'_>, is_in: bool, row: &SegmentRow) -> Self {
        Self {
            sequence,
            at: linking.at,
            reason: linking.reason.as_str().to_owned(),
            is_in,
            file: row.file.clone(),
            events: row.events,
            digest: row.digest.to_vec(),
            index_digest: row.index_digest.to_vec(),
            row_digest: row_digest(row).to_vec(),
            previous: Vec::new(),
            mac: Vec::new(),
        }
    }

    /// Gives the bytes under the mac; each part says how long it is.
    fn canonical(&self) -> Vec<u8> {
        let mut bytes = b"bartizan link 1".to_vec();
        put(&mut bytes, &self.previous);
        put(&mut bytes, &self.sequence.to_be_bytes());
        put(&mut bytes, &self.at.nanos().to_be_bytes());
        put(&mut bytes, self.reason.as_bytes());
        put(&mut bytes, &[u8::from(self.is_in)]);
        put(&mut bytes, self.file.as_bytes());
        put(&mut bytes, &self.events.to_be_bytes());
        put(&mut bytes, &self.digest);
        put(&mut bytes, &self.index_digest);
        put(&mut bytes, &self.row_digest);
        bytes
    }

    pub(crate) fn is_authentic(&self, key: &ChainKey) -> bool {
        key.is_mac(&self.canonical(), &self.mac)
    }

    /// Gives what it says, in words.
    pub fn sentence(&self) -> String {
        let step = if self.is_in { "in" } else { "out" };
        format!("link {} ({} of {}, {step})", self.sequence, self.reason, self.file)
    }
}

impl Catalog {
    /// Gives the end of the chain; nothing where there is none yet.
    pub fn chain_head(&self) -> Result<Option<ChainHead>, CatalogError> {
        self.read(|transaction| {
            let Some((sequence, mac, at)) = last(transaction)? else { return Ok(None) };
            let (segments, events) = transaction.query_row(
                "SELECT count(*), coalesce(sum(events), 0) FROM segments",
                [],
                |row| Ok((unsigned(row, 0)?, unsigned(row, 1)?)),
            )?;
            let mac = <[u8; 32]>::try_from(mac);
            let mac = mac.map_err(|_| CatalogError::OutOfRange("a mac of the chain"))?;
            Ok(Some(ChainHead { sequence, mac, at, segments, events }))
        })
    }

    /// Begins the chain where there is none: each listed segment gets a link. Gives how many.
    pub fn begin_chain(&self, key: &ChainKey, at: Timestamp) -> Result<u64, CatalogError> {
        let rows = self.segments()?;
        self.write(|transaction| {
            if records::get(transaction, BEGUN)?.is_some() {
                return Ok(0);
            }
            records::set(transaction, BEGUN, &at.to_string())?;
            let linking = Linking { key, at, reason: Reason::Adopt };
            append(transaction, &linking, &[], &rows)?;
            Ok(u64::try_from(rows.len()).unwrap_or_default())
        })
    }

    /// Begins the chain anew, whatever it was: what is listed now is taken to be true. The links
    /// before are given up, since their key is lost or somebody changed them.
    pub fn begin_chain_again(&self, key: &ChainKey, at: Timestamp) -> Result<(), CatalogError> {
        let rows = self.segments()?;
        self.write(|transaction| {
            let before = last(transaction)?.map_or(0, |(sequence, _, _)| sequence);
            transaction.execute("DELETE FROM chain", [])?;
            transaction.execute("DELETE FROM chain_fold", [])?;
            records::set(transaction, BEGUN, &at.to_string())?;
            // The numbers go on, so that an anchor of the old chain never fits into the new one.
            let mut fold = Fold { upto: before, ..Fold::none() };
            fold.seal = key.mac(&fold.canonical(&KeptLinks::default()));
            if before > 0 {
                keep_fold(transaction, &fold)?;
            }
            let linking = Linking { key, at, reason: Reason::Repair };
            append(transaction, &linking, &[], &rows)
        })
    }
}

/// Tells whether a chain was ever begun.
pub(crate) fn is_begun(transaction: &Transaction<'_>) -> Result<bool, CatalogError> {
    Ok(records::get(transaction, BEGUN)?.is_some())
}

/// Adds a link for each segment that goes out and then for each that comes in.
pub(crate) fn append(
    transaction: &Transaction<'_>,
    linking: &Linking<'_>,
    out: &[SegmentRow],
    into: &[SegmentRow],
) -> Result<(), CatalogError> {
    let (mut sequence, mut mac) = match last(transaction)? {
        Some((sequence, mac, _)) => (sequence, mac),
        None => (0, GENESIS.to_vec()),
    };
    let steps = out.iter().map(|row| (false, row)).chain(into.iter().map(|row| (true, row)));
    for (is_in, row) in steps {
        sequence += 1;
        let mut link = Link::of(sequence, linking, is_in, row);
        link.previous = mac;
        link.mac = linking.key.mac(&link.canonical());
        insert(transaction, &link)?;
        mac = link.mac;
    }
    fold(transaction, linking.key, LINKS_KEPT)
}

/// Gives place, mac and moment of the last link, or of the place where the chain was folded.
pub(crate) fn last(
    transaction: &Transaction<'_>,
) -> Result<Option<(u64, Vec<u8>, Timestamp)>, CatalogError> {
    let found = transaction
        .prepare_cached("SELECT sequence, mac, made_at FROM chain ORDER BY sequence DESC LIMIT 1")?
        .query_row([], |row| {
            Ok((unsigned(row, 0)?, row.get(1)?, Timestamp::from_nanos(row.get(2)?)))
        })
        .optional()?;
    let fold = fold_of(transaction)?;
    let folded = (fold.upto > 0).then_some((fold.upto, fold.last_mac, Timestamp::MIN));
    Ok(match (found, folded) {
        (Some(found), Some(folded)) if found.0 < folded.0 => Some(folded),
        (found, folded) => found.or(folded),
    })
}

fn insert(transaction: &Transaction<'_>, link: &Link) -> Result<(), CatalogError> {
    transaction
        .prepare_cached(
            "INSERT INTO chain (sequence, made_at, reason, is_in, file, events, digest,
                 index_digest, row_digest, previous, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            signed(link.sequence)?,
            link.at.nanos(),
            link.reason,
            link.is_in,
            link.file,
            signed(link.events)?,
            link.digest,
            link.index_digest,
            link.row_digest,
            link.previous,
            link.mac
        ])?;
    Ok(())
}

/// Gives every link to `each`, in order; `Err` stands for one that cannot even be read.
pub(crate) fn walk(
    transaction: &Transaction<'_>,
    each: &mut dyn FnMut(Result<Link, String>),
) -> Result<(), CatalogError> {
    let mut statement = transaction.prepare_cached(
        "SELECT sequence, made_at, reason, is_in, file, events, digest, index_digest, row_digest,
             previous, mac
         FROM chain ORDER BY sequence",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(link(row).map_err(|error| error.to_string()));
    }
    Ok(())
}

fn link(row: &Row<'_>) -> Result<Link, rusqlite::Error> {
    Ok(Link {
        sequence: unsigned(row, 0)?,
        at: Timestamp::from_nanos(row.get(1)?),
        reason: row.get(2)?,
        is_in: row.get(3)?,
        file: row.get(4)?,
        events: unsigned(row, 5)?,
        digest: row.get(6)?,
        index_digest: row.get(7)?,
        row_digest: row.get(8)?,
        previous: row.get(9)?,
        mac: row.get(10)?,
    })
}

/// Gives the digest of all that the list says of a segment.
pub(crate) fn row_digest(row: &SegmentRow) -> [u8; 32] {
    let mut bytes = b"bartizan segment 1".to_vec();
    put(&mut bytes, row.file.as_bytes());
    for number in [row.events, row.bytes, row.first_id, row.last_id, row.index_bytes] {
        put(&mut bytes, &number.to_be_bytes());
    }
    for time in [row.first_time, row.last_time] {
        put(&mut bytes, &time.nanos().to_be_bytes());
    }
    put(&mut bytes, &row.digest);
    put(&mut bytes, &row.index_digest);
    put(&mut bytes, row.stats.as_bytes());
    Sha256::digest(&bytes).into()
}

pub(crate) fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    bytes.extend_from_slice(part);
}
