//! What the product says of itself, on standard error.

use tracing_subscriber::EnvFilter;

/// Begins to log warnings and errors, or what `BARTIZAN_LOG` asks for.
pub(crate) fn begin() {
    let filter = EnvFilter::try_from_env("BARTIZAN_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // A second call, in a test, finds the first one's subscriber in place.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .try_init();
}
