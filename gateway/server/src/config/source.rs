//! A configuration file as a tree whose every value knows its line.

use std::{cell::RefCell, ops::Range};

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::problem::{Place, Problem, Problems};

/// The span of a value that came from the command line: no file is that long.
const OVERRIDE: Range<usize> = usize::MAX..usize::MAX;

/// Collects problems while a configuration is read, so that all are told at once.
#[derive(Debug)]
pub(super) struct Source<'i> {
    file: &'i str,
    text: &'i str,
    found: RefCell<Vec<Problem>>,
}

impl<'i> Source<'i> {
    pub(super) const fn new(file: &'i str, text: &'i str) -> Self {
        Self { file, text, found: RefCell::new(Vec::new()) }
    }

    /// Parses the file and lays the overrides over it.
    pub(super) fn parse(&self, overrides: &'i [(String, String)]) -> Spanned<DeTable<'i>> {
        let (mut tree, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            self.report(&span, "", format!("not TOML: {}", error.message()));
        }
        for (path, value) in overrides {
            if let Err(message) = set(tree.get_mut(), path, parse_value(value)) {
                self.report(&OVERRIDE, path, message);
            }
        }
        tree
    }

    pub(super) fn report(&self, span: &Range<usize>, key: &str, message: impl Into<String>) {
        let place = if *span == OVERRIDE {
            Place::Override
        } else {
            Place::Line { file: self.file.to_owned(), line: self.line(span.start) }
        };
        self.found.borrow_mut().push(Problem { place, key: key.to_owned(), message: message.into() });
    }

    /// Takes over what is wrong with another file.
    pub(super) fn absorb(&self, problems: Problems) {
        self.found.borrow_mut().extend(problems.found);
    }

    /// The value that was read, or everything that was found wrong on the way.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Problems> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|problem| match &problem.place {
            Place::Line { file, line } => (usize::from(file != self.file), *line),
            Place::Override => (usize::MAX, 0),
        });
        match value {
            Some(value) if found.is_empty() => Ok(value),
            _ => Err(Problems { found }),
        }
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }
}

/// A bare word on the command line is a string; everything else is TOML.
fn parse_value(text: &str) -> DeValue<'_> {
    match DeValue::parse(text) {
        Ok(value) => value.into_inner(),
        Err(_) => DeValue::String(text.into()),
    }
}

/// Replaces the value at a dotted path; an element of an array is named by its number.
fn set<'i>(table: &mut DeTable<'i>, path: &'i str, value: DeValue<'i>) -> Result<(), String> {
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    let Some(rest) = rest else {
        table.remove(head);
        table.insert(Spanned::new(OVERRIDE, head.into()), Spanned::new(OVERRIDE, value));
        return Ok(());
    };
    if !table.contains_key(head) {
        let section = DeValue::Table(DeTable::new());
        table.insert(Spanned::new(OVERRIDE, head.into()), Spanned::new(OVERRIDE, section));
    }
    match table.get_mut(head).map(Spanned::get_mut) {
        Some(DeValue::Table(inner)) => set(inner, rest, value),
        Some(DeValue::Array(array)) => set_in_array(array, rest, value),
        _ => Err(format!("`{head}` is a value, not a section; set it itself")),
    }
}

fn set_in_array<'i>(array: &mut DeArray<'i>, path: &'i str, value: DeValue<'i>) -> Result<(), String> {
    let (index, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    let count = array.len();
    let element = index.parse::<usize>().ok().and_then(|index| array.get_mut(index));
    let Some(element) = element else {
        return Err(format!("there is no element `{index}`; the list has {count}, counted from 0"));
    };
    match (element.get_mut(), rest) {
        (DeValue::Table(inner), Some(rest)) => set(inner, rest, value),
        (_, None) => {
            *element = Spanned::new(OVERRIDE, value);
            Ok(())
        }
        (_, Some(_)) => Err(format!("element `{index}` is no section")),
    }
}
