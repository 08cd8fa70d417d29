//! From a text to a statement in which every name is resolved.
//!
//! Two steps. In the row of tokens, words joined by dots that name a column become one quoted word:
//! only so may a name hold a reserved word (`group.name`, `user.name`). In the tree, a name that is
//! neither a column nor made by the query itself becomes `field(extra, 'name')`, and each `kql('…')`
//! becomes the name of a column that tells whether an event passes.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType as SqlType, ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, Query, Select, SelectItem,
    Statement, TableAlias, TableFactor, Value, Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};

use super::admit::{admit, admit_first, at, placed, wrong};
use super::alerts::OF_ALERTS;
use super::asked::Asked;
use super::told;
use crate::StoreError;
use crate::segment::{Column, EXTRA};

pub(super) const TABLE: &str = "events";
/// What may stand before the name of a table.
const SCHEMAS: [&str; 3] = ["datafusion", "public", "information_schema"];
/// Bounds the text of a query.
const BYTES_MAX: usize = 64 << 10;
/// Bounds the operators of a query, and so the depth of its tree.
const OPERATORS_MAX: usize = 500;

/// Reads one statement that only reads, and what it asks in the search bar's language.
pub(super) fn parse(text: &str) -> Result<(Statement, Asked), StoreError> {
    if text.len() > BYTES_MAX {
        return Err(wrong(format!("the query is longer than {BYTES_MAX} bytes")));
    }
    let dialect = GenericDialect {};
    let tokens = Tokenizer::new(&dialect, text)
        .tokenize_with_location()
        .map_err(|error| at(error.message, error.location.line, error.location.column))?;
    admit_first(&tokens)?;
    let operators = tokens.iter().filter(|token| is_operator(&token.token)).count();
    if operators > OPERATORS_MAX {
        return Err(wrong(format!("the query has more than {OPERATORS_MAX} operators")));
    }
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(join_names(tokens));
    let mut statements = parser.parse_statements().map_err(|error| placed(&error.to_string()))?;
    let (Some(statement), None) = (statements.pop(), statements.pop()) else {
        return Err(wrong("exactly one statement is expected".to_owned()));
    };
    admit(&statement)?;
    let mut statement = super::schema::listing(statement);
    let asked = told::resolve(&mut statement)?;
    resolve(&mut statement);
    Ok((statement, asked))
}

fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND | Keyword::OR | Keyword::NOT | Keyword::UNION | Keyword::JOIN
        ),
        Token::Comma
        | Token::Period
        | Token::Whitespace(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::LParen
        | Token::RParen
        | Token::EOF => false,
        _ => true,
    }
}

/// Makes one quoted word of words that together name a column.
fn join_names(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut joined = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let Some((first, later)) = rest.split_first() {
        let follows_dot =
            joined.last().is_some_and(|last: &TokenWithSpan| last.token == Token::Period);
        let words = run_of_words(rest);
        if let Some((name, count)) = name_in(&words, follows_dot) {
            let word = Word { value: name, quote_style: Some('"'), keyword: Keyword::NoKeyword };
            joined.push(TokenWithSpan { token: Token::Word(word), span: first.span });
            // A name of n words is 2n - 1 tokens long.
            rest = rest.get(count * 2 - 1..).unwrap_or_default();
        } else {
            joined.push(first.clone());
            rest = later;
        }
    }
    joined
}

/// Gives the words at the front that are joined by dots.
fn run_of_words(tokens: &[TokenWithSpan]) -> Vec<&Word> {
    let mut words = Vec::new();
    for pair in tokens.chunks(2) {
        match pair {
            [TokenWithSpan { token: Token::Word(word), .. }, dot] => {
                words.push(word);
                if dot.token != Token::Period {
                    break;
                }
            }
            [TokenWithSpan { token: Token::Word(word), .. }] => words.push(word),
            _ => break,
        }
    }
    words
}

/// Gives the name that the words begin with, and of how many words it is.
fn name_in(words: &[&Word], follows_dot: bool) -> Option<(String, usize)> {
    let joined = |count: usize| {
        let words: Vec<&str> = words.iter().take(count).map(|word| word.value.as_str()).collect();
        words.join(".")
    };
    for count in (1..=words.len()).rev() {
        let name = joined(count).to_lowercase();
        // A single word is read as a name anyhow, but for one with `@`, which would be a variable.
        if Column::by_name(&name).is_some() && (count > 1 || name.starts_with('@')) {
            return Some((name, count));
        }
    }
    // An unknown name that begins with a reserved word (`user.quota`) would not be read as a name.
    let reserved = words.first().is_some_and(|word| {
        let is_schema = SCHEMAS.iter().any(|schema| word.value.eq_ignore_ascii_case(schema));
        word.keyword != Keyword::NoKeyword && !is_schema
    });
    (reserved && !follows_dot && words.len() > 1).then(|| (joined(words.len()), words.len()))
}

/// Makes `field(…)` of the names that are no columns.
fn resolve(statement: &mut Statement) {
    let mut made = Made::default();
    let _ = Visit::visit(statement, &mut made);
    // A query upon nothing but other tables has no unknown fields.
    if made.reads_events {
        let _ = VisitMut::visit(statement, &mut Resolver { made });
    }
}

