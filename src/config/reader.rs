//! Reading tables key by key, with the places of mistakes.
//!
//! Not for knowing any key. Invariant: a key that nobody asked for is reported with its place and the nearest key
//! that somebody did ask for; after a mistake reading goes on, so that all are found at once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Source;
use super::problem::{Problem, line_and_column, nearest};

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub value: T,
    pub place: Place,
}

/// Where a value stands and what it is called.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub key: String,
}

impl Place {
    pub fn problem(&self, message: impl Into<String>, hint: Option<String>) -> Problem {
        let Self { file, line, column, key } = self.clone();
        Problem { file, line, column, key, message: message.into(), hint }
    }
}

/// One file being read, and the mistakes found so far.
pub(super) struct Reader<'t> {
    source: Source<'t>,
    problems: RefCell<Vec<Problem>>,
    /// Every key that was asked for, with `*` for names that people choose.
    asked: RefCell<BTreeSet<String>>,
}

/// A table being read.
pub(super) struct Section<'r, 't, 'd> {
    reader: &'r Reader<'t>,
    path: String,
    pattern: String,
    span: Range<usize>,
    entries: Vec<Entry<'d>>,
    asked: BTreeSet<&'static str>,
}

#[derive(Clone, Copy)]
struct Entry<'d> {
    name: &'d str,
    start: usize,
    value: &'d Spanned<DeValue<'d>>,
}

impl<'t> Reader<'t> {
    pub fn new(source: Source<'t>) -> Self {
        Self { source, problems: RefCell::default(), asked: RefCell::default() }
    }

    /// Parses the text and hands its top table to `read`. Mistakes in the syntax end it there.
    pub fn read(&self, read: impl FnOnce(Section<'_, 't, '_>)) {
        let (document, errors) = DeTable::parse_recoverable(self.source.text);
        for error in &errors {
            let place = self.place(&error.span().unwrap_or(0..0), String::new());
            self.report(place.problem(error.message().trim(), None));
        }
        if errors.is_empty() {
            read(Section::new(self, String::new(), String::new(), document.span(), document.get_ref()));
        }
    }

    pub fn into_problems(self) -> (Vec<Problem>, BTreeSet<String>) {
        (self.problems.into_inner(), self.asked.into_inner())
    }

    pub fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    fn place(&self, span: &Range<usize>, key: String) -> Place {
        let (line, column) = line_and_column(self.source.text, span);
        Place { file: self.source.file.to_owned(), line, column, key }
    }
}

impl<'r, 't, 'd> Section<'r, 't, 'd> {
    fn new(
        reader: &'r Reader<'t>,
        path: String,
        pattern: String,
        span: Range<usize>,
        table: &'d DeTable<'d>,
    ) -> Self {
        let entry = |(name, value): (&'d Spanned<_>, _)| {
            let text: &'d std::borrow::Cow<'d, str> = name.get_ref();
            Entry { name: text, start: name.span().start, value }
        };
        let mut entries: Vec<Entry<'d>> = table.iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.start);
        Self { reader, path, pattern, span, entries, asked: BTreeSet::new() }
    }

    /// Where the table begins.
    pub fn place(&self) -> Place {
        self.reader.place(&self.span, self.path.clone())
    }

    pub fn report(&self, problem: Problem) {
        self.reader.report(problem);
    }

    pub fn text(&mut self, key: &'static str) -> Option<Placed<String>> {
        let value = self.value(key)?;
        let text = value.get_ref().as_str().map(str::to_owned);
        self.typed(key, value, text, "a string")
    }

    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        self.typed(key, value, value.get_ref().as_bool(), "true or false").map(|flag| flag.value)
    }

    /// A whole number in a range.
    pub fn whole(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = self.value(key)?;
        let number = whole_of(value.get_ref());
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let number =
            number.and_then(|number| u32::try_from(number).ok()).filter(|number| range.contains(number));
        self.typed(key, value, number, &expected).map(|number| number.value)
    }

