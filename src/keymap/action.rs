//! Everything that a key, the palette or the mouse can ask for, by area.

/// An action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Move a selection or scroll.
    Move(Motion),
    /// Show something.
    Show(Show),
    /// Act on the selected task.
    Task(TaskAct),
    /// Act on the session that is shown.
    Session(SessionAct),
    /// Act on the run.
    Run(RunAct),
    /// Act on the plan that waits.
    Plan(PlanAct),
    /// Act on a terminal's text in scroll mode.
    Scroll(ScrollAct),
    /// Act on rows of a popup, or answer a question.
    List(List),
    /// Act on words being written.
    Compose(Compose),
    /// Act on the program.
    App(App),
}

/// Ways to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Motion {
    /// One up.
    Up,
    /// One down.
    Down,
    /// To the first.
    Top,
    /// To the last.
    Bottom,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Half a page up.
    HalfUp,
    /// Half a page down.
    HalfDown,
    /// To the part of a change before this one.
    PreviousPart,
    /// To the next part of a change.
    NextPart,
    /// To the number that was pressed.
    Jump,
    /// To the next that needs a person.
    NextAttention,
    /// To the next session of this task.
    NextSession,
    /// To the one before.
    PreviousSession,
}

/// What can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Show {
    /// The next view of the task.
    NextView,
    /// The view before.
    PreviousView,
    /// What the task changes.
    Diff,
    /// Whatever is shown, on the whole screen.
    Zoom,
    /// The history of what is shown.
    Scroll,
    /// Only the tasks that match.
    Filter,
    /// Every action, by name.
    Palette,
    /// Every key.
    Help,
    /// Why the task is where it is.
    Explain,
    /// What was spent, by task.
    Spend,
    /// The themes.
    Themes,
    /// What happened meanwhile.
    Notices,
    /// The links in the terminal that is shown.
    Links,
    /// The plan that waits.
    Plan,
}

/// What can be done with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskAct {
    /// Say yes to what waits.
    Approve,
    /// Say no, with a reason.
    Reject,
    /// Try again.
    Retry,
    /// Hold it, or let it go on.
    Pause,
    /// Give its agent words.
    Prompt,
    /// Give it up.
    Cancel,
    /// Change it in an editor.
    Edit,
    /// Say what is wrong with its work.
    Comment,
    /// Look at its findings, to take one from the list.
    Findings,
    /// Cut it into several.
    Split,
    /// Put it together with another.
    Join,
    /// Put it back to the beginning of a round.
    Rewind,
    /// Add one, field by field.
    New,
    /// Add one from a few words.
    NewPrompt,
}

/// What can be done with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionAct {
    /// Type into it.
    Enter,
    /// Stop typing into it.
    Leave,
    /// Interrupt its turn.
    Interrupt,
    /// End it and start its step again.
    Restart,
    /// Take what it says from the strip.
    Dismiss,
}

/// What can be done with the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunAct {
    /// Move the user's branch to what was merged.
    Land,
    /// Take that back.
    UndoLand,
    /// Hold everything, or let it go on.
    Pause,
    /// Change the budget.
    Budget,
    /// End everything.
    Stop,
    /// Start a run from a goal.
    Goal,
    /// Start a run from a plan in a file.
    Import,
    /// See a run with simulated agents.
    Demo,
}

/// What can be done with a plan that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlanAct {
    /// Work on it.
    Accept,
    /// Give it back.
    Reject,
    /// Change it in an editor.
    Edit,
    /// Take the selected task out.
    Remove,
}

/// What can be done with a terminal's text in scroll mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScrollAct {
    /// The cursor goes left.
    Left,
    /// The cursor goes right.
    Right,
    /// To the beginning of the line.
    LineStart,
    /// To its last character.
    LineEnd,
    /// Search downwards.
    Search,
    /// Search upwards.
    SearchBack,
    /// To the next hit.
    NextHit,
    /// To the one before.
    PreviousHit,
    /// Select characters.
    Select,
    /// Select lines.
    SelectLines,
    /// Select columns.
    SelectBlock,
    /// To the other end of what is selected.
    SwapEnds,
    /// Copy what is selected.
    Copy,
    /// Copy what is selected; if nothing is, type into the terminal.
    Take,
    /// Write what is selected, or everything, to a file.
    Save,
    /// Open everything in `$EDITOR`.
    Editor,
    /// Open everything in `$PAGER`.
    Pager,
}

/// What can be done with a popup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum List {
    /// Take the selected row; say yes.
    Choose,
    /// Copy what the selected row is about.
    Copy,
    /// Close it; say no.
    Close,
}

/// What can be done with words being written, besides writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compose {
    /// Done.
    Submit,
    /// A new line.
    Newline,
    /// Go on in `$EDITOR`.
    External,
    /// The next field.
    NextField,
    /// The field before.
    PreviousField,
    /// Throw it away.
    Cancel,
}

/// What can be done with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum App {
    /// Leave; agents go on.
    Detach,
    /// Draw everything anew.
    Redraw,
    /// Look at what a program offers for the clipboard.
    Clipboard,
    /// Leave a view, a filter, a zoom.
    Back,
}

