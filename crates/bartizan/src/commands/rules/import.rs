//! `bartizan rules import`: foreign rules into the user's own folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sigma::{RuleFault, RuleFile};
use translate::wazuh::{self, Counting, Translation};
use translate::{SourceFile, Untranslated, aggregation};

use crate::clock::now;
use crate::config::Config;
use crate::failure::{Outcome, ending};
use crate::import::{self, Candidate, Change, Chosen, Gathered, Import, Manifest, Plan};
use crate::output::{self, Cell, Printer, Shape, complain, printable};
use crate::place::Place;
use crate::{progress, rules};

/// Rules with taken ids that are told one by one; all are counted.
const DUPLICATES_TOLD_MAX: usize = 20;

/// Brings rules in from elsewhere: SigmaHQ, hayabusa-rules, any folder of Sigma rules, Wazuh.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan rules import ~/sigma/rules --name sigmahq
  bartizan rules import ~/hayabusa-rules --dry-run
  bartizan rules import --wazuh /var/ossec/etc/rules --base /var/ossec/ruleset/rules
  bartizan rules import --remove sigmahq

The files that run are copied to a folder of the import's name below `rules` in the data folder, with
the licence that stands beside them and a note where they came from. Another import of the same name
replaces them and tells what changed; exceptions and levels of one's own stand in overrides.yml and
stay. It ends with 1 where a rule did not load.")]
pub(super) struct Args {
    /// Files or folders with the rules
    #[arg(required_unless_present = "remove", conflicts_with = "remove")]
    places: Vec<PathBuf>,
    /// What the import is called; unless named, as the folder is
    #[arg(long)]
    name: Option<String>,
    /// They are XML rules of Wazuh or OSSEC, to be translated
    #[arg(long)]
    wazuh: bool,
    /// They are counted as OSSEC does: `frequency` means two more events
    #[arg(long, requires = "wazuh")]
    ossec: bool,
    /// Rules of Wazuh's that these build on; they are read, and not brought in
    #[arg(long, value_name = "DIR", requires = "wazuh")]
    base: Vec<PathBuf>,
    /// The folder of rules to bring them to, instead of `rules` in the data folder
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Tells what would be done, and does nothing
    #[arg(long)]
    dry_run: bool,
    /// Takes the import of this name away
    #[arg(long, value_name = "NAME")]
    remove: Option<String>,
    /// The shape of the report
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let config = args.place.config()?;
    let to = args.to.clone().unwrap_or_else(|| config.own_rules());
    if let Some(name) = &args.remove {
        return remove(&Import::open(&to, name)?, name, args.dry_run);
    }
    let endings = if args.wazuh { &["xml"][..] } else { &["yml", "yaml"] };
    let gathered = import::gather(&args.places, endings)?;
    let name = args.name.clone().or_else(|| import::names_of(&args.places));
    let name = name.ok_or_else(|| ending(Outcome::Usage, "name the import with --name"))?;
    let import = Import::open(&to, &name)?;
    let mut report = Report { name, ..Report::default() };
    let candidates = if args.wazuh {
        translated(args, &import, &gathered, &mut report)?
    } else {
        sigma_rules(&gathered, &mut report)
    };
    report.faults.extend(gathered.faults.iter().cloned());
    report.found = candidates.len();
    let chosen = import::choose(present(&config, &to, &import)?, candidates);
    let plan = import.plan(files(&chosen, &gathered), manifest(args, &gathered));
    report.tell(&import, &plan, &chosen);
    // Of an import that is there, a slip of the pen must not take everything away.
    if chosen.files.is_empty() {
        return Err(nothing(args));
    }
    if !args.dry_run {
        crate::place::make_private(&to)?;
        import.lay_down(&plan)?;
    }
    report.print(args, &import, &plan, &chosen, &gathered)?;
    if !is_watched(&config, &to) {
        let told = format!("{} is not among rules.folders: serve does not read it", to.display());
        complain(&printable(&told));
    }
    let is_fine = report.faults.is_empty() && chosen.faults.is_empty() && report.untranslated == 0;
    Ok(if is_fine { Outcome::Done } else { Outcome::Fault })
}

/// Tells whether the rules of a folder run: it is one of those that are read, or lies in one.
fn is_watched(config: &Config, folder: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut read = config.rules.folders.iter().map(|read| whole(read));
    let folder = whole(folder);
    folder.starts_with(whole(&config.own_rules())) || read.any(|read| folder.starts_with(read))
}

fn nothing(args: &Args) -> anyhow::Error {
    let places: Vec<String> = args.places.iter().map(|place| place.display().to_string()).collect();
    let advice = if args.wazuh {
        "files of Wazuh's rules end in .xml"
    } else {
        "files of Sigma rules end in .yml or .yaml; for the XML of Wazuh or OSSEC add --wazuh"
    };
    let sentence = format!("no rule to bring in from {}; {advice}", places.join(", "));
    ending(Outcome::Fault, sentence)
}

