//! The settings' files, found, read and checked together by the rooms that know their names: configuration, keys, themes.
//!
//! Not for what follows from them (`project`). Invariant: whoever asks, a start, a changed file or a person who wants it
//! checked, gets the same answer: the settings, or everything that is wrong with every file, each at its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::places::{Places, absolute};
use crate::config::{self, Config, Problem, Problems, Reading, Source, Spot};
use crate::keymap::{Keymap, KeymapProblem};
use crate::protocol::client::{Colours, Shows};
use crate::theme::{ColourDepth, Theme, ThemeError, ThemeProblem, Themes};
use crate::ui::Settings;

/// The name under which an action's key of `[ui]` is bound.
const LEAVE: &str = "leave";

/// Settings that passed every check.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The configuration.
    pub config: Config,
    /// The keys.
    pub keymap: Keymap,
    /// The theme that it names.
    pub theme: Theme,
    /// Every theme that there is and that is right.
    pub themes: Vec<Theme>,
    /// What is wrong with themes that are not in use.
    pub spare: Vec<Problem>,
}

/// The screen's settings for a terminal that can show that.
pub fn screen(ui: &config::Ui, keymap: &Keymap, theme: &Theme, shows: Shows) -> Settings {
    Settings {
        keymap: keymap.clone(),
        theme: theme.clone(),
        depth: match shows.colours {
            Colours::None => ColourDepth::None,
            Colours::Sixteen => ColourDepth::Ansi16,
            Colours::Indexed => ColourDepth::Ansi256,
            Colours::True => ColourDepth::True,
        },
        underlines: shows.underlines && shows.colours != Colours::None,
        // Terminals learnt both in about the same years; others print a link's address.
        links: shows.underlines,
        ascii: ui.ascii,
        mouse: ui.mouse,
        bell: ui.bell,
        clipboard: ui.clipboard,
    }
}

/// The place of a mistake in a word: the file's own name and the line.
pub fn place(problem: &Problem) -> String {
    let name = Path::new(&problem.file).file_name().map(|name| name.to_string_lossy().into_owned());
    format!("{}:{}:{}", name.unwrap_or_else(|| problem.file.clone()), problem.line, problem.column)
}

/// A file's name as people know it, and its text.
struct Text {
    file: String,
    text: String,
}

/// The settings that hold in a project: the user's file and the project's on top of the defaults.
pub fn of_project(places: &Places) -> Result<Checked, Problems> {
    let user = user_config().map(|path| (path.display().to_string(), path));
    let own = ("loopmon.toml".to_owned(), places.config());
    check(user.into_iter().chain([own]).filter(|(_, path)| path.exists()))
}

/// The settings that hold outside any project: the user's file on top of the defaults.
pub fn of_user() -> Result<Checked, Problems> {
    let user = user_config().map(|path| (path.display().to_string(), path));
    check(user.into_iter().filter(|(_, path)| path.exists()))
}

/// The defaults, whatever the files say.
pub fn defaults() -> Result<Checked, Problems> {
    check([])
}

/// The settings that a file would make on top of the defaults; one of the user's own themes is tried as that.
pub fn of_file(path: &Path) -> Result<Checked, Problems> {
    let own = path.parent().and_then(|dir| dir.canonicalize().ok());
    if own.is_some() && own == themes_dir().and_then(|dir| dir.canonicalize().ok()) {
        return check([]);
    }
    check([(path.display().to_string(), path.to_owned())])
}

/// Another theme of those that there are; the error is everything that is wrong with it.
pub fn theme(name: &str) -> Result<Theme, String> {
    let own = OwnThemes::read();
    let problems = |errors: Vec<ThemeError>| {
        let problems: Vec<String> = errors.iter().map(|error| own.problem(error).to_string()).collect();
        problems.join("\n")
    };
    own.themes.load(name).map_err(problems)
}

/// The user's own configuration file.
pub fn user_config() -> Option<PathBuf> {
    let dir = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(dir.join("loopmon").join("config.toml"))
}

/// The folder of the user's own themes.
pub fn themes_dir() -> Option<PathBuf> {
    Some(user_config()?.parent()?.join("themes"))
}

fn check(files: impl IntoIterator<Item = (String, PathBuf)>) -> Result<Checked, Problems> {
    let mut unreadable = Vec::new();
    let mut texts = Vec::new();
    for (file, path) in files {
        match std::fs::read_to_string(&path) {
            Ok(text) => texts.push(Text { file, text }),
            Err(error) => unreadable.push(Problem::whole_file(&file, format!("could not be read: {error}"))),
        }
    }
    let sources: Vec<Source<'_>> =
        texts.iter().map(|text| Source { file: &text.file, text: &text.text }).collect();
    let mut reading = Reading::of(&sources);
    unreadable.into_iter().for_each(|problem| reading.add(problem));
    let keymap = keys(&mut reading);
    let own = OwnThemes::read();
    let (theme, themes, spare) = own.check(&mut reading);
    let config = reading.finish().map_err(|mut problems| {
        problems.list.extend(spare.iter().cloned());
        problems
    })?;
    Ok(Checked { config, keymap, theme, themes, spare })
}