    /// A number, whole or not, in a range.
    pub fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.value(key)?;
        let float = value.get_ref().as_float().and_then(|float| float.as_str().replace('_', "").parse().ok());
        let number = float.or_else(|| whole_of(value.get_ref()).map(|whole| whole as f64));
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.typed(key, value, number.filter(|number| range.contains(number)), &expected)
            .map(|number| number.value)
    }

    /// One of some words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<Placed<T>> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text.value);
        if let Some((_, value)) = found {
            return Some(Placed { value: *value, place: text.place });
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("{:?} is not one of {}", text.value, quoted(&names));
        self.report(text.place.problem(message, nearest(&text.value, names)));
        None
    }

    /// A list of strings.
    pub fn texts(&mut self, key: &'static str) -> Option<Vec<Placed<String>>> {
        let value = self.value(key)?;
        let list = value.get_ref().as_array().map(|list| list.iter().collect::<Vec<_>>());
        let list = self.typed(key, value, list, "a list of strings")?;
        let mut texts = Vec::new();
        for item in list.value {
            let text = item.get_ref().as_str().map(str::to_owned);
            texts.push(self.typed(key, item, text, "a list of strings")?);
        }
        Some(texts)
    }

    /// A string, or a list of strings: which of both it was, and the strings.
    pub fn text_or_texts(&mut self, key: &'static str) -> Option<(bool, Vec<Placed<String>>)> {
        if self.value(key)?.get_ref().is_str() {
            return self.text(key).map(|text| (true, vec![text]));
        }
        self.texts(key).map(|texts| (false, texts))
    }

    /// A string or a whole number, as text.
    pub fn word_or_whole(&mut self, key: &'static str) -> Option<Placed<String>> {
        let value = self.value(key)?;
        let text = match whole_of(value.get_ref()) {
            Some(number) => Some(number.to_string()),
            None => value.get_ref().as_str().map(str::to_owned),
        };
        self.typed(key, value, text, "a word or a whole number")
    }

    /// A table.
    pub fn section(&mut self, key: &'static str) -> Option<Section<'r, 't, 'd>> {
        let value = self.value(key)?;
        let table = self.typed(key, value, value.get_ref().as_table(), "a table")?;
        Some(Section::new(
            self.reader,
            self.path_of(key),
            self.pattern_of(key),
            self.span_of(key),
            table.value,
        ))
    }

    /// A list of tables.
    pub fn sections(&mut self, key: &'static str) -> Option<Vec<Section<'r, 't, 'd>>> {
        let value = self.value(key)?;
        let list = value.get_ref().as_array().map(|list| list.iter().collect::<Vec<_>>());
        let expected = format!("a list of tables, [[{key}]]");
        let list = self.typed(key, value, list, &expected)?;
        let mut sections = Vec::new();
        for item in list.value {
            let table = self.typed(key, item, item.get_ref().as_table(), &expected)?;
            let (path, pattern) = (self.path_of(key), self.pattern_of(key));
            sections.push(Section::new(self.reader, path, pattern, item.span(), table.value));
        }
        Some(sections)
    }

    /// The tables of a table whose names people choose, in order of their places.
    pub fn named_sections(mut self) -> Vec<(Placed<String>, Section<'r, 't, 'd>)> {
        let mut sections = Vec::new();
        for Entry { name, start, value } in std::mem::take(&mut self.entries) {
            let path = self.path_of(name);
            let place = self.reader.place(&(start..start), path.clone());
            match value.get_ref().as_table() {
                Some(table) => {
                    let section = Section::new(self.reader, path, self.pattern_of("*"), start..start, table);
                    sections.push((Placed { value: name.to_owned(), place }, section));
                }
                None => self.report(place.problem("expected a table", None)),
            }
        }
        sections
    }

    /// All keys of a table whose names people choose, each a string or, with `lists`, a list of strings, with the place
    /// of the name and of each string. `refuse` says what is wrong with a name, if anything is.
    pub fn named_texts(
        mut self,
        lists: bool,
        refuse: impl Fn(&str) -> Option<String>,
    ) -> BTreeMap<String, Placed<Vec<Placed<String>>>> {
        let mut found = BTreeMap::new();
        self.reader.asked.borrow_mut().insert(self.pattern_of("*"));
        for Entry { name, start, value } in std::mem::take(&mut self.entries) {
            let place = self.reader.place(&(start..start), self.path_of(name));
            let placed = |item: &Spanned<DeValue<'_>>| {
                let place = self.reader.place(&item.span(), self.path_of(name));
                Some(Placed { value: item.get_ref().as_str()?.to_owned(), place })
            };
            let texts = match value.get_ref().as_array() {
                Some(list) if lists => list.iter().map(placed).collect(),
                _ => placed(value).map(|one| vec![one]),
            };
            let expected = if lists { "a string or a list of strings" } else { "a string" };
            match (texts, refuse(name)) {
                (_, Some(message)) => self.report(place.problem(message, None)),
                (Some(texts), None) => drop(found.insert(name.to_owned(), Placed { value: texts, place })),
                (None, None) => self.report(place.problem(format!("expected {expected}"), None)),
            }
        }
        found
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self) {
        for Entry { name, start, .. } in &self.entries {
            if !self.asked.contains(name) {
                let place = self.reader.place(&(*start..*start), self.path_of(name));
                let known = || self.asked.iter().copied();
                let list = || format!("known here: {}", known().collect::<Vec<_>>().join(", "));
                let hint = nearest(name, known()).or_else(|| Some(list()));
                self.report(place.problem("unknown key", hint));
            }
        }
    }

    fn value(&mut self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.asked.insert(key);
        self.reader.asked.borrow_mut().insert(self.pattern_of(key));
        self.entries.iter().find(|entry| entry.name == key).map(|entry| entry.value)
    }

    fn typed<T>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        read: Option<T>,
        expected: &str,
    ) -> Option<Placed<T>> {
        let place = self.reader.place(&value.span(), self.path_of(key));
        match read {
            Some(value) => Some(Placed { value, place }),
            None => {
                let found = shown(value.get_ref());
                self.report(place.problem(format!("expected {expected}, found {found}"), None));
                None
            }
        }
    }

    fn span_of(&self, key: &str) -> Range<usize> {
        let entry = self.entries.iter().find(|entry| entry.name == key);
        entry.map_or(0..0, |entry| entry.start..entry.start)
    }

    fn path_of(&self, key: &str) -> String {
        joined(&self.path, key)
    }

    fn pattern_of(&self, key: &str) -> String {
        joined(&self.pattern, key)
    }
}

pub(super) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn whole_of(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok()
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
