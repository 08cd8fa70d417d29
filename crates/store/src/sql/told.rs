//! `kql('…')` in a query: each one becomes the name of a column of `events` that tells whether an
//! event passes.
//!
//! `e.kql('…')` asks of one of several tables. `SELECT *` does not show such columns.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    JoinConstraint, JoinOperator, ObjectName, Select, SelectItem, SelectItemQualifiedWildcardKind,
    Statement, TableFactor, TableWithJoins, Value, ValueWithSpan, VisitMut, VisitorMut,
    WildcardAdditionalOptions,
};
use query::Predicate;

use super::admit::{at, wrong};
use super::asked::{Asked, KQL};
use super::names::{TABLE, last_of};
use crate::StoreError;

/// Bounds the searches of one query; each is a pass over the rows of its own.
const TOLD_MAX: usize = 32;

/// Puts a column's name in the place of each `kql('…')`.
pub(super) fn resolve(statement: &mut Statement) -> Result<Asked, StoreError> {
    let mut finder = Finder::default();
    if let ControlFlow::Break(error) = VisitMut::visit(statement, &mut finder) {
        return Err(error);
    }
    let asked = finder.asked;
    if !asked.told.is_empty()
        && let ControlFlow::Break(error) = VisitMut::visit(statement, &mut Hider { asked: &asked })
    {
        return Err(error);
    }
    Ok(asked)
}

#[derive(Default)]
struct Finder {
    asked: Asked,
}

impl Finder {
    fn column(&mut self, function: &Function) -> Result<Option<Expr>, StoreError> {
        if last_of(&function.name) != KQL {
            return Ok(None);
        }
        let Some(value) = only_text(function) else {
            return Err(wrong("kql takes one text, such as kql('user.name: root')".to_owned()));
        };
        let ValueWithSpan { value: Value::SingleQuotedString(text), span } = value else {
            return Err(wrong("kql takes one text, such as kql('user.name: root')".to_owned()));
        };
        let name = format!("{KQL}('{text}')");
        if self.asked.place(&name).is_none() {
            if self.asked.told.len() >= TOLD_MAX {
                return Err(wrong(format!("the query has more than {TOLD_MAX} times kql")));
            }
            let predicate = Predicate::parse(text).map_err(|error| {
                let (line, column) = place_in(text, error.column);
                let column = if line == 0 { span.start.column + column } else { column };
                at(error.message, span.start.line + line, column)
            })?;
            self.asked.told.push((name.clone(), predicate));
        }
        let column = Ident::with_quote('"', name);
        let table =
            function.name.0.len().checked_sub(2).and_then(|place| function.name.0.get(place));
        Ok(Some(match table.and_then(|part| part.as_ident()) {
            Some(table) => Expr::CompoundIdentifier(vec![table.clone(), column]),
            None => Expr::Identifier(column),
        }))
    }
}

fn only_text(function: &Function) -> Option<&ValueWithSpan> {
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] => Some(value),
        _ => None,
    }
}

/// Gives where a column of the text, from 1, stands in the query behind the opening quote: how many
/// lines on, and in which column of that line.
fn place_in(text: &str, column: usize) -> (u64, u64) {
    let (mut line, mut place) = (0, 1);
    for letter in text.chars().take(column.saturating_sub(1)) {
        match letter {
            '\n' => (line, place) = (line + 1, 1),
            // A quote within the text is written twice.
            '\'' => place += 2,
            _ => place += 1,
        }
    }
    (line, place)
}

impl VisitorMut for Finder {
    type Break = StoreError;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<StoreError> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        match self.column(function) {
            Ok(Some(column)) => *expr = column,
            Ok(None) => {}
            Err(error) => return ControlFlow::Break(error),
        }
        ControlFlow::Continue(())
    }
}

/// Keeps the columns out of `SELECT *`.
struct Hider<'a> {
    asked: &'a Asked,
}

