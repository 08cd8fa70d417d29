//! The accounts that live inputs share, and the task that tells each minute.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use source::{Running, Sensor};

use super::{Home, MINUTE_NS, Traffic};
use crate::clock::now_ns;
use crate::json::Lines;

/// How often it is looked whether a minute is over.
const LOOK: Duration = Duration::from_secs(1);
/// How long the last minute waits for whoever adds to it.
const STOP_STEP: Duration = Duration::from_millis(20);
const STOP_STEPS_MAX: u32 = 100;

/// Accounts that several inputs add to; cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedTraffic {
    traffic: Arc<Mutex<Traffic>>,
    file: PathBuf,
}

impl SharedTraffic {
    /// Begins the accounts, remembers hosts and services in `file`, and tells each minute as a sensor.
    pub fn start(running: &mut Running, home: Home, file: PathBuf) -> Self {
        let sensor =
            running.sensor("traffic", "bytes, packets and flows of each minute".to_owned());
        let (traffic, fault) = Traffic::remembering(home, &file);
        if let Some(error) = fault {
            sensor.fault(&format!("cannot read {}: {error}", file.display()));
        }
        let shared = Self { traffic: Arc::new(Mutex::new(traffic)), file };
        running.run(&sensor, shared.clone().tell(sensor.clone()));
        shared
    }

    /// Lends the accounts.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn tell(self, sensor: Sensor) {
        let mut minute = now_ns() / MINUTE_NS;
        loop {
            let stopped = sensor.stopped_within(LOOK).await;
            if stopped {
                self.others_gone().await;
            }
            let now = now_ns() / MINUTE_NS;
            if now != minute || stopped {
                let (this, told) = (self.clone(), sensor.clone());
                let start_ns = minute.saturating_mul(MINUTE_NS);
                minute = now;
                // Writing the file takes its time, which the runtime must not wait for.
                let written = tokio::task::spawn_blocking(move || this.close(start_ns, &told));
                if written.await.is_err() {
                    sensor.fault("telling a minute has failed by a defect");
                }
            }
            if stopped {
                return;
            }
        }
    }

    /// Waits a little for those that still add what they have while they stop.
    async fn others_gone(&self) {
        for _ in 0..STOP_STEPS_MAX {
            if Arc::strong_count(&self.traffic) == 1 {
                return;
            }
            tokio::time::sleep(STOP_STEP).await;
        }
    }

    fn close(&self, start_ns: u64, sensor: &Sensor) {
        let mut lines = Lines::default();
        let written = {
            let mut traffic = self.lock();
            traffic.close_minute(start_ns, &mut lines);
            traffic.remember(&self.file)
        };
        if let Err(error) = written {
            sensor.fault(&format!("cannot write {}: {error}", self.file.display()));
        }
        // The last minute is told while the process stops, when the line still takes what there is.
        let lines: Vec<String> = lines.iter().map(str::to_owned).collect();
        if !lines.is_empty() {
            let _closed = sensor.offer(lines);
        }
    }
}
