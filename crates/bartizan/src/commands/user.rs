//! `bartizan user`: who may log in.

use std::io::{self, BufRead, IsTerminal, Read};
use std::path::PathBuf;

use anyhow::Context as _;
use catalog::{Catalog, Role, User};
use clap::Subcommand;

use crate::clock::now;
use crate::failure::{Outcome, ending};
use crate::output::{self, Cell, Printer, Shape};
use crate::place::Place;
use crate::who;

/// Manages who may log in to the console.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan user list
  bartizan user add ada --role analyst --password-file /run/secrets/ada
  bartizan user password ada < new-password
  bartizan user disable ada")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the users
    List,
    /// Adds a user; the password is read from a file or from standard input
    Add {
        /// The name
        name: String,
        /// What the user may do: viewer, analyst or administrator
        #[arg(long, default_value = "analyst", value_parser = who::role)]
        role: Role,
        /// The file that holds the password
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Sets a user's password, and ends the user's sessions; tokens stay good until they are revoked
    Password {
        /// The name
        name: String,
        /// The file that holds the password
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Keeps a user out with all tokens, and ends the user's sessions
    Disable {
        /// The name
        name: String,
    },
    /// Lets a user in again
    Enable {
        /// The name
        name: String,
    },
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (_, catalog) = args.place.catalog()?;
    match &args.action {
        Action::List => return list(&catalog),
        Action::Add { name, role, password_file } => {
            let password = password(password_file.as_ref())?;
            let account = api::Account { name, password: &password, role: *role };
            api::add_user(&catalog, account, now())?;
            who::record(&catalog, "add_user", format!("{name} as {}", role.as_str()))?;
            output::complain(&format!("{name} may log in as {}", role.as_str()));
        }
        Action::Password { name, password_file } => {
            let user = find(&catalog, name)?;
            api::set_password(&catalog, &user.name, &password(password_file.as_ref())?)?;
            who::record(&catalog, "set_password", user.name.clone())?;
            output::complain(&format!(
                "the password of {} is set; log in anew (tokens stay: `bartizan token list`)",
                user.name
            ));
        }
        Action::Disable { name } => {
            let user = find(&catalog, name)?;
            catalog.disable_user(user.id)?;
            who::record(&catalog, "disable_user", user.name.clone())?;
            output::complain(&format!("{} is kept out", user.name));
        }
        Action::Enable { name } => {
            let user = find(&catalog, name)?;
            catalog.enable_user(user.id)?;
            who::record(&catalog, "enable_user", user.name.clone())?;
            output::complain(&format!("{} may log in again", user.name));
        }
    }
    Ok(Outcome::Done)
}

fn list(catalog: &Catalog) -> anyhow::Result<Outcome> {
    let mut printer = Printer::new(Shape::Table, &["name", "role", "state", "since"])?;
    for user in catalog.users()? {
        let state = if user.disabled { "disabled" } else { "active" };
        printer.row(&[
            Cell::Text(user.name),
            user.role.as_str().into(),
            state.into(),
            Cell::Text(user.created.to_string()),
        ])?;
    }
    printer.finish()?;
    Ok(Outcome::Done)
}

fn find(catalog: &Catalog, name: &str) -> anyhow::Result<User> {
    let user = catalog.user_by_name(&name.to_lowercase())?;
    user.ok_or_else(|| {
        ending(Outcome::Fault, format!("there is no user {name}; see `bartizan user list`"))
    })
}

/// Reads a password; never from the command line, where other users of the machine would see it.
fn password(file: Option<&PathBuf>) -> anyhow::Result<String> {
    let mut text = String::new();
    if let Some(path) = file {
        std::fs::File::open(path)
            .and_then(|file| file.take(4096).read_to_string(&mut text))
            .with_context(|| format!("cannot read {}", path.display()))?;
    } else {
        if io::stdin().is_terminal() {
            output::complain("type the password and press Enter (it is shown):");
        }
        io::stdin().lock().take(4096).read_line(&mut text)?;
    }
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
