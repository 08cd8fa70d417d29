//! What the commands that read files are told of how the lines are written.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use seal::Fernet;
use source::{Codec, CodecKind, CodecSettings};

/// How the lines of the files are written.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct CodecArgs {
    /// How each line is to be decoded; as it is unless named
    #[arg(long, value_enum, value_name = "NAME", requires = "codec_keys")]
    codec: Option<Name>,
    /// The file that holds the keys of the codec, one a line, tried in turn
    #[arg(long, value_name = "FILE", requires = "codec", group = "codec_keys")]
    key_file: Option<PathBuf>,
    /// The environment variable that holds them
    #[arg(long, value_name = "NAME", requires = "codec", group = "codec_keys")]
    key_env: Option<String>,
    /// How many seconds old a token may be; any age unless named
    #[arg(long, value_name = "SECONDS", requires = "codec")]
    token_age: Option<u64>,
}

/// The codecs by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Each line is a Fernet token
    Fernet,
}

impl CodecArgs {
    /// Reads the keys and gives the codec, if there is one.
    pub(crate) fn open(&self, command: &'static str) -> anyhow::Result<Option<Codec>> {
        let settings = CodecSettings {
            kind: self.codec.map_or(CodecKind::Plain, |Name::Fernet| CodecKind::Fernet),
            key_file: self.key_file.as_deref(),
            key_env: self.key_env.as_deref(),
            token_age_seconds_max: self.token_age,
        };
        Ok(settings.open(command)?)
    }
}

/// Where the keys of Fernet are.
#[derive(Debug, Args)]
#[group(id = "keys", required = true, multiple = false, args = ["key_file", "key_env"])]
pub(crate) struct FernetArgs {
    /// The file that holds the keys, one a line: the first encrypts, all are tried to decrypt
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The environment variable that holds them
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
}

impl FernetArgs {
    /// Reads the keys.
    pub(crate) fn open(&self, token_age: Option<u64>) -> anyhow::Result<Fernet> {
        let settings = CodecSettings {
            kind: CodecKind::Fernet,
            key_file: self.key_file.as_deref(),
            key_env: self.key_env.as_deref(),
            token_age_seconds_max: token_age,
        };
        Ok(settings.fernet("fernet")?)
    }
}
