//! The rooms and their layers, held to what `src/lib.rs` says: who may name whom, what the pure rooms may not touch, how
//! long a file may be, what a module may not be called. A breach is told with its file, line and reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Production lines of a file at most.
const LONGEST: usize = 600;
/// Names that say nothing.
const HOLLOW: [&str; 5] = ["core", "utils", "common", "helpers", "manager"];
/// Rooms without input, output, clock, chance or unordered maps.
const PURE: [&str; 2] = ["model", "engine"];
/// What a pure room may not name, and why.
const IMPURE: [(&str, &str); 17] = [
    ("std::fs", "does I/O"),
    ("std::io", "does I/O"),
    ("std::net", "does I/O"),
    ("std::env", "reads the environment"),
    ("std::process", "runs processes"),
    ("std::thread", "runs threads"),
    ("std::sync", "shares state between threads"),
    ("std::time", "asks a clock"),
    ("Instant::now", "asks a clock"),
    ("SystemTime", "asks a clock"),
    ("jiff::", "asks a clock"),
    ("tokio", "is asynchronous"),
    ("rand::", "is random"),
    ("HashMap", "has no order"),
    ("HashSet", "has no order"),
    ("println!", "prints"),
    ("thread_local!", "keeps hidden state"),
];
/// Rooms that may name these and no others, whatever their layer.
const ONLY: [(&str, &[&str]); 1] = [("keeper", &["pty", "record", "protocol", "process", "model"])];

#[test]
fn the_code_keeps_to_its_architecture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = read(&root.join("lib.rs"));
    let layers = Layers::of(&lib);
    let mut breaches = layers.breaches(&lib);
    for path in files(&root) {
        let name = path.strip_prefix(&root).unwrap_or(&path).to_owned();
        breaches.extend(File::new(&name, &read(&path)).breaches(&layers));
    }
    let told: Vec<String> = breaches.iter().map(Breach::to_string).collect();
    assert!(told.is_empty(), "{} breaches of the architecture:\n{}", told.len(), told.join("\n"));
}

/// One offence.
#[derive(Debug, PartialEq)]
struct Breach {
    file: PathBuf,
    line: usize,
    reason: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {}", self.file.display(), self.line, self.reason)
    }
}

/// The layer of each room, as the table in `lib.rs` tells it.
struct Layers(BTreeMap<String, u32>);

impl Layers {
    fn of(lib: &str) -> Layers {
        let mut layers = BTreeMap::new();
        for line in lib.lines().filter_map(|line| line.strip_prefix("//! | L")) {
            let Some((layer, rooms)) = line.split_once('|') else { continue };
            let layer: u32 = layer.trim().parse().expect("a layer has a number");
            // `[`model`]: what is in it, ...`: what stands in links is a room.
            for room in rooms.split("[`").skip(1).filter_map(|rest| rest.split_once("`]")) {
                layers.insert(room.0.to_owned(), layer);
            }
        }
        Layers(layers)
    }

    /// The table has each module of the crate and no other.
    fn breaches(&self, lib: &str) -> Vec<Breach> {
        let modules = || {
            lib.lines()
                .enumerate()
                .filter_map(|(at, line)| Some((at + 1, line.strip_prefix("pub mod ")?.strip_suffix(';')?)))
        };
        let told = |line, reason| Breach { file: "lib.rs".into(), line, reason };
        let unlisted = modules().filter(|(_, room)| !self.0.contains_key(*room));
        let mut found: Vec<Breach> =
            unlisted.map(|(at, room)| told(at, format!("{room} is in no layer of the table"))).collect();
        let gone = self.0.keys().filter(|room| !modules().any(|(_, module)| module == room.as_str()));
        found.extend(gone.map(|room| told(1, format!("{room} is in the table and not in the crate"))));
        found
    }

    /// Why a room may not name another; `None` if it may.
    fn forbid(&self, from: &str, to: &str) -> Option<String> {
        let (above, below) = (self.0.get(from), self.0.get(to)?);
        if from == to {
            return None;
        }
        if let Some((_, rooms)) = ONLY.iter().find(|(room, _)| *room == from) {
            let reason = format!("{from} names {to}; it may name only {}", rooms.join(", "));
            return (!rooms.contains(&to)).then_some(reason);
        }
        // What is no room (`main.rs`, `lib.rs`) stands above all.
        let above = above?;
        match above.cmp(below) {
            std::cmp::Ordering::Greater => None,
            std::cmp::Ordering::Equal => Some(format!("{from} names {to}, its sibling in layer {above}")),
            std::cmp::Ordering::Less => {
                Some(format!("{from} (layer {above}) names {to}, which is above it (layer {below})"))
            }
        }
    }
}

/// A source file without its comments, its texts and its tests.
struct File<'a> {
    name: &'a Path,
    source: &'a str,
    code: String,
}

