//! One page of a column, read from where the offset index says that it stands.
//!
//! The reader of the Parquet library goes through a column from page to page, and pays for each column
//! and each row group before the first value comes. For a hundred events out of millions that is most
//! of the work; here only the pages in question are read, opened and expanded.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::OnceLock;

use parquet::basic::{Compression, Encoding};
use parquet::file::page_index::offset_index::PageLocation;
use seal::{DataKey, Keyring};

use super::hybrid::{Marks, Runs};
use super::thrift::{Fields, Found};
use crate::unzip::unzip;

/// Bounds what is read and expanded at once.
const PAGE_BYTES_MAX: usize = 64 << 20;
/// Bounds the rows of a page, which a damaged one may tell as it likes.
const PAGE_ROWS_MAX: usize = 1 << 20;
/// Bounds a sealed file's own description of its keys.
const CRYPTO_BYTES_MAX: usize = 64 << 10;

/// The kinds of sealed pieces, as the format numbers them.
#[derive(Clone, Copy)]
enum Module {
    DataPage = 2,
    DictionaryPage = 3,
    DataPageHeader = 4,
    DictionaryPageHeader = 5,
}

/// What opens the pieces of a sealed file.
#[derive(Debug)]
pub(super) struct Opening {
    key: DataKey,
    /// What is bound into the seal of every piece.
    aad: Vec<u8>,
}

/// Which page.
#[derive(Clone, Copy, Debug)]
pub(super) struct PagePlace {
    pub(super) group: usize,
    pub(super) column: usize,
    /// `None` is the page of distinct values.
    pub(super) page: Option<usize>,
}

/// A page, expanded.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) body: Vec<u8>,
    pub(super) values: usize,
    pub(super) encoding: Encoding,
    /// What was found out about it when rows were first picked; pages are picked from again and
    /// again.
    lookup: OnceLock<Option<Lookup>>,
}

/// Where the values of a page's rows stand.
#[derive(Debug)]
pub(super) struct Lookup {
    /// Which rows have a value; all of them where there is nothing.
    pub(super) there: Option<Marks>,
    /// Where the values begin in the body.
    pub(super) begin: usize,
    /// Of keys, how many bits one takes and where the runs of them begin.
    pub(super) keys: Option<(u32, Runs)>,
}

impl Lookup {
    /// Gives for each row its place among the values that are there; `None` where the page has
    /// fewer rows.
    pub(super) fn ranks(&self, page: &Page, rows: &[usize]) -> Option<Vec<Option<usize>>> {
        if rows.last().is_some_and(|row| *row >= page.values) {
            return None;
        }
        let rank = |row: &usize| match &self.there {
            Some(there) => there.rank(*row),
            None => Some(*row),
        };
        Some(rows.iter().map(rank).collect())
    }
}

impl Page {
    pub(super) fn new(body: Vec<u8>, values: usize, encoding: Encoding) -> Self {
        Self { body, values, encoding, lookup: OnceLock::new() }
    }

    /// Gives where the values stand; `None` where the page is damaged.
    pub(super) fn lookup(&self, is_optional: bool) -> Option<&Lookup> {
        self.lookup.get_or_init(|| self.look(is_optional)).as_ref()
    }

    fn look(&self, is_optional: bool) -> Option<Lookup> {
        if self.values > PAGE_ROWS_MAX {
            return None;
        }
        let (mut there, mut begin) = (None, 0);
        if is_optional {
            let (length, rest) = self.body.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            there = Some(Marks::of(rest.get(..length)?, self.values)?);
            begin = 4 + length;
        }
        let mut keys = None;
        if self.encoding == Encoding::RLE_DICTIONARY
            && let Some((width, runs)) = self.body.get(begin..)?.split_first()
        {
            begin += 1;
            let width = u32::from(*width);
            keys = Some((width, Runs::of(runs, width, self.values)?));
        }
        Some(Lookup { there, begin, keys })
    }

    /// Gives about how much memory it takes.
    pub(super) fn size(&self) -> usize {
        let lookup = self.lookup.get().and_then(Option::as_ref).map_or(0, |lookup| {
            let there = lookup.there.as_ref().map_or(0, Marks::size);
            there + lookup.keys.as_ref().map_or(0, |(_, runs)| runs.size())
        });
        self.body.len() + lookup + 128
    }
}

pub(super) fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}

