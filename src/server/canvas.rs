//! Frames as bytes: the cells that changed, between the marks of a synchronized update.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::{Cell, CellDiffOption};
use ratatui::layout::{Position, Rect, Size};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use crate::ui::underline::{self, LINKED, LinkRun, OVERLINE};

/// Begins a synchronized update.
const BEGIN: &[u8] = b"\x1b[?2026h";
/// Ends it.
const END: &[u8] = b"\x1b[?2026l";
/// Resets attributes and clears the screen.
const CLEAR: &[u8] = b"\x1b[m\x1b[2J";
/// Asks for the mouse: presses, releases, the wheel and movement with a button down, in SGR coding.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1002h\x1b[?1006h";
/// Leaves it to the terminal.
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1002l\x1b[?1000l";

/// One client's terminal, as it was last drawn.
#[derive(Debug)]
pub struct Canvas {
    terminal: Option<Terminal<Pen>>,
    sink: Sink,
    links: Links,
    size: (u16, u16),
    mouse: bool,
    /// Where the cursor was left; none if it is hidden.
    cursor: Option<Position>,
}

impl Canvas {
    /// A canvas of that size, about which nothing is known yet: its first frame draws every cell. The first frame asks
    /// for the mouse too, or leaves it to the terminal.
    pub fn new(cols: u16, rows: u16, mouse: bool) -> Canvas {
        let sink = Sink::default();
        let size = (cols.clamp(1, 1000), rows.clamp(1, 1000));
        let links = Links::default();
        let mut canvas = Canvas { terminal: None, sink, links, size, mouse, cursor: None };
        canvas.forget();
        canvas
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Nothing is known of the terminal any more: the next frame draws every cell.
    pub fn forget(&mut self) {
        let viewport = Viewport::Fixed(Rect::new(0, 0, self.size.0, self.size.1));
        let (sink, links) = (self.sink.clone(), self.links.clone());
        let inner = CrosstermBackend::new(sink.clone());
        let backend = Pen { inner, sink, links, drew: false, cursor: None };
        self.links.replace(Vec::new());
        self.sink.take();
        self.terminal = Terminal::with_options(backend, TerminalOptions { viewport }).ok();
        self.sink.take();
        self.sink.push(CLEAR);
        self.ask_for_mouse();
    }

    /// Asks for the mouse with the next frame, or leaves it to the terminal.
    pub fn set_mouse(&mut self, mouse: bool) {
        if mouse != self.mouse {
            self.mouse = mouse;
            self.ask_for_mouse();
        }
    }

    fn ask_for_mouse(&self) {
        self.sink.push(if self.mouse { MOUSE_ON } else { MOUSE_OFF });
    }

    /// Draws a frame; the bytes that bring the terminal there, none if it is there already.
    pub fn draw(&mut self, work: impl FnOnce(&mut Frame<'_>)) -> Result<Vec<u8>, String> {
        self.draw_linked(|frame| {
            work(frame);
            Vec::new()
        })
    }

    /// The same for a picture with links: where its cells lead, in the order of the screen.
    pub fn draw_linked(
        &mut self,
        work: impl FnOnce(&mut Frame<'_>) -> Vec<LinkRun>,
    ) -> Result<Vec<u8>, String> {
        let terminal = self.terminal.as_mut().ok_or_else(|| "the terminal could not be set up".to_owned())?;
        let is_asked = !self.sink.is_empty();
        let links = self.links.clone();
        let work = |frame: &mut Frame<'_>| {
            let now = work(frame);
            redraw_changed(&links.replace(now.clone()), &now, frame);
        };
        terminal.draw(work).map_err(|error| format!("the frame could not be drawn: {error}"))?;
        let backend = terminal.backend_mut();
        let before = std::mem::replace(&mut self.cursor, backend.cursor);
        let is_same = !std::mem::take(&mut backend.drew) && before == backend.cursor && !is_asked;
        let mut body = self.sink.take();
        if is_same {
            return Ok(Vec::new());
        }
        let mut frame = BEGIN.to_vec();
        frame.append(&mut body);
        frame.extend_from_slice(END);
        Ok(frame)
    }
}

/// Has cells drawn that look as they did and lead elsewhere.
fn redraw_changed(before: &[LinkRun], now: &[LinkRun], frame: &mut Frame<'_>) {
    for run in now {
        for x in run.from..run.to {
            let changed = underline::link_at(before, x, run.y).is_some_and(|before| *before != *run.target);
            if let Some(cell) = frame.buffer_mut().cell_mut((x, run.y)).filter(|_| changed) {
                cell.set_diff_option(CellDiffOption::AlwaysUpdate);
            }
        }
    }
}

/// Writes cells as crossterm does, and what it does not know of them: kinds of lines under text, lines over it, links.
#[derive(Debug)]
struct Pen {
    inner: CrosstermBackend<Sink>,
    sink: Sink,
    links: Links,
    /// Cells were written since that was asked.
    drew: bool,
    /// Where the cursor stands; none if it is hidden.
    cursor: Option<Position>,
}

/// What crossterm does not know of a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Beyond<'a> {
    line: Option<u16>,
    overline: bool,
    link: Option<&'a str>,
}

impl<'a> Beyond<'a> {
    fn of((x, y, cell): &(u16, u16, &Cell), links: &'a [LinkRun]) -> Beyond<'a> {
        let link = if cell.modifier.contains(LINKED) { underline::link_at(links, *x, *y) } else { None };
        Beyond { line: underline::kind_of(cell.modifier), overline: cell.modifier.contains(OVERLINE), link }
    }
}

impl Pen {
    /// Cells in the order of the drawing of which the same is to be told.
    fn draw_alike(&mut self, cells: &[(u16, u16, &Cell)], beyond: Beyond<'_>) -> io::Result<()> {
        if let Some(kind) = beyond.line {
            self.sink.push(format!("\x1b[4:{kind}m").as_bytes());
        }
        if beyond.overline {
            self.sink.push(b"\x1b[53m");
        }
        if let Some(target) = beyond.link {
            self.sink.push(opening(target).as_bytes());
        }
        let plain = |(x, y, cell): &(u16, u16, &Cell)| {
            let mut cell = (*cell).clone();
            if beyond.line.is_some() {
                cell.modifier = underline::without(cell.modifier);
            }
            cell.modifier = cell.modifier.difference(OVERLINE | LINKED);
            (*x, *y, cell)
        };
        let plain: Vec<(u16, u16, Cell)> = cells.iter().map(plain).collect();
        // It ends with a reset of everything, the lines too; a link is no attribute.
        self.inner.draw(plain.iter().map(|(x, y, cell)| (*x, *y, cell)))?;
        if beyond.link.is_some() {
            self.sink.push(b"\x1b]8;;\x1b\\");
        }
        Ok(())
    }
}

/// What begins a link (OSC 8). Parts of one that stand apart are told to be one; nothing in it can end it.
fn opening(target: &str) -> String {
    let hash = target.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let encoded: String = target
        .bytes()
        .map(|byte| match byte {
            0x21..=0x7e => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("\x1b]8;id={hash:x};{encoded}\x1b\\")
}

/// Where the cells of the picture lead.
#[derive(Clone, Debug, Default)]
struct Links(Arc<Mutex<Vec<LinkRun>>>);

impl Links {
    fn get(&self) -> Vec<LinkRun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, links: Vec<LinkRun>) -> Vec<LinkRun> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), links)
    }
}

impl Backend for Pen {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        let cells: Vec<_> = content.collect();
        self.drew |= !cells.is_empty();
        let links = self.links.get();
        let nothing = Beyond { line: None, overline: false, link: None };
        let alike =
            |a: &(u16, u16, &Cell), b: &(u16, u16, &Cell)| Beyond::of(a, &links) == Beyond::of(b, &links);
        cells.chunk_by(alike).try_for_each(|cells| {
            match cells.first().map_or(nothing, |first| Beyond::of(first, &links)) {
                beyond if beyond == nothing => self.inner.draw(cells.iter().copied()),
                beyond => self.draw_alike(cells, beyond),
            }
        })
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.cursor = None;
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        self.cursor = Some(position);
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.inner)
    }
}

