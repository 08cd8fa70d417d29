//! Reads a line of shell: words with their quotes, pipes, lists, redirections, groups and loops.

mod lexer;

use lexer::Lexer;

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text; quoted text is never split nor matched with file names.
    Text(String, bool),
    /// `$NAME`, `${NAME}`, `$?`.
    Variable(String, bool),
    /// `$(…)` or the old form with backticks.
    Command(String, bool),
    /// `$((…))`.
    Sum(String),
}

pub(super) type Word = Vec<Piece>;

/// Where output goes or input comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    pub(super) from: u8,
    pub(super) kind: RedirectKind,
    pub(super) to: Word,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RedirectKind {
    In,
    Out,
    Append,
    /// `2>&1`
    Same,
    /// `<<<`
    Text,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Words and redirections.
    Simple(Vec<Word>, Vec<Redirect>),
    /// `( … )` and `{ …; }`.
    Group(List, Vec<Redirect>),
    /// `if …; then …; elif …; else …; fi`.
    If(Vec<(List, List)>, List, Vec<Redirect>),
    /// `for NAME in …; do …; done`.
    For(String, Vec<Word>, List, Vec<Redirect>),
    /// `while …; do …; done`.
    While(List, List, Vec<Redirect>),
}

/// When the next pipeline runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Always,
    And,
    Or,
}

/// A pipeline, whether its outcome is turned round, and when it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) link: Link,
    pub(super) not: bool,
    pub(super) commands: Vec<Command>,
    pub(super) background: bool,
}

pub(super) type List = Vec<Step>;

/// What is wrong with a line: the token at which it stops to make sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault(pub(super) String);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(Word),
    Sign(&'static str),
    Redirect(u8, RedirectKind),
}

/// Reads a line.
pub(super) fn parse(text: &str) -> Result<List, Fault> {
    let tokens = Lexer { rest: text, tokens: Vec::new() }.tokens()?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let list = parser.list(&[])?;
    match parser.peek() {
        None => Ok(list),
        Some(token) => Err(Fault(shown(token))),
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Sign("\n") | Token::Redirect(..) => "newline".to_owned(),
        Token::Sign(sign) => (*sign).to_owned(),
        Token::Word(word) => word
            .iter()
            .map(|piece| match piece {
                Piece::Text(text, _)
                | Piece::Variable(text, _)
                | Piece::Command(text, _)
                | Piece::Sum(text) => text.as_str(),
            })
            .collect(),
    }
}

