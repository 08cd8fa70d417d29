//! Ctrl-C during a command that works through files: the work ends between two batches, what was
//! found is told, and nothing is left broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the person wants the command to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Begins to listen for Ctrl-C.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let interrupt = Self::default();
        let told = interrupt.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
            runtime.block_on(async {
                // The second one ends the process at once, for those in a hurry.
                for _ in 0..2 {
                    if tokio::signal::ctrl_c().await.is_err() {
                        return;
                    }
                    if told.0.swap(true, Ordering::Relaxed) {
                        std::process::exit(130);
                    }
                }
            });
        })?;
        Ok(interrupt)
    }

    /// Gives one that was asked already.
    #[cfg(test)]
    pub(crate) fn asked() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    /// Tells whether Ctrl-C was pressed.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
