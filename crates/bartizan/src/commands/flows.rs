//! `bartizan flows`: who spoke to whom in captured packets, and what they said.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, StdoutLock, Write as _, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use parse::{Parser, ParserConfig};
use query::Predicate;
use wire::{FlowConfig, Flows, Lines, PcapReader, PcapWriter, Raw, Selector};

use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;
use crate::output::{complain, printable, told};

mod ring;
mod zeek;

const READ_BYTES: usize = 1024 * 1024;
/// Flows that `--filter` may choose.
const CHOSEN_MAX: usize = 1_000_000;

/// Reads captured packets and prints flows and what protocols say, one JSON object each.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan flows capture.pcap
  bartizan flows --zeek captures/ > conn.log
  bartizan flows --home 198.51.100.0/24 capture.pcapng.gz
  bartizan flows --filter 'dns.question.name: *.example.net' capture.pcap
  bartizan flows --write one.pcap --flow 1:LQU9qZlK+B5F3KDmev6m5PMibrg= capture.pcap
  bartizan flows --write one.pcap --flow 1:LQU9qZlK+B5F3KDmev6m5PMibrg= --ring bartizan-data/packets
  bartizan flows --write some.pcap --filter 'source.ip: 10.0.0.0/8 and tls.version: *' captures/

Lines of one flow share network.community_id. pcap and pcapng are read, packed (.gz, .zst, .xz, .bz2) or
not; a file that is cut short or damaged gives what came before, and a sentence says so.
--write reads the files twice with --filter, so not standard input.")]
pub(crate) struct Args {
    /// Prints flows alone, as Zeek's conn.log has them, with tabs between
    #[arg(long)]
    zeek: bool,
    /// Networks that are ours, for network.direction; the private ranges unless named
    #[arg(long, value_name = "NETWORK", value_parser = home)]
    home: Vec<(std::net::IpAddr, u8)>,
    /// Prints, or writes, only what this KQL question finds
    #[arg(long, value_name = "KQL")]
    filter: Option<String>,
    /// Writes the packets of the chosen flows to this file instead, as pcap
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Chooses a flow for --write, by its network.community_id
    #[arg(long, value_name = "COMMUNITY_ID", requires = "write")]
    flow: Vec<String>,
    /// Takes the packets for --write out of the ring that `serve` keeps (capture.ring)
    #[arg(long, value_name = "DIR", requires = "flow", conflicts_with_all = ["paths", "filter"])]
    ring: Option<PathBuf>,
    /// Files or folders, packed or not; `-` for standard input
    #[arg(required_unless_present = "ring")]
    paths: Vec<PathBuf>,
}

fn home(text: &str) -> Result<(std::net::IpAddr, u8), String> {
    let network = query::Network::parse(text)
        .ok_or_else(|| format!("`{text}` is no network; write 198.51.100.0/24"))?;
    Ok((network.first(), network.prefix()))
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let filter = args.filter.as_deref().map(Filter::new).transpose()?;
    if let (Some(folder), Some(path)) = (&args.ring, &args.write) {
        return ring::write(folder, &args.flow, path);
    }
    let (files, faults) = source::find_files(&args.paths)?;
    let mut outcome = Outcome::Done;
    for fault in faults {
        complain(&printable(&format!("{}: {}", fault.path.display(), fault.message)));
        outcome = Outcome::Unreadable;
    }
    let mut run = Run { args, filter, interrupt: Interrupt::listen()?, outcome };
    match &args.write {
        Some(path) => run.write(path, &files)?,
        None => run.print(&files)?,
    }
    Ok(run.outcome)
}

/// A question that lines are put to.
struct Filter {
    parser: Parser,
    predicate: Predicate,
}

impl Filter {
    fn new(kql: &str) -> anyhow::Result<Self> {
        let predicate = Predicate::parse(kql)
            .map_err(|error| ending(Outcome::Usage, format!("--filter: {error}")))?;
        Ok(Self { parser: Parser::new(ParserConfig::default()), predicate })
    }

    /// Gives the flow that a line is of, if the line passes; an empty text where it has no identifier.
    fn passes(&self, line: &str) -> Option<String> {
        let record = model::Record {
            text: model::Text::from(line),
            received_at: model::Timestamp::default(),
            origin: std::sync::Arc::new(model::Origin {
                input: "flows".to_owned(),
                format: Some("sensor".to_owned()),
                clock: model::Clock::File(model::Timestamp::default()),
                ..model::Origin::default()
            }),
            truncated_bytes: 0,
            escaped_bytes: 0,
        };
        let event = self.parser.parse(record);
        let id = || {
            query::FieldRef::by_name("network.community_id").get(&event).map(|id| id.to_string())
        };
        self.predicate.matches(&event).then(|| id().unwrap_or_default())
    }
}

struct Run<'a> {
    args: &'a Args,
    filter: Option<Filter>,
    interrupt: Interrupt,
    outcome: Outcome,
}