impl Opening {
    /// Reads which key a sealed file has, from its end.
    pub(super) fn of(file: &File, keyring: &Keyring) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut tail = [0; 8];
        let end = length.checked_sub(8).ok_or_else(|| invalid("it is cut short"))?;
        file.read_exact_at(&mut tail, end)?;
        let [a, b, c, d, ..] = tail;
        let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
        let begin = end.checked_sub(footer).ok_or_else(|| invalid("it is cut short"))?;
        let size = usize::try_from(footer).unwrap_or(usize::MAX).min(CRYPTO_BYTES_MAX);
        let mut bytes = vec![0; size];
        file.read_exact_at(&mut bytes, begin)?;
        let told = Self::told(&bytes).ok_or_else(|| invalid("it does not tell its key"))?;
        let (aad, wrapped) = told;
        let key = keyring.unwrap_key(&wrapped).map_err(|error| invalid(&error.to_string()))?;
        Ok(Self { key, aad })
    }

    /// `FileCryptoMetaData`: the algorithm, a union whose first member is AES-GCM with a prefix that
    /// is not used here and the file's own bytes; and the key's description.
    fn told(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut fields = Fields::new(bytes);
        let (mut aad, mut key) = (None, None);
        while let Some((number, found)) = fields.next()? {
            match (number, found) {
                (1, Found::Struct) => {
                    while let Some((number, found)) = fields.next()? {
                        match (number, found) {
                            (1, Found::Struct) => {
                                while let Some((number, found)) = fields.next()? {
                                    match (number, found) {
                                        (2, Found::Bytes(bytes)) => aad = Some(bytes.to_vec()),
                                        // A prefix would have to be put before it.
                                        (1, Found::Bytes(_)) => return None,
                                        (_, found) => fields.skip(found)?,
                                    }
                                }
                            }
                            _ => return None,
                        }
                    }
                }
                (2, Found::Bytes(bytes)) => key = Some(bytes.to_vec()),
                (_, found) => fields.skip(found)?,
            }
        }
        Some((aad?, key?))
    }

    #[expect(clippy::as_conversions, reason = "the numbers of the format's modules")]
    fn open(&self, module: Module, place: PagePlace, sealed: &[u8]) -> io::Result<Vec<u8>> {
        let short = |number: usize| i16::try_from(number).map(i16::to_le_bytes);
        let too_many = |_| invalid("it has more parts than can be sealed");
        let mut aad = self.aad.clone();
        aad.push(module as u8);
        aad.extend(short(place.group).map_err(too_many)?);
        aad.extend(short(place.column).map_err(too_many)?);
        if let Some(page) = place.page {
            aad.extend(short(page).map_err(too_many)?);
        }
        self.key.open(&aad, sealed).map_err(|error| invalid(&error.to_string()))
    }
}

/// Reads a page; `None` where it is of a kind that is left to the library.
pub(super) fn read_page(
    file: &File,
    opening: Option<&Opening>,
    place: PagePlace,
    location: &PageLocation,
    compression: Compression,
) -> io::Result<Option<Page>> {
    let length = usize::try_from(location.compressed_page_size).ok();
    let length = length.filter(|length| *length <= PAGE_BYTES_MAX);
    let mut bytes = vec![0; length.ok_or_else(|| invalid("a page is too long"))?];
    let offset = u64::try_from(location.offset).map_err(io::Error::other)?;
    file.read_exact_at(&mut bytes, offset)?;
    let no_header = || invalid("a page has no header");
    let (header, body) = if let Some(opening) = opening {
        let (of_header, of_body) = match place.page {
            Some(_) => (Module::DataPageHeader, Module::DataPage),
            None => (Module::DictionaryPageHeader, Module::DictionaryPage),
        };
        let (header, rest) = sealed_piece(&bytes)?;
        let header = opening.open(of_header, place, header)?;
        let header = Header::read(&header).ok_or_else(no_header)?;
        let (body, _) = sealed_piece(rest)?;
        (header, opening.open(of_body, place, body)?)
    } else {
        let header = Header::read(&bytes).ok_or_else(no_header)?;
        let body = bytes.split_off(header.length.min(bytes.len()));
        (header, body)
    };
    let Some(encoding) = header.encoding() else { return Ok(None) };
    if header.expanded > PAGE_BYTES_MAX {
        return Err(invalid("a page is too long"));
    }
    let body = match compression {
        Compression::UNCOMPRESSED => body,
        Compression::ZSTD(_) => unzip(&body, header.expanded)?,
        _ => return Ok(None),
    };
    Ok(Some(Page::new(body, header.values, encoding)))
}

/// Takes a sealed piece off the front: its length, then nonce, text and tag.
fn sealed_piece(bytes: &[u8]) -> io::Result<(&[u8], &[u8])> {
    let cut = || invalid("a sealed page is cut short");
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(io::Error::other)?;
    rest.split_at_checked(length).ok_or_else(cut)
}

/// `PageHeader`, as far as it is needed.
#[derive(Debug, Default)]
struct Header {
    kind: i64,
    expanded: usize,
    values: usize,
    encoding: i64,
    levels: i64,
    length: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut header = Self { kind: -1, encoding: -1, levels: 3, ..Self::default() };
        let mut fields = Fields::new(bytes);
        while let Some((number, found)) = fields.next()? {
            match (number, found) {
                (1, Found::Number(kind)) => header.kind = kind,
                (2, Found::Number(length)) => header.expanded = usize::try_from(length).ok()?,
                (5 | 7, Found::Struct) => {
                    while let Some((inner, found)) = fields.next()? {
                        match (number, inner, found) {
                            (_, 1, Found::Number(n)) => header.values = usize::try_from(n).ok()?,
                            (_, 2, Found::Number(n)) => header.encoding = n,
                            (5, 3, Found::Number(n)) => header.levels = n,
                            (_, _, found) => fields.skip(found)?,
                        }
                    }
                }
                (_, found) => fields.skip(found)?,
            }
        }
        header.length = bytes.len() - fields.rest().len();
        Some(header)
    }

    /// Gives the encoding of a page of the first version whose levels are runs.
    fn encoding(&self) -> Option<Encoding> {
        const RLE: i64 = 3;
        if !matches!(self.kind, 0 | 2) || self.levels != RLE {
            return None;
        }
        Some(match self.encoding {
            0 => Encoding::PLAIN,
            // Both names of the same.
            2 | 8 => Encoding::RLE_DICTIONARY,
            RLE => Encoding::RLE,
            5 => Encoding::DELTA_BINARY_PACKED,
            6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            7 => Encoding::DELTA_BYTE_ARRAY,
            9 => Encoding::BYTE_STREAM_SPLIT,
            _ => return None,
        })
    }
}
