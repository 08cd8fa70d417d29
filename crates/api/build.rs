//! Takes the built console into the product, with compressed twins of its files.
//!
//! A release without its console would be a product without a face, so that it is not built. A debug
//! build reads the console's files at run time, where there are any.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Files of these kinds get twins; the others are compressed as they are.
const COMPRESSIBLE: &[&str] = &["html", "js", "css", "svg", "json", "txt", "map", "webmanifest"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../ui/dist");
    println!("cargo::rustc-check-cfg=cfg(embedded_console)");
    if std::env::var("PROFILE")? != "release" {
        // Not the folder: cargo takes one that is missing for changed, and would build for ever.
        println!("cargo::rerun-if-changed=build.rs");
        return Ok(());
    }
    println!("cargo::rerun-if-changed={}", folder.display());
    if let Err(what) = check(&folder) {
        println!("cargo::error=the console is not built ({what}): run `make ui` first");
        return Ok(());
    }
    println!("cargo::rustc-cfg=embedded_console");
    let target = PathBuf::from(std::env::var("OUT_DIR")?).join("console");
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    copy(&folder, &target)?;
    Ok(())
}

/// Looks for the page, and for the files that it names.
fn check(folder: &Path) -> Result<(), String> {
    let page = folder.join("index.html");
    let text = fs::read_to_string(&page).map_err(|_| "ui/dist/index.html is missing")?;
    let quoted = text.split('"').filter(|word| word.starts_with("/assets/"));
    let mut count = 0;
    for name in quoted {
        count += 1;
        if !folder.join(name.trim_start_matches('/')).is_file() {
            return Err(format!("ui/dist{name} is missing"));
        }
    }
    if count == 0 {
        return Err("ui/dist/index.html names no file under /assets/".to_owned());
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
            continue;
        }
        let bytes = fs::read(entry.path())?;
        fs::write(&target, &bytes)?;
        let kind = target.extension().and_then(|kind| kind.to_str()).unwrap_or("");
        if COMPRESSIBLE.contains(&kind) {
            write_twins(&target, &bytes)?;
        }
    }
    Ok(())
}

fn write_twins(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let twin = |suffix: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        File::create(name)
    };
    let mut gzip = GzEncoder::new(twin(".gz")?, Compression::best());
    gzip.write_all(bytes)?;
    gzip.finish()?;
    let mut brotli = brotli::CompressorWriter::new(twin(".br")?, 64 * 1024, 11, 22);
    brotli.write_all(bytes)?;
    brotli.flush()
}
