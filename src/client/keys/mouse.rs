//! The mouse, as terminals tell it. Source: xterm's ctlseqs.

use crossterm::event::{Event as TerminalEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::protocol::client::ToServer;

/// Adds to a button: it is held and the mouse moves.
const MOVES: u32 = 32;

/// `CSI < button ; column ; row`, ended by `M`, or by `m` for a button that goes up.
pub(super) fn of_numbers(numbers: &str, last: u8) -> Option<ToServer> {
    let mut numbers = numbers.split(';').map(|number| number.parse::<u32>().ok());
    let (button, x, y) = (numbers.next()??, numbers.next()??, numbers.next()??);
    event(button, x, y, last == b'm')
}

/// The old form: each number is a byte, 32 too large.
pub(super) fn of_bytes(bytes: [u8; 3]) -> Option<ToServer> {
    let [button, x, y] = bytes.map(|byte| u32::from(byte).checked_sub(32));
    let button = button?;
    // It does not tell which button goes up.
    let goes_up = button & 3 == 3 && button & (MOVES | 64) == 0;
    event(if goes_up { button & !3 } else { button }, x?, y?, goes_up)
}

fn event(number: u32, x: u32, y: u32, goes_up: bool) -> Option<ToServer> {
    let button = match number & 3 {
        0 => Some(MouseButton::Left),
        1 => Some(MouseButton::Middle),
        2 => Some(MouseButton::Right),
        _ => None,
    };
    let kind = match (number & !(4 | 8 | 16 | 3), button) {
        (0, Some(button)) if goes_up => MouseEventKind::Up(button),
        (0, Some(button)) => MouseEventKind::Down(button),
        (MOVES, Some(button)) => MouseEventKind::Drag(button),
        (MOVES, None) => MouseEventKind::Moved,
        (64, _) => match number & 3 {
            0 => MouseEventKind::ScrollUp,
            1 => MouseEventKind::ScrollDown,
            2 => MouseEventKind::ScrollLeft,
            _ => MouseEventKind::ScrollRight,
        },
        _ => return None,
    };
    let held = [(4, KeyModifiers::SHIFT), (8, KeyModifiers::ALT), (16, KeyModifiers::CONTROL)];
    let modifiers = held.into_iter().filter(|(bit, _)| number & bit != 0).map(|(_, held)| held).collect();
    let place = |at: u32| u16::try_from(at.saturating_sub(1)).ok();
    let event = MouseEvent { kind, column: place(x)?, row: place(y)?, modifiers };
    Some(ToServer::Terminal(TerminalEvent::Mouse(event)))
}