impl<'a> File<'a> {
    fn new(name: &'a Path, source: &'a str) -> File<'a> {
        File { name, source, code: without_tests(&code_only(source)) }
    }

    fn breaches(&self, layers: &Layers) -> Vec<Breach> {
        let mut found = Vec::new();
        self.hollow_names(&mut found);
        if !self.source.starts_with("//!") {
            found.push(self.breach(1, "does not begin with what it is for (//!)".to_owned()));
        }
        if self.is_test() {
            return found;
        }
        let lines = self.production_lines();
        if lines > LONGEST {
            found.push(self.breach(LONGEST, format!("{lines} lines; more than {LONGEST} is a redesign")));
        }
        for (at, line) in self.code.lines().enumerate() {
            let reasons = self.impurities(line).into_iter().chain(self.layering(line, layers));
            found.extend(reasons.map(|reason| self.breach(at + 1, reason)));
        }
        found
    }

    fn breach(&self, line: usize, reason: String) -> Breach {
        Breach { file: self.name.to_owned(), line, reason }
    }

    fn room(&self) -> &str {
        let first = self.name.iter().next().and_then(|name| name.to_str()).unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// A file of tests beside what it tests.
    fn is_test(&self) -> bool {
        self.name.iter().skip(1).any(|part| part == "tests" || part == "tests.rs")
    }

    /// Lines up to the tests at the end.
    fn production_lines(&self) -> usize {
        let last = self.code.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).last();
        last.map_or(0, |(at, _)| at + 1)
    }

    /// How many modules this file's own is below the crate.
    fn depth(&self) -> usize {
        let is_folder = self.name.file_name().is_some_and(|name| name == "mod.rs" || name == "lib.rs");
        self.name.components().count() - usize::from(is_folder)
    }

    fn hollow_names(&self, found: &mut Vec<Breach>) {
        for part in self.name.iter().filter_map(|part| part.to_str()) {
            let name = part.strip_suffix(".rs").unwrap_or(part);
            if HOLLOW.contains(&name) {
                found.push(self.breach(1, format!("a module named {name} could hold anything")));
            }
        }
        for (at, line) in self.code.lines().enumerate() {
            let mut words =
                line.split(|c: char| !c.is_alphanumeric() && c != '_').skip_while(|word| *word != "mod");
            let name = words.nth(1).filter(|name| HOLLOW.contains(name));
            found.extend(
                name.map(|name| self.breach(at + 1, format!("a module named {name} could hold anything"))),
            );
        }
    }

    fn impurities(&self, line: &str) -> Vec<String> {
        if !PURE.contains(&self.room()) {
            return Vec::new();
        }
        let named = IMPURE.iter().filter(|(name, _)| line.contains(name));
        named.map(|(name, what)| format!("{} is pure, and {name} {what}", self.room())).collect()
    }

    fn layering(&self, line: &str, layers: &Layers) -> Vec<String> {
        let up = "super::".repeat(self.depth());
        let mut named: Vec<&str> = rooms_after(line, "crate::");
        if self.depth() > 0 {
            named.extend(rooms_after(line, &up));
        }
        named.sort_unstable();
        named.dedup();
        named.into_iter().filter_map(|to| layers.forbid(self.room(), to)).collect()
    }
}

/// The first names of paths that begin so: `crate::a`, `crate::{b, c::d}`.
fn rooms_after<'a>(line: &'a str, root: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices(root) {
        let before = line[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &line[at + root.len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(top_names(group)),
            None => found.push(first_name(rest)),
        }
    }
    found
}

fn first_name(path: &str) -> &str {
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    &path[..end]
}

/// The first name of each path of a group, nested groups left out.
fn top_names(group: &str) -> Vec<&str> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(first_name(group[start..at].trim_start()));
                return found;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(first_name(group[start..at].trim_start()));
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(first_name(group[start..].trim_start()));
    found
}

/// The source with comments and texts made blank, line for line; a `use` over several lines is put on its first.
fn code_only(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let taken = blank_length(rest, code.chars().next_back());
        if taken == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.extend(rest[..taken].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[taken..];
        }
    }
    join_uses(&code)
}

/// How much of the beginning is a comment or a text.
fn blank_length(rest: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return rest.find("*/").map_or(rest.len(), |at| at + 2);
    }
    let raw = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r').filter(|_| !in_word);
    if let Some(hashed) = raw {
        let hashes = hashed.chars().take_while(|c| *c == '#').count();
        if hashed[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = rest.len() - hashed.len() + hashes + 1;
            return rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len());
        }
    }
    if rest.starts_with('"') {
        return quoted_length(rest, '"');
    }
    // A quote opens a character if another closes it; else it is a lifetime.
    let mut after = rest.chars().skip(1);
    let is_char = matches!((after.next(), after.next()), (Some('\\'), _) | (Some(_), Some('\'')));
    if rest.starts_with('\'') && is_char { quoted_length(rest, '\'') } else { 0 }
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

