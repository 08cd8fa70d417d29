//! `/ledger`: where every event is.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::Json;
use crate::{ApiError, AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(ledger))
}

/// Where every event is, since the process was started. `found + replayed + received` is the sum of
/// `stored`, `in_memory`, `rejected`, `deduplicated`, `retired` and `purged`, at any moment.
#[derive(Serialize, ToSchema)]
struct LedgerView {
    /// Events that were in segments at the start.
    found: u64,
    /// Events read back from the log at the start.
    replayed: u64,
    /// Events given to the store since, and decided upon.
    received: u64,
    /// Events in segments.
    stored: u64,
    /// Events in the log, durable, and not yet in segments.
    in_memory: u64,
    /// Of those received, the ones that could not be made durable, and whose senders were told so.
    rejected: u64,
    /// Of those received, the ones of batches that were sent again.
    deduplicated: u64,
    /// Events that went because their time was over, or to make room.
    retired: u64,
    /// Events that went because somebody had them purged.
    purged: u64,
    /// Whether the sums agree.
    is_balanced: bool,
    /// Log files that were damaged and set aside.
    quarantined: u64,
    /// Segments that are listed and missing.
    missing: u64,
    /// How often segments could not be written.
    flush_failures: u64,
}

/// Gives the ledger of events.
#[utoipa::path(get, path = "/ledger", responses((status = 200, body = LedgerView)))]
async fn ledger(
    State(state): State<AppState>,
    _caller: Caller,
) -> Result<Json<LedgerView>, ApiError> {
    let ledger = state.blocking(|app| Ok(app.store.stats())).await?;
    Ok(Json(LedgerView {
        found: ledger.found,
        replayed: ledger.replayed,
        received: ledger.received,
        stored: ledger.in_segments,
        in_memory: ledger.in_memory,
        rejected: ledger.rejected,
        deduplicated: ledger.deduplicated,
        retired: ledger.retired,
        purged: ledger.purged,
        is_balanced: ledger.is_balanced(),
        quarantined: ledger.quarantined,
        missing: ledger.missing,
        flush_failures: ledger.flush_failures,
    }))
}
