//! Capture files among other old files: what `hunt` and `parse` read.

use source::{Reader, ReaderKind};

use crate::file::PcapReader;
use crate::flow::{FlowConfig, Flows};
use crate::json::Lines;

/// The kinds of files that this crate reads.
pub const READERS: &[ReaderKind] = &[ReaderKind {
    format: "sensor",
    recognises: PcapReader::recognises,
    open: || Box::new(CaptureReader::new()),
}];

/// Flows kept at once; when a file ends they come out together, and all that waits in memory.
const FLOWS_MAX: usize = 1 << 17;

/// Makes events of a capture.
#[derive(Debug)]
struct CaptureReader {
    file: PcapReader,
    flows: Flows,
    lines: Lines,
}

impl CaptureReader {
    fn new() -> Self {
        let config = FlowConfig { flows_max: FLOWS_MAX, ..FlowConfig::default() };
        Self { file: PcapReader::new(), flows: Flows::new(config), lines: Lines::default() }
    }

    fn hand_on(&mut self, each: &mut dyn FnMut(&str)) {
        self.lines.iter().for_each(each);
        self.lines.clear();
    }
}

impl Reader for CaptureReader {
    fn feed(&mut self, bytes: &[u8], each: &mut dyn FnMut(&str)) -> Result<(), String> {
        let (flows, lines) = (&mut self.flows, &mut self.lines);
        let read = self.file.feed(bytes, &mut |raws| flows.read_all(raws, lines));
        self.hand_on(each);
        read.map_err(|fault| fault.to_string())
    }

    fn finish(&mut self, each: &mut dyn FnMut(&str)) -> Result<(), String> {
        while self.flows.finish_file(&mut self.lines) {
            self.hand_on(each);
        }
        self.hand_on(each);
        self.file.finish().map_err(|fault| fault.to_string())
    }
}
