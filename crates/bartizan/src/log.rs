//! What the product says of itself, on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Begins to log warnings and errors, or what `BARTIZAN_LOG` asks for.
pub(crate) fn begin() {
    let filter = EnvFilter::try_from_env("BARTIZAN_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // A second call, in a test, finds the first one's subscriber in place.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        // Colours are for terminals; in a file or the journal they would be noise.
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}
