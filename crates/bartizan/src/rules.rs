//! Which rules run: those that come with the product, and those of the folders that are named.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use detect::Engine;
use sigma::{Logsource, Options, Overrides, RuleFault, RuleFile, RuleKind, RuleSet};

/// Bounds one rule file; the largest public one has some 20 KB.
const RULE_FILE_BYTES_MAX: u64 = 1 << 20;
/// Bounds the files that are read; the largest public set has some 4,000.
const RULE_FILES_MAX: usize = 50_000;

/// The rules in force, and what was set aside.
pub(crate) struct Loaded {
    pub(crate) rules: RuleSet,
    pub(crate) faults: Vec<RuleFault>,
}

/// Loads the shipped rules, if wanted, and every `.yml` and `.yaml` file below the folders.
pub(crate) fn load(shipped: Shipped, folders: &[PathBuf]) -> anyhow::Result<Loaded> {
    let (files, mut faults) = read(shipped, folders)?;
    let (rules, more) = RuleSet::load(&files);
    faults.extend(more);
    Ok(Loaded { rules, faults })
}

/// Where rules come from.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// Whether the rules that come with the product run.
    pub(crate) shipped: Shipped,
    /// Folders with the user's rules.
    pub(crate) folders: Vec<PathBuf>,
    /// The file of what is changed of single rules.
    pub(crate) overrides: PathBuf,
    /// The file of the model of requests, where there is one.
    pub(crate) model: PathBuf,
}

/// Loads the rules as they run, with what the installation changes of them.
pub(crate) fn load_in_force(sources: &Sources) -> anyhow::Result<Loaded> {
    load_overridden(sources.shipped, &sources.folders, &sources.overrides)
}

/// Gives the file of overrides among folders of rules, if one of them has one; an error where several do.
pub(crate) fn overrides_among(folders: &[PathBuf]) -> anyhow::Result<Option<PathBuf>> {
    let beside = folders.iter().map(|folder| folder.join(crate::overrides::FILE));
    let mut found = beside.filter(|file| file.is_file());
    let (first, second) = (found.next(), found.next());
    match (&first, second) {
        (Some(first), Some(second)) => Err(anyhow::anyhow!(
            "{} and {} are both there: name the one that counts with --overrides",
            first.display(),
            second.display()
        )),
        _ => Ok(first),
    }
}

/// Loads rules with what a file changes of them; an absent file changes nothing.
pub(crate) fn load_overridden(
    shipped: Shipped,
    folders: &[PathBuf],
    file: &Path,
) -> anyhow::Result<Loaded> {
    let (files, mut faults) = read(shipped, folders)?;
    let shown = file.display().to_string();
    let text = crate::overrides::read(file)
        .map_err(|error| anyhow::anyhow!("cannot read {shown}: {error}"))?;
    let (overrides, more) = Overrides::parse(&shown, &text);
    faults.extend(more);
    let (rules, more) = RuleSet::load_with(&files, &Options { overrides, ..Options::default() });
    faults.extend(more);
    Ok(Loaded { rules, faults })
}

/// Whether the rules that come with the product take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shipped {
    With,
    Without,
}

/// Reads the shipped rules, if wanted, and the files of rules below the folders; tells which could
/// not be read.
pub(crate) fn read(
    shipped: Shipped,
    folders: &[PathBuf],
) -> anyhow::Result<(Vec<RuleFile>, Vec<RuleFault>)> {
    let mut files = match shipped {
        Shipped::With => detect::shipped_rules(),
        Shipped::Without => Vec::new(),
    };
    let mut faults = Vec::new();
    for path in list(folders)? {
        let shown = path.display().to_string();
        let fault =
            |message: String| RuleFault { path: shown.clone(), line: 1, column: 1, message };
        match text_of(&path) {
            Ok(text) => files.push(RuleFile { path: shown, text }),
            Err(message) => faults.push(fault(message)),
        }
    }
    Ok((files, faults))
}

fn text_of(path: &Path) -> Result<String, String> {
    let length = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > RULE_FILE_BYTES_MAX {
        return Err(format!("larger than {RULE_FILE_BYTES_MAX} bytes"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

/// Lists the files of rules below the folders, in order; each may also be a file.
pub(crate) fn list(folders: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in folders {
        collect(folder, &mut files)
            .with_context(|| format!("cannot read the rules in {}", folder.display()))?;
    }
    Ok(files)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        // A file that was named and is not there is a fault of whoever named it.
        fs::metadata(path)?;
        if files.len() >= RULE_FILES_MAX {
            return Err(std::io::Error::other(format!(
                "more than {RULE_FILES_MAX} files of rules"
            )));
        }
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for entry in entries {
        let is_rule = entry.extension().is_some_and(|end| end == "yml" || end == "yaml")
            && entry.file_name().is_none_or(|name| name != crate::overrides::FILE);
        // A link to a folder could lead in a circle; what begins with a dot is an editor's or a tool's.
        let is_hidden =
            entry.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if (entry.is_dir() && !entry.is_symlink() && !is_hidden)
            || (entry.is_file() && is_rule && !is_hidden)
        {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

/// Gives the rules as the console shows them; of the files in `kept`, an earlier version runs.
pub(crate) fn view(
    engine: &Engine,
    faults: &[RuleFault],
    kept: &HashSet<String>,
) -> api::RulesView {
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
        author: rule.header.author.clone(),
        license: rule.header.license.clone(),
        enabled: rule.enabled,
        reports: rule.reports,
        level_given: rule.changed.as_ref().and_then(|change| change.level),
        exceptions: rule.changed.as_ref().map(|c| c.exceptions.clone()).unwrap_or_default(),
        reason: rule.changed.as_ref().map(|change| change.reason.clone()).unwrap_or_default(),
    });
    let faults = faults.iter().map(|fault| api::RuleFault {
        path: fault.path.clone(),
        line: fault.line,
        column: fault.column,
        message: fault.message.clone(),
        kept: kept.contains(&fault.path),
    });
    let status = api::RulesStatus::default();
    api::RulesView { items: items.collect(), faults: faults.collect(), status }
}

/// Gives a logsource in one line, such as `linux / sshd`.
pub(crate) fn logsource(logsource: &Logsource) -> String {
    let parts = [&logsource.product, &logsource.category, &logsource.service];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" / ")
}
