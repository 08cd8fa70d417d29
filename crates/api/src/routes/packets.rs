//! `/packets`: the packets of one flow, out of the ring on disk.
//!
//! A file that could not be finished ends with a broken connection, so that no half of one passes
//! for the whole. Closing the connection ends the search.

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use model::Timestamp;
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Analyst;
use crate::extract::{Query, moment};
use crate::runtime::{PacketsError, PacketsWanted};
use crate::{ApiError, AppState};

/// Pieces of the file that wait for a slow reader.
const PIECES_MAX: usize = 8;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(packets))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The flow, by `network.community_id` of its events.
    community_id: String,
    /// At this time or later.
    from: Option<String>,
    /// Up to this time.
    to: Option<String>,
}

enum Message {
    Piece(Vec<u8>),
    Failed(PacketsError),
}

/// Gives the packets of a flow as a pcap file.
#[utoipa::path(get, path = "/packets", params(Asked), responses(
    (status = 200, description = "the file, as packets are found", body = Vec<u8>),
    (status = 400, description = "`unfit` where no packets are kept"),
    (status = 404, description = "no packet of that flow is kept"),
))]
async fn packets(
    State(state): State<AppState>,
    Analyst(caller): Analyst,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    let wanted = PacketsWanted {
        community_id: asked.community_id.clone(),
        from: moment("from", asked.from.as_ref())?.unwrap_or(Timestamp::MIN),
        to: moment("to", asked.to.as_ref())?.unwrap_or(Timestamp::MAX),
    };
    let turn = std::sync::Arc::clone(&state.exports).try_acquire_owned();
    let turn = turn
        .map_err(|_| ApiError::Busy("several exports are under way; try again when one is done"))?;
    let id = asked.community_id;
    state.blocking(move |app| app.audit(caller.done("packets", id))).await?;
    let (sender, mut receiver) = mpsc::channel(PIECES_MAX);
    let searched = state.clone();
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let mut each = |piece| sender.blocking_send(Message::Piece(piece)).is_ok();
        if let Err(error) = searched.runtime.packets(&wanted, &mut each) {
            // Where nobody reads any more there is nobody to tell.
            let _unread = sender.blocking_send(Message::Failed(error));
        }
    });
    let first = match receiver.recv().await {
        Some(Message::Piece(piece)) => piece,
        Some(Message::Failed(error)) => return Err(error.into()),
        None => return Err(ApiError::NotFound("flow among the packets that are kept")),
    };
    let pieces = stream::unfold((Some(first), receiver), |(first, mut receiver)| async {
        if let Some(first) = first {
            return Some((Ok(first), (None, receiver)));
        }
        match receiver.recv().await? {
            Message::Piece(piece) => Some((Ok(piece), (None, receiver))),
            Message::Failed(error) => Some((Err(io::Error::other(error)), (None, receiver))),
        }
    });
    Ok(file(Body::from_stream(pieces)))
}

impl From<PacketsError> for ApiError {
    fn from(error: PacketsError) -> Self {
        match error {
            PacketsError::NotKept => Self::Unfit(error.to_string()),
            PacketsError::NoIdentifier => Self::BadRequest(error.to_string()),
            PacketsError::Failed(_) => Self::Internal(error.to_string()),
        }
    }
}

fn file(body: Body) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/vnd.tcpdump.pcap");
    headers.insert(header::CONTENT_TYPE, kind);
    let named = HeaderValue::from_static("attachment; filename=\"bartizan-packets.pcap\"");
    headers.insert(header::CONTENT_DISPOSITION, named);
    response
}
