//! The text of a theme: `about`, `inherits`, `[palette]` and `[roles]`, each key and colour checked.
//!
//! Invariants: what is returned has no unknown role, colour or attribute, and no circle of `inherits`; after a mistake
//! reading goes on, so that all are found at once.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::role::Role;
use super::{Theme, colour};

/// What is wrong with a theme, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("theme `{theme}`{}: {problem}{}", place.map(|(line, _)| format!(" line {line}")).unwrap_or_default(), in_brackets(.problem.hint()))]
pub struct ThemeError {
    /// The name of the theme whose text is wrong.
    pub theme: String,
    /// Line and column in its text, from 1; none if there is no such theme.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub problem: ThemeProblem,
}

/// Kinds of what can be wrong with a theme.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThemeProblem {
    /// There is no theme of that name.
    #[error("there is no theme {name:?}")]
    Unknown {
        /// As written.
        name: String,
        /// The nearest name.
        nearest: Option<String>,
    },
    /// Themes inherit in a circle.
    #[error("inherits itself by way of `{through}`")]
    Circle {
        /// The theme that closes the circle.
        through: String,
    },
    /// Not TOML.
    #[error("{0}")]
    Syntax(String),
    /// A key that means nothing here.
    #[error("unknown {kind} `{key}`")]
    UnknownKey {
        /// What was expected: key, role, attribute.
        kind: &'static str,
        /// What was found.
        key: String,
        /// The nearest right one.
        nearest: Option<String>,
    },
    /// Neither a colour nor a name of the palette.
    #[error("unknown colour `{colour}`")]
    UnknownColour {
        /// What was found.
        colour: String,
        /// The nearest name.
        nearest: Option<String>,
    },
    /// A value of another type.
    #[error("`{key}` must be {wanted}")]
    WrongType {
        /// The key.
        key: String,
        /// What it must be.
        wanted: &'static str,
    },
}

impl ThemeProblem {
    /// What would be right.
    pub fn hint(&self) -> Option<String> {
        match self {
            ThemeProblem::Unknown { nearest, .. }
            | ThemeProblem::UnknownKey { nearest, .. }
            | ThemeProblem::UnknownColour { nearest: nearest @ Some(_), .. } => {
                nearest.as_ref().map(|name| format!("did you mean `{name}`?"))
            }
            ThemeProblem::UnknownColour { nearest: None, .. } => Some(
                "a colour is `#rrggbb`, a number up to 255, a name of [palette], or one of the terminal's: red, \
                 bright-red, …"
                    .to_owned(),
            ),
            ThemeProblem::Circle { .. } | ThemeProblem::Syntax(_) | ThemeProblem::WrongType { .. } => None,
        }
    }
}

impl ThemeProblem {
    /// Whether everything else of the theme was read: else names may look unknown that are not.
    fn leaves_the_rest_readable(&self) -> bool {
        !matches!(self, ThemeProblem::Unknown { .. } | ThemeProblem::Circle { .. } | ThemeProblem::Syntax(_))
    }
}

fn in_brackets(hint: Option<String>) -> String {
    hint.map(|hint| format!(" ({hint})")).unwrap_or_default()
}

/// Line and column, from 1.
type Place = (usize, usize);

/// What one theme's text says, before it is laid over what it inherits.
#[derive(Default)]
struct Layer {
    about: String,
    inherits: Option<(String, Place)>,
    palette: BTreeMap<String, Color>,
    roles: Vec<(Role, Spec)>,
}

/// A role's style as written: colours by name, with their places for messages.
struct Spec {
    fg: Option<(String, Place)>,
    bg: Option<(String, Place)>,
    modifiers: Modifier,
}