/// Names of the actions in the table and in a person's configuration.
pub(super) const NAMES: &[(&str, Action)] = &[
    ("up", Action::Move(Motion::Up)),
    ("down", Action::Move(Motion::Down)),
    ("top", Action::Move(Motion::Top)),
    ("bottom", Action::Move(Motion::Bottom)),
    ("page-up", Action::Move(Motion::PageUp)),
    ("page-down", Action::Move(Motion::PageDown)),
    ("half-up", Action::Move(Motion::HalfUp)),
    ("half-down", Action::Move(Motion::HalfDown)),
    ("previous-part", Action::Move(Motion::PreviousPart)),
    ("next-part", Action::Move(Motion::NextPart)),
    ("jump", Action::Move(Motion::Jump)),
    ("next-attention", Action::Move(Motion::NextAttention)),
    ("next-session", Action::Move(Motion::NextSession)),
    ("previous-session", Action::Move(Motion::PreviousSession)),
    ("next-view", Action::Show(Show::NextView)),
    ("previous-view", Action::Show(Show::PreviousView)),
    ("diff", Action::Show(Show::Diff)),
    ("zoom", Action::Show(Show::Zoom)),
    ("scroll", Action::Show(Show::Scroll)),
    ("filter", Action::Show(Show::Filter)),
    ("palette", Action::Show(Show::Palette)),
    ("help", Action::Show(Show::Help)),
    ("explain", Action::Show(Show::Explain)),
    ("spend", Action::Show(Show::Spend)),
    ("themes", Action::Show(Show::Themes)),
    ("notices", Action::Show(Show::Notices)),
    ("links", Action::Show(Show::Links)),
    ("plan", Action::Show(Show::Plan)),
    ("approve", Action::Task(TaskAct::Approve)),
    ("reject", Action::Task(TaskAct::Reject)),
    ("retry", Action::Task(TaskAct::Retry)),
    ("pause", Action::Task(TaskAct::Pause)),
    ("prompt", Action::Task(TaskAct::Prompt)),
    ("cancel", Action::Task(TaskAct::Cancel)),
    ("edit", Action::Task(TaskAct::Edit)),
    ("comment", Action::Task(TaskAct::Comment)),
    ("findings", Action::Task(TaskAct::Findings)),
    ("split", Action::Task(TaskAct::Split)),
    ("join", Action::Task(TaskAct::Join)),
    ("rewind", Action::Task(TaskAct::Rewind)),
    ("new", Action::Task(TaskAct::New)),
    ("new-prompt", Action::Task(TaskAct::NewPrompt)),
    ("enter", Action::Session(SessionAct::Enter)),
    ("leave", Action::Session(SessionAct::Leave)),
    ("interrupt", Action::Session(SessionAct::Interrupt)),
    ("restart", Action::Session(SessionAct::Restart)),
    ("dismiss", Action::Session(SessionAct::Dismiss)),
    ("land", Action::Run(RunAct::Land)),
    ("undo-land", Action::Run(RunAct::UndoLand)),
    ("pause-run", Action::Run(RunAct::Pause)),
    ("budget", Action::Run(RunAct::Budget)),
    ("stop", Action::Run(RunAct::Stop)),
    ("goal", Action::Run(RunAct::Goal)),
    ("import", Action::Run(RunAct::Import)),
    ("demo", Action::Run(RunAct::Demo)),
    ("plan-accept", Action::Plan(PlanAct::Accept)),
    ("plan-reject", Action::Plan(PlanAct::Reject)),
    ("plan-edit", Action::Plan(PlanAct::Edit)),
    ("plan-remove", Action::Plan(PlanAct::Remove)),
    ("left", Action::Scroll(ScrollAct::Left)),
    ("right", Action::Scroll(ScrollAct::Right)),
    ("line-start", Action::Scroll(ScrollAct::LineStart)),
    ("line-end", Action::Scroll(ScrollAct::LineEnd)),
    ("search", Action::Scroll(ScrollAct::Search)),
    ("search-back", Action::Scroll(ScrollAct::SearchBack)),
    ("next-hit", Action::Scroll(ScrollAct::NextHit)),
    ("previous-hit", Action::Scroll(ScrollAct::PreviousHit)),
    ("select", Action::Scroll(ScrollAct::Select)),
    ("select-lines", Action::Scroll(ScrollAct::SelectLines)),
    ("select-block", Action::Scroll(ScrollAct::SelectBlock)),
    ("swap-ends", Action::Scroll(ScrollAct::SwapEnds)),
    ("copy", Action::Scroll(ScrollAct::Copy)),
    ("take", Action::Scroll(ScrollAct::Take)),
    ("save", Action::Scroll(ScrollAct::Save)),
    ("open-editor", Action::Scroll(ScrollAct::Editor)),
    ("open-pager", Action::Scroll(ScrollAct::Pager)),
    ("choose", Action::List(List::Choose)),
    ("list-copy", Action::List(List::Copy)),
    ("close", Action::List(List::Close)),
    ("submit", Action::Compose(Compose::Submit)),
    ("newline", Action::Compose(Compose::Newline)),
    ("editor", Action::Compose(Compose::External)),
    ("next-field", Action::Compose(Compose::NextField)),
    ("previous-field", Action::Compose(Compose::PreviousField)),
    ("discard", Action::Compose(Compose::Cancel)),
    ("detach", Action::App(App::Detach)),
    ("redraw", Action::App(App::Redraw)),
    ("clipboard", Action::App(App::Clipboard)),
    ("back", Action::App(App::Back)),
];
