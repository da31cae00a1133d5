//! Reads one section of a configuration: takes each key that it knows, and reports the rest.

use std::{cell::RefCell, collections::BTreeSet, ops::Range, str::FromStr, time::Duration};

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use super::{problem::Problems, source::Source};

/// A table of the file. Keys that nobody took are errors when it is finished.
#[derive(Debug)]
pub(super) struct Section<'a, 'i> {
    source: &'a Source<'i>,
    table: Option<&'a DeTable<'i>>,
    span: Range<usize>,
    name: String,
    taken: RefCell<BTreeSet<&'static str>>,
}

impl<'a, 'i> Section<'a, 'i> {
    pub(super) fn root(source: &'a Source<'i>, tree: &'a Spanned<DeTable<'i>>) -> Self {
        Self::new(source, Some(tree.get_ref()), 0..0, String::new())
    }

    fn new(source: &'a Source<'i>, table: Option<&'a DeTable<'i>>, span: Range<usize>, name: String) -> Self {
        Self { source, table, span, name, taken: RefCell::new(BTreeSet::new()) }
    }

    /// A section below this one; where the file has none, every key of it takes its default.
    pub(super) fn section(&self, key: &'static str) -> Self {
        match self.take(key).map(|value| (value.get_ref(), value.span())) {
            Some((DeValue::Table(table), span)) => Self::new(self.source, Some(table), span, self.path(key)),
            Some((other, span)) => {
                self.source.report(&span, &self.path(key), wrong_type("a section", other));
                Self::new(self.source, None, span, self.path(key))
            }
            None => Self::new(self.source, None, self.span.clone(), self.path(key)),
        }
    }

