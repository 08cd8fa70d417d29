//! `/storage`: what is kept, for how long, and what goes next.

use axum::extract::State;
use model::Timestamp;
use serde::Serialize;
use store::{KeepStatus, NextToGo, SetStatus, Tier};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::Json;
use crate::{ApiError, AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(storage))
}

/// What is kept, for how long, and what goes next.
#[derive(Serialize, ToSchema)]
#[schema(as = Storage)]
struct StorageView {
    sets: Vec<SetView>,
    /// Segments by how often their events were merged.
    segments: Vec<TierView>,
    /// What is deleted next because of its age.
    next: Option<NextView>,
    holds: Vec<HoldView>,
    /// Segments that may hold something held.
    segments_held: u64,
    bytes: u64,
    /// What all segments may take.
    bytes_max: Option<u64>,
    disk_free_bytes: u64,
    /// Bytes of the disk that stay free.
    disk_reserve_bytes: u64,
    /// Whether events are refused because nothing on the disk can be given up.
    disk_is_full: bool,
    /// Events that were given up for want of room since the start.
    given_up: u64,
}

/// A set of the configuration, or all other events.
#[derive(Serialize, ToSchema)]
#[schema(as = StorageSet)]
struct SetView {
    name: String,
    /// For how many days it is kept; null is for ever.
    days: Option<u32>,
    bytes_max: Option<u64>,
    events: u64,
    bytes: u64,
    oldest: Option<String>,
    newest: Option<String>,
}

/// Segments whose events were merged as often.
#[derive(Serialize, ToSchema)]
#[schema(as = StorageTier)]
struct TierView {
    merged: u8,
    segments: u64,
    events: u64,
    bytes: u64,
}

/// What is deleted next.
#[derive(Serialize, ToSchema)]
#[schema(as = StorageNext)]
struct NextView {
    at: String,
    set: String,
    events: u64,
}

/// A legal hold in force.
#[derive(Serialize, ToSchema)]
#[schema(as = StorageHold)]
struct HoldView {
    id: String,
    from: String,
    /// Null where it has no end.
    to: Option<String>,
    #[serde(rename = "match")]
    matching: String,
    reason: String,
    by: String,
    since: String,
}

impl From<&SetStatus> for SetView {
    fn from(set: &SetStatus) -> Self {
        Self {
            name: set.name.clone(),
            days: set.days,
            bytes_max: set.bytes_max,
            events: set.events,
            bytes: set.bytes,
            oldest: set.oldest.map(told),
            newest: set.newest.map(told),
        }
    }
}

impl From<&Tier> for TierView {
    fn from(tier: &Tier) -> Self {
        let Tier { merged, segments, events, bytes } = *tier;
        Self { merged, segments, events, bytes }
    }
}

impl From<&NextToGo> for NextView {
    fn from(next: &NextToGo) -> Self {
        Self { at: told(next.at), set: next.set.clone(), events: next.events }
    }
}

impl From<catalog::Hold> for HoldView {
    fn from(hold: catalog::Hold) -> Self {
        let new = hold.hold;
        Self {
            id: hold.id.to_string(),
            from: told(new.from),
            to: (new.to != Timestamp::MAX).then(|| told(new.to)),
            matching: new.matching,
            reason: new.reason,
            by: new.by,
            since: told(new.at),
        }
    }
}

/// Tells what is kept, for how long, and what goes next.
#[utoipa::path(get, path = "/storage", responses((status = 200, body = StorageView)))]
async fn storage(
    State(state): State<AppState>,
    _caller: Caller,
) -> Result<Json<StorageView>, ApiError> {
    let view = state.blocking(|app| {
        let status: KeepStatus = app.store.keep_status()?;
        let ledger = app.store.stats();
        Ok(StorageView {
            sets: status.sets.iter().map(SetView::from).collect(),
            segments: status.tiers.iter().map(TierView::from).collect(),
            next: status.next.as_ref().map(NextView::from),
            holds: app.catalog.holds()?.into_iter().map(HoldView::from).collect(),
            segments_held: status.held.segments,
            bytes: status.bytes,
            bytes_max: status.bytes_max,
            disk_free_bytes: status.disk_free,
            disk_reserve_bytes: status.disk_reserve,
            disk_is_full: ledger.disk_is_full,
            given_up: ledger.given_up,
        })
    });
    Ok(Json(view.await?))
}

fn told(time: Timestamp) -> String {
    time.to_string()
}
