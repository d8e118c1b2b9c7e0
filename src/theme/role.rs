//! The roles that colours play on the screen. A theme gives each a style; nothing is drawn but by role.

/// What a style is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(usize)]
pub enum Role {
    /// Words to read; its background is the screen's.
    Text,
    /// What can be overlooked.
    Dim,
    /// What a person may want to act on: names, ids.
    Accent,
    /// The selected row.
    Selection,
    /// Passed, merged.
    Ok,
    /// At work.
    Run,
    /// Waits by itself.
    Wait,
    /// A person is wanted.
    Need,
    /// It failed, and a person is wanted.
    Fail,
    /// A line that a change adds.
    DiffAdd,
    /// A line that a change takes away.
    DiffRemove,
    /// A heading within a change.
    DiffHunk,
    /// Frames.
    Border,
    /// The frame of what has the focus.
    Focus,
    /// A title on a frame.
    Title,
    /// A key in a hint.
    Key,
    /// The mode at the left of the hints, and other badges.
    Badge,
    /// Selected text.
    Mark,
    /// Text in a terminal that leads somewhere.
    Link,
    /// The first of six colours that tell agents apart.
    Agent1,
    /// The second.
    Agent2,
    /// The third.
    Agent3,
    /// The fourth.
    Agent4,
    /// The fifth.
    Agent5,
    /// The sixth.
    Agent6,
}

impl Role {
    /// Every role, in the order of its number.
    pub const ALL: [Role; 25] = [
        Role::Text,
        Role::Dim,
        Role::Accent,
        Role::Selection,
        Role::Ok,
        Role::Run,
        Role::Wait,
        Role::Need,
        Role::Fail,
        Role::DiffAdd,
        Role::DiffRemove,
        Role::DiffHunk,
        Role::Border,
        Role::Focus,
        Role::Title,
        Role::Key,
        Role::Badge,
        Role::Mark,
        Role::Link,
        Role::Agent1,
        Role::Agent2,
        Role::Agent3,
        Role::Agent4,
        Role::Agent5,
        Role::Agent6,
    ];

    /// The colour of the `index`-th agent; they come round again after six.
    pub fn agent(index: usize) -> Role {
        match index % 6 {
            0 => Role::Agent1,
            1 => Role::Agent2,
            2 => Role::Agent3,
            3 => Role::Agent4,
            4 => Role::Agent5,
            _ => Role::Agent6,
        }
    }

    /// The role's name in a theme.
    pub fn name(self) -> &'static str {
        match self {
            Role::Text => "text",
            Role::Dim => "dim",
            Role::Accent => "accent",
            Role::Selection => "selection",
            Role::Ok => "ok",
            Role::Run => "run",
            Role::Wait => "wait",
            Role::Need => "need",
            Role::Fail => "fail",
            Role::DiffAdd => "diff.add",
            Role::DiffRemove => "diff.remove",
            Role::DiffHunk => "diff.hunk",
            Role::Border => "border",
            Role::Focus => "focus",
            Role::Title => "title",
            Role::Key => "key",
            Role::Badge => "badge",
            Role::Mark => "mark",
            Role::Link => "link",
            Role::Agent1 => "agent.1",
            Role::Agent2 => "agent.2",
            Role::Agent3 => "agent.3",
            Role::Agent4 => "agent.4",
            Role::Agent5 => "agent.5",
            Role::Agent6 => "agent.6",
        }
    }

    /// The role of that name.
    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}
