//! The whole screen: pictures of it, what each key asks for, and that no input in any state breaks it.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::testing::*;
use super::*;
use crate::model::*;

mod beside;
mod change;
mod keys;
mod older;
mod past;
mod pictures;
mod properties;
mod scroll;
mod strokes;

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> Input {
    Input::Mouse(MouseEvent { kind, column, row, modifiers: crossterm::event::KeyModifiers::NONE })
}

const DOWN: MouseEventKind = MouseEventKind::Down(MouseButton::Left);
const DRAG: MouseEventKind = MouseEventKind::Drag(MouseButton::Left);
const UP: MouseEventKind = MouseEventKind::Up(MouseButton::Left);
