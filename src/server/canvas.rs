//! Frames as bytes: the cells that changed, between the marks of a synchronized update.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Rect, Size};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use crate::ui::underline;

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
    terminal: Option<Terminal<Underliner>>,
    sink: Sink,
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
        let mut canvas = Canvas { terminal: None, sink, size, mouse, cursor: None };
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
        let inner = CrosstermBackend::new(self.sink.clone());
        let backend = Underliner { inner, sink: self.sink.clone(), drew: false, cursor: None };
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
        let terminal = self.terminal.as_mut().ok_or_else(|| "the terminal could not be set up".to_owned())?;
        let is_asked = !self.sink.is_empty();
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

/// Writes cells as crossterm does, and the lines under text that it does not know.
#[derive(Debug)]
struct Underliner {
    inner: CrosstermBackend<Sink>,
    sink: Sink,
    /// Cells were written since that was asked.
    drew: bool,
    /// Where the cursor stands; none if it is hidden.
    cursor: Option<Position>,
}

impl Underliner {
    /// Cells that stand in a row of the drawing and have the same kind of line.
    fn draw_alike(&mut self, cells: &[(u16, u16, &Cell)]) -> io::Result<()> {
        let kind = cells.first().and_then(|(_, _, cell)| underline::kind_of(cell.modifier));
        let Some(kind) = kind else { return self.inner.draw(cells.iter().copied()) };
        self.sink.push(format!("\x1b[4:{kind}m").as_bytes());
        let plain = |(x, y, cell): &(u16, u16, &Cell)| {
            let mut cell = (*cell).clone();
            cell.modifier = underline::without(cell.modifier);
            (*x, *y, cell)
        };
        let plain: Vec<(u16, u16, Cell)> = cells.iter().map(plain).collect();
        // It ends with a reset of everything, the line too.
        self.inner.draw(plain.iter().map(|(x, y, cell)| (*x, *y, cell)))
    }
}

impl Backend for Underliner {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        let cells: Vec<_> = content.collect();
        self.drew |= !cells.is_empty();
        let kind = |(_, _, cell): &(u16, u16, &Cell)| underline::kind_of(cell.modifier);
        cells.chunk_by(|a, b| kind(a) == kind(b)).try_for_each(|alike| self.draw_alike(alike))
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