fn remove(import: &Import, name: &str, dry_run: bool) -> anyhow::Result<Outcome> {
    let folder = import.folder().display();
    if dry_run {
        let Some(earlier) = import.earlier() else {
            return Err(ending(Outcome::Fault, format!("there is no import in {folder}")));
        };
        output::say(&format!("{name}: {} files would be removed", earlier.files.len()))?;
        return Ok(Outcome::Done);
    }
    let removed = import.remove()?;
    output::say(&format!("{name}: {} files removed", removed.files))?;
    if removed.left {
        complain(&printable(&format!("{folder} holds files that are no import's, and stays")));
    }
    Ok(Outcome::Done)
}

/// Gives the rules that are there already, without those of an earlier import of the name.
fn present(config: &Config, to: &Path, import: &Import) -> anyhow::Result<Vec<RuleFile>> {
    let mut sources = config.rule_sources();
    if to.is_dir() && !sources.folders.iter().any(|folder| folder == to) {
        sources.folders.push(to.to_owned());
    }
    let (mut files, _) = rules::read(sources.shipped, &sources.folders)?;
    files.retain(|file| !Path::new(&file.path).starts_with(import.folder()));
    Ok(files)
}

/// Reads the files that hold Sigma rules, old counting conditions rewritten.
fn sigma_rules(gathered: &Gathered, report: &mut Report) -> Vec<Candidate> {
    let bar = progress::files(gathered.files.len());
    let mut candidates = Vec::new();
    for found in &gathered.files {
        bar.inc(1);
        let path = found.path.display().to_string();
        let text = match import::text_of(&found.path) {
            Ok(text) => text,
            Err(message) => {
                report.faults.push(RuleFault { path, line: 1, column: 1, message });
                continue;
            }
        };
        if !holds_rules(&text) {
            report.without_rules += 1;
            continue;
        }
        let text = match aggregation::rewrite(&text) {
            None => text,
            Some(Ok(rewritten)) => {
                report.rewritten += 1;
                format!("# Its counting condition was rewritten as a correlation.\n{rewritten}")
            }
            Some(Err(aggregation::Unwritten { line, column, reason })) => {
                report.faults.push(RuleFault { path, line, column, message: reason });
                continue;
            }
        };
        candidates.push(Candidate { file: RuleFile { path, text }, to: found.to.clone() });
    }
    bar.finish_and_clear();
    candidates
}

/// Tells a file of rules from other YAML, such as a checkout's own settings.
fn holds_rules(text: &str) -> bool {
    let keys = ["detection:", "correlation:", "filter:", "logsource:"];
    text.lines().any(|line| keys.iter().any(|key| line.starts_with(key)))
}

/// Translates the files of Wazuh's rules.
fn translated(
    args: &Args,
    import: &Import,
    gathered: &Gathered,
    report: &mut Report,
) -> anyhow::Result<Vec<Candidate>> {
    let base =
        if args.base.is_empty() { None } else { Some(import::gather(&args.base, &["xml"])?) };
    let counting = if args.ossec { Counting::Ossec } else { Counting::Wazuh };
    // Two imports of one manager's rules must not take each other's ids.
    let prefix = args.name.clone().unwrap_or_else(|| "wazuh".to_owned());
    let options = wazuh::Options { prefix, counting };
    let files = sources(gathered, report);
    let base = base.map(|base| sources(&base, report)).unwrap_or_default();
    let Translation { files, untranslated, notes, rules, translated, folded } =
        wazuh::translate(&files, &base, &options);
    report.untranslated = untranslated.len();
    report.wazuh = Some((rules, translated, folded));
    report.lines.extend(untranslated.iter().map(Untranslated::to_string));
    report.lines.extend(notes.iter().map(|note| format!("{note} (translated without it)")));
    let place_of: BTreeMap<String, &str> = gathered
        .files
        .iter()
        .map(|found| (found.path.display().to_string(), found.to.as_str()))
        .collect();
    let candidate = |file: translate::SigmaFile| {
        let to = place_of.get(&file.source)?;
        let to = format!("{}.yml", to.rsplit_once('.').map_or(*to, |(stem, _)| stem));
        let path = import.folder().join(&to).display().to_string();
        Some(Candidate { file: RuleFile { path, text: file.text }, to })
    };
    Ok(files.into_iter().filter_map(candidate).collect())
}

fn sources(gathered: &Gathered, report: &mut Report) -> Vec<SourceFile> {
    let mut sources = Vec::new();
    for found in &gathered.files {
        let path = found.path.display().to_string();
        match import::text_of(&found.path) {
            Ok(text) => sources.push(SourceFile { path, text }),
            Err(message) => report.faults.push(RuleFault { path, line: 1, column: 1, message }),
        }
    }
    sources
}

