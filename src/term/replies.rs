//! Answers to what programs ask their terminal.
//!
//! Not for: deciding that something was asked (`translate`, `osc`). Invariant: answers are made of constants and numbers;
//! no byte of the program's text is ever sent back to it, because it would arrive as typed input.

use std::fmt::Write;

/// Height of a cell in pixels that is told; there are no pixels, but programs want proportions.
const CELL_HEIGHT: u32 = 16;
/// Width of a cell in pixels that is told.
const CELL_WIDTH: u32 = 8;
/// Answers that may wait; a program that asks without reading gets no more.
const LIMIT: usize = 64 * 1024;

/// The colours that a program is told: those of the theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colours {
    /// Red, green and blue of text.
    pub foreground: [u8; 3],
    /// Red, green and blue of what is behind it.
    pub background: [u8; 3],
    /// The first sixteen of the palette.
    pub ansi: [[u8; 3]; 16],
}

impl Default for Colours {
    /// Light on dark, with xterm's palette.
    fn default() -> Self {
        let (full, half, grey) = (0xff, 0xcd, 0x7f);
        let bits = |level: u8, bits: u8| [1, 2, 4].map(|bit| if bits & bit != 0 { level } else { 0 });
        let mut ansi: [[u8; 3]; 16] = std::array::from_fn(|index| {
            let index = u8::try_from(index).unwrap_or_default();
            bits(if index < 8 { half } else { full }, index % 8)
        });
        ansi[4] = [0, 0, 0xee];
        ansi[7] = [0xe5; 3];
        ansi[8] = [grey; 3];
        ansi[12] = [0x5c, 0x5c, full];
        Self { foreground: [0xe5; 3], background: [0; 3], ansi }
    }
}

/// Answers that wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Replies {
    text: String,
}

impl Replies {
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text).into_bytes()
    }

    /// DA1: a VT420 with selective erase, rectangles and colours.
    pub(super) fn primary_attributes(&mut self) {
        self.add(format_args!("\x1b[?64;6;22;28c"));
    }

    /// DA2: a VT420 of version 10.
    pub(super) fn secondary_attributes(&mut self) {
        self.add(format_args!("\x1b[>41;10;0c"));
    }

    /// DA3: no unit id.
    pub(super) fn tertiary_attributes(&mut self) {
        self.add(format_args!("\x1bP!|00000000\x1b\\"));
    }

    /// XTVERSION.
    pub(super) fn version(&mut self) {
        self.add(format_args!("\x1bP>|loopmon({})\x1b\\", env!("CARGO_PKG_VERSION")));
    }

    /// DSR 5: all is well.
    pub(super) fn operating(&mut self) {
        self.add(format_args!("\x1b[0n"));
    }

    /// CPR, counted from one.
    pub(super) fn cursor(&mut self, private: bool, row: u16, col: u16) {
        let mark = if private { "?" } else { "" };
        self.add(format_args!("\x1b[{mark}{};{}R", u32::from(row) + 1, u32::from(col) + 1));
    }

    /// The answer to `?996n`: 1 is dark, 2 is light.
    pub(super) fn brightness(&mut self, background: [u8; 3]) {
        let [r, g, b] = background.map(u32::from);
        let light = r * 299 + g * 587 + b * 114 > 127_500;
        self.add(format_args!("\x1b[?997;{}n", if light { 2 } else { 1 }));
    }

    /// DEC's device status.
    pub(super) fn status(&mut self, number: u16) {
        self.add(format_args!("\x1b[?{number}n"));
    }

    /// Its form for the keyboard: North American, ready, of a VT420.
    pub(super) fn keyboard_status(&mut self) {
        self.add(format_args!("\x1b[?27;1;0;0n"));
    }

    /// Its form for the locator: there is none.
    pub(super) fn locator(&mut self) {
        self.add(format_args!("\x1b[?57;0n"));
    }

    /// Room for macros: none.
    pub(super) fn macro_space(&mut self) {
        self.add(format_args!("\x1b[0*{{"));
    }

    /// DECREPTPARM: no parity, eight bits, fast.
    pub(super) fn parameters(&mut self, asked: u16) {
        self.add(format_args!("\x1b[{};1;1;128;128;1;0x", asked + 2));
    }

    /// XTWINOPS 11: the window is open.
    pub(super) fn window_state(&mut self) {
        self.add(format_args!("\x1b[1t"));
    }

    /// XTWINOPS 13: it is at the top left.
    pub(super) fn window_position(&mut self) {
        self.add(format_args!("\x1b[3;0;0t"));
    }

    /// DECCKSR.
    pub(super) fn checksum(&mut self, id: u16, sum: u16) {
        self.add(format_args!("\x1bP{id}!~{sum:04X}\x1b\\"));
    }

    /// DECRPM: 0 unknown, 1 set, 2 reset, 3 always set, 4 always reset.
    pub(super) fn mode(&mut self, private: bool, mode: u16, value: u8) {
        let mark = if private { "?" } else { "" };
        self.add(format_args!("\x1b[{mark}{mode};{value}$y"));
    }

    /// The kitty keyboard protocol's flags in force.
    pub(super) fn keyboard(&mut self, flags: u16) {
        self.add(format_args!("\x1b[?{flags}u"));
    }

    /// XTQMODKEYS for modifyOtherKeys.
    pub(super) fn other_keys(&mut self, value: u16) {
        self.add(format_args!("\x1b[>4;{value}m"));
    }

    /// XTWINOPS 14 and 15: the text area, and the screen, in pixels.
    pub(super) fn pixels(&mut self, which: u8, rows: u16, cols: u16) {
        let (height, width) = (u32::from(rows) * CELL_HEIGHT, u32::from(cols) * CELL_WIDTH);
        self.add(format_args!("\x1b[{which};{height};{width}t"));
    }

    /// XTWINOPS 16: a cell in pixels.
    pub(super) fn cell_pixels(&mut self) {
        self.add(format_args!("\x1b[6;{CELL_HEIGHT};{CELL_WIDTH}t"));
    }

    /// XTWINOPS 18 and 19: the text area, and the screen, in cells.
    pub(super) fn size(&mut self, which: u8, rows: u16, cols: u16) {
        self.add(format_args!("\x1b[{which};{rows};{cols}t"));
    }

    /// OSC 7501: which states and kinds are understood.
    pub(super) fn states(&mut self) {
        let text = "?:states=idle,working,done,blocked,error:kinds=permission,question,auth";
        self.add(format_args!("\x1b]7501;{text}\x1b\\"));
    }

    /// OSC 10, 11 and 12.
    pub(super) fn colour(&mut self, number: u16, colour: [u8; 3], bell: bool) {
        let [r, g, b] = colour;
        self.add(format_args!("\x1b]{number};rgb:{r:02x}{r:02x}/{g:02x}{g:02x}/{b:02x}{b:02x}{}", end(bell)));
    }

    /// OSC 4.
    pub(super) fn palette(&mut self, index: u8, colour: [u8; 3], bell: bool) {
        let [r, g, b] = colour;
        self.add(format_args!(
            "\x1b]4;{index};rgb:{r:02x}{r:02x}/{g:02x}{g:02x}/{b:02x}{b:02x}{}",
            end(bell)
        ));
    }

    /// XTGETTCAP: the names that programs ask for, with our own values; names of our own list are all that is said back.
    pub(super) fn capabilities(&mut self, names: &[u8]) {
        for name in names.split(|byte| *byte == b';').take(16) {
            let known = CAPABILITIES
                .iter()
                .find(|(known, _)| hex(known.as_bytes()).as_bytes().eq_ignore_ascii_case(name));
            match known {
                Some((name, "")) => self.add(format_args!("\x1bP1+r{}\x1b\\", hex(name.as_bytes()))),
                Some((name, value)) => {
                    self.add(format_args!(
                        "\x1bP1+r{}={}\x1b\\",
                        hex(name.as_bytes()),
                        hex(value.as_bytes())
                    ));
                }
                None => self.add(format_args!("\x1bP0+r\x1b\\")),
            }
        }
    }

    /// DECRQSS: a setting, in our words.
    pub(super) fn setting(&mut self, told: &str) {
        self.add(format_args!("\x1bP1$r{told}\x1b\\"));
    }

    /// DECRQSS: there is no such setting.
    pub(super) fn no_setting(&mut self) {
        self.add(format_args!("\x1bP0$r\x1b\\"));
    }

    fn add(&mut self, reply: std::fmt::Arguments<'_>) {
        if self.text.len() < LIMIT {
            // Writing to a string can't fail.
            let _ = self.text.write_fmt(reply);
        }
    }
}

