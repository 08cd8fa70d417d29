//! Which rows of a block pass a predicate.
//!
//! The answer is exactly that of [`query::Predicate::matches`] upon the events of the rows: the
//! tests are the predicate's own, only the way to the values differs. What a column alone cannot
//! tell (unknown fields, one field against another) is tested upon events that hold just the columns
//! in question.

use model::{Field, Value};
use query::{FieldRef, Matcher, Node, Test, TextMatcher};

use super::block::Block;
use crate::StoreError;
use crate::segment::{Column, TEXT_TYPE, Values, data_type, list_items};

/// Clears the marks of the rows that do not pass.
pub(crate) fn narrow(
    node: &Node,
    block: &mut Block<'_>,
    marks: &mut [bool],
) -> Result<(), StoreError> {
    if !marks.contains(&true) {
        return Ok(());
    }
    match node {
        Node::All => Ok(()),
        Node::And(nodes) => {
            let mut nodes: Vec<&Node> = nodes.iter().collect();
            nodes.sort_by_key(|node| cost(node));
            nodes.into_iter().try_for_each(|node| narrow(node, block, marks))
        }
        Node::Or(nodes) => {
            let mut left = marks.to_vec();
            for node in nodes {
                let mut passed = left.clone();
                narrow(node, block, &mut passed)?;
                for (left, passed) in left.iter_mut().zip(passed) {
                    *left &= !passed;
                }
            }
            for (mark, left) in marks.iter_mut().zip(left) {
                *mark &= !left;
            }
            Ok(())
        }
        Node::Not(node) => {
            let mut passed = marks.to_vec();
            narrow(node, block, &mut passed)?;
            for (mark, passed) in marks.iter_mut().zip(passed) {
                *mark &= !passed;
            }
            Ok(())
        }
        Node::Test(test) => narrow_test(test, block, marks),
    }
}

/// What is cheap to tell is asked first; the dear columns are then perhaps never read.
fn cost(node: &Node) -> u32 {
    match node {
        Node::All => 0,
        Node::And(nodes) | Node::Or(nodes) => nodes.iter().map(cost).max().unwrap_or_default(),
        Node::Not(node) => cost(node),
        Node::Test(Test::Field { field: FieldRef::Known(field), .. }) => {
            if Column::Known(*field).is_prose() { 2 } else { 1 }
        }
        Node::Test(Test::Anywhere(_)) => 3,
        Node::Test(_) => 4,
    }
}

fn narrow_test(test: &Test, block: &mut Block<'_>, marks: &mut [bool]) -> Result<(), StoreError> {
    match test {
        Test::Field { field: FieldRef::Known(field), matcher } if is_columnar(*field, block) => {
            narrow_column(*field, matcher, block, marks)
        }
        Test::Field { field: FieldRef::Named(name), .. }
            if !block.segment.stats.may_have_extra(name) =>
        {
            marks.fill(false);
            Ok(())
        }
        Test::Anywhere(matcher) => narrow_anywhere(matcher, block, marks),
        Test::Field { field, .. } => narrow_events(test, &[field], block, marks),
        Test::Fields { field, other, .. } => narrow_events(test, &[field, other], block, marks),
    }
}

/// Tells whether the field's column holds all that events have in that field.
fn is_columnar(field: Field, block: &Block<'_>) -> bool {
    let stats = &block.segment.stats;
    let several_elsewhere = data_type(field) != TEXT_TYPE && stats.lists.contains(field.name());
    !several_elsewhere && !stats.may_have_extra(field.name())
}

