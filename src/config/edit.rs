//! Changing single keys of a configuration file that a person wrote.
//!
//! Not for reading settings. Invariant: comments, order and everything else of the text stay as they are.

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value, value};

/// Why a file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It is no TOML.
    #[error("read it: {0}")]
    Toml(#[from] toml_edit::TomlError),
    /// Something that is no table stands where one is needed.
    #[error("change it: {0} is no table")]
    NoTable(String),
}

/// The text with another allowlist of environment variables for an agent.
pub fn with_env(text: &str, agent: &str, env: &[String]) -> Result<String, EditError> {
    let mut document: DocumentMut = text.parse()?;
    let agents = table(document.as_table_mut(), "agents", "agents")?;
    let place = format!("agents.{agent}");
    let is_new = agents.get(agent).is_none();
    let settings = table(agents, agent, &place)?;
    let mut list: Array = env.iter().map(String::as_str).collect();
    match settings.get_mut("env").and_then(Item::as_value_mut) {
        Some(old) => {
            // What is written behind the value belongs to the line and not to the value.
            *list.decor_mut() = old.decor().clone();
            *old = Value::Array(list);
        }
        None => drop(settings.insert("env", value(list))),
    }
    let mut text = document.to_string();
    if is_new && !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn table<'t>(
    parent: &'t mut dyn TableLike,
    key: &str,
    place: &str,
) -> Result<&'t mut dyn TableLike, EditError> {
    if parent.get(key).is_none() {
        let mut new = Table::new();
        // `[agents]` alone says nothing.
        new.set_implicit(key == "agents");
        parent.insert(key, Item::Table(new));
    }
    let item = parent.get_mut(key).and_then(Item::as_table_like_mut);
    item.ok_or_else(|| EditError::NoTable(place.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, agent: &str, env: &[&str]) -> String {
        with_env(text, agent, &env.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn only_the_list_changes_and_comments_stay() {
        let text = "# mine\n[agents.claude] # the good one\nenv = [ \"A\" ] # why\nmodel = 'opus'\n\n# next\n[run]\nparallel = 2\n";
        let expected = "# mine\n[agents.claude] # the good one\nenv = [\"A\", \"!B\"] # why\nmodel = 'opus'\n\n# next\n[run]\nparallel = 2\n";
        assert_eq!(edited(text, "claude", &["A", "!B"]), expected);
    }

    #[test]
    fn an_agent_that_is_not_there_comes_last() {
        let text = "[agents.mine]\ncommand = [\"x\"]\n[run]\nparallel = 2 # two\n";
        let new = edited(text, "opencode", &["KEY"]);
        assert!(new.starts_with("[agents.mine]\ncommand = [\"x\"]\n"), "{new}");
        assert!(new.contains("[run]\nparallel = 2 # two\n"), "{new}");
        assert!(new.contains("[agents.opencode]\nenv = [\"KEY\"]\n"), "{new}");
        assert_eq!(edited("", "codex", &["A"]), "[agents.codex]\nenv = [\"A\"]\n");
        let missing = edited("[agents.codex]\nmodel = \"m\"\n", "codex", &["A"]);
        assert_eq!(missing, "[agents.codex]\nmodel = \"m\"\nenv = [\"A\"]\n");
    }

    #[test]
    fn inline_tables_and_dotted_keys_are_tables_too() {
        assert_eq!(
            edited("agents = { claude = { model = \"m\" } }\n", "claude", &["A"]),
            "agents = { claude = { model = \"m\" , env = [\"A\"] } }\n"
        );
        assert_eq!(
            edited("agents.claude.model = \"m\"\n", "claude", &["A"]),
            "agents.claude.model = \"m\"\nagents.claude.env = [\"A\"]\n"
        );
        assert!(with_env("agents = 1\n", "claude", &[]).is_err());
    }
}