/// Bounds how deep groups and loops nest.
const NESTED_MAX: u32 = 12;

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: u32,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(own)) if *own == sign);
        self.at += usize::from(found);
        found
    }

    /// Gives the next token where it is a plain word, as keywords are.
    fn keyword(&self) -> Option<&str> {
        match self.peek()? {
            Token::Word(word) => match word.as_slice() {
                [Piece::Text(text, false)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    fn skip_ends(&mut self) {
        while self.takes("\n") || self.takes(";") {}
    }

    fn expect(&mut self, keyword: &str) -> Result<(), Fault> {
        self.skip_ends();
        if self.keyword() == Some(keyword) {
            self.at += 1;
            return Ok(());
        }
        Err(self.fault())
    }

    fn fault(&self) -> Fault {
        Fault(self.peek().map_or_else(|| "end of file".to_owned(), shown))
    }

    fn list(&mut self, ends: &[&str]) -> Result<List, Fault> {
        self.depth += 1;
        if self.depth > NESTED_MAX {
            return Err(self.fault());
        }
        let mut list = Vec::new();
        let mut link = Link::Always;
        loop {
            while self.takes("\n") {}
            let at_end = match self.peek() {
                None | Some(Token::Sign(")" | ";;")) => true,
                _ => self.keyword().is_some_and(|word| ends.contains(&word)),
            };
            if at_end {
                self.depth -= 1;
                return if link == Link::Always { Ok(list) } else { Err(self.fault()) };
            }
            let not = self.keyword() == Some("!");
            self.at += usize::from(not);
            let mut commands = vec![self.command()?];
            while self.takes("|") {
                while self.takes("\n") {}
                commands.push(self.command()?);
            }
            let background = self.takes("&");
            list.push(Step { link, not, commands, background });
            link = if background || self.takes(";") || self.takes("\n") {
                Link::Always
            } else if self.takes("&&") {
                Link::And
            } else if self.takes("||") {
                Link::Or
            } else {
                Link::Always
            };
        }
    }

    fn command(&mut self) -> Result<Command, Fault> {
        if self.takes("(") {
            let list = self.list(&[])?;
            if !self.takes(")") {
                return Err(self.fault());
            }
            return Ok(Command::Group(list, self.redirects()?));
        }
        match self.keyword() {
            Some("{") => {
                self.at += 1;
                let list = self.list(&["}"])?;
                self.expect("}")?;
                Ok(Command::Group(list, self.redirects()?))
            }
            Some("if") => self.condition(),
            Some("for") => self.every(),
            Some(word @ ("while" | "until")) => {
                let until = word == "until";
                self.at += 1;
                let mut condition = self.list(&["do"])?;
                if let (true, Some(last)) = (until, condition.last_mut()) {
                    last.not = !last.not;
                }
                self.expect("do")?;
                let body = self.list(&["done"])?;
                self.expect("done")?;
                Ok(Command::While(condition, body, self.redirects()?))
            }
            Some("then" | "else" | "elif" | "fi" | "do" | "done" | "}") => Err(self.fault()),
            _ => self.simple(),
        }
    }

    fn condition(&mut self) -> Result<Command, Fault> {
        let (mut branches, mut otherwise) = (Vec::new(), Vec::new());
        loop {
            self.at += 1;
            let condition = self.list(&["then"])?;
            self.expect("then")?;
            branches.push((condition, self.list(&["elif", "else", "fi"])?));
            if self.keyword() != Some("elif") {
                break;
            }
        }
        if self.keyword() == Some("else") {
            self.at += 1;
            otherwise = self.list(&["fi"])?;
        }
        self.expect("fi")?;
        Ok(Command::If(branches, otherwise, self.redirects()?))
    }

    fn every(&mut self) -> Result<Command, Fault> {
        self.at += 1;
        let name = self.keyword().ok_or_else(|| self.fault())?.to_owned();
        self.at += 1;
        let mut words = Vec::new();
        if self.keyword() == Some("in") {
            self.at += 1;
            while let Some(Token::Word(word)) = self.peek() {
                words.push(word.clone());
                self.at += 1;
            }
        }
        self.expect("do")?;
        let body = self.list(&["done"])?;
        self.expect("done")?;
        Ok(Command::For(name, words, body, self.redirects()?))
    }

    fn redirects(&mut self) -> Result<Vec<Redirect>, Fault> {
        let mut redirects = Vec::new();
        while let Some(Token::Redirect(from, kind)) = self.peek() {
            let (from, kind) = (*from, *kind);
            self.at += 1;
            redirects.push(self.target(from, kind)?);
        }
        Ok(redirects)
    }

    fn target(&mut self, from: u8, kind: RedirectKind) -> Result<Redirect, Fault> {
        let Some(Token::Word(to)) = self.peek() else {
            return Err(self
                .peek()
                .map_or_else(|| Fault("newline".to_owned()), |token| Fault(shown(token))));
        };
        let to = to.clone();
        self.at += 1;
        Ok(Redirect { from, kind, to })
    }

    fn simple(&mut self) -> Result<Command, Fault> {
        let (mut words, mut redirects) = (Vec::new(), Vec::new());
        loop {
            match self.peek() {
                Some(Token::Word(word)) => {
                    words.push(word.clone());
                    self.at += 1;
                }
                Some(Token::Redirect(from, kind)) => {
                    let (from, kind) = (*from, *kind);
                    self.at += 1;
                    redirects.push(self.target(from, kind)?);
                }
                _ if words.is_empty() && redirects.is_empty() => return Err(self.fault()),
                _ => return Ok(Command::Simple(words, redirects)),
            }
        }
    }
}