fn narrow_column(
    field: Field,
    matcher: &Matcher,
    block: &mut Block<'_>,
    marks: &mut [bool],
) -> Result<(), StoreError> {
    let column = Column::Known(field);
    let has_lists = block.segment.stats.lists.contains(field.name());
    block.load(column)?;
    if has_lists {
        block.load(Column::Lists)?;
    }
    let lists = block.values(Column::Lists).filter(|_| has_lists);
    let is_list = |row: usize| match lists.and_then(|lists| lists.get(row)) {
        Some(Value::Text(names)) => names.split(',').any(|name| name == field.name()),
        _ => false,
    };
    let any_of =
        |array: &str| list_items(array).iter().any(|one| matcher.matches(Value::Text(one)));
    match block.values(column) {
        None => marks.fill(false),
        Some(Values::Dictionary { array, texts }) => {
            let verdicts: Vec<(bool, bool)> = texts
                .iter()
                .map(|text| {
                    let text = text.unwrap_or_default();
                    let several = has_lists && text.starts_with('[') && any_of(text);
                    (matcher.matches(Value::Text(text)), several)
                })
                .collect();
            for (row, (mark, key)) in marks.iter_mut().zip(array.keys()).enumerate() {
                let verdict = key.and_then(|key| verdicts.get(usize::try_from(key).ok()?));
                *mark = *mark
                    && verdict.is_some_and(|(one, several)| {
                        // Both the same for nearly all: the row's list of lists is then not read.
                        if one == several {
                            *one
                        } else if is_list(row) {
                            *several
                        } else {
                            *one
                        }
                    });
            }
        }
        Some(values) => {
            for (row, mark) in marks.iter_mut().enumerate().filter(|(_, mark)| **mark) {
                *mark = values.get(row).is_some_and(|value| match value {
                    Value::Text(text) if is_list(row) => any_of(text),
                    value => matcher.matches(value),
                });
            }
        }
    }
    Ok(())
}

fn narrow_anywhere(
    matcher: &TextMatcher,
    block: &mut Block<'_>,
    marks: &mut [bool],
) -> Result<(), StoreError> {
    let original = Column::Known(Field::EventOriginal);
    let message = Column::Known(Field::Message);
    block.load(original)?;
    let mut missed = false;
    let holds = |block: &Block<'_>, column: Column, row: usize| {
        let value = block.values(column).and_then(|values| values.get(row));
        matches!(value, Some(Value::Text(text)) if matcher.matches(text))
    };
    let mut passed: Vec<bool> = Vec::with_capacity(marks.len());
    for (row, mark) in marks.iter().enumerate() {
        let pass = *mark && holds(block, original, row);
        missed |= *mark && !pass;
        passed.push(pass);
    }
    if missed {
        block.load(message)?;
        let several = block.segment.stats.lists.contains(Field::Message.name());
        for (row, pass) in passed.iter_mut().enumerate() {
            // A message of several values is not a text, and free text does not look into it.
            let whole = !several || !holds_list(block, Field::Message, row)?;
            *pass = *pass || (marks.get(row) == Some(&true) && whole && holds(block, message, row));
        }
    }
    marks.copy_from_slice(&passed);
    Ok(())
}

fn holds_list(block: &mut Block<'_>, field: Field, row: usize) -> Result<bool, StoreError> {
    block.load(Column::Lists)?;
    let names = block.values(Column::Lists).and_then(|lists| lists.get(row));
    Ok(matches!(names, Some(Value::Text(names)) if names.split(',').any(|n| n == field.name())))
}

/// Tests events that hold just the fields in question.
fn narrow_events(
    test: &Test,
    fields: &[&FieldRef],
    block: &mut Block<'_>,
    marks: &mut [bool],
) -> Result<(), StoreError> {
    let mut columns = vec![Column::Extra, Column::Lists];
    for field in fields {
        if let FieldRef::Known(field) = field {
            columns.push(Column::Known(*field));
        }
    }
    let rows: Vec<usize> = (0..marks.len()).filter(|row| marks.get(*row) == Some(&true)).collect();
    let events = block.events(&rows, &columns)?;
    if events.len() != rows.len() {
        return Err(block.segment.damaged("fewer rows than asked for"));
    }
    for (row, event) in rows.into_iter().zip(events) {
        if let Some(mark) = marks.get_mut(row) {
            *mark = test.matches(&event);
        }
    }
    Ok(())
}