/// Loads `name` and what it inherits. `source` gives the text of a theme.
pub(super) fn load<'a>(
    name: &str,
    source: &dyn Fn(&str) -> Option<&'a str>,
    names: &[&str],
) -> Result<Theme, Vec<ThemeError>> {
    let mut chain: Vec<(String, Layer)> = Vec::new();
    let mut errors = Vec::new();
    // The next theme up, and where it is named: in which theme's text.
    let mut next = Some((name.to_owned(), name.to_owned(), None));
    while let Some((current, named_by, place)) = next.take() {
        if chain.iter().any(|(seen, _)| *seen == current) {
            errors.push(ThemeError {
                theme: named_by,
                place,
                problem: ThemeProblem::Circle { through: current },
            });
            break;
        }
        let Some(text) = source(&current) else {
            let nearest = closest(&current, names.iter().copied());
            let problem = ThemeProblem::Unknown { name: current, nearest };
            errors.push(ThemeError { theme: named_by, place, problem });
            break;
        };
        let reader = Reader { theme: &current, text, errors: RefCell::default() };
        let layer = reader.layer();
        errors.append(&mut reader.errors.into_inner());
        next = layer.inherits.clone().map(|(parent, place)| (parent, current.clone(), Some(place)));
        chain.push((current, layer));
    }
    let whole = errors.iter().all(|error| error.problem.leaves_the_rest_readable());
    let mut unknown = Vec::new();
    let theme = merge(name, &chain, &mut unknown);
    if whole {
        errors.append(&mut unknown);
    }
    errors.sort_by_key(|error| (error.theme != name, error.theme.clone(), error.place));
    if errors.is_empty() { Ok(theme) } else { Err(errors) }
}

/// The theme furthest up gives the ground; palettes are one, so that a child may recolour its parent.
fn merge(name: &str, chain: &[(String, Layer)], errors: &mut Vec<ThemeError>) -> Theme {
    let mut palette = BTreeMap::new();
    for (_, layer) in chain.iter().rev() {
        palette.extend(layer.palette.iter().map(|(key, colour)| (key.clone(), *colour)));
    }
    let about = chain.first().map(|(_, layer)| layer.about.clone()).unwrap_or_default();
    let mut theme = Theme { name: name.to_owned(), about, styles: [Style::new(); Role::ALL.len()] };
    for (owner, layer) in chain.iter().rev() {
        for (role, spec) in &layer.roles {
            let mut colour = |named: &Option<(String, Place)>| {
                let found = named_colour(owner, named.as_ref()?, &palette);
                found.map_err(|error| errors.push(error)).ok()
            };
            let mut style = Style::new().add_modifier(spec.modifiers);
            (style.fg, style.bg) = (colour(&spec.fg), colour(&spec.bg));
            if let Some(slot) = theme.styles.get_mut(*role as usize) {
                *slot = style;
            }
        }
    }
    theme
}

fn named_colour(
    theme: &str,
    (text, place): &(String, Place),
    palette: &BTreeMap<String, Color>,
) -> Result<Color, ThemeError> {
    palette.get(text).copied().or_else(|| colour::read(text)).ok_or_else(|| {
        let known = palette.keys().map(String::as_str).chain(colour::NAMES.iter().map(|(name, _)| *name));
        let problem = ThemeProblem::UnknownColour { colour: text.clone(), nearest: closest(text, known) };
        ThemeError { theme: theme.to_owned(), place: Some(*place), problem }
    })
}

/// The name most like `wanted`, if one is like it at all.
fn closest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    names
        .map(|name| (strsim::damerau_levenshtein(wanted, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().max(wanted.len()) / 3)
        .min()
        .map(|(_, name)| name.to_owned())
}

/// Reads one theme's text.
struct Reader<'a> {
    theme: &'a str,
    text: &'a str,
    errors: RefCell<Vec<ThemeError>>,
}

type Item<'a> = Spanned<DeValue<'a>>;

impl<'a> Reader<'a> {
    fn place(&self, at: usize) -> Place {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        (1 + before.matches('\n').count(), 1 + line.chars().count())
    }

    fn report(&self, at: usize, problem: ThemeProblem) {
        let error = ThemeError { theme: self.theme.to_owned(), place: Some(self.place(at)), problem };
        self.errors.borrow_mut().push(error);
    }

