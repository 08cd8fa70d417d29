//! `bartizan token`: what programs hold in place of a password.

use std::time::Duration;

use catalog::{Role, Token, TokenId};
use clap::Subcommand;

use crate::clock::now;
use crate::failure::{Outcome, ending};
use crate::output::{self, Cell, Printer, Shape, complain};
use crate::place::Place;
use crate::who;

/// Manages tokens, with which programs use the API.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan token add backup --user ada --role viewer --days 90 > token
  curl -H \"Authorization: Bearer $(cat token)\" http://127.0.0.1:8440/api/v1/ledger
  bartizan token list
  bartizan token revoke 3")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the tokens of all users
    List {
        /// The shape of the list
        #[arg(long, value_enum, default_value_t)]
        output: Shape,
    },
    /// Makes a token and prints it, this once: only its digest is kept
    Add {
        /// What it is for
        name: String,
        /// The user as whom it acts
        #[arg(long)]
        user: String,
        /// What it may do at most: viewer, analyst or administrator; never more than its user
        #[arg(long, default_value = "viewer", value_parser = who::role)]
        role: Role,
        /// After how many days it ends; 0 for never
        #[arg(long, value_name = "N", default_value_t = 365)]
        days: u16,
    },
    /// Takes a token back, at once
    Revoke {
        /// The number that `bartizan token list` shows
        id: i64,
    },
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (_, catalog) = args.place.catalog()?;
    match &args.action {
        Action::List { output } => {
            let columns = ["id", "user", "name", "role", "state", "made", "ends", "used", "from"];
            let mut printer = Printer::new(*output, &columns)?;
            for token in catalog.tokens(None)? {
                printer.row(&cells(token))?;
            }
            printer.finish()?;
        }
        Action::Add { name, user, role, days } => {
            let found = catalog.user_by_name(user)?;
            let found = found.ok_or_else(|| {
                let sentence = format!("there is no user {user}; see `bartizan user list`");
                ending(Outcome::Fault, sentence)
            })?;
            if *role > found.role {
                let (wanted, has) = (role.as_str(), found.role.as_str());
                let sentence = format!("{user} is {has}: a token cannot be {wanted}");
                return Err(ending(Outcome::Fault, sentence));
            }
            let span = Duration::from_hours(24 * u64::from(*days));
            let wanted = api::TokenWanted {
                user: found.id,
                name,
                role: *role,
                expires: (*days > 0).then(|| now().plus(span)),
            };
            let (id, token) = api::add_token(&catalog, &wanted, now())?;
            let detail = format!("{} of {} as {}", name.trim(), found.name, role.as_str());
            who::record(&catalog, "add_token", detail)?;
            output::say(&token)?;
            complain(&format!("token {}: keep it now, it cannot be shown again", id.0));
        }
        Action::Revoke { id } => {
            let revoked = catalog.revoke_token(TokenId(*id), None)?;
            let token = revoked.ok_or_else(|| {
                let sentence = format!("there is no token {id}; see `bartizan token list`");
                ending(Outcome::Fault, sentence)
            })?;
            let detail = format!("{} of {}", token.name, token.user_name);
            complain(&format!("{detail} opens nothing any more"));
            who::record(&catalog, "revoke_token", detail)?;
        }
    }
    Ok(Outcome::Done)
}

fn cells(token: Token) -> [Cell; 9] {
    let state = match (token.disabled, token.is_good(now())) {
        (true, _) => "user disabled",
        (false, true) => "active",
        (false, false) => "ended",
    };
    [
        Cell::Plain(token.id.0.to_string()),
        token.user_name.into(),
        token.name.into(),
        token.role.as_str().into(),
        state.into(),
        token.created.to_string().into(),
        token.expires.map(|time| time.to_string()).into(),
        token.used.map(|time| time.to_string()).into(),
        token.used_from.into(),
    ]
}
