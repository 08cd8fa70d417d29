//! Packets of flows out of the ring on disk.

use std::fs::File;
use std::io::BufWriter;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Context as _;
use wire::PcapWriter;
use wire::packets::{Wanted, find};

use crate::failure::{Outcome, ending};
use crate::output::{complain, printable};

/// Writes the packets of the named flows, one flow behind the other.
pub(super) fn write(folder: &Path, flows: &[String], path: &Path) -> anyhow::Result<Outcome> {
    let wanted = flows.iter().map(|flow| {
        let fault = |error| ending(Outcome::Usage, format!("--flow {}: {error}", printable(flow)));
        Wanted::of(flow).map_err(fault)
    });
    let wanted: Vec<Wanted> = wanted.collect::<Result<_, _>>()?;
    let unreadable = || format!("cannot read the ring {}", folder.display());
    // Found out before a file is made for nothing.
    std::fs::read_dir(folder).with_context(unreadable)?;
    let file =
        File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut writer = PcapWriter::new(BufWriter::new(file));
    let mut outcome = Outcome::Done;
    for wanted in &wanted {
        let mut failed = None;
        let found = find(folder, wanted, |raw| match writer.write(raw) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        });
        if let Some(error) = failed {
            return Err(anyhow::Error::new(error).context("the packets cannot be written"));
        }
        let damaged = found.with_context(unreadable)?.damaged;
        if damaged > 0 {
            complain(&format!("{damaged} files of the ring could not be read to their end"));
            outcome = Outcome::Unreadable;
        }
    }
    let frames = writer.frames;
    writer.finish()?;
    complain(&format!("{frames} packets written to {}", printable(&path.display().to_string())));
    Ok(if frames == 0 { outcome.max(Outcome::Fault) } else { outcome })
}
