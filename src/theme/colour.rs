//! Colours as themes write them, and what becomes of them on a terminal that shows fewer.

use ratatui::style::Color;

/// How many colours a terminal shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourDepth {
    /// None: `NO_COLOR`, or a terminal that has none.
    None,
    /// The sixteen that the terminal's own palette names.
    Ansi16,
    /// Those and a fixed cube of 216 and 24 greys.
    Ansi256,
    /// Every colour.
    #[default]
    True,
}

impl ColourDepth {
    /// The depth that these environment variables tell of (`NO_COLOR`, `COLORTERM`, `TERM`).
    pub fn detect(no_color: Option<&str>, colorterm: Option<&str>, term: Option<&str>) -> ColourDepth {
        let term = term.unwrap_or("");
        if no_color.is_some_and(|value| !value.is_empty()) || term == "dumb" {
            ColourDepth::None
        } else if colorterm.is_some_and(|value| matches!(value, "truecolor" | "24bit"))
            || term.ends_with("-direct")
        {
            ColourDepth::True
        } else if term.contains("256color") {
            ColourDepth::Ansi256
        } else {
            ColourDepth::Ansi16
        }
    }

    /// The colour as this depth shows it; none if it shows none.
    pub fn lower(self, colour: Color) -> Option<Color> {
        match self {
            ColourDepth::None => None,
            ColourDepth::True => Some(colour),
            ColourDepth::Ansi256 => Some(match colour {
                Color::Rgb(r, g, b) => Color::Indexed(nearest_256(r, g, b)),
                other => other,
            }),
            ColourDepth::Ansi16 => Some(match colour {
                Color::Rgb(r, g, b) => nearest_16(r, g, b),
                Color::Indexed(index) if index >= 16 => {
                    let (r, g, b) = rgb_of(index);
                    nearest_16(r, g, b)
                }
                other => other,
            }),
        }
    }
}

/// The names of the terminal's own colours.
pub(super) const NAMES: [(&str, Color); 17] = [
    ("reset", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::Gray),
    ("bright-black", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("bright-white", Color::White),
];

/// Reads `#rrggbb`, a number of the 256, or a name of the terminal's own.
pub(super) fn read(text: &str) -> Option<Color> {
    if let Some(hex) = text.strip_prefix('#') {
        let value = (hex.len() == 6).then(|| u32::from_str_radix(hex, 16).ok())??;
        let [_, r, g, b] = value.to_be_bytes();
        return Some(Color::Rgb(r, g, b));
    }
    if let Ok(index) = text.parse::<u8>() {
        return Some(Color::Indexed(index));
    }
    NAMES.iter().find(|(name, _)| *name == text).map(|(_, colour)| *colour)
}

const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Red, green and blue of a colour; none of those that each terminal has its own for.
pub(super) fn rgb(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Rgb(red, green, blue) => Some([red, green, blue]),
        Color::Indexed(index) if index >= 16 => Some(<[u8; 3]>::from(rgb_of(index))),
        _ => None,
    }
}

/// The standard value of a colour of the 256 above the first 16.
fn rgb_of(index: u8) -> (u8, u8, u8) {
    if index >= 232 {
        let grey = 8 + (index - 232) * 10;
        return (grey, grey, grey);
    }
    let cell = index.saturating_sub(16);
    let level = |n: u8| CUBE.get(usize::from(n)).copied().unwrap_or(255);
    (level(cell / 36), level(cell / 6 % 6), level(cell % 6))
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let part = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    // Eyes weigh green most and blue least.
    3 * part(a.0, b.0) + 6 * part(a.1, b.1) + part(a.2, b.2)
}

fn nearest_256(r: u8, g: u8, b: u8) -> u8 {
    (16..=255).min_by_key(|index| distance((r, g, b), rgb_of(*index))).unwrap_or(7)
}

/// Among the sixteen the hue matters more than the distance: a pale red is still to be read as red.
fn nearest_16(r: u8, g: u8, b: u8) -> Color {
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = max - min;
    if chroma < 40 {
        return match max {
            0..60 => Color::Black,
            60..130 => Color::DarkGray,
            130..215 => Color::Gray,
            _ => Color::White,
        };
    }
    let strong = |part: u8| part - min > chroma / 2;
    match (strong(r), strong(g), strong(b)) {
        (true, false, false) => Color::Red,
        (false, true, false) => Color::Green,
        (false, false, true) => Color::Blue,
        (true, true, false) => Color::Yellow,
        (true, false, true) => Color::Magenta,
        (false, true, true) => Color::Cyan,
        _ => Color::Gray,
    }
}