/// Where ratatui writes.
#[derive(Clone, Debug, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn push(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::widgets::Paragraph;

    #[test]
    fn the_mouse_is_asked_for_whenever_the_terminal_may_have_forgotten() {
        let asks = |canvas: &mut Canvas| {
            let frame = canvas.draw(|_| {}).unwrap();
            let text = String::from_utf8_lossy(&frame).into_owned();
            (text.contains("?1006h"), text.contains("?1006l"))
        };
        let mut canvas = Canvas::new(20, 2, true);
        assert_eq!(asks(&mut canvas), (true, false));
        assert_eq!(asks(&mut canvas), (false, false));
        canvas.forget();
        assert_eq!(asks(&mut canvas), (true, false));
        canvas.set_mouse(false);
        assert_eq!(asks(&mut canvas), (false, true));
    }

    #[test]
    fn lines_under_text_come_out_as_they_went_in() {
        use crate::term::{Color, Colours, Emulator, Underline};
        use ratatui::style::{Color as Shown, Modifier, Style};
        let mut canvas = Canvas::new(20, 2, false);
        let frame = canvas.draw(|frame| {
            let curly = Style::new()
                .fg(Shown::Red)
                .underline_color(Shown::Rgb(1, 2, 3))
                .add_modifier(Modifier::BOLD | Modifier::UNDERLINED | Modifier::from_bits_retain(3 << 12));
            frame.buffer_mut().set_string(0, 0, "ab", Style::new());
            frame.buffer_mut().set_string(2, 0, "cd", curly);
            frame.buffer_mut().set_string(4, 0, "ef", Style::new().add_modifier(Modifier::UNDERLINED));
        });
        let mut terminal = Emulator::new(20, 2, Colours::default());
        terminal.feed(&frame.unwrap());
        let lines: Vec<_> =
            terminal.row(0).map(|cell| (cell.style.underline, cell.style.underline_kind)).collect();
        assert_eq!(lines[1], (false, Underline::Plain));
        assert_eq!(lines[3], (true, Underline::Curly));
        assert_eq!((lines[5], lines[6]), ((true, Underline::Plain), (false, Underline::Plain)));
        let style = terminal.row(0).nth(2).unwrap().style;
        assert_eq!((style.fg, style.bold), (Color::Index(1), true));
        assert_eq!(style.underline_colour, Color::Rgb(1, 2, 3));
    }

    #[test]
    fn lines_over_text_come_out_as_they_went_in() {
        use crate::term::{Colours, Emulator, Underline};
        use ratatui::style::{Modifier, Style};
        let mut canvas = Canvas::new(20, 1, false);
        let frame = canvas.draw(|frame| {
            let both = OVERLINE | Modifier::UNDERLINED | Modifier::from_bits_retain(3 << 12);
            frame.buffer_mut().set_string(0, 0, "ab", Style::new().add_modifier(OVERLINE | Modifier::BOLD));
            frame.buffer_mut().set_string(2, 0, "cd", Style::new().add_modifier(both));
            frame.buffer_mut().set_string(4, 0, "ef", Style::new());
        });
        let mut terminal = Emulator::new(20, 1, Colours::default());
        terminal.feed(&frame.unwrap());
        let cells: Vec<_> = terminal.row(0).map(|cell| cell.style).collect();
        assert_eq!((cells[1].overline, cells[1].bold, cells[1].underline), (true, true, false));
        assert_eq!((cells[3].overline, cells[3].underline_kind), (true, Underline::Curly));
        assert_eq!((cells[4].overline, cells[4].underline), (false, false));
    }

    #[test]
    fn links_come_out_as_they_went_in_and_nothing_after_them_leads_anywhere() {
        use crate::term::{Colours, Emulator};
        use ratatui::style::Style;
        let run = |from, to, target: &str| LinkRun { y: 0, from, to, target: target.into() };
        let mut canvas = Canvas::new(20, 1, false);
        let mut terminal = Emulator::new(20, 1, Colours::default());
        let mut show = |covered: bool, runs: Vec<LinkRun>| {
            let frame = canvas.draw_linked(|frame| {
                let linked = Style::new().add_modifier(LINKED);
                frame.buffer_mut().set_string(0, 0, "abcdef", Style::new());
                if !runs.is_empty() {
                    frame.buffer_mut().set_string(1, 0, "bcd", linked);
                }
                if covered {
                    frame.buffer_mut().cell_mut((2, 0)).unwrap().reset();
                }
                runs
            });
            terminal.feed(&frame.unwrap());
            terminal.row(0).take(6).map(|cell| cell.link.map(str::to_owned)).collect::<Vec<_>>()
        };
        let (a, b) = (Some("https://a".to_owned()), Some("https://b".to_owned()));
        let both = vec![run(1, 3, "https://a"), run(3, 4, "https://b")];
        assert_eq!(show(false, both.clone()), [None, a.clone(), a.clone(), b.clone(), None, None]);
        let changed = vec![run(1, 4, "https://b")];
        assert_eq!(
            show(false, changed),
            [None, b.clone(), b.clone(), b.clone(), None, None],
            "it looks the same"
        );
        assert_eq!(show(true, both)[..4], [None, a, None, b], "what lies over a link leads nowhere");
        assert_eq!(show(false, Vec::new()), [None, None, None, None, None, None]);
        let hostile = opening("https://a/\x07\x1b\\\u{9b}ü b");
        assert!(hostile.ends_with(";https://a/%07%1B\\%C2%9B%C3%BC%20b\x1b\\"), "{hostile:?}");
    }

    #[test]
    fn a_frame_that_changes_nothing_is_none() {
        let mut canvas = Canvas::new(20, 2, false);
        let mut at = |column: Option<u16>| {
            let frame = canvas.draw(|frame| {
                frame.render_widget(Paragraph::new("hello"), frame.area());
                column.into_iter().for_each(|x| frame.set_cursor_position((x, 0)));
            });
            frame.unwrap().is_empty()
        };
        assert_eq!([at(None), at(None)], [false, true]);
        assert_eq!([at(Some(3)), at(Some(3))], [false, true], "the cursor came");
        assert_eq!([at(Some(4)), at(None), at(None)], [false, false, true], "it moved and went");
    }

    #[test]
    fn the_second_of_two_equal_frames_holds_no_text() {
        let mut canvas = Canvas::new(20, 2, false);
        let text = |frame: &mut Frame<'_>| frame.render_widget(Paragraph::new("hello"), frame.area());
        let first = canvas.draw(text).unwrap();
        assert!(String::from_utf8_lossy(&first).contains("hello"));
        let second = canvas.draw(text).unwrap();
        assert!(!String::from_utf8_lossy(&second).contains("hello"));
        canvas.forget();
        assert!(String::from_utf8_lossy(&canvas.draw(text).unwrap()).contains("hello"));
    }
}