    /// Whether the file has something at `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// The sections `[[key]]`.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Self> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let DeValue::Array(array) = value.get_ref() else {
            self.source.report(&value.span(), &self.path(key), format!("write [[{}]]", self.path(key)));
            return Vec::new();
        };
        let element = |(index, value): (usize, &'a Spanned<DeValue<'i>>)| {
            let name = format!("{}.{index}", self.path(key));
            let DeValue::Table(table) = value.get_ref() else {
                self.source.report(&value.span(), &name, wrong_type("a section", value.get_ref()));
                return None;
            };
            Some(Self::new(self.source, Some(table), value.span(), name))
        };
        array.iter().enumerate().filter_map(element).collect()
    }

    /// The sections `[key.NAME]`, with their names.
    pub(super) fn named(&self, key: &'static str) -> Vec<(&'a str, Self)> {
        let below = self.section(key);
        let named = |(name, value): (&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>)| {
            let (name, path) = (name.get_ref().as_ref(), format!("{}.{}", below.name, name.get_ref()));
            let DeValue::Table(table) = value.get_ref() else {
                self.source.report(&value.span(), &path, wrong_type("a section", value.get_ref()));
                return None;
            };
            Some((name, Self::new(self.source, Some(table), value.span(), path)))
        };
        below.table.into_iter().flatten().filter_map(named).collect()
    }

    /// The texts of the table at `key`, with their names.
    pub(super) fn named_texts(&self, key: &'static str) -> Vec<(&'a str, Text<'a, 'i>)> {
        let below = self.section(key);
        let named = |(name, value): (&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>)| {
            Some((name.get_ref().as_ref(), below.as_text(name.get_ref().to_string(), value)?))
        };
        below.table.into_iter().flatten().filter_map(named).collect()
    }

    /// The text at `key`, if the file has it.
    pub(super) fn text(&self, key: &'static str) -> Option<Text<'a, 'i>> {
        let value = self.take(key)?;
        self.as_text(key.to_owned(), value)
    }

    /// The text at `key`, which must be there; `example` shows what it may be.
    pub(super) fn required(&self, key: &'static str, example: &str) -> Option<Text<'a, 'i>> {
        if self.table.is_none_or(|table| !table.contains_key(key)) {
            self.taken.borrow_mut().insert(key);
            self.report(format!("`{key}` is missing; write for example {key} = \"{example}\""));
            return None;
        }
        self.text(key)
    }

    /// The list of texts at `key`; none where the file has none.
    pub(super) fn texts(&self, key: &'static str) -> Vec<Text<'a, 'i>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let DeValue::Array(array) = value.get_ref() else {
            self.source.report(
                &value.span(),
                &self.path(key),
                wrong_type("a list of texts", value.get_ref()),
            );
            return Vec::new();
        };
        let element = |(index, value)| self.as_text(format!("{key}.{index}"), value);
        array.iter().enumerate().filter_map(element).collect()
    }

    /// The whole number at `key`, else `default`; reported when it is not within `range`.
    pub(super) fn number<N>(&self, key: &'static str, range: Range<u64>, default: N) -> N
    where
        N: TryFrom<u64>,
    {
        let Some(value) = self.take(key) else { return default };
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        let number =
            number.filter(|number| range.contains(number)).and_then(|number| N::try_from(number).ok());
        number.unwrap_or_else(|| {
            let message = format!("write a whole number from {} to {}", range.start, range.end - 1);
            self.source.report(&value.span(), &self.path(key), message);
            default
        })
    }

    /// What `read` makes of the number at `key`, which may have a fraction; `remedy` says what to write.
    pub(super) fn decimal<T>(
        &self,
        key: &'static str,
        remedy: &str,
        read: impl FnOnce(f64) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(key)?;
        let text = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str()),
            DeValue::Float(number) => Some(number.as_str()),
            _ => None,
        };
        let read = text.and_then(|text| text.parse().ok()).and_then(read);
        if read.is_none() {
            self.source.report(&value.span(), &self.path(key), remedy);
        }
        read
    }

    /// The time at `key`, written with its unit, else `default`.
    pub(super) fn duration(&self, key: &'static str, default: Duration) -> Duration {
        let Some(text) = self.text(key) else { return default };
        duration(text.value).unwrap_or_else(|| {
            text.report("write a time with its unit, such as \"20ms\", \"32s\" or \"5m\"");
            default
        })
    }

    /// The time at `key`, which may not be zero.
    pub(super) fn pause(&self, key: &'static str, default: Duration) -> Duration {
        let pause = self.duration(key, default);
        if pause.is_zero() {
            self.report(format!("`{key}` is zero; leave it out, or write a time such as \"500ms\""));
        }
        pause
    }

    /// Something is wrong with the section as a whole.
    pub(super) fn report(&self, message: impl Into<String>) {
        self.source.report(&self.span, &self.name, message);
    }

    /// What is wrong with another file that this one names.
    pub(super) fn absorb(&self, problems: Problems) {
        self.source.absorb(problems);
    }

    /// Reports the keys that nobody took.
    pub(super) fn finish(self) {
        let taken = self.taken.into_inner();
        for (key, _) in self.table.into_iter().flatten() {
            if !taken.contains(key.get_ref().as_ref()) {
                let known = taken.iter().copied().collect::<Vec<_>>().join(", ");
                let path = if self.name.is_empty() {
                    key.get_ref().to_string()
                } else {
                    format!("{}.{}", self.name, key.get_ref())
                };
                self.source.report(&key.span(), &path, format!("unknown key; known here are {known}"));
            }
        }
    }

    fn take(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.taken.borrow_mut().insert(key);
        self.table?.get(key)
    }

    fn as_text(&self, key: String, value: &'a Spanned<DeValue<'i>>) -> Option<Text<'a, 'i>> {
        let key = if self.name.is_empty() { key } else { format!("{}.{key}", self.name) };
        let DeValue::String(text) = value.get_ref() else {
            self.source.report(&value.span(), &key, wrong_type("a text in quotation marks", value.get_ref()));
            return None;
        };
        Some(Text { source: self.source, value: text, span: value.span(), key })
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

/// A text of the file, which knows where it stands.
#[derive(Debug)]
pub(super) struct Text<'a, 'i> {
    source: &'a Source<'i>,
    pub(super) value: &'a str,
    span: Range<usize>,
    key: String,
}

impl Text<'_, '_> {
    /// Reads it as a `T`; `remedy` says what to write.
    pub(super) fn parse<T: FromStr>(&self, remedy: &str) -> Option<T> {
        let parsed = self.value.parse().ok();
        if parsed.is_none() {
            self.report(format!("\"{}\" won't do; {remedy}", self.value));
        }
        parsed
    }

    /// Reads it as one of a few words.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == self.value).map(|(_, value)| *value);
        if found.is_none() {
            let known = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
            self.report(format!("\"{}\" won't do; write one of {known}", self.value));
        }
        found
    }

    pub(super) fn report(&self, message: impl Into<String>) {
        self.source.report(&self.span, &self.key, message);
    }
}

fn wrong_type(wanted: &str, found: &DeValue<'_>) -> String {
    format!("write {wanted}; this is of type {}", found.type_str())
}

/// A time with its unit: `20ms`, `32s`, `5m`, `2h`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}
