//! The house rules, read from `plan.toml` and held by the tests of this crate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Gives the root folder of the project.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.to_path_buf(), Path::to_path_buf)
}

/// Gives the plan as a table.
///
/// # Panics
///
/// Where the file is missing or no TOML: there is nothing to check then.
pub fn plan() -> toml::Table {
    let path = root().join("xtask/plan.toml");
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Gives the texts of a list in the plan.
pub fn texts(value: Option<&toml::Value>) -> Vec<String> {
    let list = value.and_then(toml::Value::as_array);
    list.into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// Gives every file below `folder` with one of the endings, sorted; `target`, `node_modules`, `dist`
/// and hidden folders are passed over.
pub fn files(folder: &Path, endings: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with('.') || ["target", "node_modules", "dist"].contains(&name) {
                continue;
            }
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if path.is_dir() {
                waiting.push(path);
            } else if endings.contains(&ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Gives the product part of a Rust file: what stands before its tests.
pub fn product_part(text: &str) -> &str {
    text.find("#[cfg(test)]").and_then(|at| text.get(..at)).unwrap_or(text)
}

/// Gives, for each crate of the workspace, which crates of the workspace it imports (dependencies
/// of its tests and benches left out).
pub fn imports() -> io::Result<BTreeMap<String, Vec<String>>> {
    let mut manifests = vec![root().join("xtask/Cargo.toml"), root().join("bench/Cargo.toml")];
    for entry in fs::read_dir(root().join("crates"))? {
        manifests.push(entry?.path().join("Cargo.toml"));
    }
    manifests.retain(|path| path.is_file());
    let mut imports: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in manifests {
        let manifest: toml::Table = fs::read_to_string(&path)?.parse().map_err(io::Error::other)?;
        let name = manifest.get("package").and_then(|package| package.get("name"));
        let Some(name) = name.and_then(toml::Value::as_str) else { continue };
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
        let names: Vec<String> =
            dependencies.into_iter().flat_map(toml::Table::keys).cloned().collect();
        imports.insert(name.to_owned(), names);
    }
    let ours: Vec<String> = imports.keys().cloned().collect();
    for names in imports.values_mut() {
        names.retain(|name| ours.contains(name));
    }
    Ok(imports)
}
