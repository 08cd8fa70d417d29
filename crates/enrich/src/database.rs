//! One database in MaxMind's format: what it says of an address.
//!
//! There are two ways to write the same: nested, as MaxMind does (`city.names.en`, `location.latitude`), and
//! flat, as lists on npm and elsewhere do (`city`, `latitude`). Both are read.

use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;

use maxminddb::Reader;
use serde::Deserialize;

/// How large a database may be that is read; the largest that is sold has about a tenth of it.
const FILE_BYTES_MAX: u64 = 4 << 30;
/// How long a name may be that is taken over.
const NAME_BYTES_MAX: usize = 128;

/// Why a database cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// The file cannot be read.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// It is too large.
    #[error("it is larger than {} GB", FILE_BYTES_MAX >> 30)]
    Large,
    /// It is no database, or a broken one.
    #[error("it is no database in MaxMind's format, or a broken one: {0}")]
    Broken(#[from] maxminddb::MaxMindDbError),
}

/// What is known of an address.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Place {
    pub(crate) country: Option<String>,
    pub(crate) country_name: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) point: Option<(f64, f64)>,
    pub(crate) radius_km: Option<f64>,
    pub(crate) owner: Option<i64>,
    pub(crate) owner_name: Option<String>,
}

impl Place {
    /// Takes what another database knows besides.
    fn join(&mut self, other: Self) {
        let Self { country, country_name, city, point, radius_km, owner, owner_name } = other;
        self.country = self.country.take().or(country);
        self.country_name = self.country_name.take().or(country_name);
        self.city = self.city.take().or(city);
        // A radius belongs to its point.
        if self.point.is_none() {
            (self.point, self.radius_km) = (point, radius_km);
        }
        self.owner = self.owner.or(owner);
        self.owner_name = self.owner_name.take().or(owner_name);
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One database, in memory.
#[derive(Debug)]
pub(crate) struct Database(Reader<Vec<u8>>);

impl Database {
    /// Reads a file.
    pub(crate) fn open(path: &Path) -> Result<Self, DatabaseError> {
        let mut bytes = Vec::new();
        File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
            return Err(DatabaseError::Large);
        }
        Ok(Self(Reader::from_source(bytes)?))
    }

    /// Adds what it says of an address; what it writes wrongly it does not say.
    pub(crate) fn look_up(&self, address: IpAddr, place: &mut Place) {
        let Ok(found) = self.0.lookup(address) else { return };
        if let Ok(Some(row)) = found.decode::<Row>() {
            place.join(row.place());
        }
    }

    /// Gives what it is of, by its own words, and when it was built, in seconds since 1970.
    pub(crate) fn about(&self) -> (&str, u64) {
        let metadata = self.0.metadata();
        (&metadata.database_type, metadata.build_epoch)
    }
}

/// A row, in either way of writing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    city: Named,
    country: Named,
    country_code: Named,
    country_name: Named,
    latitude: Number,
    longitude: Number,
    location: Location,
    autonomous_system_number: Number,
    autonomous_system_organization: Named,
    asn: Named,
    as_name: Named,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    latitude: Number,
    longitude: Number,
    accuracy_radius: Number,
}

/// A name: as text, or with its code and its translations.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Named {
    Text(String),
    Parts {
        #[serde(default)]
        iso_code: Option<String>,
        #[serde(default)]
        names: Option<Names>,
    },
    Other(serde::de::IgnoredAny),
}

impl Default for Named {
    fn default() -> Self {
        Self::Other(serde::de::IgnoredAny)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Names {
    en: Option<String>,
}

/// A number, in whichever width or as text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(u64),
    Fraction(f64),
    Text(String),
    Other(serde::de::IgnoredAny),
}

impl Default for Number {
    fn default() -> Self {
        Self::Other(serde::de::IgnoredAny)
    }
}

impl Number {
    fn float(&self) -> Option<f64> {
        let number = match self {
            Self::Whole(whole) => f64::from(u32::try_from(*whole).ok()?),
            Self::Fraction(number) => *number,
            Self::Text(text) => text.parse().ok()?,
            Self::Other(_) => return None,
        };
        number.is_finite().then_some(number)
    }

    fn whole(&self) -> Option<i64> {
        match self {
            Self::Whole(whole) => i64::try_from(*whole).ok(),
            Self::Text(text) => text.trim_start_matches("AS").parse().ok(),
            Self::Fraction(_) | Self::Other(_) => None,
        }
    }
}

impl Named {
    fn name(self) -> Option<String> {
        let name = match self {
            Self::Text(text) => Some(text),
            Self::Parts { names, .. } => names?.en,
            Self::Other(_) => None,
        };
        name.filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX)
    }

    fn code(self) -> Option<String> {
        let code = match self {
            Self::Text(text) => Some(text),
            Self::Parts { iso_code, .. } => iso_code,
            Self::Other(_) => None,
        };
        code.filter(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
    }

    fn number(&self) -> Option<i64> {
        match self {
            Self::Text(text) => text.trim_start_matches("AS").parse().ok(),
            Self::Parts { .. } | Self::Other(_) => None,
        }
    }
}

impl Row {
    fn place(self) -> Place {
        let nested = (self.location.latitude.float(), self.location.longitude.float());
        let flat = (self.latitude.float(), self.longitude.float());
        let point = match (nested, flat) {
            ((Some(latitude), Some(longitude)), _) | (_, (Some(latitude), Some(longitude))) => {
                Some((latitude, longitude))
            }
            _ => None,
        };
        let on_earth = |(latitude, longitude): &(f64, f64)| {
            latitude.abs() <= 90.0
                && longitude.abs() <= 180.0
                && (*latitude, *longitude) != (0.0, 0.0)
        };
        let country_name = match &self.country {
            Named::Parts { names: Some(Names { en: Some(name) }), .. } => Some(name.clone()),
            _ => None,
        };
        Place {
            country: self.country.code().or_else(|| self.country_code.code()),
            country_name: country_name.or_else(|| self.country_name.name()),
            city: self.city.name(),
            point: point.filter(on_earth),
            radius_km: self.location.accuracy_radius.float().filter(|radius| *radius >= 0.0),
            owner: self.autonomous_system_number.whole().or_else(|| self.asn.number()),
            owner_name: self.autonomous_system_organization.name().or_else(|| self.as_name.name()),
        }
    }
}
