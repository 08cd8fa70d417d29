//! Tidiness: purity, lengths, rows for units, formatting, links.

use std::fs;
use std::path::Path;
use std::process::Command;

use xtask::{files, plan, product_part, root, texts};

#[test]
fn pure_crates_do_no_io_and_read_no_clock() {
    let plan = plan();
    let pure = plan.get("pure").unwrap();
    let forbidden = texts(pure.get("forbidden"));
    let mut faults = Vec::new();
    for name in texts(pure.get("crates")) {
        let folder = root().join("crates").join(&name).join("src");
        for path in files(&folder, &["rs"]).unwrap().into_iter().filter(|path| !is_test(path)) {
            let text = fs::read_to_string(&path).unwrap();
            for (number, line) in product_part(&text).lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                for word in forbidden.iter().filter(|word| code.contains(word.as_str())) {
                    faults.push(format!("{}:{}: {word}", shown(&path), number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn no_file_grows_past_the_wall() {
    let plan = plan();
    let lengths = plan.get("lengths").unwrap();
    let number =
        |key: &str| usize::try_from(lengths.get(key).unwrap().as_integer().unwrap()).unwrap();
    let (wall, ceiling) = (number("wall"), number("ceiling"));
    let exceptions = texts(lengths.get("exceptions"));
    let tables = texts(lengths.get("tables"));
    let mut faults = Vec::new();
    for folder in ["crates", "xtask", "bench"].map(|folder| root().join(folder)) {
        if !folder.is_dir() {
            continue;
        }
        for path in files(&folder, &["rs"]).unwrap() {
            let name = shown(&path);
            let text = fs::read_to_string(&path).unwrap();
            let length = product_part(&text).lines().count();
            if tables.contains(&name) || is_test(&path) {
                continue;
            }
            if length > wall || (length > ceiling && !exceptions.contains(&name)) {
                faults.push(format!("{name}: {length} lines (ceiling {ceiling}, wall {wall})"));
            }
            if length <= ceiling && exceptions.contains(&name) {
                faults.push(format!("{name} is short enough now: take it off the exceptions"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_unit_has_a_row_and_imports_no_sibling() {
    let mut faults = Vec::new();
    for unit in plan().get("units").and_then(toml::Value::as_array).unwrap() {
        let text_of = |key: &str| unit.get(key).and_then(toml::Value::as_str).unwrap().to_owned();
        let folder = root().join(text_of("folder"));
        let table = fs::read_to_string(root().join(text_of("table"))).unwrap();
        let names: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .filter_map(|entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                name.strip_suffix(".rs").map(str::to_owned)
            })
            .collect();
        let names: Vec<String> = names.into_iter().filter(|name| name != "testing").collect();
        for name in names.iter().filter(|name| *name != "shared") {
            if table.matches(name.as_str()).count() < 2 {
                faults.push(format!(
                    "{}/{name}.rs has no row in {}",
                    text_of("folder"),
                    text_of("table")
                ));
            }
            let text = fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap();
            for sibling in names.iter().filter(|other| *other != name && *other != "shared") {
                let imports = [format!("super::{sibling}::"), format!("formats::{sibling}::")];
                if imports.iter().any(|import| product_part(&text).contains(import)) {
                    faults.push(format!(
                        "{}/{name}.rs imports its sibling {sibling}",
                        text_of("folder")
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_code_is_formatted() {
    let output = Command::new(env!("CARGO"))
        .args(["fmt", "--all", "--check", "--", "-l"])
        .current_dir(root())
        .output()
        .unwrap();
    let listed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "run `cargo fmt --all`; not formatted:\n{listed}");
}

#[test]
fn every_link_in_the_papers_leads_somewhere() {
    let mut faults = Vec::new();
    for path in files(&root(), &["md"]).unwrap() {
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if !path.parent().unwrap().join(target).exists() {
                faults.push(format!("{}: {link}", shown(&path)));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn lints_are_allowed_with_a_reason_only() {
    let mut faults = Vec::new();
    for path in files(&root().join("crates"), &["rs"]).unwrap() {
        let text = fs::read_to_string(&path).unwrap();
        for (at, _) in text.match_indices("#[allow(").chain(text.match_indices("#![allow(")) {
            let attribute = text[at..].split(")]").next().unwrap_or_default();
            if !attribute.contains("reason") {
                faults.push(format!("{}: {attribute}", shown(&path)));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn nothing_that_was_built_is_kept() {
    let listed = std::process::Command::new("git").arg("ls-files").current_dir(root()).output();
    let Some(listed) = listed.ok().filter(|listed| listed.status.success()) else {
        println!("skipped: this is no checkout of git");
        return;
    };
    let built = |path: &&str| {
        path.split('/').any(|part| matches!(part, "target" | "dist" | "node_modules"))
    };
    let listed = String::from_utf8(listed.stdout).unwrap();
    let faults: Vec<&str> = listed.lines().filter(built).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// Tells whether a file holds nothing but tests.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests")
        || path.file_stem().is_some_and(|name| name == "tests" || name == "testing")
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
