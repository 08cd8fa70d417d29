//! What handlers take of a request, with every refusal as a problem.

use axum::Json as AxumJson;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path as AxumPath, Query as AxumQuery, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use model::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ApiError;

/// A JSON body, in or out.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let read = AxumJson::<T>::from_request(request, state).await;
        read.map(|AxumJson(value)| Self(value)).map_err(|rejection| match rejection {
            JsonRejection::BytesRejection(rejection)
                if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE =>
            {
                ApiError::TooLarge
            }
            other => ApiError::BadRequest(other.body_text()),
        })
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        AxumJson(self.0).into_response()
    }
}

/// The parameters after the `?`.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = AxumQuery::<T>::from_request_parts(parts, state).await;
        read.map(|AxumQuery(value)| Self(value))
            .map_err(|rejection| ApiError::BadRequest(rejection.body_text()))
    }
}

/// The numeric identity in the path; what is no number names nothing.
#[derive(Debug)]
pub(crate) struct Id(pub(crate) u64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = AxumPath::<u64>::from_request_parts(parts, state).await;
        read.map(|AxumPath(id)| Self(id)).map_err(|_| ApiError::NotFound("page"))
    }
}

impl Id {
    /// Gives the identity as the catalog counts; one past its numbers names nothing.
    pub(crate) fn signed(&self) -> i64 {
        i64::try_from(self.0).unwrap_or(-1)
    }
}

/// Reads a moment of a parameter.
pub(crate) fn moment(name: &str, text: Option<&String>) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    Timestamp::parse(text).map(Some).ok_or_else(|| {
        ApiError::BadRequest(format!("{name} is no time such as 2026-11-21T06:58:00Z"))
    })
}

/// Reads a number of a parameter that has a bound.
pub(crate) fn bounded(name: &str, number: Option<u32>, bounds: Bounds) -> Result<u32, ApiError> {
    let number = number.unwrap_or(bounds.default);
    if number == 0 || number > bounds.max {
        return Err(ApiError::BadRequest(format!("{name} is 1 to {}", bounds.max)));
    }
    Ok(number)
}

/// What a number may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) default: u32,
    pub(crate) max: u32,
}