impl Hider<'_> {
    fn options(&self) -> WildcardAdditionalOptions {
        let name = |(name, _): &(String, Predicate)| {
            ObjectName::from(vec![Ident::with_quote('"', name.as_str())])
        };
        let names = self.asked.told.iter().map(name).collect();
        WildcardAdditionalOptions {
            opt_exclude: Some(ExcludeSelectItem::Multiple(names)),
            ..WildcardAdditionalOptions::default()
        }
    }

    /// Gives the parts of `*`, one for each table.
    fn each(&self, from: &[TableWithJoins]) -> Result<Vec<SelectItem>, StoreError> {
        let mut items = Vec::new();
        for tables in from {
            let joined = tables.joins.iter().map(|join| &join.relation);
            for factor in std::iter::once(&tables.relation).chain(joined) {
                let Some((name, is_events)) = table_of(factor) else {
                    return Err(wrong(
                        "name the columns: `*` and kql are too much here".to_owned(),
                    ));
                };
                let kind = SelectItemQualifiedWildcardKind::ObjectName(name);
                let options =
                    if is_events { self.options() } else { WildcardAdditionalOptions::default() };
                items.push(SelectItem::QualifiedWildcard(kind, options));
            }
        }
        Ok(items)
    }

    fn hide(&self, select: &mut Select) -> Result<(), StoreError> {
        let factors = || {
            let all = select.from.iter();
            all.flat_map(|tables| {
                let joined = tables.joins.iter().map(|join| &join.relation);
                std::iter::once(&tables.relation).chain(joined)
            })
        };
        let reads_events = factors().any(|factor| matches!(table_of(factor), Some((_, true))));
        if !reads_events {
            return Ok(());
        }
        let merges = select.from.iter().flat_map(|tables| &tables.joins).any(|join| {
            matches!(
                &join.join_operator,
                JoinOperator::Join(JoinConstraint::Natural | JoinConstraint::Using(_))
                    | JoinOperator::Inner(JoinConstraint::Natural | JoinConstraint::Using(_))
            )
        });
        let is_single = factors().count() == 1;
        let mut items = Vec::with_capacity(select.projection.len());
        for item in std::mem::take(&mut select.projection) {
            match item {
                SelectItem::Wildcard(options) if is_single && is_plain(&options) => {
                    items.push(SelectItem::Wildcard(self.options()));
                }
                SelectItem::Wildcard(options) if is_plain(&options) && !merges => {
                    items.extend(self.each(&select.from)?);
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) if is_plain(&options) => {
                    let is_events = select.from.iter().any(|tables| {
                        let joined = tables.joins.iter().map(|join| &join.relation);
                        std::iter::once(&tables.relation)
                            .chain(joined)
                            .filter_map(table_of)
                            .any(|(known, events)| events && last_of(&known) == last_of(&name))
                    });
                    let options = if is_events { self.options() } else { options };
                    let kind = SelectItemQualifiedWildcardKind::ObjectName(name);
                    items.push(SelectItem::QualifiedWildcard(kind, options));
                }
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                    return Err(wrong(
                        "name the columns: `*` and kql are too much here".to_owned(),
                    ));
                }
                item => items.push(item),
            }
        }
        select.projection = items;
        Ok(())
    }
}

fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_ilike.is_none()
        && options.opt_rename.is_none()
        && options.opt_replace.is_none()
}

/// Gives the name under which a table is known, and whether it is the one of events.
fn table_of(factor: &TableFactor) -> Option<(ObjectName, bool)> {
    let of = |ident: &Ident| ObjectName::from(vec![ident.clone()]);
    match factor {
        TableFactor::Table { name, alias, args: None, .. } => {
            let is_events = last_of(name) == TABLE;
            let known = alias.as_ref().map_or_else(|| name.clone(), |alias| of(&alias.name));
            Some((known, is_events))
        }
        TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Table { alias: Some(alias), .. } => Some((of(&alias.name), false)),
        _ => None,
    }
}

impl VisitorMut for Hider<'_> {
    type Break = StoreError;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<StoreError> {
        match self.hide(select) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}