/// The keys, with what is wrong with them reported.
fn keys(reading: &mut Reading) -> Keymap {
    let mut bound = reading.config().keys.clone();
    bound.entry(LEAVE.to_owned()).or_insert_with(|| vec![reading.config().ui.leave_key.clone()]);
    let problems = match Keymap::with(&bound) {
        Ok(keymap) => return keymap,
        Err(problems) => problems,
    };
    for problem in problems {
        let (action, nth) = match &problem {
            KeymapProblem::UnknownAction { action, .. } | KeymapProblem::Needed { action } => (action, None),
            KeymapProblem::BadKey { action, nth, .. } => (action, Some(*nth)),
            KeymapProblem::Conflict { key, first, second } => {
                report_conflict(reading, &bound, &key.to_string(), [first, second]);
                continue;
            }
        };
        let spot = spot(reading, action, nth);
        reading.report(spot, problem.to_string(), problem.hint());
    }
    Keymap::default()
}

/// Where an action, or one of its keys, is written.
fn spot<'a>(reading: &Reading, action: &'a str, nth: Option<usize>) -> Spot<'a> {
    if action == LEAVE && !reading.config().keys.contains_key(LEAVE) {
        return Spot::LeaveKey;
    }
    nth.map_or(Spot::Action(action), |nth| Spot::Key(action, nth))
}

/// A key of two actions is told where a person wrote it last; the other one is named, with its line if it has one.
fn report_conflict(
    reading: &mut Reading,
    bound: &BTreeMap<String, Vec<String>>,
    key: &str,
    actions: [&String; 2],
) {
    let is_it = |text: &String| text.parse::<crate::keymap::Key>().is_ok_and(|read| read.to_string() == key);
    let [first, second] = actions.map(|action| {
        let nth = bound.get(action).and_then(|keys| keys.iter().position(is_it));
        let spot = spot(reading, action, nth);
        let line = reading.line(spot).map(|(file, line)| (file.to_owned(), line));
        (action, spot, line.filter(|_| bound.contains_key(action)))
    });
    let is_later = first.2 > second.2;
    let (here, other) = if is_later { (first, second) } else { (second, first) };
    let line = other.2.map(|(file, line)| format!(", {file}:{line}")).unwrap_or_default();
    let message = format!("`{key}` is also the key of `{}`{line}", other.0);
    reading.report(here.1, message, Some("give one of them another key".to_owned()));
}

/// The user's own themes among all others.
struct OwnThemes {
    themes: Themes,
    files: BTreeMap<String, PathBuf>,
    unreadable: Vec<Problem>,
}

impl OwnThemes {
    fn read() -> OwnThemes {
        let entries = themes_dir().and_then(|dir| std::fs::read_dir(dir).ok());
        let mut paths: Vec<PathBuf> =
            entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let (mut texts, mut files, mut unreadable) = (Vec::new(), BTreeMap::new(), Vec::new());
        for path in paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "toml")) {
            let Some(name) = path.file_stem().map(|name| name.to_string_lossy().into_owned()) else {
                continue;
            };
            match std::fs::read_to_string(&path) {
                Ok(text) => texts.push((name.clone(), text)),
                Err(error) => {
                    let message = format!("could not be read: {error}");
                    unreadable.push(Problem::whole_file(&path.display().to_string(), message));
                }
            }
            files.insert(name, path);
        }
        OwnThemes { themes: Themes::new(texts), files, unreadable }
    }

    /// The theme in use, all themes, and what is wrong with those that are not in use; what is wrong with the one in
    /// use is reported.
    fn check(&self, reading: &mut Reading) -> (Theme, Vec<Theme>, Vec<Problem>) {
        let (themes, broken) = self.themes.load_all();
        let name = reading.config().ui.theme.clone();
        let (theme, errors) = match self.themes.load(&name) {
            Ok(theme) => (theme, Vec::new()),
            Err(errors) => (Theme::default(), errors),
        };
        for error in &errors {
            match (&error.problem, error.place) {
                (problem @ ThemeProblem::Unknown { .. }, None) => {
                    let all = || format!("there are {}", self.themes.names().join(", "));
                    let hint = problem.hint().unwrap_or_else(all);
                    reading.report(Spot::Theme, problem.to_string(), Some(hint));
                }
                _ => reading.add(self.problem(error)),
            }
        }
        let spare = broken.iter().filter(|error| !errors.contains(error)).map(|error| self.problem(error));
        (theme, themes, spare.chain(self.unreadable.iter().cloned()).collect())
    }

    /// An error of a theme as a mistake in its file.
    fn problem(&self, error: &ThemeError) -> Problem {
        let path = self.files.get(&error.theme);
        let file = path.map_or_else(|| format!("theme {}", error.theme), |path| path.display().to_string());
        let (line, column) = error.place.unwrap_or((1, 1));
        let (message, hint) = (error.problem.to_string(), error.problem.hint());
        Problem { file, line, column, key: String::new(), message, hint }
    }
}
