//! Small pieces of screen: borrowed input, `impl Widget`, nothing else.
//!
//! Not for what belongs to one view. Invariant: none of them knows the time, the snapshot or the selection's owner,
//! and each draws into any area, an empty one too.

pub mod editor;
pub mod frame;
pub mod popup;
pub mod row;
pub mod terminal;
