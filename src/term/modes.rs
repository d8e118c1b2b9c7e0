//! What the program in the terminal asked of its input.
//!
//! Not for: encoding by it (`input`). Invariant: a mode is reported as set only if it is really obeyed.

/// The modes that matter to who sends input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modes {
    /// Cursor keys send `ESC O` (DECCKM, `?1`).
    pub application_cursor: bool,
    /// The keypad's keys send `ESC O` (DECKPAM, `ESC =`).
    pub application_keypad: bool,
    /// Pastes are bracketed (`?2004`).
    pub bracketed_paste: bool,
    /// Which mouse events are wanted (`?9`, `?1000`, `?1002`, `?1003`).
    pub mouse: MouseMode,
    /// In which form (`?1005`, `?1006`).
    pub mouse_encoding: MouseEncoding,
    /// Gaining and losing the focus is reported (`?1004`).
    pub focus: bool,
    /// The alternate screen is shown (`?47`, `?1047`, `?1049`): it has no history.
    pub alternate_screen: bool,
    /// On that screen the wheel is cursor keys (`?1007`).
    pub alternate_scroll: bool,
    /// Flags of the kitty keyboard protocol.
    pub keyboard: u16,
    /// xterm's modifyOtherKeys: 0, 1 or 2.
    pub other_keys: u16,
}

/// Which mouse events a program wants; each mode wants those of the ones before it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum MouseMode {
    /// None.
    #[default]
    Off,
    /// Buttons going down.
    Press,
    /// Buttons going down and up, and the wheel.
    PressRelease,
    /// Also motion while a button is down.
    Drag,
    /// Also motion without one.
    Motion,
}

/// The form of mouse events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MouseEncoding {
    /// One byte a number: up to column and row 223.
    #[default]
    X10,
    /// One character a number: up to 2015.
    Utf8,
    /// Decimal numbers.
    Sgr,
}

impl From<vt100::MouseProtocolMode> for MouseMode {
    fn from(mode: vt100::MouseProtocolMode) -> Self {
        match mode {
            vt100::MouseProtocolMode::None => Self::Off,
            vt100::MouseProtocolMode::Press => Self::Press,
            vt100::MouseProtocolMode::PressRelease => Self::PressRelease,
            vt100::MouseProtocolMode::ButtonMotion => Self::Drag,
            vt100::MouseProtocolMode::AnyMotion => Self::Motion,
        }
    }
}

impl From<vt100::MouseProtocolEncoding> for MouseEncoding {
    fn from(encoding: vt100::MouseProtocolEncoding) -> Self {
        match encoding {
            vt100::MouseProtocolEncoding::Default => Self::X10,
            vt100::MouseProtocolEncoding::Utf8 => Self::Utf8,
            vt100::MouseProtocolEncoding::Sgr => Self::Sgr,
        }
    }
}