/// Puts each `use` on its first line, so that its paths can be read together.
fn join_uses(code: &str) -> String {
    let mut joined = String::with_capacity(code.len());
    let mut owed = 0;
    let mut inside = false;
    for line in code.lines() {
        let trimmed = line.trim_start();
        inside |=
            trimmed.starts_with("use ") || trimmed.starts_with("pub use ") || trimmed.starts_with("pub(");
        joined.push_str(if owed > 0 { trimmed } else { line });
        if inside && !line.contains(';') && (owed > 0 || trimmed.contains("use ")) {
            owed += 1;
        } else {
            joined.push_str(&"\n".repeat(owed + 1));
            (owed, inside) = (0, false);
        }
    }
    joined
}

/// The code with modules under `#[cfg(test)]` made blank.
fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        let (before, from) = rest.split_at(at);
        let end = item_length(from);
        kept.push_str(before);
        kept.extend(from[..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &from[end..];
    }
    kept + rest
}

/// The length of an item with its attributes, up to its semicolon or closing brace.
fn item_length(code: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the sources can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What the checker itself must see.
mod checker {
    use super::*;

    const LIB: &str = "//! | L0 | [`model`]: data |\n//! | L1 | [`engine`] |\n//! | L2 | [`term`], [`theme`] |\n\
                       //! | L3 | [`ui`], [`pty`] |\n//! | L4 | [`server`], [`keeper`] |\npub mod model;\n";

    fn found(name: &str, source: &str) -> Vec<(usize, String)> {
        let breaches = File::new(Path::new(name), &format!("//! x\n{source}")).breaches(&Layers::of(LIB));
        breaches.into_iter().map(|breach| (breach.line, breach.reason)).collect()
    }

    fn one(name: &str, source: &str, line: usize, part: &str) {
        let found = found(name, source);
        assert_eq!(found.len(), 1, "{source}: {found:?}");
        assert!(found[0].0 == line && found[0].1.contains(part), "{found:?}");
    }

    #[test]
    fn paths_upwards_and_sideways_are_found_however_they_are_written() {
        one("engine/a.rs", "use crate::ui::Ui;", 2, "above it");
        one("term/a.rs", "use crate::{model::Oid, theme};", 2, "sibling");
        one(
            "term/a.rs",
            "use crate::{\n    model::{Oid, ui},\n    theme::Role,\n};",
            2,
            "theme, its sibling",
        );
        one("term/mod.rs", "fn a() {\n    super::server::run();\n}", 3, "above it");
        one("term/a.rs", "fn a(b: super::super::ui::Ui) {}", 2, "above it");
        one("keeper/a.rs", "use crate::term::Grid;", 2, "may name only");
        one("server/a.rs", "use crate::keeper::run;", 2, "sibling");
    }

    #[test]
    fn lawful_paths_comments_texts_and_tests_are_not() {
        for (name, source) in [
            ("server/a.rs", "use crate::{ui, term, model};"),
            ("keeper/a.rs", "use crate::pty::Host;"),
            (
                "term/a.rs",
                "// crate::ui\n/* crate::ui */ const A: &str = \"crate::ui\"; const B: char = '\"';",
            ),
            ("term/a.rs", "const A: &str = r#\"crate::ui \" \"#;\nfn a<'a>(b: &'a str) {}"),
            ("term/a.rs", "#[cfg(test)]\nmod tests {\n    use crate::ui::Ui;\n}"),
            ("term/tests.rs", "use crate::ui::Ui;"),
            ("term/a.rs", "use super::ui;"),
            ("engine/a.rs", "use std::collections::BTreeMap;\n#[cfg(test)]\nmod tests { use std::fs; }"),
        ] {
            assert_eq!(found(name, source), [], "{name}: {source}");
        }
    }

    #[test]
    fn impure_engines_long_files_hollow_names_and_files_without_purpose_are_found() {
        one("engine/a.rs", "use std::collections::HashMap;", 2, "no order");
        one("model/a.rs", "\nlet now = SystemTime::now();", 3, "asks a clock");
        one("ui/utils.rs", "", 1, "could hold anything");
        one("ui/a.rs", "pub(crate) mod helpers;", 2, "could hold anything");
        one("ui/a.rs", &"fn a() {}\n".repeat(600), 600, "601 lines");
        assert_eq!(
            found("ui/a.rs", &format!("#[cfg(test)]\nmod tests {{\n{}}}", "fn a() {}\n".repeat(700))),
            []
        );
        let bare = File::new(Path::new("ui/a.rs"), "fn a() {}").breaches(&Layers::of(LIB));
        assert!(bare[0].reason.contains("what it is for"));
    }

    #[test]
    fn the_table_has_every_room_and_no_other() {
        let lib = format!("{LIB}pub mod cellar;\n");
        let told: Vec<String> = Layers::of(&lib).breaches(&lib).iter().map(Breach::to_string).collect();
        assert!(
            told.iter().any(|line| line == "src/lib.rs:7: cellar is in no layer of the table"),
            "{told:?}"
        );
        assert!(told.iter().any(|line| line.contains("keeper is in the table and not in the crate")));
    }
}
