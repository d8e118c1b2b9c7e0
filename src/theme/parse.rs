//! The text of a theme: `about`, `inherits`, `[palette]` and `[roles]`, each key and colour checked.
//!
//! Invariant: what is returned has no unknown role, colour or attribute, and no circle of `inherits`.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::role::Role;
use super::{Theme, colour};

/// What is wrong with a theme, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("theme `{theme}`{}: {problem}", line.map(|n| format!(" line {n}")).unwrap_or_default())]
pub struct ThemeError {
    /// The theme's name.
    pub theme: String,
    /// Line in its text, from 1, where there is one.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: ThemeProblem,
}

/// Kinds of what can be wrong with a theme.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThemeProblem {
    /// There is no theme of that name.
    #[error("no such theme{}", hint(.nearest))]
    Unknown {
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
    #[error("unknown {kind} `{key}`{}", hint(.nearest))]
    UnknownKey {
        /// What was expected: key, role, attribute.
        kind: &'static str,
        /// What was found.
        key: String,
        /// The nearest right one.
        nearest: Option<String>,
    },
    /// Neither a colour nor a name of the palette.
    #[error("unknown colour `{colour}`{}", hint(.nearest))]
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

fn hint(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

/// What one theme's text says, before it is laid over what it inherits.
#[derive(Default)]
struct Layer {
    about: String,
    inherits: Option<String>,
    palette: BTreeMap<String, Color>,
    roles: Vec<(Role, Spec)>,
}

/// A role's style as written: colours by name, with the line for messages.
struct Spec {
    fg: Option<(String, usize)>,
    bg: Option<(String, usize)>,
    modifiers: Modifier,
}

/// Loads `name` and what it inherits. `source` gives the text of a theme.
pub(super) fn load<'a>(
    name: &str,
    source: &dyn Fn(&str) -> Option<&'a str>,
    names: &[&str],
) -> Result<Theme, ThemeError> {
    let mut chain: Vec<(String, Layer)> = Vec::new();
    let mut next = Some(name.to_owned());
    while let Some(current) = next.take() {
        let fail = |theme: &str, problem| Err(ThemeError { theme: theme.to_owned(), line: None, problem });
        if chain.iter().any(|(seen, _)| *seen == current) {
            return fail(name, ThemeProblem::Circle { through: current });
        }
        let Some(text) = source(&current) else {
            let problem = ThemeProblem::Unknown { nearest: closest(&current, names.iter().copied()) };
            return fail(&current, problem);
        };
        let layer = Reader { theme: &current, text }.layer()?;
        next.clone_from(&layer.inherits);
        chain.push((current, layer));
    }
    merge(name, chain)
}

/// The theme furthest up gives the ground; palettes are one, so that a child may recolour its parent.
fn merge(name: &str, chain: Vec<(String, Layer)>) -> Result<Theme, ThemeError> {
    let mut palette = BTreeMap::new();
    for (_, layer) in chain.iter().rev() {
        palette.extend(layer.palette.iter().map(|(key, colour)| (key.clone(), *colour)));
    }
    let about = chain.first().map(|(_, layer)| layer.about.clone()).unwrap_or_default();
    let mut theme = Theme { name: name.to_owned(), about, styles: [Style::new(); Role::ALL.len()] };
    for (owner, layer) in chain.iter().rev() {
        for (role, spec) in &layer.roles {
            let style = spec.resolve(owner, &palette)?;
            if let Some(slot) = theme.styles.get_mut(*role as usize) {
                *slot = style;
            }
        }
    }
    Ok(theme)
}

impl Spec {
    fn resolve(&self, theme: &str, palette: &BTreeMap<String, Color>) -> Result<Style, ThemeError> {
        let mut style = Style::new().add_modifier(self.modifiers);
        style.fg = self.fg.as_ref().map(|named| named_colour(theme, named, palette)).transpose()?;
        style.bg = self.bg.as_ref().map(|named| named_colour(theme, named, palette)).transpose()?;
        Ok(style)
    }
}

fn named_colour(
    theme: &str,
    (text, line): &(String, usize),
    palette: &BTreeMap<String, Color>,
) -> Result<Color, ThemeError> {
    palette.get(text).copied().or_else(|| colour::read(text)).ok_or_else(|| {
        let known = palette.keys().map(String::as_str).chain(colour::NAMES.iter().map(|(name, _)| *name));
        let problem = ThemeProblem::UnknownColour { colour: text.clone(), nearest: closest(text, known) };
        ThemeError { theme: theme.to_owned(), line: Some(*line), problem }
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
}

type Item<'a> = Spanned<DeValue<'a>>;

impl<'a> Reader<'a> {
    fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    fn error(&self, at: usize, problem: ThemeProblem) -> ThemeError {
        ThemeError { theme: self.theme.to_owned(), line: Some(self.line(at)), problem }
    }

    fn layer(&self) -> Result<Layer, ThemeError> {
        let table = DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.error(at, ThemeProblem::Syntax(error.message().to_owned()))
        })?;
        let mut layer = Layer::default();
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "about" => layer.about = self.text_of("about", value)?,
                "inherits" => layer.inherits = Some(self.text_of("inherits", value)?),
                "palette" => layer.palette = self.palette(self.table_of("palette", value)?)?,
                "roles" => layer.roles = self.roles(self.table_of("roles", value)?, "")?,
                other => {
                    let known = ["about", "inherits", "palette", "roles"];
                    return Err(self.unknown("key", other, key.span().start, known.into_iter()));
                }
            }
        }
        Ok(layer)
    }

    fn unknown<'n>(
        &self,
        kind: &'static str,
        key: &str,
        at: usize,
        known: impl Iterator<Item = &'n str>,
    ) -> ThemeError {
        self.error(at, ThemeProblem::UnknownKey { kind, key: key.to_owned(), nearest: closest(key, known) })
    }

    fn wrong(&self, key: &str, value: &Item<'_>, wanted: &'static str) -> ThemeError {
        self.error(value.span().start, ThemeProblem::WrongType { key: key.to_owned(), wanted })
    }

    fn text_of(&self, key: &str, value: &Item<'_>) -> Result<String, ThemeError> {
        value.get_ref().as_str().map(str::to_owned).ok_or_else(|| self.wrong(key, value, "a string"))
    }

    fn table_of<'v>(&self, key: &str, value: &'v Item<'a>) -> Result<&'v DeTable<'a>, ThemeError> {
        value.get_ref().as_table().ok_or_else(|| self.wrong(key, value, "a table"))
    }

    fn palette(&self, table: &DeTable<'a>) -> Result<BTreeMap<String, Color>, ThemeError> {
        let mut palette = BTreeMap::new();
        for (key, value) in table {
            let text = self.text_of(key.get_ref(), value)?;
            let colour = colour::read(&text).ok_or_else(|| {
                let nearest = closest(&text, colour::NAMES.iter().map(|(name, _)| *name));
                self.error(value.span().start, ThemeProblem::UnknownColour { colour: text.clone(), nearest })
            })?;
            palette.insert(key.get_ref().as_ref().to_owned(), colour);
        }
        Ok(palette)
    }

    /// `diff.add` is the key `add` of the table `diff`; both are walked alike.
    fn roles(&self, table: &DeTable<'a>, prefix: &str) -> Result<Vec<(Role, Spec)>, ThemeError> {
        let mut roles = Vec::new();
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            if let Some(role) = Role::from_name(&name) {
                roles.push((role, self.spec(&name, value)?));
            } else if let (true, Some(inner)) =
                (matches!(name.as_str(), "diff" | "agent"), value.get_ref().as_table())
            {
                roles.extend(self.roles(inner, &format!("{name}."))?);
            } else {
                let known = Role::ALL.into_iter().map(Role::name);
                return Err(self.unknown("role", &name, key.span().start, known));
            }
        }
        Ok(roles)
    }

    fn spec(&self, role: &str, value: &Item<'a>) -> Result<Spec, ThemeError> {
        let mut spec = Spec { fg: None, bg: None, modifiers: Modifier::empty() };
        let colour = |key: &str, value: &Item<'_>| -> Result<Option<(String, usize)>, ThemeError> {
            Ok(Some((self.text_of(key, value)?, self.line(value.span().start))))
        };
        let Some(table) = value.get_ref().as_table() else {
            spec.fg = value.get_ref().as_str().map(|text| (text.to_owned(), self.line(value.span().start)));
            let wanted = "a colour or a table of fg, bg and attributes";
            return if spec.fg.is_some() { Ok(spec) } else { Err(self.wrong(role, value, wanted)) };
        };
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match (name, attribute(name)) {
                ("fg", _) => spec.fg = colour(name, value)?,
                ("bg", _) => spec.bg = colour(name, value)?,
                (_, Some(modifier)) => {
                    let on = value.get_ref().as_bool();
                    spec.modifiers.set(modifier, on.ok_or_else(|| self.wrong(name, value, "true or false"))?);
                }
                (_, None) => {
                    let known = ["fg", "bg"].into_iter().chain(ATTRIBUTES.iter().map(|(name, _)| *name));
                    return Err(self.unknown("attribute", name, key.span().start, known));
                }
            }
        }
        Ok(spec)
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
