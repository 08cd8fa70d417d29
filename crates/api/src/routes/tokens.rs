//! `/tokens`: what programs hold in place of a password.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use catalog::{Role, Token, TokenId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::{TokenWanted, add_token};
use crate::caller::{Caller, Person};
use crate::extract::{Bounds, Id, Json, bounded};
use crate::{ApiError, AppState, clock};

const DAYS: Bounds = Bounds { default: 365, max: 3_650 };
const DAY: Duration = Duration::from_hours(24);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

#[derive(Serialize, ToSchema)]
struct TokenList {
    items: Vec<TokenItem>,
}

/// A token, without what the program holds.
#[derive(Serialize, ToSchema)]
struct TokenItem {
    id: String,
    user: String,
    name: String,
    /// What it may do: the lesser of its own role and its user's.
    role: &'static str,
    created: String,
    expires: Option<String>,
    /// When it was last used, to the minute.
    last_used: Option<String>,
    last_address: Option<String>,
    /// Whether it opens anything now: it has not ended, and its user is not kept out.
    good: bool,
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenToMake {
    /// What it is for; 1 to 64 characters.
    name: String,
    /// What it may do at most, `viewer` by default; never more than its user.
    role: Option<String>,
    /// After how many days it ends, 1 to 3,650; 365 by default.
    days: Option<u32>,
}

/// A new token; what the program holds is shown this once.
#[derive(Serialize, ToSchema)]
struct NewToken {
    token: String,
    #[serde(flatten)]
    item: TokenItem,
}

/// Lists one's own tokens; administrators see everybody's.
#[utoipa::path(get, path = "/tokens", responses((status = 200, body = TokenList)))]
async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<TokenList>, ApiError> {
    let of = own(&caller);
    let tokens = state.blocking(move |app| Ok(app.catalog.tokens(of)?)).await?;
    Ok(Json(TokenList { items: tokens.iter().map(item).collect() }))
}

/// Makes a token of one's own.
#[utoipa::path(post, path = "/tokens", request_body = TokenToMake, responses(
    (status = 201, body = NewToken), (status = 400), (status = 403, description = "`needs_person`"),
))]
async fn create(
    State(state): State<AppState>,
    Person { caller, .. }: Person,
    Json(wanted): Json<TokenToMake>,
) -> Result<Response, ApiError> {
    let role = match &wanted.role {
        None => Role::Viewer,
        Some(word) => {
            Role::parse(word).ok_or_else(|| ApiError::BadRequest(format!("{word:?} is no role")))?
        }
    };
    if role > caller.role {
        return Err(ApiError::Forbidden);
    }
    let days = bounded("days", wanted.days, DAYS)?;
    let made = state.blocking(move |app| {
        let now = clock::now();
        let (id, token) = add_token(
            &app.catalog,
            &TokenWanted {
                user: caller.user,
                name: &wanted.name,
                role,
                expires: Some(now.plus(DAY * days)),
            },
            now,
        )?;
        let detail = format!("{} as {}", wanted.name.trim(), role.as_str());
        app.audit(caller.done("add_token", detail))?;
        let all = app.catalog.tokens(Some(caller.user))?;
        let kept = all.iter().find(|one| one.id == id).ok_or(ApiError::NotFound("token"))?;
        Ok(NewToken { token, item: item(kept) })
    });
    Ok((StatusCode::CREATED, Json(made.await?)).into_response())
}

/// Takes one of one's own tokens back; administrators anybody's.
#[utoipa::path(delete, path = "/tokens/{id}", params(("id" = String, Path)), responses(
    (status = 204), (status = 403, description = "`needs_person`"), (status = 404),
))]
async fn revoke(
    State(state): State<AppState>,
    Person { caller, .. }: Person,
    id: Id,
) -> Result<StatusCode, ApiError> {
    let revoked = state.blocking(move |app| {
        let revoked = app.catalog.revoke_token(TokenId(id.signed()), own(&caller))?;
        let token = revoked.ok_or(ApiError::NotFound("token"))?;
        app.audit(caller.done("revoke_token", format!("{} of {}", token.name, token.user_name)))
    });
    revoked.await.map(|()| StatusCode::NO_CONTENT)
}

/// Gives whose tokens a caller may see and take back; nobody in particular for an administrator.
fn own(caller: &Caller) -> Option<catalog::UserId> {
    (caller.role < Role::Administrator).then_some(caller.user)
}

fn item(token: &Token) -> TokenItem {
    TokenItem {
        id: token.id.0.to_string(),
        user: token.user_name.clone(),
        name: token.name.clone(),
        role: token.role.as_str(),
        created: token.created.to_string(),
        expires: token.expires.map(|time| time.to_string()),
        last_used: token.used.map(|time| time.to_string()),
        last_address: token.used_from.clone(),
        good: token.is_good(clock::now()),
    }
}
