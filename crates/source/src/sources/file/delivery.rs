//! Sends batches until they are durable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};
use model::{Batch, Checkpoint, Receipt, Record, Refusal};

use crate::chunk::Chunk;
use crate::input::{Counted, Input, now};
use crate::outlet::{Closed, Outlet, Stop};

/// How long a refused batch waits before it is sent again.
const BUSY_WAIT: Duration = Duration::from_millis(50);
const FAILED_WAIT: Duration = Duration::from_secs(1);
/// How long, once told to stop, a receipt is still waited for. Without it the lines are read again.
const STOP_WAIT_MAX: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a round of reading brought.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) chunk: Chunk,
    pub(super) checkpoints: Vec<Checkpoint>,
}

/// Hands loads to the line.
#[derive(Debug)]
pub(super) struct Delivery {
    outlet: Outlet,
    stop: Stop,
    input: Arc<Input>,
}

impl Delivery {
    pub(super) fn new(outlet: Outlet, stop: Stop, input: &Arc<Input>) -> Self {
        Self { outlet, stop, input: Arc::clone(input) }
    }

    /// Sends a load, again and again until the line says that it is durable.
    pub(super) fn deliver(&self, load: Load) -> Result<(), Closed> {
        if load.chunk.is_empty() && load.checkpoints.is_empty() {
            return Ok(());
        }
        let records = load.chunk.into_records(now());
        let counted = Counted::of(&records);
        loop {
            match self.send(&records, &load.checkpoints)? {
                Ok(()) => {
                    self.input.count(&counted);
                    return Ok(());
                }
                Err(refusal) if self.stop.is_told() => {
                    self.note(&refusal);
                    return Err(Closed);
                }
                Err(refusal) => {
                    self.note(&refusal);
                    let busy = refusal == Refusal::Busy;
                    std::thread::sleep(if busy { BUSY_WAIT } else { FAILED_WAIT });
                }
            }
        }
    }

    fn send(
        &self,
        records: &[Record],
        checkpoints: &[Checkpoint],
    ) -> Result<Result<(), Refusal>, Closed> {
        let (told, outcome) = bounded(1);
        let receipt = Receipt::new(move |outcome| {
            // Nobody listens any more once the input was told to stop.
            let _ = told.send(outcome);
        });
        let batch = Batch {
            records: records.to_vec(),
            checkpoints: checkpoints.to_vec(),
            receipt: Some(receipt),
        };
        self.outlet.send_blocking(batch, &self.stop)?;
        let mut stopping: Option<Instant> = None;
        loop {
            match outcome.recv_timeout(LOOK_EVERY) {
                Ok(outcome) => return Ok(outcome),
                // The batch was let fall without a word, as by a defect in the line.
                Err(RecvTimeoutError::Disconnected) => {
                    return Ok(Err(Refusal::Failed("the line gave no receipt".to_owned())));
                }
                Err(RecvTimeoutError::Timeout) if self.stop.is_told() => {
                    let since = *stopping.get_or_insert_with(Instant::now);
                    if since.elapsed() >= STOP_WAIT_MAX {
                        return Err(Closed);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn note(&self, refusal: &Refusal) {
        self.input.refused();
        if let Refusal::Failed(text) = refusal {
            self.input.fault(text);
        }
    }
}