/// The names that the query makes itself.
#[derive(Default)]
struct Made {
    reads_events: bool,
    /// Aliases of the table of events.
    events: HashSet<String>,
    /// Other tables and their aliases.
    tables: HashSet<String>,
    columns: HashSet<String>,
}

/// Gives a name as the engine reads it.
pub(super) fn plain(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// Gives the last word of a name of several.
pub(super) fn last_of(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(plain).unwrap_or_default()
}

impl Made {
    fn add_aliases(&mut self, alias: Option<&TableAlias>) {
        if let Some(alias) = alias {
            self.add_alias(alias);
        }
    }

    fn add_alias(&mut self, alias: &TableAlias) {
        self.tables.insert(plain(&alias.name));
        self.columns.extend(alias.columns.iter().map(|column| plain(&column.name)));
    }
}

impl Visitor for Made {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.add_alias(&cte.alias);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for item in &select.projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => {
                    self.columns.insert(plain(alias));
                }
                SelectItem::ExprWithAliases { aliases, .. } => {
                    self.columns.extend(aliases.iter().map(plain));
                }
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } if last_of(name) == TABLE => {
                self.reads_events = true;
                self.events.insert(TABLE.to_owned());
                self.events.extend(alias.as_ref().map(|alias| plain(&alias.name)));
            }
            TableFactor::Table { name, alias, .. } => {
                // Beside events, the columns of alerts are no unknown fields of events.
                let of_alerts = OF_ALERTS.iter().find(|table| table.name == last_of(name));
                let columns = of_alerts.into_iter().flat_map(|table| table.columns);
                self.columns.extend(columns.map(|(column, _)| (*column).to_owned()));
                self.tables.insert(last_of(name));
                self.add_aliases(alias.as_ref());
            }
            TableFactor::Derived { alias, .. }
            | TableFactor::TableFunction { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::NestedJoin { alias, .. } => {
                self.add_aliases(alias.as_ref());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

struct Resolver {
    made: Made,
}

impl Resolver {
    /// Gives the unknown field that an expression names, and the table it is asked of.
    fn unknown(&self, expr: &Expr) -> Option<(Option<Ident>, String)> {
        match expr {
            Expr::Identifier(ident) => {
                let name = plain(ident);
                let known = Column::by_name(&name).is_some()
                    || self.made.columns.contains(&name)
                    || name.contains('(');
                (!known).then(|| (None, ident.value.clone()))
            }
            Expr::CompoundIdentifier(parts) => {
                let (first, later) = parts.split_first()?;
                let join = |parts: &[Ident]| {
                    let words: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
                    words.join(".")
                };
                let table = plain(first);
                if self.made.events.contains(&table) {
                    let name = join(later);
                    let known = Column::by_name(&name).is_some() || name.contains('(');
                    return (!known).then(|| (Some(first.clone()), name));
                }
                let known =
                    self.made.tables.contains(&table) || self.made.columns.contains(&join(parts));
                (!known).then(|| (None, join(parts)))
            }
            _ => None,
        }
    }
}

impl VisitorMut for Resolver {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            let SelectItem::UnnamedExpr(expr) = item else { continue };
            let name = match &*expr {
                Expr::Function(function) => asked_field(function).map(|(_, name)| name),
                _ => self.unknown(expr).map(|(_, name)| name),
            };
            if let Some(name) = name {
                // The column of the answer is called as it was asked for.
                let (expr, alias) = (expr.clone(), Ident::with_quote('"', name));
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some((table, name)) = self.unknown(expr) {
            *expr = field_call(FIELD, table, &name);
        } else if let Expr::Function(function) = expr
            && let Some((getter, name)) = asked_field(function)
        {
            *expr = match Column::by_name(&name) {
                Some(_) => Expr::Cast {
                    kind: CastKind::TryCast,
                    expr: Box::new(Expr::Identifier(Ident::with_quote('"', name))),
                    data_type: getter.1.clone(),
                    array: false,
                    format: None,
                },
                None => field_call(getter.0, None, &name),
            };
        }
        ControlFlow::Continue(())
    }
}

/// A function that gives any field, and the type as which it gives a column.
type Getter = (&'static str, SqlType);
const FIELD: &str = "field";
const FIELDS: [Getter; 3] = [
    (FIELD, SqlType::Varchar(None)),
    ("field_int", SqlType::BigInt(None)),
    ("field_float", SqlType::Double(ExactNumberInfo::None)),
];

/// Gives the function and the name in `field('name')`.
fn asked_field(function: &Function) -> Option<(Getter, String)> {
    let called = last_of(&function.name);
    let getter = FIELDS.iter().find(|(name, _)| *name == called)?;
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] => match &value.value {
            Value::SingleQuotedString(name) => Some((getter.clone(), name.clone())),
            _ => None,
        },
        _ => None,
    }
}

fn field_call(getter: &str, table: Option<Ident>, name: &str) -> Expr {
    let extra = Ident::with_quote('"', EXTRA);
    let object = match table {
        Some(table) => Expr::CompoundIdentifier(vec![table, extra]),
        None => Expr::Identifier(extra),
    };
    let name = Expr::Value(Value::SingleQuotedString(name.to_owned()).with_empty_span());
    let argument = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(getter)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![argument(object), argument(name)],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
