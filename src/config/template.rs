//! Arguments with placeholders.
//!
//! Not for shell text: an argument stays one argument whatever is put in. Invariant: a parsed template holds known
//! placeholders only.

/// What an argument of an agent can refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Placeholder {
    /// Path of the file that holds the prompt.
    PromptFile,
    /// The prompt itself.
    Prompt,
    /// The agent's session.
    SessionId,
    /// The folder to work in.
    Worktree,
    /// The task's id.
    Task,
    /// The role's name.
    Role,
    /// Path of the file that takes the structured result.
    ResultFile,
    /// The model.
    Model,
}

/// One argument, in which placeholders are filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Placeholder),
}

impl Placeholder {
    /// All of them with their names.
    pub const ALL: [(&'static str, Self); 8] = [
        ("prompt_file", Self::PromptFile),
        ("prompt", Self::Prompt),
        ("session_id", Self::SessionId),
        ("worktree", Self::Worktree),
        ("task", Self::Task),
        ("role", Self::Role),
        ("result_file", Self::ResultFile),
        ("model", Self::Model),
    ];
}

impl Template {
    /// Reads `{name}` as a placeholder and `{{name}}` as the text `{name}`; other braces are braces. The error is the
    /// unknown name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, from)) = rest.find('{').and_then(|at| rest.split_at_checked(at)) {
            literal.push_str(before);
            if let Some((name, after)) = named(from, "{{", "}}") {
                literal.push_str(&format!("{{{name}}}"));
                rest = after;
            } else if let Some((name, after)) = named(from, "{", "}") {
                let known = Placeholder::ALL.iter().find(|(known, _)| *known == name);
                let (_, value) = known.ok_or_else(|| name.to_owned())?;
                parts.extend((!literal.is_empty()).then(|| Part::Text(std::mem::take(&mut literal))));
                parts.push(Part::Value(*value));
                rest = after;
            } else {
                literal.push('{');
                rest = from.strip_prefix('{').unwrap_or_default();
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() || parts.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { source: text.to_owned(), parts })
    }

    /// The argument as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The argument with every placeholder filled in.
    pub fn render<'v>(&self, value_of: impl Fn(Placeholder) -> &'v str) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(placeholder) => value_of(*placeholder).to_owned(),
        };
        self.parts.iter().map(text).collect()
    }

    /// Whether this placeholder occurs.
    pub fn uses(&self, placeholder: Placeholder) -> bool {
        self.parts.contains(&Part::Value(placeholder))
    }
}

/// A name between two marks at the start of `text`, and what follows.
fn named<'t>(text: &'t str, open: &str, close: &str) -> Option<(&'t str, &'t str)> {
    let (name, after) = text.strip_prefix(open)?.split_once(close)?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_name.then_some((name, after))
}