/// Gives every file that is to lie in the import's folder: the rules and their licences.
fn files(chosen: &Chosen, gathered: &Gathered) -> BTreeMap<String, Vec<u8>> {
    let rules = chosen.files.iter().map(|(to, text)| (to.clone(), text.clone().into_bytes()));
    let licences = gathered.licences.iter().map(|it| (it.name.clone(), it.text.clone()));
    if chosen.files.is_empty() { BTreeMap::new() } else { rules.chain(licences).collect() }
}

fn manifest(args: &Args, gathered: &Gathered) -> Manifest {
    let whole = |place: &PathBuf| {
        place.canonicalize().unwrap_or_else(|_| place.clone()).display().to_string()
    };
    let from: Vec<String> = args.places.iter().map(whole).collect();
    Manifest {
        from: from.join(", "),
        date: now().to_string(),
        kind: if args.wazuh { "wazuh" } else { "sigma" }.to_owned(),
        licences: gathered.licences.iter().map(|licence| licence.name.clone()).collect(),
        files: BTreeMap::new(),
    }
}

/// What is told besides what was chosen.
#[derive(Default)]
struct Report {
    name: String,
    /// Files that hold rules.
    found: usize,
    without_rules: usize,
    rewritten: usize,
    untranslated: usize,
    /// Of Wazuh's rules: how many there are, were translated, and live on in others.
    wazuh: Option<(usize, usize, usize)>,
    faults: Vec<RuleFault>,
    lines: Vec<String>,
}

impl Report {
    /// Tells rule by rule what did not load, on standard error.
    fn tell(&self, import: &Import, plan: &Plan, chosen: &Chosen) {
        for line in &self.lines {
            complain(&printable(line));
        }
        self.faults.iter().chain(&chosen.faults).for_each(output::complain_of);
        for duplicate in chosen.duplicates.iter().take(DUPLICATES_TOLD_MAX) {
            let RuleFault { path, line, column, message } = &duplicate.fault;
            let of = if duplicate.of.is_empty() { "" } else { ", in " };
            let told = format!("{path}:{line}:{column}: {message}{of}{}", duplicate.of);
            complain(&printable(&told));
        }
        if let Some(more) = chosen.duplicates.len().checked_sub(DUPLICATES_TOLD_MAX + 1) {
            complain(&format!("{} more rules have ids that are taken", more + 1));
        }
        for path in plan.edited() {
            let place = import.folder().join(path);
            let told = format!("{}: changed by hand; kept as {path}.edited", place.display());
            complain(&printable(&told));
        }
    }

    fn print(
        &self,
        args: &Args,
        import: &Import,
        plan: &Plan,
        chosen: &Chosen,
        gathered: &Gathered,
    ) -> anyhow::Result<()> {
        let number = |count: usize| Cell::Plain(count.to_string());
        let set_aside = self.faults.len() + chosen.faults.len() + self.untranslated;
        let (of, translated, folded) = self.wazuh.unwrap_or_default();
        let licences = gathered.licences.iter().map(|licence| licence.name.clone()).collect();
        let skipped = self.without_rules + gathered.ignored.other_files + gathered.ignored.links;
        let rows: Vec<(&str, Cell, bool)> = vec![
            ("name", self.name.clone().into(), true),
            ("rules", number(chosen.rules), true),
            ("files", number(chosen.files.len()), true),
            ("files_added", number(plan.count(Change::Added)), true),
            ("files_changed", number(plan.count(Change::Changed)), true),
            ("files_removed", number(plan.count(Change::Removed)), true),
            ("files_unchanged", number(plan.count(Change::Same)), true),
            ("set_aside", number(set_aside), true),
            ("duplicates", number(chosen.duplicates.len()), true),
            ("deprecated_or_unsupported", number(chosen.given_up), !args.wazuh),
            ("counts_rewritten", number(self.rewritten), self.rewritten > 0),
            ("wazuh_rules", number(of), args.wazuh),
            ("wazuh_translated", number(translated), args.wazuh),
            ("wazuh_silent", number(folded), args.wazuh),
            ("other_files", number(skipped), true),
            ("licences", Cell::List(licences), true),
            ("folder", import.folder().display().to_string().into(), true),
            ("dry_run", Cell::Plain(args.dry_run.to_string()), args.dry_run),
        ];
        if args.output == Shape::Table {
            let mut printer = Printer::new(Shape::Table, &["what", "found"])?;
            for (name, cell, _) in rows.into_iter().filter(|(_, _, shown)| *shown) {
                printer.row(&[name.replace('_', " ").into(), cell])?;
            }
            return printer.finish();
        }
        let names: Vec<&str> = rows.iter().map(|(name, _, _)| *name).collect();
        let cells: Vec<Cell> = rows.iter().map(|(_, cell, _)| cell.clone()).collect();
        let mut printer = Printer::new(args.output, &names)?;
        printer.row(&cells)?;
        printer.finish()
    }
}
