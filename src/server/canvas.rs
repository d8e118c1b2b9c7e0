//! Frames as bytes: the cells that changed, between the marks of a synchronized update.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

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
    terminal: Option<Terminal<CrosstermBackend<Sink>>>,
    sink: Sink,
    size: (u16, u16),
    mouse: bool,
}

impl Canvas {
    /// A canvas of that size, about which nothing is known yet: its first frame draws every cell. The first frame asks
    /// for the mouse too, or leaves it to the terminal.
    pub fn new(cols: u16, rows: u16, mouse: bool) -> Canvas {
        let sink = Sink::default();
        let size = (cols.clamp(1, 1000), rows.clamp(1, 1000));
        let mut canvas = Canvas { terminal: None, sink, size, mouse };
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
        let backend = CrosstermBackend::new(self.sink.clone());
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

    /// Draws a frame; the bytes that bring the terminal there.
    pub fn draw(&mut self, work: impl FnOnce(&mut Frame<'_>)) -> Result<Vec<u8>, String> {
        let terminal = self.terminal.as_mut().ok_or_else(|| "the terminal could not be set up".to_owned())?;
        terminal.draw(work).map_err(|error| format!("the frame could not be drawn: {error}"))?;
        let mut frame = BEGIN.to_vec();
        frame.append(&mut self.sink.take());
        frame.extend_from_slice(END);
        Ok(frame)
    }
}

/// Where ratatui writes.
#[derive(Clone, Debug, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
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