    fn layer(&self) -> Layer {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            self.report(at, ThemeProblem::Syntax(error.message().trim().to_owned()));
        }
        let mut layer = Layer::default();
        if !errors.is_empty() {
            return layer;
        }
        for (key, value) in document.get_ref() {
            let table = |key| self.table_of(key, value);
            match key.get_ref().as_ref() {
                "about" => layer.about = self.text_of("about", value).unwrap_or_default(),
                "inherits" => {
                    let place = self.place(value.span().start);
                    layer.inherits = self.text_of("inherits", value).map(|name| (name, place));
                }
                "palette" => layer.palette = table("palette").map(|t| self.palette(t)).unwrap_or_default(),
                "roles" => layer.roles = table("roles").map(|t| self.roles(t, "")).unwrap_or_default(),
                other => {
                    let known = ["about", "inherits", "palette", "roles"];
                    self.unknown("key", other, key.span().start, known.into_iter());
                }
            }
        }
        layer
    }

    fn unknown<'n>(&self, kind: &'static str, key: &str, at: usize, known: impl Iterator<Item = &'n str>) {
        self.report(at, ThemeProblem::UnknownKey { kind, key: key.to_owned(), nearest: closest(key, known) });
    }

    fn wrong(&self, key: &str, value: &Item<'_>, wanted: &'static str) {
        self.report(value.span().start, ThemeProblem::WrongType { key: key.to_owned(), wanted });
    }

    fn text_of(&self, key: &str, value: &Item<'_>) -> Option<String> {
        let text = value.get_ref().as_str().map(str::to_owned);
        text.or_else(|| {
            self.wrong(key, value, "a string");
            None
        })
    }

    fn table_of<'v>(&self, key: &str, value: &'v Item<'a>) -> Option<&'v DeTable<'a>> {
        value.get_ref().as_table().or_else(|| {
            self.wrong(key, value, "a table");
            None
        })
    }

    fn palette(&self, table: &DeTable<'a>) -> BTreeMap<String, Color> {
        let mut palette = BTreeMap::new();
        for (key, value) in table {
            let text = self.text_of(key.get_ref(), value);
            let colour = text.as_deref().and_then(colour::read);
            if let (Some(text), None) = (text, colour) {
                let nearest = closest(&text, colour::NAMES.iter().map(|(name, _)| *name));
                self.report(value.span().start, ThemeProblem::UnknownColour { colour: text, nearest });
            }
            // The name is known even if its colour is wrong: roles that use it are not wrong as well.
            palette.insert(key.get_ref().as_ref().to_owned(), colour.unwrap_or_default());
        }
        palette
    }

    /// `diff.add` is the key `add` of the table `diff`; both are walked alike.
    fn roles(&self, table: &DeTable<'a>, prefix: &str) -> Vec<(Role, Spec)> {
        let mut roles = Vec::new();
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            if let Some(role) = Role::from_name(&name) {
                roles.extend(self.spec(&name, value).map(|spec| (role, spec)));
            } else if let (true, Some(inner)) =
                (matches!(name.as_str(), "diff" | "agent"), value.get_ref().as_table())
            {
                roles.extend(self.roles(inner, &format!("{name}.")));
            } else {
                let known = Role::ALL.into_iter().map(Role::name);
                self.unknown("role", &name, key.span().start, known);
            }
        }
        roles
    }

    fn spec(&self, role: &str, value: &Item<'a>) -> Option<Spec> {
        let mut spec = Spec { fg: None, bg: None, modifiers: Modifier::empty() };
        let place = |value: &Item<'_>| self.place(value.span().start);
        let Some(table) = value.get_ref().as_table() else {
            let Some(text) = value.get_ref().as_str() else {
                self.wrong(role, value, "a colour or a table of fg, bg and attributes");
                return None;
            };
            return Some(Spec { fg: Some((text.to_owned(), place(value))), ..spec });
        };
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let colour = || self.text_of(name, value).map(|text| (text, place(value)));
            match (name, attribute(name)) {
                ("fg", _) => spec.fg = colour(),
                ("bg", _) => spec.bg = colour(),
                (_, Some(modifier)) => match value.get_ref().as_bool() {
                    Some(on) => spec.modifiers.set(modifier, on),
                    None => self.wrong(name, value, "true or false"),
                },
                (_, None) => {
                    let known = ["fg", "bg"].into_iter().chain(ATTRIBUTES.iter().map(|(name, _)| *name));
                    self.unknown("attribute", name, key.span().start, known);
                }
            }
        }
        Some(spec)
    }
}

const ATTRIBUTES: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
];

fn attribute(name: &str) -> Option<Modifier> {
    ATTRIBUTES.iter().find(|(known, _)| *known == name).map(|(_, modifier)| *modifier)
}
