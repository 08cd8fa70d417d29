//! What others do in the users' names.

use model::Timestamp;

use super::LoginLine;
use super::life::LoginLife;
use super::lines::{Attempt, LoginProgram};
use super::places::{self, Site};
use crate::dice::Dice;

/// What an attacker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginAttackKind {
    /// Tries passwords.
    Guess,
    /// Logs in from abroad with a stolen password, with a tool of the own.
    StolenAbroad,
    /// The same with the name of the browser that the user has.
    StolenAbroadDisguised,
    /// Logs in from the user's country, through a provider that nobody else has, with a tool of the own.
    StolenNear,
}

/// One attack, with its knobs.
#[derive(Clone, Copy, Debug)]
pub struct LoginAttack {
    /// The same seed gives the same lines.
    pub seed: u64,
    /// What the attacker does.
    pub kind: LoginAttackKind,
    /// When it begins, in seconds after the life did.
    pub second: u64,
    /// The first user it is about.
    pub user: usize,
    /// How many users it is about; the tries go round among them.
    pub users: usize,
    /// How many networks the tries come from, in turns.
    pub networks: u64,
    /// How many tries there are.
    pub tries: u64,
    /// How many seconds lie between two of them, or between the user's own log-in and the thief's.
    pub every: u64,
    /// By how many per cent of that each is early or late.
    pub jitter: u64,
    /// Whether the last try gets in, by the first user's password.
    pub succeeds: bool,
    /// What is attacked.
    pub program: LoginProgram,
}

const TOOL: &str = "python-requests/2.32.4";

impl LoginAttack {
    /// Gives the lines of the attack on a life, in the order of time.
    pub fn lines(&self, life: &LoginLife) -> Vec<LoginLine> {
        let mut dice = Dice::new(self.seed);
        dice.next();
        // Each attack has networks of its own.
        let network = dice.below(0x4000);
        match self.kind {
            LoginAttackKind::Guess => self.guess(life, network, &mut dice),
            LoginAttackKind::StolenNear => {
                self.steal(life, &places::neighbour(network), TOOL, &mut dice)
            }
            LoginAttackKind::StolenAbroad => {
                self.steal(life, &places::attacker(network), TOOL, &mut dice)
            }
            LoginAttackKind::StolenAbroadDisguised => {
                let agent = life.agent(self.user, self.second / 86_400);
                self.steal(life, &places::attacker(network), &agent, &mut dice)
            }
        }
    }

    fn guess(&self, life: &LoginLife, network: u64, dice: &mut Dice) -> Vec<LoginLine> {
        let users = u64::try_from(self.users.max(1)).unwrap_or(1);
        let mut lines: Vec<LoginLine> = Vec::new();
        for number in 0..self.tries {
            let last = self.succeeds && number + 1 == self.tries;
            let turn = if last { 0 } else { number % users };
            let user = life.user(self.user + usize::try_from(turn).unwrap_or(0));
            let site = places::attacker(network + dice.below(self.networks.max(1)));
            let slack = self.every * self.jitter / 100;
            let jitter = dice.between(0, 2 * slack);
            let second = (self.second + number * self.every + jitter).saturating_sub(slack);
            lines.push(self.attempt(life.at(second), (&user, &site, TOOL), last, dice));
        }
        lines.sort_by_key(|line| line.time);
        lines
    }

    /// One log-in, some time after one of the user's own.
    fn steal(&self, life: &LoginLife, site: &Site, agent: &str, dice: &mut Dice) -> Vec<LoginLine> {
        let user = life.user(self.user);
        let own = life.web_logins(self.user);
        let begun = life.at(self.second);
        let after = own.into_iter().find(|time| *time >= begun).unwrap_or(begun);
        let time = after
            .plus(std::time::Duration::from_secs(dice.between(self.every / 2, self.every * 3 / 2)));
        vec![self.attempt(time, (&user, site, agent), true, dice)]
    }

    fn attempt(
        &self,
        time: Timestamp,
        (user, site, agent): (&str, &Site, &str),
        worked: bool,
        dice: &mut Dice,
    ) -> LoginLine {
        let address = site.network.address(dice);
        Attempt { time, program: self.program, user, address, site, agent, worked }.line()
    }
}
