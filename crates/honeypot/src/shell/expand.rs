//! Makes words out of what was typed: variables, substitutions, sums, file names.

use super::files::{Follow, Node};
use super::parse::{Piece, Word};
use super::{DEPTH_MAX, Shell, VALUE_BYTES_MAX};

/// What it costs to list a folder: all names below it are looked at.
const LIST_WORK: usize = 32 * 1024;
/// Bounds a pattern of file names.
const PATTERN_BYTES_MAX: usize = 1024;
/// Bounds the words of one command.
const WORDS_MAX: usize = 2048;

impl Shell {
    pub(super) fn expand_all(&mut self, words: &[Word]) -> Vec<String> {
        let mut all = Vec::new();
        for word in words {
            all.extend(self.expand(word));
            if all.len() >= WORDS_MAX {
                all.truncate(WORDS_MAX);
                break;
            }
        }
        all
    }

    /// Gives the words that one becomes.
    pub(super) fn expand(&mut self, word: &Word) -> Vec<String> {
        if !self.spend(word.len()) {
            return Vec::new();
        }
        let (mut done, mut open, mut began, mut globs) = (Vec::new(), String::new(), false, false);
        for (at, piece) in word.iter().enumerate() {
            let (text, splits) = self.piece(piece, at == 0);
            if !splits {
                began = true;
                globs |= matches!(piece, Piece::Text(text, false) if text.contains(['*', '?']));
                append(&mut open, &text);
                continue;
            }
            let mut parts = text.split([' ', '\t', '\n']).peekable();
            while let Some(part) = parts.next() {
                append(&mut open, part);
                began |= !part.is_empty();
                if parts.peek().is_some() && began {
                    done.push(std::mem::take(&mut open));
                    began = false;
                }
            }
        }
        if began {
            if globs {
                done.extend(self.matching(&open));
            } else {
                done.push(open);
            }
        }
        done
    }

    /// Gives one text, as targets of redirections and assignments are.
    pub(super) fn expand_one(&mut self, word: &Word) -> String {
        let mut text = String::new();
        for (at, piece) in word.iter().enumerate() {
            let (piece, _) = self.piece(piece, at == 0);
            append(&mut text, &piece);
        }
        text
    }

    fn piece(&mut self, piece: &Piece, is_first: bool) -> (String, bool) {
        let (text, splits) = self.piece_of(piece, is_first);
        let goes_on = self.spend(text.len());
        (if goes_on { text } else { String::new() }, splits)
    }

    fn piece_of(&mut self, piece: &Piece, is_first: bool) -> (String, bool) {
        match piece {
            Piece::Text(text, false) if is_first && (text == "~" || text.starts_with("~/")) => {
                (format!("{}{}", self.home, text.get(1..).unwrap_or_default()), false)
            }
            Piece::Text(text, _) => (text.clone(), false),
            Piece::Variable(name, quoted) => (self.variable(name), !quoted),
            Piece::Sum(sum) => (self.sum(sum), false),
            Piece::Command(command, quoted) => {
                if self.depth >= DEPTH_MAX {
                    return (String::new(), !quoted);
                }
                self.depth += 1;
                let output = self.script(command);
                self.depth -= 1;
                let text = String::from_utf8_lossy(&output);
                (text.trim_end_matches('\n').to_owned(), !quoted)
            }
        }
    }

    fn variable(&self, name: &str) -> String {
        let get = |name: &str| self.variables.get(name).cloned();
        match name {
            "?" => return self.status.to_string(),
            "$" => return self.pid.to_string(),
            "#" => return "0".to_owned(),
            "0" => {
                let bash = self.flavour == super::Flavour::Bash;
                return if bash { "-bash".to_owned() } else { "-sh".to_owned() };
            }
            "-" => return "himBHs".to_owned(),
            "RANDOM" => return (self.now.nanos().rem_euclid(32_768)).to_string(),
            "EUID" | "UID" => return self.uid.to_string(),
            "HOSTNAME" => return self.machine.host_name.clone(),
            _ => {}
        }
        if let Some(name) = name.strip_prefix('#') {
            return get(name).unwrap_or_default().len().to_string();
        }
        let Some((name, or)) = name.split_once(":-").or_else(|| name.split_once('-')) else {
            return get(name).unwrap_or_default();
        };
        get(name).filter(|value| !value.is_empty()).unwrap_or_else(|| or.to_owned())
    }

    /// Works out a sum of whole numbers, from left to right by rank.
    fn sum(&self, text: &str) -> String {
        let mut total = 0_i64;
        let mut sign = 1_i64;
        let mut product: Option<i64> = None;
        let mut operator = b'*';
        let mut rest = text.trim();
        while !rest.is_empty() {
            let length = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '$')
                .unwrap_or(rest.len());
            let (name, after) = rest.split_at(length);
            let name = name.trim_start_matches('$');
            let number =
                name.parse().unwrap_or_else(|_| self.variable(name).parse().unwrap_or(0_i64));
            let before = product.unwrap_or(1);
            product = match operator {
                b'/' => before.checked_div(number),
                b'%' => before.checked_rem(number),
                _ => before.checked_mul(number),
            };
            let after = after.trim_start();
            operator = after.bytes().next().unwrap_or(b'+');
            rest = after.get(1..).unwrap_or_default().trim_start();
            if matches!(operator, b'+' | b'-') {
                total = total.saturating_add(sign.saturating_mul(product.unwrap_or(0)));
                sign = if operator == b'-' { -1 } else { 1 };
                product = None;
                operator = b'*';
            } else if !matches!(operator, b'*' | b'/' | b'%') {
                return total.to_string();
            }
        }
        total.saturating_add(sign.saturating_mul(product.unwrap_or(0))).to_string()
    }

    /// Gives what lies in a folder, its work counted; nothing where the line has done enough.
    pub(super) fn listing(&mut self, folder: &str) -> Vec<(String, Node)> {
        if self.spend(LIST_WORK) { self.files.list(folder) } else { Vec::new() }
    }

    /// Gives the files that a pattern in the last name fits; the pattern where none does.
    fn matching(&mut self, pattern: &str) -> Vec<String> {
        let (folder, last) = pattern.rsplit_once('/').map_or(("", pattern), |(f, l)| (f, l));
        let (shown, folder) = match folder {
            "" if pattern.starts_with('/') => ("/".to_owned(), "/"),
            "" => (String::new(), "."),
            folder => (format!("{folder}/"), folder),
        };
        let whole = self.files.resolve(&self.cwd, folder, Follow::All);
        let listed = self.listing(&whole);
        let compared = listed.iter().map(|(name, _)| name.len()).sum::<usize>() * last.len() / 8;
        if !self.spend(compared) {
            return vec![pattern.to_owned()];
        }
        let found: Vec<String> = listed
            .into_iter()
            .filter(|(name, _)| {
                (!name.starts_with('.') || last.starts_with('.')) && fits(last, name)
            })
            .map(|(name, _)| format!("{shown}{name}"))
            .take(WORDS_MAX)
            .collect();
        if found.is_empty() { vec![pattern.to_owned()] } else { found }
    }
}

fn append(text: &mut String, more: &str) {
    let room = VALUE_BYTES_MAX.saturating_sub(text.len());
    text.push_str(more.get(..more.floor_char_boundary(room)).unwrap_or_default());
}

/// Tells whether a name fits a pattern of `*` and `?`; in time of their product.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    if pattern.len() > PATTERN_BYTES_MAX {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(own) if *own == '?' || name.get(n) == Some(own) => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|own| *own == '*')
}
