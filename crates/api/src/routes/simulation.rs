//! `/simulation`: marked sample traffic, on and off.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Analyst, Caller};
use crate::extract::Json;
use crate::{ApiError, AppState, Simulation, SimulationAction};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, switch))
}

/// Whether sample traffic plays.
#[derive(Serialize, ToSchema)]
#[schema(as = Simulation)]
pub(crate) struct SimulationView {
    running: bool,
    sent: u64,
    until: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Switch {
    /// `start` or `stop`.
    action: String,
}

/// Tells whether sample traffic plays.
#[utoipa::path(get, path = "/simulation", responses((status = 200, body = SimulationView)))]
async fn show(State(state): State<AppState>, _caller: Caller) -> Json<SimulationView> {
    Json(state.runtime.simulation().into())
}

/// Starts or stops sample traffic.
#[utoipa::path(post, path = "/simulation", request_body = Switch, responses(
    (status = 200, body = SimulationView),
))]
async fn switch(
    State(state): State<AppState>,
    Analyst(caller): Analyst,
    Json(switch): Json<Switch>,
) -> Result<Json<SimulationView>, ApiError> {
    let action = match switch.action.as_str() {
        "start" => SimulationAction::Start,
        "stop" => SimulationAction::Stop,
        word => return Err(ApiError::BadRequest(format!("{word:?} is neither start nor stop"))),
    };
    let view = state.blocking(move |app| {
        let simulation = app.runtime.set_simulation(action).map_err(ApiError::Unfit)?;
        app.audit(caller.done("simulate", switch.action))?;
        app.live.publish_simulation(simulation);
        Ok(simulation.into())
    });
    view.await.map(Json)
}

impl From<Simulation> for SimulationView {
    fn from(simulation: Simulation) -> Self {
        Self {
            running: simulation.running,
            sent: simulation.sent,
            until: simulation.until.map(|time| time.to_string()),
        }
    }
}