impl Run<'_> {
    /// Prints what the files say.
    fn print(&mut self, files: &[PathBuf]) -> anyhow::Result<()> {
        let mut out = BufWriter::new(stdout().lock());
        if self.args.zeek {
            told(out.write_all(zeek::head().as_bytes()))?;
        }
        for path in files {
            self.tell(path, &mut |run, lines| run.show(lines, &mut out))?;
            if self.interrupt.is_asked() {
                self.outcome = Outcome::Interrupted;
                break;
            }
        }
        told(out.flush())
    }

    fn show(&self, lines: &Lines, out: &mut BufWriter<StdoutLock<'_>>) -> anyhow::Result<()> {
        if !self.args.zeek && self.filter.is_none() {
            return told(out.write_all(lines.as_str().as_bytes()));
        }
        let passes = |line: &&str| match &self.filter {
            Some(filter) => filter.passes(line).is_some(),
            None => true,
        };
        for line in lines.iter().filter(passes) {
            if !self.args.zeek {
                told(writeln!(out, "{line}"))?;
            } else if let Some(row) = zeek::row(line) {
                told(out.write_all(row.as_bytes()))?;
            }
        }
        Ok(())
    }

    /// Writes the packets of the chosen flows.
    fn write(&mut self, path: &Path, files: &[PathBuf]) -> anyhow::Result<()> {
        if self.args.flow.is_empty() && self.filter.is_none() {
            return Err(ending(
                Outcome::Usage,
                "--write needs --flow or --filter: name the flows whose packets are wanted",
            ));
        }
        let chosen = self.choose(files)?;
        let mut selector = Selector::new(chosen);
        let file =
            File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
        let mut writer = PcapWriter::new(BufWriter::new(file));
        for path in files {
            let mut failed = None;
            let mut capture = Capture::open(path);
            let mut each = |raws: &[Raw<'_>]| {
                for raw in raws.iter().filter(|raw| selector.selects(raw)) {
                    if let Err(error) = writer.write(raw) {
                        failed.get_or_insert(error);
                    }
                }
            };
            while !self.interrupt.is_asked() && capture.piece(&mut each) {}
            if let Some(error) = failed {
                return Err(anyhow::Error::new(error).context("the packets cannot be written"));
            }
            self.end(path, &mut capture);
        }
        let (frames, left_out) = (writer.frames, writer.other_link);
        writer.finish()?;
        complain(&format!(
            "{frames} packets written to {}",
            printable(&path.display().to_string())
        ));
        if left_out > 0 {
            complain(&format!(
                "{left_out} packets left out: a pcap file holds one kind of link, and theirs is another"
            ));
            self.outcome = self.outcome.max(Outcome::Fault);
        }
        if frames == 0 {
            self.outcome = self.outcome.max(Outcome::Fault);
        }
        Ok(())
    }

    /// Gives the identifiers of the flows that are wanted.
    fn choose(&mut self, files: &[PathBuf]) -> anyhow::Result<HashSet<String>> {
        let mut chosen: HashSet<String> = self.args.flow.iter().cloned().collect();
        if self.filter.is_none() {
            return Ok(chosen);
        }
        if files.iter().any(|file| file.as_os_str() == "-") {
            let sentence = "standard input cannot be read twice; with --filter, name a file";
            return Err(ending(Outcome::Usage, sentence));
        }
        for path in files {
            self.tell(path, &mut |run, lines| {
                let found = lines.iter().filter_map(|line| run.filter.as_ref()?.passes(line));
                chosen.extend(found.filter(|id| !id.is_empty()));
                if chosen.len() > CHOSEN_MAX {
                    let sentence =
                        format!("--filter finds more than {CHOSEN_MAX} flows; ask for fewer");
                    return Err(ending(Outcome::Usage, sentence));
                }
                Ok(())
            })?;
        }
        // What is wrong with the files is told once, by the second reading.
        self.outcome = Outcome::Done;
        Ok(chosen)
    }

    /// Reads a file and hands on what it says.
    fn tell(
        &mut self,
        path: &Path,
        each: &mut dyn FnMut(&Self, &Lines) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut config = FlowConfig::default();
        if !self.args.home.is_empty() {
            config.home.clone_from(&self.args.home);
        }
        let mut flows = Flows::new(config);
        let mut lines = Lines::default();
        let mut capture = Capture::open(path);
        while !self.interrupt.is_asked()
            && capture.piece(&mut |raws| flows.read_all(raws, &mut lines))
        {
            each(self, &lines)?;
            lines.clear();
        }
        while flows.finish_file(&mut lines) {
            each(self, &lines)?;
            lines.clear();
        }
        each(self, &lines)?;
        self.end(path, &mut capture);
        Ok(())
    }

    /// Tells what is wrong with a file that was read.
    fn end(&mut self, path: &Path, capture: &mut Capture) {
        if let Some(fault) = capture.fault() {
            complain(&printable(&format!("{}: {fault}", path.display())));
            self.outcome = self.outcome.max(Outcome::Unreadable);
        }
    }
}

/// A capture file on its way.
struct Capture {
    stream: Option<Box<dyn std::io::Read + Send>>,
    reader: PcapReader,
    buffer: Vec<u8>,
    fault: Option<String>,
}

impl Capture {
    fn open(path: &Path) -> Self {
        let (stream, fault) = match source::open_unpacked(path) {
            Ok(stream) => {
                let stream: Box<dyn std::io::Read + Send> = Box::new(stream);
                (Some(stream), None)
            }
            Err(error) => (None, Some(error.to_string())),
        };
        Self { stream, reader: PcapReader::new(), buffer: vec![0; READ_BYTES], fault }
    }

    /// Reads a piece of the file and hands on its frames; tells whether more may come.
    fn piece(&mut self, each: &mut dyn FnMut(&[Raw<'_>])) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let length = match stream.read(&mut self.buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return true,
            Err(error) => {
                self.fault = Some(format!("not read to its end: {error}"));
                return false;
            }
        };
        let bytes = self.buffer.get(..length).unwrap_or_default();
        length > 0 && self.reader.feed(bytes, each).is_ok()
    }

    fn fault(&mut self) -> Option<String> {
        self.fault.take().or_else(|| self.reader.finish().err().map(|fault| fault.to_string()))
    }
}
