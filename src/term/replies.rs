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

    /// DA1: a VT220 with colours.
    pub(super) fn primary_attributes(&mut self) {
        self.add(format_args!("\x1b[?62;22c"));
    }

    /// DA2: a VT220 of version 10.
    pub(super) fn secondary_attributes(&mut self) {
        self.add(format_args!("\x1b[>1;10;0c"));
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
    pub(super) fn brightness(&mut self, colours: &Colours) {
        let [r, g, b] = colours.background.map(u32::from);
        let light = r * 299 + g * 587 + b * 114 > 127_500;
        self.add(format_args!("\x1b[?997;{}n", if light { 2 } else { 1 }));
    }

    /// DECRPM: 0 unknown, 1 set, 2 reset, 3 always set, 4 always reset.
    pub(super) fn mode(&mut self, private: bool, mode: u16, value: u8) {
        let mark = if private { "?" } else { "" };
        self.add(format_args!("\x1b[{mark}{mode};{value}$y"));
    }

    /// The kitty keyboard protocol is not spoken.
    pub(super) fn keyboard(&mut self) {
        self.add(format_args!("\x1b[?0u"));
    }

    /// XTWINOPS 14: the text area in pixels.
    pub(super) fn pixels(&mut self, rows: u16, cols: u16) {
        let (height, width) = (u32::from(rows) * CELL_HEIGHT, u32::from(cols) * CELL_WIDTH);
        self.add(format_args!("\x1b[4;{height};{width}t"));
    }

    /// XTWINOPS 16: a cell in pixels.
    pub(super) fn cell_pixels(&mut self) {
        self.add(format_args!("\x1b[6;{CELL_HEIGHT};{CELL_WIDTH}t"));
    }

    /// XTWINOPS 18: the text area in cells.
    pub(super) fn size(&mut self, rows: u16, cols: u16) {
        self.add(format_args!("\x1b[8;{rows};{cols}t"));
    }

    /// OSC 7501: which states and kinds are understood.
    pub(super) fn status(&mut self) {
        let text = "?:states=idle,working,done,blocked,error:kinds=permission,question,auth";
        self.add(format_args!("\x1b]7501;{text}\x1b\\"));
    }

    /// OSC 10, 11 and 12.
    pub(super) fn colour(&mut self, number: u16, colour: [u8; 3], bell: bool) {
        let [r, g, b] = colour;
        self.add(format_args!("\x1b]{number};rgb:{r:02x}{r:02x}/{g:02x}{g:02x}/{b:02x}{b:02x}{}", end(bell)));
    }

    /// OSC 4.
    pub(super) fn palette(&mut self, index: u8, colours: &Colours, bell: bool) {
        let [r, g, b] = palette(index, colours);
        self.add(format_args!(
            "\x1b]4;{index};rgb:{r:02x}{r:02x}/{g:02x}{g:02x}/{b:02x}{b:02x}{}",
            end(bell)
        ));
    }

    /// XTGETTCAP: nothing is told.
    pub(super) fn no_capability(&mut self) {
        self.add(format_args!("\x1bP0+r\x1b\\"));
    }

    /// DECRQSS: nothing is told.
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

/// xterm's 256 colours: 16 of the theme, a cube of six levels, 24 greys.
fn palette(index: u8, colours: &Colours) -> [u8; 3] {
    if let Some(colour) = colours.ansi.get(usize::from(index)) {
        return *colour;
    }
    if index >= 232 {
        return [8 + 10 * (index - 232); 3];
    }
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    let cube = index - 16;
    [level(cube / 36), level(cube / 6 % 6), level(cube % 6)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_palette_is_xterms() {
        let colours = Colours::default();
        assert_eq!(palette(1, &colours), [0xcd, 0, 0]);
        assert_eq!(palette(15, &colours), [0xff; 3]);
        assert_eq!(palette(16, &colours), [0, 0, 0]);
        assert_eq!(palette(208, &colours), [0xff, 0x87, 0]);
        assert_eq!(palette(231, &colours), [0xff; 3]);
        assert_eq!(palette(255, &colours), [0xee; 3]);
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
