//! What a person's own configuration of Codex says that its arguments must heed: it has no switch for all its servers of
//! tools, and an argument takes the place of what was configured.
//!
//! Invariant: the configuration is read and not changed; one that can't be read, or a server that can't be named, is told.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::agents::role;

/// Arguments that switch its MCP servers off for one process.
pub(super) fn servers_off(env: &[(String, String)]) -> Result<Vec<String>, String> {
    let Some((path, config)) = configuration(env)? else { return Ok(Vec::new()) };
    let servers = config.get("mcp_servers").and_then(toml::Value::as_table);
    let off = |name: &String| {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let named = format!("-c=mcp_servers.{name}.enabled=false");
        is_plain.then_some(named).ok_or_else(|| {
            format!("{}: the server {name:?} can't be switched off for a reviewer", path.display())
        })
    };
    servers.map(toml::Table::keys).into_iter().flatten().map(off).collect()
}

/// What the person has it told in every session. A configuration that can't be read is told of by Codex itself.
pub(super) fn instructions(env: &[(String, String)]) -> Option<String> {
    let (_, config) = configuration(env).ok()??;
    let chosen = config.get("profile").and_then(toml::Value::as_str);
    let profile = chosen.and_then(|name| config.get("profiles")?.get(name)?.get(role::KEY));
    profile.or_else(|| config.get(role::KEY)).and_then(toml::Value::as_str).map(str::to_owned)
}

fn configuration(env: &[(String, String)]) -> Result<Option<(PathBuf, toml::Table)>, String> {
    let value = |name: &str| env.iter().find(|(key, _)| key == name).map(|(_, value)| PathBuf::from(value));
    let home = value("CODEX_HOME").or_else(|| Some(value("HOME")?.join(".codex")));
    let path = home.ok_or("there is no home")?.join("config.toml");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("can't read {}: {error}", path.display())),
    };
    let config = text.parse().map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Some((path, config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_that_is_chosen_says_what_codex_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let env = vec![("CODEX_HOME".to_owned(), dir.path().display().to_string())];
        let told = |config: &str| {
            std::fs::write(dir.path().join("config.toml"), config).unwrap();
            instructions(&env)
        };
        assert_eq!(told("model = \"m\"\n"), None);
        let all = "developer_instructions = \"all\"\n";
        assert_eq!(told(all).as_deref(), Some("all"));
        let work = "[profiles.work]\ndeveloper_instructions = \"work\"\n";
        assert_eq!(told(&format!("profile = \"work\"\n{all}{work}")).as_deref(), Some("work"));
        assert_eq!(told(&format!("profile = \"play\"\n{all}{work}")).as_deref(), Some("all"));
    }

    #[test]
    fn each_server_is_switched_off_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let env = vec![("CODEX_HOME".to_owned(), dir.path().display().to_string())];
        assert_eq!(servers_off(&env), Ok(Vec::new()), "nothing is configured");
        let path = dir.path().join("config.toml");
        std::fs::write(
            &path,
            "model = \"m\"\n[mcp_servers.a]\ncommand = \"x\"\n[mcp_servers.b-c]\nurl = \"y\"\n",
        )
        .unwrap();
        let both = ["-c=mcp_servers.a.enabled=false", "-c=mcp_servers.b-c.enabled=false"].map(str::to_owned);
        assert_eq!(servers_off(&env), Ok(both.to_vec()));
        std::fs::write(&path, "[mcp_servers.\"a.b\"]\ncommand = \"x\"\n").unwrap();
        assert!(servers_off(&env).unwrap_err().contains("\"a.b\""));
        std::fs::write(&path, "[").unwrap();
        assert!(servers_off(&env).unwrap_err().contains("config.toml"));
    }
}
