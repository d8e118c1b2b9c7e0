//! Themes: names for the colours of the screen, read from TOML and checked.
//!
//! Not for deciding what is drawn where; that is the screen's. Text in, a checked [`Theme`] out: no file is read here.
//! Invariant: a `Theme` has a style for every [`Role`], and nothing else on the screen knows a colour.

mod colour;
mod parse;
mod role;

use std::collections::BTreeMap;

use ratatui::style::{Modifier, Style};

pub use colour::ColourDepth;
pub use parse::{ThemeError, ThemeProblem};
pub use role::Role;

/// The name of the theme that is used where none is chosen.
pub const DEFAULT: &str = "default";

/// The themes that come with the program: name and text.
const SHIPPED: [(&str, &str); 12] = [
    ("default", include_str!("../../themes/default.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("colour-blind", include_str!("../../themes/colour-blind.toml")),
    ("catppuccin-mocha", include_str!("../../themes/catppuccin-mocha.toml")),
    ("catppuccin-latte", include_str!("../../themes/catppuccin-latte.toml")),
    ("gruvbox-dark", include_str!("../../themes/gruvbox-dark.toml")),
    ("gruvbox-light", include_str!("../../themes/gruvbox-light.toml")),
    ("nord", include_str!("../../themes/nord.toml")),
    ("tokyonight", include_str!("../../themes/tokyonight.toml")),
    ("dracula", include_str!("../../themes/dracula.toml")),
    ("solarized-dark", include_str!("../../themes/solarized-dark.toml")),
];

/// A style for every role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    name: String,
    about: String,
    styles: [Style; Role::ALL.len()],
}

/// The themes that can be chosen: those that come with the program and a person's own, which win.
#[derive(Clone, Debug)]
pub struct Themes {
    sources: BTreeMap<String, String>,
}

impl Theme {
    /// The name it is chosen by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One line about it.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// Red, green and blue of text, and of what is behind it; none where they are the terminal's own.
    pub fn ground(&self) -> [Option<[u8; 3]>; 2] {
        let text = self.style(Role::Text);
        [text.fg, text.bg].map(|colour| colour.and_then(colour::rgb))
    }

    /// This theme on a terminal that shows fewer colours. Without any, shapes and weight have to say it.
    pub fn at(&self, depth: ColourDepth) -> Theme {
        let mut theme = self.clone();
        for (role, style) in Role::ALL.into_iter().zip(theme.styles.iter_mut()) {
            style.fg = style.fg.and_then(|colour| depth.lower(colour));
            style.bg = style.bg.and_then(|colour| depth.lower(colour));
            if depth == ColourDepth::None {
                *style = style.add_modifier(weight(role));
            }
        }
        theme
    }
}

impl Default for Theme {
    fn default() -> Self {
        // The shipped default is read by a test, so the plain styles below are never met.
        let plain = || Theme {
            name: DEFAULT.to_owned(),
            about: String::new(),
            styles: [Style::new(); Role::ALL.len()],
        };
        Themes::default().load(DEFAULT).unwrap_or_else(|_| plain())
    }
}

/// What stands for a role's colour where there is none.
fn weight(role: Role) -> Modifier {
    match role {
        Role::Selection => Modifier::REVERSED,
        Role::Need | Role::Fail | Role::Focus | Role::Title | Role::Key | Role::Accent => Modifier::BOLD,
        Role::Dim | Role::Border | Role::Wait => Modifier::DIM,
        _ => Modifier::empty(),
    }
}

impl Default for Themes {
    fn default() -> Self {
        Self::new([])
    }
}

impl Themes {
    /// The shipped themes and these, by name and text; one of the same name replaces a shipped one.
    pub fn new(own: impl IntoIterator<Item = (String, String)>) -> Self {
        let shipped = SHIPPED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Self { sources: shipped.chain(own).collect() }
    }

    /// Every name, in alphabetical order, the default first.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.sources.keys().map(String::as_str).collect();
        names.sort_by_key(|name| *name != DEFAULT);
        names
    }

    /// The theme of that name, with what it inherits.
    ///
    /// # Errors
    /// Everything that is wrong with it or with one that it inherits; or that there is none of that name.
    pub fn load(&self, name: &str) -> Result<Theme, Vec<ThemeError>> {
        parse::load(name, &|wanted| self.sources.get(wanted).map(String::as_str), &self.names())
    }

    /// Every theme that is right, and what is wrong with the others.
    pub fn load_all(&self) -> (Vec<Theme>, Vec<ThemeError>) {
        let mut good = Vec::new();
        let mut bad = Vec::new();
        for name in self.names() {
            match self.load(name) {
                Ok(theme) => good.push(theme),
                // What is wrong with a theme comes up again with each that inherits it, and is told once.
                Err(errors) => {
                    let new: Vec<_> = errors.into_iter().filter(|error| !bad.contains(error)).collect();
                    bad.extend(new);
                }
            }
        }
        (good, bad)
    }
}

#[cfg(test)]
mod tests;
