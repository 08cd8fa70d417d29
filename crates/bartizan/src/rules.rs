//! Which rules run: those that come with the product, and those of the folders that are named.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use detect::Engine;
use sigma::{Logsource, RuleFault, RuleFile, RuleKind, RuleSet};

/// Bounds one rule file; the largest public one has some 20 KB.
const RULE_FILE_BYTES_MAX: u64 = 1 << 20;

/// The rules in force, and what was set aside.
pub(crate) struct Loaded {
    pub(crate) rules: RuleSet,
    pub(crate) faults: Vec<RuleFault>,
}

/// Loads the shipped rules, if wanted, and every `.yml` and `.yaml` file below the folders.
pub(crate) fn load(shipped: Shipped, folders: &[PathBuf]) -> anyhow::Result<Loaded> {
    let mut files = match shipped {
        Shipped::With => detect::shipped_rules(),
        Shipped::Without => Vec::new(),
    };
    let mut faults = Vec::new();
    for folder in folders {
        collect(folder, &mut files, &mut faults)
            .with_context(|| format!("cannot read the rules in {}", folder.display()))?;
    }
    let (rules, more) = RuleSet::load(&files);
    faults.extend(more);
    Ok(Loaded { rules, faults })
}

/// Whether the rules that come with the product take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shipped {
    With,
    Without,
}

fn collect(
    path: &Path,
    files: &mut Vec<RuleFile>,
    faults: &mut Vec<RuleFault>,
) -> std::io::Result<()> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(path)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
        entries.sort();
        for entry in entries {
            let is_rule = entry.extension().is_some_and(|end| end == "yml" || end == "yaml");
            // A link to a folder could lead in a circle.
            if (entry.is_dir() && !entry.is_symlink()) || (entry.is_file() && is_rule) {
                collect(&entry, files, faults)?;
            }
        }
        return Ok(());
    }
    let shown = path.display().to_string();
    let fault = |message: String| RuleFault { path: shown.clone(), line: 1, column: 1, message };
    if fs::metadata(path)?.len() > RULE_FILE_BYTES_MAX {
        faults.push(fault(format!("larger than {RULE_FILE_BYTES_MAX} bytes")));
        return Ok(());
    }
    match String::from_utf8(fs::read(path)?) {
        Ok(text) => files.push(RuleFile { path: shown, text }),
        Err(_) => faults.push(fault("not UTF-8".to_owned())),
    }
    Ok(())
}

/// Gives the rules as the console shows them.
pub(crate) fn view(engine: &Engine, faults: &[RuleFault]) -> Arc<api::RulesView> {
    let items = engine.rules().rules().iter().map(|rule| api::RuleItem {
        id: rule.header.id.clone(),
        title: rule.header.title.clone(),
        level: rule.header.level,
        status: rule.status.as_str().to_owned(),
        tags: rule.header.tags.clone(),
        description: rule.header.description.clone(),
        path: rule.path.clone(),
        logsource: logsource(&rule.logsource),
        kind: match &rule.kind {
            RuleKind::Event(_) => "rule".to_owned(),
            RuleKind::Correlation(correlation) => correlation.kind.as_str().to_owned(),
        },
        references: rule.header.references.clone(),
        false_positives: rule.header.false_positives.clone(),
    });
    let faults = faults.iter().map(|fault| api::RuleFault {
        path: fault.path.clone(),
        line: fault.line,
        column: fault.column,
        message: fault.message.clone(),
    });
    Arc::new(api::RulesView { items: items.collect(), faults: faults.collect() })
}

/// Gives a logsource in one line, such as `linux / sshd`.
pub(crate) fn logsource(logsource: &Logsource) -> String {
    let parts = [&logsource.product, &logsource.category, &logsource.service];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" / ")
}