fn end(bell: bool) -> &'static str {
    if bell { "\x07" } else { "\x1b\\" }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Names of terminfo and termcap that programs ask for, and what holds here.
const CAPABILITIES: [(&str, &str); 13] = [
    ("TN", "xterm-256color"),
    ("name", "xterm-256color"),
    ("Co", "256"),
    ("colors", "256"),
    ("RGB", "8"),
    ("Tc", ""),
    ("Su", ""),
    ("Smulx", "\x1b[4:%p1%dm"),
    ("Setulc", "\x1b[58:2::%p1%{65536}%/%d:%p1%{256}%/%{255}%&%d:%p1%{255}%&%dm"),
    ("smxx", "\x1b[9m"),
    ("rmxx", "\x1b[29m"),
    ("Sync", "\x1b[?2026%?%p1%{1}%-%tl%eh%;"),
    ("Ss", "\x1b[%p1%d q"),
];

impl Colours {
    /// xterm's 256 colours: 16 of the theme, a cube of six levels, 24 greys.
    pub(super) fn index(&self, index: u8) -> [u8; 3] {
        if let Some(colour) = self.ansi.get(usize::from(index)) {
            return *colour;
        }
        if index >= 232 {
            return [8 + 10 * (index - 232); 3];
        }
        let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
        let cube = index - 16;
        [level(cube / 36), level(cube / 6 % 6), level(cube % 6)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_palette_is_xterms() {
        let colours = Colours::default();
        assert_eq!(colours.index(1), [0xcd, 0, 0]);
        assert_eq!(colours.index(15), [0xff; 3]);
        assert_eq!(colours.index(16), [0, 0, 0]);
        assert_eq!(colours.index(208), [0xff, 0x87, 0]);
        assert_eq!(colours.index(231), [0xff; 3]);
        assert_eq!(colours.index(255), [0xee; 3]);
    }

    #[test]
    fn who_asks_without_end_gets_an_end() {
        let mut replies = Replies::default();
        for _ in 0..100_000 {
            replies.operating();
        }
        assert!(replies.take().len() <= LIMIT + 100);
        assert!(replies.take().is_empty());
    }
}
